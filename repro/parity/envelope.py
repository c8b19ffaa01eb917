"""Tolerances from how a last-bit perturbation grows.

A port cannot be asked to be closer to its reference than it is to itself after every initial
weight has been moved by one unit in the last place. How far such a perturbation carries is
measured, quantity by quantity and step by step, and the difference from the reference may be
``FACTOR`` times that, never less than ``FACTOR`` units in the last place of the quantity.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from repro.parity.rules import difference
from repro.parity.ulp import ulp_of
from repro.trajectory import Series, Trajectory, TrajectoryError

FACTOR = 10.0
"""How many times the perturbation's growth a difference may be. One factor for every quantity
and case; `docs/tolerances.md` has the measurement behind it."""

PERTURBATIONS = (1, 2, 3, 4, 5, 6, 7, 8)
"""Seeds of the perturbations: the growth is the largest of these runs'. Three are too few: an
unstable fine-tuning run that none of them happened to move put a faithful port at 8.7 of 10."""


@dataclass(frozen=True)
class Envelope:
    """How far a last-bit perturbation carried.

    Attributes:
        growth: per quantity, float64: (k,) over the steps for states and results, (k, n) for
            runs of n values. Draws have none: they must agree bit for bit.
        provenance: what measured it.
    """

    growth: Mapping[str, Series]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def tolerance(self, name: str, reference: Series) -> np.ndarray:
        """The allowed absolute difference, broadcastable to ``reference.values``.

        Raises:
            TrajectoryError: the envelope lacks the quantity or one of its steps.
        """
        if reference.kind == "draw":
            return np.zeros(_wide(reference.steps, reference.values))
        if name not in self.growth or not np.isin(reference.steps, self.growth[name].steps).all():
            raise TrajectoryError(
                f"the envelope does not cover {name}: measure it again with `repro envelope`"
            )
        growth = self.growth[name].at(reference.steps)
        allowed = FACTOR * np.maximum(growth, quantum(reference))
        return allowed if reference.kind == "runs" else _column(allowed, reference.values)

    def save(self, path: Path) -> None:
        Trajectory(self.growth, self.provenance).save(path)

    @classmethod
    def load(cls, path: Path) -> Envelope:
        """Raises TrajectoryError where the file is missing or damaged."""
        stored = Trajectory.load(path)
        return cls(stored.series, stored.provenance)


def measure(
    run: Callable[[int | None], Trajectory], perturbations: Iterable[int] = PERTURBATIONS
) -> Envelope:
    """Run once as is and once per perturbation, and see how far they part.

    Args:
        run: makes a trajectory; None, or the seed of the perturbation of its initial state.
        perturbations: the seeds, at least one.
    """
    base = run(None)
    grown = [_growth(base, run(seed)) for seed in perturbations]
    growth = {
        name: Series(s.steps, reduce(np.maximum, [g[name] for g in grown]), s.kind)
        for name, s in base.series.items()
        if s.kind != "draw"
    }
    made_by = {**base.provenance, "perturbations": list(perturbations)}
    return Envelope(growth, json.loads(json.dumps(made_by)))


def _growth(base: Trajectory, perturbed: Trajectory) -> dict[str, np.ndarray]:
    return {
        name: monotone(s.kind, difference(s.values, perturbed[name].values))
        for name, s in base.series.items()
        if s.kind != "draw"
    }


def monotone(kind: str, differences: np.ndarray) -> np.ndarray:
    """Largest difference so far: over the steps for a state, along each row for runs."""
    if kind == "runs":
        return np.maximum.accumulate(differences, axis=-1)
    largest = rows(differences).max(axis=1, initial=0)
    return np.maximum.accumulate(largest) if kind == "state" else largest


def quantum(reference: Series) -> np.ndarray:
    """One ulp of the quantity: of each value in runs, else of the largest magnitude in a step."""
    values = reference.values
    if reference.kind == "runs":
        return ulp_of(values, values.dtype)
    magnitude = rows(np.nan_to_num(np.abs(values), posinf=0, neginf=0))
    return ulp_of(magnitude.max(axis=1, initial=0), values.dtype)


def rows(values: np.ndarray) -> np.ndarray:
    """(k, n): one row per step, however many dimensions the values have, and where n is 0."""
    return values.reshape(len(values), int(np.prod(values.shape[1:])))


def _wide(steps: np.ndarray, values: np.ndarray) -> tuple[int, ...]:
    return (len(steps),) + (1,) * (values.ndim - 1)


def _column(per_step: np.ndarray, values: np.ndarray) -> np.ndarray:
    return per_step.reshape(_wide(per_step, values))
