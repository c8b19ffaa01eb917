"""How often one way does better than another, from pairs, and by how much.

The probability of improvement and interquartile means are what Agarwal and others recommend for
few runs ("Deep reinforcement learning at the edge of the statistical precipice", 2021); theirs is
for unpaired runs, and ours are pairs, so that its interval is the exact one of a proportion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest, bootstrap, trim_mean

LEVEL = 0.95
_RESAMPLES = 2000


class Interval(NamedTuple):
    """A confidence interval at ``LEVEL``."""

    low: float
    high: float


@dataclass(frozen=True)
class Proportion:
    """So many of so many; a tie, as between two that diverged, is no pair.

    Attributes:
        wins: how many.
        pairs: of how many.
    """

    wins: int
    pairs: int

    @property
    def probability(self) -> float:
        return self.wins / self.pairs

    @property
    def interval(self) -> Interval:
        """Clopper and Pearson's (1934), which covers with at least ``LEVEL`` at any truth."""
        found = binomtest(self.wins, self.pairs).proportion_ci(LEVEL, method="exact")
        return Interval(float(found.low), float(found.high))


def improvement(better: np.ndarray, worse: np.ndarray) -> Proportion:
    """In how many pairs the first is smaller; (n,) each, in the order of the pairs.

    Raises:
        ValueError: the lengths differ, so these are no pairs; or all are ties.
    """
    if better.shape != worse.shape:
        raise ValueError(f"pairs need two of a length, not {better.shape} and {worse.shape}")
    pairs = int((better != worse).sum())
    if pairs == 0:
        raise ValueError("all pairs are ties: compare runs that came to an end")
    return Proportion(int((better < worse).sum()), pairs)


def interquartile_mean(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """The mean of the middle half; infinite values are harmless while they are at most a quarter
    on either side."""
    return np.asarray(trim_mean(values, 0.25, axis=axis))


def interquartile_interval(values: np.ndarray) -> Interval:
    """Of the interquartile mean of values (n,), by a percentile bootstrap from a fixed seed."""
    with np.errstate(invalid="ignore"):  # where infinities get into the middle, the end is NaN
        found = bootstrap(
            (values,), interquartile_mean, n_resamples=_RESAMPLES, vectorized=True,
            confidence_level=LEVEL, method="percentile",
            random_state=np.random.default_rng(0),
        )  # fmt: skip
    return Interval(float(found.confidence_interval.low), float(found.confidence_interval.high))
