"""Recorded cases run by a compiled engine, and where they first differ from the recording."""

from __future__ import annotations

import numpy as np

from repro.run import Quantity, Run
from repro.sides import recorded
from repro.sides.port import Port

TRAINING = ("fomaml", "reptile", "transfer_learn")
FLOAT32 = [n for n in recorded.names() if recorded.load(n).case.function in TRAINING]
"""Recordings of a training function on Float32 data."""

ONE_OF_EACH = [n for n in FLOAT32 if "seed1_" not in n and "seed42_" not in n]
"""Without seeds 1 and 42, which differ from 0 in nothing but the numbers drawn."""


def differences(name: str, engine: str, epochs: int | None = None) -> dict[str, int]:
    """For each recorded quantity that is not equal bit for bit: where it first differs."""
    recording = recorded.load(name)
    case = recording.case if epochs is None else recording.case.upto(epochs)
    return compared(recording.run(case), Port(engine).run(case))


def compared(expected: Run, found: Run) -> dict[str, int]:
    assert len(expected.quantities) >= 4
    steps = {name: first_step(q, found[name]) for name, q in expected.quantities.items()}
    return {name: step for name, step in steps.items() if step is not None}


def first_step(a: Quantity, b: Quantity) -> int | None:
    """The first step at which two quantities differ in a bit, Float32 and Float64 alike."""
    assert np.array_equal(a.steps, b.steps)
    different = [
        not np.array_equal(np.asarray(x, np.float64), np.asarray(y, np.float64))
        for x, y in zip(a.values, b.values, strict=True)
    ]
    return int(a.steps[different.index(True)]) if any(different) else None
