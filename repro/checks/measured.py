"""A tolerance for every number, measured by perturbed runs, as few of them as decide.

``tol_i = 10 max(g_i, ulp(w_i))``, per element and step. ``g_i`` is how far the element itself went
in any perturbed run; nothing is pooled and nothing carried to later steps. ``w_i`` is the largest
magnitude in the array that is about ``2**(p / 2)`` times the element's own at most, p the type's
bits: a *reference* may lose half of its digits by cancellation, which no perturbation of the port
shows. Masks and fill values lie outside of that window.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache, reduce
from typing import Any, Protocol

import numpy as np

from repro.checks.agreement import difference
from repro.checks.compare import Report, compare
from repro.checks.envelope import FACTOR
from repro.checks.loops import kernels
from repro.checks.noise import Moves
from repro.checks.verdict import Verdict
from repro.progress import Say
from repro.run import Kind, Quantity, Run, rows


class Runner(Protocol):
    """Runs a port."""

    def __call__(self, seed: int | None, steps: np.ndarray | None = None, /) -> Run:
        """As it is for None, else perturbed by this seed; to its end, or in these steps at least,
        where it can be run step by step."""


Tell = Callable[[int, int, Collection[str]], None]
"""``tell(run, at_most, names)``: that this perturbed run begins, and for which names."""

SHOWN = 4
"""Names in a line about a perturbed run."""


def teller(way: str, say: Say) -> Tell:
    """Says on a progress line which perturbed run begins."""

    def tell(run: int, at_most: int, names: Collection[str]) -> None:
        more = " …" if len(names) > SHOWN else ""
        still = ", ".join([*names][:SHOWN]) + more
        say(lambda: f"{way}: perturbed run {run} of at most {at_most}, open: {still}")

    return tell


ENOUGH = 8
"""After every perturbed run the comparison is looked at again. Tolerances only grow, so what passes
goes on passing, and looking early changes no verdict; a failure is one after so many runs, and
where it is not clear after all that there may be."""

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
        stepwise: bool = False,
        coarse: Mapping[str, float] | None = None,
    ) -> None:
        """
        Args:
            stepwise: whether the port can be run in some of its steps alone.
            coarse: by name, ``u`` of the reference's type where that is narrower than the port's.
        """
        self.base, self._run, self._stepwise = base, run, stepwise
        self.moves, self._coarse = Moves() if moves is None else moves, coarse or {}
        self._growth: dict[str, np.ndarray] = {}
        self._seen = {name: np.zeros(len(q.steps), bool) for name, q in base.quantities.items()}
        self.runs, self.short = 0, 0
        self.aside: dict[str, int] = {}
        self.flipped: dict[str, int] = {}
        self.ends = {last_step(base)}

    def add(self, seed: int, wanted: Mapping[str, np.ndarray] | None = None) -> None:
        """One more perturbed run, which counts for these names' steps; by default for all. Where
        they are of several roundings, one of each."""
        if wanted is None:
            wanted = {name: q.steps for name, q in self.base.quantities.items()}
        self.runs += 1
        roundings = {name: self._coarse.get(name, 0.0) for name in wanted}
        for coarse in sorted({*roundings.values()}) or [0.0]:
            self.moves.coarsest = coarse
            self._add(seed, {name: wanted[name] for name, u in roundings.items() if u == coarse})

    def _add(self, seed: int, wanted: Mapping[str, np.ndarray]) -> None:
        steps = reduce(np.union1d, wanted.values(), np.empty(0, np.int64))
        found = self._run(seed, steps if self._stepwise else None)
        if not self._stepwise or found.broke_off is not None:
            self.ends.add(last_step(found))
        self.short += any(self._lacks(found, n, steps) for n in self.base.quantities)
        for name in self.base.quantities:
            if name in wanted:
                self._grow(name, found.quantities.get(name), wanted[name])

    def _lacks(self, found: Run, name: str, steps: np.ndarray) -> bool:
        due = self.base[name].steps
        due = np.intersect1d(due, steps) if self._stepwise else due
        there = found.quantities.get(name)
        return bool(np.setdiff1d(due, () if there is None else there.steps).size)

    def _grow(self, name: str, other: Quantity | None, wanted: np.ndarray) -> None:
        q = self.base[name]
        self._seen[name] |= np.isin(q.steps, wanted)
        if other is None or other.values.shape[1:] != q.values.shape[1:]:
            return
        steps = reduce(np.intersect1d, (q.steps, other.steps, wanted))
        at = np.searchsorted(q.steps, steps)
        apart = difference(q.values[at], other.at(steps))
        lost = ~np.isfinite(apart)
        if lost.any():
            self.aside[name] = self.aside.get(name, 0) + int(lost.sum())
        if name not in self._growth:
            self._growth[name] = np.full(q.values.shape, np.nan)
        grown = self._growth[name]
        grown[at] = np.fmax(grown[at], np.where(lost, np.nan, apart))
        if q.values.dtype.kind != "f" and apart.any():
            self.flipped[name] = self.flipped.get(name, 0) + 1

    def growth(self, name: str, steps: np.ndarray) -> np.ndarray:
        """``g``: NaN where no perturbed run is finite, or none was needed."""
        q = self.base[name]
        if name not in self._growth:
            return np.full((len(steps), *q.values.shape[1:]), np.nan)
        return np.asarray(self._growth[name][np.searchsorted(q.steps, steps)])

    def __call__(self, name: str, reference: Quantity) -> np.ndarray:
        """The allowed difference of every element."""
        if reference.kind is Kind.DRAW:
            return np.zeros(reference.values.shape)
        dtypes = reference.values.dtype, self.base[name].values.dtype
        least = floor(reference.values, max(dtypes, key=lambda d: np.finfo(d).eps))
        if name in self._growth:
            least = np.fmax(self.growth(name, reference.steps), least)
        return np.asarray(FACTOR * least)

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
        at = np.searchsorted(self.base[name].steps, reference.steps)
        seen = self._seen[name][at].reshape(-1, *[1] * (reference.values.ndim - 1))
        if reference.kind is Kind.DRAW or not seen.any():
            return np.zeros(reference.values.shape, bool)
        return np.asarray(seen & np.isnan(self.growth(name, reference.steps)))


def last_step(run: Run) -> int | None:
    """The last step that any quantity has."""
    return max((int(q.steps[-1]) for q in run.quantities.values() if len(q.steps)), default=None)


def floor(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """``ulp(w)`` of every element, in a type; ``w`` is found by binades: the highest one in the
    step's array that is at most ``p // 2`` above the element's own."""
    bits = np.ascontiguousarray(rows(values), np.float64).view(np.uint64)
    info = np.finfo(dtype)
    bottom = max(int(info.minexp) + _BIAS, 0)
    found = np.empty(bits.shape)
    kernels().floor(found, bits, bottom, (int(info.nmant) + 1) // 2, _ulp(dtype))
    return np.asarray(found.reshape(values.shape))


_BIAS = 1022
"""What the bits of Float64 add to a binade, as frexp counts it."""


@cache
def _ulp(dtype: np.dtype[Any]) -> np.ndarray:
    """(2048,) of the numbers in each binade of Float64."""
    info = np.finfo(dtype)
    ulp = np.ldexp(1.0, np.arange(2048) - _BIAS - int(info.nmant) - 1)
    return np.maximum(ulp, float(info.smallest_subnormal))


def judge(
    expected: Run,
    tolerance: Measured,
    seeds: Sequence[int],
    strict: bool,
    repeats: Callable[[], None] = lambda: None,
    tell: Tell = lambda run, at_most, names: None,
) -> Report:
    """Compare, and run perturbed until the verdict is settled.

    Args:
        tolerance: of the port's run, which is its ``base``.
        seeds: of the perturbed runs there may be, in this order.
        repeats: called before the first of them.
        tell: called before every one.

    Raises:
        NothingToCompare: see :func:`compare`.
    """
    report = _compared(expected, tolerance, strict)
    open_: dict[str, np.ndarray] = {}
    for seed in seeds:
        if settled(report, tolerance.runs):
            break
        if not tolerance.runs:
            repeats()
        failing = [c for c in report.comparisons if c.verdict is Verdict.FAIL]
        open_ = {c.name: c.excess for c in failing} or open_
        tell(tolerance.runs + 1, len(seeds), open_)
        tolerance.add(seed, open_)
        report = _again(report, expected, tolerance, strict, open_)
    return report


def _again(
    report: Report,
    expected: Run,
    tolerance: Measured,
    strict: bool,
    wanted: Mapping[str, np.ndarray],
) -> Report:
    """The report with these steps compared anew; if the runs' common end has changed, all."""
    if tolerance.common_end(expected) is not None:
        return _compared(expected, tolerance, strict)
    both = {name: np.intersect1d(q.steps, wanted[name]) for name, q in expected.quantities.items()
            if name in wanted and name in tolerance.base.quantities}  # fmt: skip
    here, port = (_at(run, both) for run in (expected, tolerance.base))
    if not port.quantities:
        return report
    anew = compare(here, port, tolerance, strict=strict, blind=tolerance.blind)
    found = {c.name: c for c in anew.comparisons}
    return Report(
        tuple(c.amended(found[c.name]) if c.name in found else c for c in report.comparisons)
    )


def _compared(expected: Run, tolerance: Measured, strict: bool) -> Report:
    end, port = tolerance.common_end(expected), tolerance.base
    if end is not None:
        expected, port = expected.upto(end), port.upto(end)
    return compare(expected, port, tolerance, strict=strict, blind=tolerance.blind)


def _at(run: Run, wanted: Mapping[str, np.ndarray]) -> Run:
    """Some quantities, at these of their steps."""
    kept = {}
    for name, steps in wanted.items():
        here = np.intersect1d(run[name].steps, steps)
        if len(here):
            kept[name] = replace(run[name], steps=here, values=run[name].at(here))
    return Run(kept)


def settled(report: Report, runs: int) -> bool:
    """Whether more perturbed runs could change the verdict."""
    first = report.first_excess
    if first is None:  # what is not finite in one run may be in the next
        return bool(report) or runs != 1
    return runs >= ENOUGH and first.ratio[first.steps == first.first_excess].max() >= CLEAR
