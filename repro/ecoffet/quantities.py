"""The notebook's quantities as a trajectory, so that runs and recordings are compared alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from repro.trajectory import Series, Trajectory

KINDS = {"_weights": "state", "_test_losses": "runs"}
"""How a last-bit difference may travel, see :class:`repro.trajectory.Series`."""

DRAWN = {"random_weights", "random_weights0"}
"""Weights of a model that is never trained."""


def kind_of(name: str) -> str:
    """The kind of a quantity by its recorded name: what is neither trained nor run is drawn."""
    if name in DRAWN:
        return "draw"
    return next((kind for suffix, kind in KINDS.items() if name.endswith(suffix)), "draw")


def trajectory(arrays: Mapping[str, np.ndarray], step: int, **provenance) -> Trajectory:
    """Arrays of one run as series of one step: what was drawn at 0, the rest at ``step``."""
    return Trajectory({name: _series(name, a, step) for name, a in arrays.items()}, provenance)


def _series(name: str, values: np.ndarray, step: int) -> Series:
    kind = kind_of(name)
    return Series(np.array([0 if kind == "draw" else step]), values[None], kind)
