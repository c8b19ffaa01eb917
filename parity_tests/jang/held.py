"""The notebook's trainings through the door of `repro parity`: the recordings, and the port."""

from __future__ import annotations

from repro.cases.jang import PARTS
from repro.checks import Check
from repro.jang.notebook import FIT_STEPS
from repro.sides import recorded
from repro.sides.parity import parity
from repro.sides.port import Port
from repro.sides.recorded import Recorded


def hold(part: str, dtype: str, length: int, engine: str = "eager") -> Check:
    """So many iterations of a training against its recording."""
    case = recorded.load(f"jax_{part}_{dtype}_seed0").case
    return parity(case.upto(length), Recorded(), Port(engine))


def first_failure(dtype: str, length: int) -> Check | None:
    """The first training that does not pass; None where all do. Of the sine fit the end alone is
    recorded."""
    lengths = dict.fromkeys(PARTS, length) | {"fit": FIT_STEPS}
    checks = (hold(part, dtype, lengths[part]) for part in PARTS)
    return next((found for found in checks if not found), None)
