"""Results of every verdict, hostile names among them, without running a port."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from repro.case import Case
from repro.checks import Verdict
from repro.checks.arbiter import arbitrate
from repro.checks.compare import compare
from repro.checks.envelope import Envelope
from repro.suite import Result
from repro.run import Quantity, Run

HOSTILE = "<script>alert('x')</script>&\"\x00"


def trajectory(off: float = 0.0, **provenance) -> Run:
    """Two iterations of losses and weights, all of them off by as much."""
    steps, ones = np.array([1, 2]), np.ones((2, 33), np.float32)
    series = {
        "eval_x": Quantity(steps, np.ones((2, 10), np.float32), "draw"),
        "test_losses": Quantity(steps, ones + np.float32(off), "runs"),
        "weights": Quantity(steps, np.ones((2, 4353), np.float32) + np.float32(off), "state"),
    }
    return Run(series, provenance)


def result(name: str, off: float = 0.0) -> Result:
    """A port that is ``off`` by that much from a reference, with an arbiter at the reference."""
    reference = trajectory(source="recorded", julia="1.5.3", flux="0.7.3")
    port = trajectory(off, source="port", dtype="float32", device="cpu")
    growth = {
        "test_losses": Quantity(np.array([1, 2]), np.full((2, 33), 1e-6), "runs"),
        "weights": Quantity(np.array([1, 2]), np.full(2, 1e-6)),
    }
    envelope = Envelope(growth)
    report = compare(reference, port, envelope.tolerance)
    case = Case(name, "fomaml", 0, 2, 1, (1, 2), {"n_tasks": 3})
    arbiter = arbitrate(reference, reference, port, envelope.tolerance)
    return Result(case, report.verdict, report, None, reference, port, envelope, 1.5, arbiter)


@pytest.fixture
def results() -> list[Result]:
    """One of each verdict, in the verdicts' order, and one more failure with a hostile name."""
    passed = result("same")
    unmade = replace(passed, report=None, port=None, envelope=None, arbiter=None)
    case = passed.case
    return [
        passed,
        result("close", 1e-6),
        result("wrong", 1e-2),
        replace(unmade, case=replace(case, name="absent"), verdict=Verdict.NOT_RUN,
                reason="no Julia: run `repro julia install`", reference=None),
        replace(unmade, case=replace(case, name="broken"), verdict=Verdict.ERROR,
                reason="nothing in common"),
        replace(result(HOSTILE, 1e-2), case=replace(case, name=HOSTILE, kwargs={"n": HOSTILE})),
    ]  # fmt: skip
