"""A tolerance for every number, measured by perturbed runs, as few of them as decide.

``tol_i = 10 max(g_i, ulp(w_i))``, per element and step. ``g_i`` is how far the element itself went in
any perturbed run; nothing is pooled and nothing carried to later steps. ``w_i`` is the largest
magnitude in the array that is at most ``2**(p / 2)`` times the element's own, p the type's bits:
a *reference* may lose half of its digits by cancellation, which no perturbation of the port shows.
Masks and fill values lie outside of that window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from repro.checks.agreement import difference, ulp_of
from repro.checks.compare import Report, compare
from repro.checks.envelope import FACTOR
from repro.checks.noise import Moves
from repro.run import Kind, Quantity, Run, rows

Runner = Callable[[int | None], Run]
"""The port as it is for None, else perturbed by this seed."""

STAGES = (0, 2, 8, 32)
"""After so many perturbed runs the comparison is looked at. Tolerances only grow with more runs,
so what passes goes on passing; a failure is one after eight of them, and after 32 where it is not
clear."""

CLEAR = 100.0
"""How many tolerances off is a clear failure."""


class Measured:
    """A tolerance, and the perturbed runs behind it.

    Attributes:
        runs: how many there were.
        aside: by name, in how many elements deviations that are not finite were set aside.
        short: how many runs broke off or have other steps or shapes.
        flipped: by name of integers and Bools, how many runs have some of them otherwise.
        ends: the last steps that these runs and the run as it is came to.
        moves: which operations were moved.
    """

    def __init__(self, base: Run, run: Runner, moves: Moves | None = None) -> None:
        self.base, self._run, self.moves = base, run, Moves() if moves is None else moves
        self._growth = {
            name: np.full(q.values.shape, np.nan) for name, q in base.quantities.items()
        }
        self.runs, self.short = 0, 0
        self.aside: dict[str, int] = {}
        self.flipped: dict[str, int] = {}
        self.ends = {last_step(base)}

    def add(self, seed: int) -> None:
        """One more perturbed run."""
        found = self._run(seed)
        self.runs += 1
        self.ends.add(last_step(found))
        self.short += any(
            name not in found.quantities or len(found[name].steps) < len(q.steps)
            for name, q in self.base.quantities.items()
        )
        for name, q in self.base.quantities.items():
            other = found.quantities.get(name)
            if other is not None and other.values.shape[1:] == q.values.shape[1:]:
                self._grow(name, q, other)

    def _grow(self, name: str, q: Quantity, other: Quantity) -> None:
        steps = np.intersect1d(q.steps, other.steps)
        at = np.searchsorted(q.steps, steps)
        apart = difference(q.values[at], other.at(steps))
        lost = ~np.isfinite(apart)
        if lost.any():
            self.aside[name] = self.aside.get(name, 0) + int(lost.sum())
        grown = self._growth[name]
        grown[at] = np.fmax(grown[at], np.where(lost, np.nan, apart))
        if q.values.dtype.kind != "f" and apart.any():
            self.flipped[name] = self.flipped.get(name, 0) + 1

    def growth(self, name: str, steps: np.ndarray) -> np.ndarray:
        """``g``: NaN where no perturbed run is finite."""
        q = self.base[name]
        found: np.ndarray = self._growth[name][np.searchsorted(q.steps, steps)]
        return found

    def __call__(self, name: str, reference: Quantity) -> np.ndarray:
        """The allowed difference of every element."""
        if reference.kind is Kind.DRAW:
            return np.zeros(reference.values.shape)
        growth = np.nan_to_num(self.growth(name, reference.steps), nan=0.0)
        dtypes = reference.values.dtype, self.base[name].values.dtype
        coarser = max(dtypes, key=lambda d: np.finfo(d).eps)
        return np.asarray(FACTOR * np.maximum(growth, ulp_of(window(reference.values), coarser)))

    def common_end(self, expected: Run) -> int | None:
        """The last step to compare, where the number of steps hangs on the last bit: perturbed runs
        end where the reference does, sooner or later. None where all steps are compared."""
        ends = [end for end in self.ends if end is not None]
        end, own = last_step(expected), last_step(self.base)
        if len(set(ends)) < 2 or end is None or own is None or end == own:
            return None
        return min(end, own) if min(ends) <= end <= max(ends) else None

    def blind(self, name: str, reference: Quantity) -> np.ndarray:
        """Elements of which the perturbed runs say nothing, none being finite there."""
        if not self.runs or reference.kind is Kind.DRAW:
            return np.zeros(reference.values.shape, bool)
        return np.isnan(self.growth(name, reference.steps))


def last_step(run: Run) -> int | None:
    """The last step that any quantity has."""
    return max((int(q.steps[-1]) for q in run.quantities.values() if len(q.steps)), default=None)


def window(values: np.ndarray) -> np.ndarray:
    """``w``: the largest magnitude in each step's array within ``2**(p / 2)`` of each element."""
    flat = np.abs(rows(values).astype(np.float64))
    flat[~np.isfinite(flat)] = 0
    if flat.shape[1] > 1:
        reach = 2.0 ** ((np.finfo(values.dtype).nmant + 1) / 2)
        for row in flat:
            ordered = np.sort(row)
            row[:] = ordered[np.searchsorted(ordered, row * reach, side="right") - 1]
    return flat.reshape(values.shape)


def judge(
    expected: Run,
    tolerance: Measured,
    seeds: Sequence[int],
    strict: bool,
    repeats: Callable[[], None] = lambda: None,
) -> Report:
    """Compare, and run perturbed until the verdict is settled.

    Args:
        tolerance: of the port's run, which is its ``base``.
        seeds: of the perturbed runs there may be, in this order.
        repeats: called before the first of them.

    Raises:
        NothingToCompare: see :func:`compare`.
    """
    report = _compared(expected, tolerance, strict)
    for stage in STAGES[1:]:
        if tolerance.runs >= len(seeds) or settled(report, tolerance.runs):
            break
        if not tolerance.runs:
            repeats()
        for seed in seeds[tolerance.runs : stage]:
            tolerance.add(seed)
        report = _compared(expected, tolerance, strict)
    return report


def _compared(expected: Run, tolerance: Measured, strict: bool) -> Report:
    end = tolerance.common_end(expected)
    port = tolerance.base
    if end is not None:
        expected, port = expected.upto(end), port.upto(end)
    return compare(expected, port, tolerance, strict=strict, blind=tolerance.blind)


def settled(report: Report, runs: int) -> bool:
    """Whether more perturbed runs could change the verdict."""
    first = report.first_excess
    if first is None:
        return True
    return runs >= STAGES[2] and first.ratio[first.steps == first.first_excess].max() >= CLEAR
