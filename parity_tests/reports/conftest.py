"""Outcomes of every verdict, hostile names among them, without running a port."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from repro.cases import Case
from repro.checks import Check, Envelope, Saved, arbitrate, check
from repro.reports import Outcome
from repro.run import Provenance, Quantity, Run

HOSTILE = "<script>alert('x')</script>&\"\x00"
STEPS = np.array([1, 2])
RECORDED = Provenance("recorded", details={"program": "Julia 1.5.3, Flux 0.7.3"})
PORT = Provenance("port", dtype="float32", device="cpu", engine="eager", seconds=1.5)


def a_run(off: float = 0.0, provenance: Provenance = PORT) -> Run:
    """Two iterations of losses and weights, all of them off by as much."""
    off = np.float32(off)
    quantities = {
        "eval_x": Quantity(STEPS, np.ones((2, 10), np.float32), "draw"),
        "weights": Quantity(STEPS, np.ones((2, 4353), np.float32) + off, "state"),
        "test_losses": Quantity(STEPS, np.ones((2, 33), np.float32) + off, "runs"),
    }
    return Run(quantities, provenance)


GROWTH = Envelope(
    {
        "test_losses": Quantity(STEPS, np.full((2, 33), 1e-6), "runs"),
        "weights": Quantity(STEPS, np.full(2, 1e-6)),
    }
)


def held(off: float, reference: Provenance = RECORDED, port: Provenance = PORT) -> Check:
    """A port that is ``off`` by that much from a reference, with an arbiter at the reference."""
    truth = a_run(0.0, reference)
    found = check(truth, a_run(off, port), tolerance=Saved(GROWTH))
    exact = arbitrate(truth, truth, a_run(off), GROWTH.tolerance)
    return replace(found, arbiter=exact)


def outcome(name: str, off: float = 0.0, **provenances: Provenance) -> Outcome:
    return Outcome(Case(name, "fomaml", 0, 2, 1, (1, 2), {"n_tasks": 3}), held(off, **provenances))


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """One of each verdict, in the verdicts' order, and one more failure with a hostile name."""
    passed = outcome("same")
    nothing = check(a_run(), Run({}), tolerance=Saved(GROWTH))
    return [
        passed,
        outcome("close", 1e-6),
        outcome("wrong", 1e-2),
        replace(
            passed,
            case=replace(passed.case, name="absent"),
            check=Check(not_run="no Julia: run `repro julia install`"),
        ),
        replace(passed, case=replace(passed.case, name="broken"), check=nothing),
        replace(
            outcome(HOSTILE, 1e-2),
            case=replace(passed.case, name=HOSTILE, kwargs={"n": HOSTILE}),
        ),
    ]
