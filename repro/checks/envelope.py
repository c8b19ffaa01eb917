"""Tolerances from how a last-bit perturbation grows.

A port cannot be asked to be closer to its reference than it is to itself after every initial
weight has been moved by one unit in the last place. How far such a perturbation carries is
measured, quantity by quantity and step by step, and the difference from the reference may be
``FACTOR`` times that, never less than ``FACTOR`` units in the last place of the quantity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import TypeVar

import numpy as np

from repro.checks.agreement import difference, ulp_of
from repro.run import Kind, Provenance, Quantity, Run, RunError, rows

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
        growth: per quantity, float64: (k,) over the steps for states and results, (k, ..., n)
            for rows of n values. Draws have none: they must agree bit for bit.
        provenance: what measured it.
    """

    growth: Mapping[str, Quantity]
    provenance: Provenance = field(default_factory=Provenance)

    def tolerance(self, name: str, reference: Quantity) -> np.ndarray:
        """The allowed absolute difference, broadcastable to ``reference.values``.

        Raises:
            RunError: the envelope lacks the quantity or one of its steps.
        """
        if reference.kind is Kind.DRAW:
            return np.zeros(_wide(reference.values))
        if name not in self.growth or not np.isin(reference.steps, self.growth[name].steps).all():
            raise RunError(
                f"the envelope does not cover {name}: measure it again with `repro envelope`"
            )
        growth = self.growth[name].at(reference.steps)
        allowed = FACTOR * np.maximum(growth, quantum(reference))
        return np.asarray(
            allowed if reference.kind is Kind.ROWS else allowed.reshape(_wide(reference.values))
        )

    def save(self, path: Path) -> None:
        Run(self.growth, self.provenance).save(path)

    @classmethod
    def load(cls, path: Path) -> Envelope:
        """Raises RunError where the file is missing or damaged."""
        stored = Run.load(path)
        return cls(stored.quantities, stored.provenance)


Perturbation = TypeVar("Perturbation")


def measure(
    run: Callable[[Perturbation | None], Run], perturbations: Sequence[Perturbation]
) -> Envelope:
    """Run once as is and once per perturbation, and see how far they part.

    Args:
        run: makes a run, as it is for None.
        perturbations: what is given to ``run``, at least one.
    """
    base = run(None)
    grown = [_growth(base, run(perturbation)) for perturbation in perturbations]
    growth = {
        name: Quantity(q.steps, reduce(np.maximum, [g[name] for g in grown]), q.kind)
        for name, q in base.quantities.items()
        if q.kind is not Kind.DRAW
    }
    details = {**base.provenance.details, "perturbations": [str(p) for p in perturbations]}
    return Envelope(growth, replace(base.provenance, details=details))


def _growth(base: Run, perturbed: Run) -> dict[str, np.ndarray]:
    return {
        name: monotone(q.kind, difference(q.values, perturbed[name].values))
        for name, q in base.quantities.items()
        if q.kind is not Kind.DRAW
    }


def monotone(kind: Kind, differences: np.ndarray) -> np.ndarray:
    """Largest difference so far: over the steps for a state, along each row for rows."""
    if kind is Kind.ROWS:
        return np.asarray(np.maximum.accumulate(differences, axis=-1))
    largest = rows(differences).max(axis=1, initial=0)
    return np.asarray(np.maximum.accumulate(largest)) if kind is Kind.STATE else largest


def quantum(reference: Quantity) -> np.ndarray:
    """One ulp of the quantity: of each value in rows, else of the largest magnitude in a step."""
    values = reference.values
    if reference.kind is Kind.ROWS:
        return ulp_of(values, values.dtype)
    magnitude = np.nan_to_num(np.abs(rows(values)), posinf=0)
    return ulp_of(magnitude.max(axis=1, initial=0), values.dtype)


def _wide(values: np.ndarray) -> tuple[int, ...]:
    return (len(values),) + (1,) * (values.ndim - 1)
