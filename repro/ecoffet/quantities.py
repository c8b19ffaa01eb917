"""The notebook's quantities as a trajectory, so that runs and recordings are compared alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from repro.run import Series, Trajectory

KINDS = {
    "_init": "results",
    "random_weights": "results",
    "random_weights0": "results",
    "_weights": "state",
    "_test_losses": "runs",
}
"""How a last-bit difference may travel, see :class:`repro.run.Series`. What torch draws is
no ``draw``: it scales the numbers with or without a fused multiply-add, as the processor has it."""


def kind_of(name: str) -> str:
    """The kind of a quantity by its recorded name: all that NumPy drew is a ``draw``."""
    return next((kind for suffix, kind in KINDS.items() if name.endswith(suffix)), "draw")


def trajectory(arrays: Mapping[str, np.ndarray], step: int, **provenance) -> Trajectory:
    """Arrays of one run as series of one step: what training made at ``step``, the rest at 0."""
    return Trajectory({name: _series(name, a, step) for name, a in arrays.items()}, provenance)


def _series(name: str, values: np.ndarray, step: int) -> Series:
    kind = kind_of(name)
    return Series(np.array([step if kind in ("state", "runs") else 0]), values[None], kind)
