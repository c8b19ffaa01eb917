"""Beside live JAX every planted mistake is found and named, and the faithful port is never."""

from __future__ import annotations

import numpy as np
import pytest
from jang import false_alarms, localised
from jang.faults import FAULTS
from jang.test_told import noted


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_the_faithful_ports_operations_agree(dtype, jax_python):
    found = localised.follow(None, jax_python, dtype)
    assert found.verdict, found.first_excess


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(f, marks=[pytest.mark.slow] if f.dtype == "float32" else [], id=f.name)
        for f in FAULTS
    ],
)
def test_a_fault_is_named(fault, jax_python):
    found = localised.Outcome(fault, localised.follow(fault, jax_python))
    assert found.named, found.row()


def test_the_reference_has_the_ports_names_and_values_in_the_same_order(jax_python):
    theirs, ours = localised.reference(jax_python, "float64")[1], noted("batched")
    assert list(ours) == list(theirs)
    for name, value in ours.items():
        assert np.abs(value - theirs[name].reshape(value.shape)).max() < 1e-14, name


@pytest.mark.slow
def test_no_false_alarm_in_some_random_runs(jax_python):
    chosen = false_alarms.cases(20)
    found = [*false_alarms.held(chosen, jax_python)]
    assert [(case.name, message) for case, verdict, message in found if not verdict] == []
