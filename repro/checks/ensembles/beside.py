"""Two ensembles laid beside each other: one row a seed, one column a name at a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from repro.checks.ensembles.summary import Summary, late_mean
from repro.errors import ReproError
from repro.run import Ensemble, Quantity, rows

MOST = 20_000
"""Columns. Of every weight at every step there are more, and nothing to learn from each."""


class EnsembleError(ReproError, ValueError):
    """Two ensembles that cannot be held against each other as asked."""


@dataclass(frozen=True)
class Column:
    """One number of a run.

    Attributes:
        name: its quantity's.
        step: when.
        element: which of the quantity's, flattened; None where it has a single one.
        order: of the quantity among all, causes first where the side has an order.
    """

    name: str
    step: int
    element: int | None
    order: int

    def __str__(self) -> str:
        element = "" if self.element is None else f"[{self.element}]"
        return f"{self.name}{element} @ {self.step}"


@dataclass(frozen=True)
class Beside:
    """Both sides' numbers at their common names and steps, each on its own scale.

    Attributes:
        columns: what each column is.
        a, b: (n, columns) the reference's, (m, columns) the port's; of the runs that came to
            their end, in pairs of the seeds for which both did.
        paired: whether row i of both is the same seed.
        logs: the quantities that are compared on a logarithmic scale: those that are positive
            everywhere on both sides.
        diverged: how many runs of each side did not come to their end, or of each pair's sides.
        ended: (n, 2) in pairs, (n,) and (m,) otherwise: by run, whether it diverged.
        alone: what only one side has, in words.
        quantities: by name, both sides' Quantity on its scale, common steps only.
    """

    columns: tuple[Column, ...]
    a: np.ndarray
    b: np.ndarray
    paired: bool
    logs: frozenset[str]
    ended: tuple[np.ndarray, np.ndarray]
    alone: tuple[str, ...]
    quantities: dict[str, tuple[Quantity, Quantity]] = field(repr=False)

    def reaches(self, quantity: str, reference: Ensemble) -> bool:
        """Whether both sides have it at the reference's last step of it.

        Raises:
            EnsembleError: the reference does not hold it.
        """
        if quantity not in reference.quantities:
            raise EnsembleError(
                f"no {quantity!r} to summarise: the reference holds "
                f"{', '.join(reference.quantities)}"
            )
        shared = self.quantities.get(quantity)
        last = reference.quantities[quantity].steps[-1]
        return shared is not None and bool(shared[0].steps[-1] == last)

    def summarised(self, summaries: Sequence[Summary]) -> tuple[np.ndarray, np.ndarray]:
        """(n, s) and (m, s): every run's summaries."""
        sides = zip(*(self._one(s) for s in summaries), strict=True)
        a, b = (np.stack(side, axis=1) for side in sides)
        return a, b

    def _one(self, summary: Summary) -> tuple[np.ndarray, np.ndarray]:
        a, b = self.quantities[summary.quantity]
        return late_mean(a, summary.late), late_mean(b, summary.late)


def lay(reference: Ensemble, port: Ensemble, paired: bool) -> Beside:
    """Lay two ensembles beside each other.

    Raises:
        EnsembleError: they share no name and step, or are to be paired and share too few seeds.
    """
    whole = reference
    if paired:
        common = [s for s in reference.seeds.tolist() if s in set(port.seeds.tolist())]
        if len(common) < 2:
            raise EnsembleError(
                "pairs are runs of the same seed, and the sides share fewer than two: run the "
                "same seeds, or compare them unpaired (paired=False, --unpaired)"
            )
        reference, port = reference.of_seeds(common), port.of_seeds(common)
    ended = reference.diverged, port.diverged
    keep = (~ended[0], ~ended[1]) if not paired else (~(ended[0] | ended[1]),) * 2
    reference, port = reference.chosen(keep[0]), port.chosen(keep[1])
    shared = dict(_shared(reference, port))
    if not shared:
        raise EnsembleError(
            f"the reference holds {', '.join(reference.quantities)}, the port "
            f"{', '.join(port.quantities)}: no name at a common step; let the port yield those"
        )
    logs = frozenset(n for n, sides in shared.items() if _positive(sides, whole.quantities[n]))
    scaled = {
        n: tuple(Quantity(q.steps, np.log(q.values), q.kind) if n in logs else q for q in sides)
        for n, sides in shared.items()
    }
    columns = tuple(_columns({n: sides[0] for n, sides in shared.items()}))
    if len(columns) > MOST:
        raise EnsembleError(
            f"{len(columns)} numbers a run are too many to compare one by one: keep at most {MOST},"
            " for instance norms in place of weights"
        )
    a, b = (_matrix([sides[i] for sides in scaled.values()]) for i in (0, 1))
    return Beside(columns, a, b, paired, logs, ended, _alone(reference, port), scaled)  # type: ignore[arg-type]


def _positive(sides: tuple[Quantity, Quantity], whole: Quantity) -> bool:
    """Whether a quantity is, on both sides and in all of the reference that came to its end."""
    everywhere = (*sides, whole)
    return all(bool(((q.values > 0) | ~np.isfinite(q.values)).all()) for q in everywhere)


def _shared(a: Ensemble, b: Ensemble) -> Iterator[tuple[str, tuple[Quantity, Quantity]]]:
    for name, left in a.quantities.items():
        right = b.quantities.get(name)
        if right is None or right.values.shape[2:] != left.values.shape[2:]:
            continue
        steps = np.intersect1d(left.steps, right.steps)
        if len(steps):
            sides = (Quantity(steps, q.at(steps), q.kind) for q in (left, right))
            yield name, tuple(sides)  # type: ignore[misc]


def _alone(a: Ensemble, b: Ensemble) -> tuple[str, ...]:
    found = []
    for side, own, other in (("reference", a, b), ("port", b, a)):
        for name, q in own.quantities.items():
            there = other.quantities.get(name)
            if there is None or there.values.shape[2:] != q.values.shape[2:]:
                found.append(f"{name} (the {side} alone has it, or has it in another shape)")
            elif missing := len(np.setdiff1d(q.steps, there.steps)):
                found.append(f"{name} at {missing} steps (the {side} alone)")
    return tuple(found)


def _columns(quantities: dict[str, Quantity]) -> Iterator[Column]:
    for order, (name, q) in enumerate(quantities.items()):
        size = int(np.prod(q.values.shape[2:]))
        for step in q.steps.tolist():
            for element in range(size):
                yield Column(name, step, element if size > 1 else None, order)


def _matrix(quantities: Sequence[Quantity]) -> np.ndarray:
    return np.concatenate([rows(q.values.swapaxes(0, 1)) for q in quantities], axis=1)
