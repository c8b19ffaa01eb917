"""How many seeds are enough, by simulation: seeds are drawn anew from those there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy  # its rooms are imported when first used: they take most of a second

from repro.checks.ensembles.beside import Beside
from repro.checks.ensembles.permuting import RESOLUTION, permuted
from repro.checks.ensembles.summary import LEVEL

PROBABILITY = 0.9
"""With which a number of seeds shall do what it is named for."""

SIMULATIONS = 400
MOST_SEEDS = 4096


def grid(first: int) -> list[int]:
    """Numbers of seeds to try, each about a tenth above the one before."""
    found = [first]
    while found[-1] < MOST_SEEDS:
        found.append(int(np.ceil(found[-1] * 1.1)))
    return found


@dataclass(frozen=True)
class Plan:
    """What is needed to simulate further comparisons of the same two programs.

    Attributes:
        a, b: (n, s), (m, s) summaries of the runs that were seen.
        margins: (s,) within which they have to lie.
        critical: |t| above which a difference is significant.
        paired: as they were compared.
        least: seeds, or pairs, with which any verdict but ``UNDECIDED`` can be reached.
    """

    a: np.ndarray
    b: np.ndarray
    margins: np.ndarray
    critical: float
    paired: bool
    least: int

    def identical(self) -> Plan:
        """The same for two identical programs."""
        a, b = as_identical(self.a, self.b, self.paired)
        return replace(self, a=a, b=b)

    def seeds_for_equivalence(self, seed: int = 0) -> int | None:
        """Seeds a side, or pairs, with which identical programs end in ``EQUIVALENT``."""
        rng, alike = np.random.default_rng(seed), self.identical()
        for n in grid(self.least):
            equivalent, _ = alike.ends(n, rng, known=True)
            if equivalent.mean() >= PROBABILITY:
                return n
        return None

    def seeds_to_decide(self, seed: int = 0) -> int | None:
        """Seeds a side, or pairs, with which a second comparison would end in either verdict.

        What the two programs truly are is uncertain as well: each simulation first draws it from
        the seeds seen, and then its runs from that.

        Returns:
            None where that is more than :data:`MOST_SEEDS`.
        """
        rng = np.random.default_rng(seed)
        for n in grid(max(self.least, min(len(self.a), len(self.b)))):
            equivalent, different = self.ends(n, rng, known=False)
            if (equivalent | different).mean() >= PROBABILITY:
                return n
        return None

    def ends(self, n: int, rng: np.random.Generator, known: bool) -> tuple[np.ndarray, np.ndarray]:
        """(simulations,) each: whether all summaries lie within their margins, and whether one is
        significantly apart.

        Args:
            known: the programs are just as the seeds show them.
        """
        pick_a, pick_b = self._rows(n, n, rng)
        if not known:
            truth_a, truth_b = self._rows(len(self.a), len(self.b), rng)
            pick_a, pick_b = (
                np.take_along_axis(truth, pick, axis=1)
                for truth, pick in ((truth_a, pick_a), (truth_b, pick_b))
            )
        mean, error, freedom = _moments(self.a[pick_a], self.b[pick_b], self.paired)
        reach = scipy.stats.t.ppf(1 - LEVEL, freedom) * error
        within = (np.abs(mean) + reach <= self.margins).all(axis=1)
        apart = (np.abs(mean) > self.critical * error).any(axis=1)
        return within, apart

    def _rows(self, n: int, m: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(simulations, n), (simulations, m) runs, drawn with replacement; of pairs the same."""
        a = rng.integers(len(self.a), size=(SIMULATIONS, n))
        return a, a if self.paired else rng.integers(len(self.b), size=(SIMULATIONS, m))


def as_identical(a: np.ndarray, b: np.ndarray, paired: bool) -> tuple[np.ndarray, np.ndarray]:
    """Runs of two identical programs: both sides are the reference; of pairs each stands both ways
    round. (To take off their mean difference would make one pair that is far apart a constant
    difference of all the others.)"""
    return (np.concatenate([a, b]), np.concatenate([b, a])) if paired else (a, a)


def _moments(
    a: np.ndarray, b: np.ndarray, paired: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray | float]:
    """Mean difference, its standard error and degrees of freedom, over the second axis."""
    if paired:
        apart = b - a
        n = apart.shape[1]
        return apart.mean(axis=1), apart.std(axis=1, ddof=1) / np.sqrt(n), float(n - 1)
    n, m = a.shape[1], b.shape[1]
    left, right = a.var(axis=1, ddof=1) / n, b.var(axis=1, ddof=1) / m
    both = np.maximum(left + right, np.finfo(float).tiny)
    freedom = both**2 / np.maximum(left**2 / (n - 1) + right**2 / (m - 1), np.finfo(float).tiny)
    return b.mean(axis=1) - a.mean(axis=1), np.sqrt(both), freedom


@dataclass(frozen=True)
class Limits:
    """The smallest change that some numbers of seeds would find, in nine of ten comparisons.

    Attributes:
        seeds: (k,) a side, or pairs.
        smallest: by quantity (k,), on the quantity's own scale, at all its steps alike.
        spread: by quantity, the reference's standard deviation between seeds, of the median step.
        paired: whether the seeds are pairs.
        logs: the quantities whose scale is logarithmic.
    """

    seeds: np.ndarray
    smallest: Mapping[str, np.ndarray]
    spread: Mapping[str, float]
    paired: bool
    logs: frozenset[str]


def limits(beside: Beside, seeds: tuple[int, ...], alpha: float, simulations: int = 100) -> Limits:
    """Simulate comparisons of identical programs, and see how far one would have to be moved.

    A bootstrap of :func:`as_identical`.
    """
    rng = np.random.default_rng(0)
    a, b = as_identical(beside.a, beside.b, beside.paired)
    names = [column.name for column in beside.columns]
    smallest: dict[str, list[float]] = {name: [] for name in dict.fromkeys(names)}
    for n in seeds:
        rows = rng.integers(len(a), size=n), rng.integers(len(b), size=n)
        rows = (rows[0], rows[0] if beside.paired else rows[1])
        critical = permuted(a[rows[0]], b[rows[1]], beside.paired).critical_t(alpha)
        needed = _needed(a, b, beside.paired, n, critical, simulations, rng)
        for name in smallest:
            own = needed[:, [each == name for each in names]]
            smallest[name].append(float(np.quantile(own.min(axis=1), PROBABILITY)))
    spread = beside.a.std(axis=0, ddof=1)
    spreads = {
        name: float(np.median(spread[[each == name for each in names]])) for name in smallest
    }
    found = {name: np.array(values) for name, values in smallest.items()}
    return Limits(np.array(seeds), found, spreads, beside.paired, beside.logs)


def _needed(
    a: np.ndarray,
    b: np.ndarray,
    paired: bool,
    n: int,
    critical: float,
    simulations: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """(simulations, c): by how much each column's port has to be moved up to be significant."""
    found, spread = [], a.std(axis=0)
    for _ in range(simulations):
        left = rng.integers(len(a), size=n)
        right = left if paired else rng.integers(len(b), size=n)
        mean, error, _ = _moments(a[None, left], b[None, right], paired)
        found.append((np.maximum(critical * error, RESOLUTION * spread) - mean)[0])
    return np.array(found)
