"""A live case that fails is held once more, within what many perturbed runs grow to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from repro.checks import Pooled, Verdict
from repro.sides.choosing import live_case
from repro.sides.envelopes import growth
from repro.sides.parity import parity
from repro.sides.port import Port

ITERATIONS = 20
ADAM = {
    "eval_batch_size": "1",
    "train_batch_size": "2",
    "meta_opt": "ADAM(0.018786)",
    "inner_opt": "Momentum(0.00227)",
}
"""Its weights part in step 9 by a whole step of Adam, whose direction rounding decides: in a
quarter of perturbed runs, and in none of the first eight."""


class Exact:
    """The original, which the exact engine equals in every bit."""

    name = "exact"

    def run(self, case):
        return Port("exact").run(case)

    def rule(self, case):
        return growth(case)


@pytest.fixture
def chaotic():
    case = live_case("reptile", 4079193139, ITERATIONS, ADAM)
    return replace(case, eval_interval=ITERATIONS)


def test_a_right_port_that_eight_runs_would_fail(chaotic, monkeypatch):
    assert parity(chaotic, Exact()).verdict in (Verdict.PASS, Verdict.UNDECIDED)
    monkeypatch.setattr(Pooled, "patient", lambda self: self)
    assert parity(chaotic, Exact()).verdict is Verdict.FAIL


def test_a_wrong_port_fails_all_the_same(chaotic):
    """Catches more runs that let everything through: an inner rate a thousandth off."""

    class Wrong(Port):
        def run(self, case, nudge=None):
            kwargs = {**case.kwargs, "inner_opt": "Momentum(0.00227227)"}
            return super().run(replace(case, kwargs=kwargs), nudge)

    found = parity(chaotic, Exact(), Wrong())
    assert found.verdict is Verdict.FAIL and "64 perturbations" in found.message
