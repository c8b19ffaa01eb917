"""A tolerance for every number, measured by perturbed runs, as few of them as decide.

``tol_i = 10 max(g_i, ulp(w_i))``, per element and step. ``g_i`` is how far the element itself went
in any perturbed run; nothing is pooled and nothing carried to later steps. ``w_i`` is the largest
magnitude in the array that is about ``2**(p / 2)`` times the element's own at most, p the type's
bits: a *reference* may lose half of its digits by cancellation, which no perturbation of the port
shows. Masks and fill values lie outside of that window.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from repro.checks.agreement import difference
from repro.checks.compare import Report, compare
from repro.checks.envelope import FACTOR
from repro.checks.noise import Moves
from repro.checks.verdict import Verdict
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

    def __init__(
        self,
        base: Run,
        run: Runner,
        moves: Moves | None = None,
        coarse: Mapping[str, float] | None = None,
    ) -> None:
        """
        Args:
            coarse: by name, ``u`` of the reference's type where that is narrower than the port's.
        """
        self.base, self._run, self.moves = base, run, Moves() if moves is None else moves
        self._coarse = coarse or {}
        self._growth = {
            name: np.full(q.values.shape, np.nan) for name, q in base.quantities.items()
        }
        self.runs, self.short = 0, 0
        self.aside: dict[str, int] = {}
        self.flipped: dict[str, int] = {}
        self.ends = {last_step(base)}

    def add(self, seed: int, names: Collection[str] | None = None) -> None:
        """One more perturbed run, which counts for these names; by default for all. Where they are
        of several roundings, one of each."""
        self.runs += 1
        names = self.base.quantities.keys() & (self.base.quantities if names is None else names)
        for coarse in sorted({self._coarse.get(name, 0.0) for name in names}) or [0.0]:
            self.moves.coarsest = coarse
            self._add(seed, {name for name in names if self._coarse.get(name, 0.0) == coarse})

    def _add(self, seed: int, names: Collection[str]) -> None:
        found = self._run(seed)
        self.ends.add(last_step(found))
        self.short += any(
            name not in found.quantities or len(found[name].steps) < len(q.steps)
            for name, q in self.base.quantities.items()
        )
        for name, q in self.base.quantities.items():
            other = found.quantities.get(name) if name in names else None
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
        dtypes = reference.values.dtype, self.base[name].values.dtype
        least = floor(reference.values, max(dtypes, key=lambda d: np.finfo(d).eps))
        return np.asarray(FACTOR * np.fmax(self.growth(name, reference.steps), least))

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
        return np.asarray(np.isnan(self.growth(name, reference.steps)))


def last_step(run: Run) -> int | None:
    """The last step that any quantity has."""
    return max((int(q.steps[-1]) for q in run.quantities.values() if len(q.steps)), default=None)


def floor(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """``ulp(w)`` of every element, in a type; ``w`` is found by binades: the highest one in the
    step's array that is at most ``p // 2`` above the element's own."""
    flat = rows(values).astype(np.float64)
    flat[~np.isfinite(flat)] = 0
    _, binade = np.frexp(flat)
    lowest = int(np.finfo(dtype).minexp)
    binade = np.maximum(np.where(flat == 0, lowest, binade), lowest)
    if flat.shape[1] > 1:
        binade = _highest_within(binade, (np.finfo(dtype).nmant + 1) // 2)
    bits = np.finfo(dtype).nmant + 1
    smallest = float(np.finfo(dtype).smallest_subnormal)
    return np.asarray(np.maximum(np.ldexp(1.0, binade - bits), smallest).reshape(values.shape))


def _highest_within(binade: np.ndarray, reach: int) -> np.ndarray:
    """(k, n): of each row the highest value that is at most ``reach`` above each element."""
    low, high = int(binade.min(initial=0)), int(binade.max(initial=0))
    present = np.full((len(binade), high - low + 1), low)
    np.put_along_axis(present, binade - low, binade, axis=1)
    highest = np.maximum.accumulate(present, axis=1)
    found = np.take_along_axis(highest, np.minimum(binade + reach, high) - low, axis=1)
    return np.asarray(found)


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
        open_names = {c.name for c in report.comparisons if c.verdict is Verdict.FAIL}
        for seed in seeds[tolerance.runs : stage]:
            tolerance.add(seed, open_names)
        report = _again(report, expected, tolerance, strict, open_names)
    return report


def _again(
    report: Report, expected: Run, tolerance: Measured, strict: bool, names: Collection[str]
) -> Report:
    """The report with some names compared anew; if the runs' common end has changed, all."""
    if tolerance.common_end(expected) is not None:
        return _compared(expected, tolerance, strict)
    both = set(expected.quantities) & set(tolerance.base.quantities) & set(names)
    if not both:
        return report
    anew = {
        c.name: c for c in _compared(_only(expected, both), tolerance, strict, both).comparisons
    }
    return Report(tuple(anew.get(c.name, c) for c in report.comparisons))


def _compared(
    expected: Run, tolerance: Measured, strict: bool, names: Collection[str] | None = None
) -> Report:
    end = tolerance.common_end(expected)
    port = tolerance.base if names is None else _only(tolerance.base, names)
    if end is not None:
        expected, port = expected.upto(end), port.upto(end)
    return compare(expected, port, tolerance, strict=strict, blind=tolerance.blind)


def _only(run: Run, names: Collection[str]) -> Run:
    return Run({name: q for name, q in run.quantities.items() if name in names})


def settled(report: Report, runs: int) -> bool:
    """Whether more perturbed runs could change the verdict."""
    first = report.first_excess
    if first is None:
        return True
    return runs >= STAGES[2] and first.ratio[first.steps == first.first_excess].max() >= CLEAR
