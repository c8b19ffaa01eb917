"""The fast engine held to the recordings as any port is, within the perturbation envelopes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine import runs

from repro.cases import record_of
from repro.checks import Check, Verdict
from repro.engine import ENGINES, FAST, Engine
from repro.engine.arithmetic import implements
from repro.engine.compiling import jit
from repro.engine.fast_arithmetic import fast_product
from repro.sides import recorded
from repro.sides.choosing import for_engine
from repro.sides.parity import parity
from repro.sides.port import Port


def result(name: str, engine: str, epochs: int | None = None) -> Check:
    case = recorded.load(name).case
    case = case if epochs is None else case.upto(epochs)
    return parity(case, recorded.Recorded(), Port(engine))


@pytest.mark.parametrize(
    "name",
    [n if n in runs.ONE_OF_EACH else pytest.param(n, marks=pytest.mark.slow) for n in runs.FLOAT32],
)
def test_recording_passes_within_its_envelope(name):
    found = result(name, "fast")
    assert found, found.message
    assert found.own.report["next_rand"].verdict is Verdict.PASS_BITWISE
    assert found.own.report["eval_x"].verdict is Verdict.PASS_BITWISE


@pytest.mark.slow
def test_zoo_script_passes_within_its_envelope():
    """Rounding in each of 50,000 iterations of both algorithms, evaluations on the way included."""
    case = for_engine(recorded.load("zoo_script_seed0").case, "fast")
    found = parity(case, recorded.Recorded(), Port("fast"))
    assert found, found.message
    for name, limit in record_of(case).at_most.items():
        assert 0 < found.own.report[name].absolute.max() < limit, name


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


implements("descent", "half", half_descent)


@pytest.mark.slow
@pytest.mark.parametrize(
    "planted",
    [replace(FAST, product="short"), replace(FAST, descent="half")],
    ids=["product", "descent"],
)
def test_fault_planted_in_the_fast_engine_is_caught(planted, monkeypatch):
    monkeypatch.setitem(ENGINES, "planted", Engine("planted", planted))
    found = result("transfer_learn_seed0_dense", "planted", epochs=5)
    assert found.verdict is Verdict.FAIL
