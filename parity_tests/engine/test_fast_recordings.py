"""The fast engine held to the recordings as any port is, within the perturbation envelopes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from engine import runs
from repro.engine.exact import exact_adam, exact_momentum
from repro.engine.fast import fast_product
from repro.plan import for_engine
from repro.suite import ZOO_LIMITS, Recorded, Result, check

from repro import port
from repro.checks import Verdict
from repro.engine import FAST, Arithmetic
from repro.engine.arithmetic import implements
from repro.engine.compiling import jit
from repro.sides import recorded


def result(name: str, engine: str | Arithmetic, epochs: int | None = None) -> Result:
    case = recorded.load(name).case
    case = case if epochs is None else case.upto(epochs)
    return check(case, Recorded(), run=partial(port.run, engine=engine))


@pytest.mark.parametrize("name", runs.FLOAT32)
def test_recording_passes_within_its_envelope(name):
    found = result(name, "fast")
    assert found, found.report
    assert found.report["next_rand"].verdict is Verdict.PASS_BITWISE
    assert found.report["eval_x"].verdict is Verdict.PASS_BITWISE


@pytest.mark.slow
def test_zoo_script_passes_within_its_envelope():
    """Rounding in each of 50,000 iterations of both algorithms, evaluations on the way included."""
    case = for_engine(recorded.load("zoo_script_seed0").case, "fast")
    found = check(case, Recorded(), run=partial(port.run, engine="fast"))
    assert found, found.report
    for name, limit in ZOO_LIMITS.items():
        assert 0 < found.report[name].absolute.max() < limit, name


@jit
def short_product(c, a, b, b_row, b_column, columns, inner):
    """Leaves out the last term of every sum, as an inner loop one short would."""
    fast_product(c, a, b, b_row, b_column, columns, inner - 1)


implements("product", "short", short_product)


@jit
def half_descent(w, g, eta):
    """Forgets the last weight, as a vectorised loop without its remainder would."""
    for i in range(w.size - 1):
        w[i] -= np.float32(eta) * g[i]


def _plant_half() -> Arithmetic:
    implements("update", "half", half_descent, exact_momentum, exact_adam)
    return replace(FAST, update="half")


@pytest.mark.parametrize(
    "planted",
    [
        pytest.param(replace(FAST, product="short"), id="product", marks=pytest.mark.slow),
        pytest.param(_plant_half(), id="update"),
    ],
)
def test_fault_planted_in_the_fast_engine_is_caught(planted):
    found = result("transfer_learn_seed0_dense", planted, epochs=5)
    assert found.verdict is Verdict.FAIL
