"""Whether two ensembles could come from one program, by permuting whole seeds.

If they do, it makes no difference which runs are called the port's. So the labels are dealt anew,
all names and steps of a seed together, and the largest statistic of all is noted each time
(Westfall and Young 1993): how often it is as large as the one seen holds for all names and steps
together, however they hang together.

Three statistics, of location, spread and whole curves, are brought together by the smallest of
their permutation p-values, which is itself compared with that of the other permutations.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np
import scipy  # its rooms are imported when first used: they take most of a second

from repro.checks.ensembles.summary import STILL

PERMUTATIONS = 1999
FAMILIES = ("location", "spread", "curves")

RESOLUTION = 1e-5
"""In the seeds' standard deviations: what is off by less is not called a difference. A port may
round otherwise, always in one direction, and in pairs any bias shows. Measured: of 480 numbers of
the fast engine beside the exact one, 64 pairs each, one has |t| above 3, and is off by 4.2e-7; this
is the next power of ten but one."""


@dataclass(frozen=True)
class Permuted:
    """The statistics as seen, in the first row, and under permutations of the labels.

    Attributes:
        location: (p, c) |t| of every column.
        spread: (p, c) the same of the distance from the common median.
        curves: (p,) energy distance between the two sets of whole runs (Szekely and Rizzo 2013).
        signed: (c,) t as seen, positive where the port has more.
        relabelings: how many different ones there are, as :func:`relabelings` counts them.
    """

    location: np.ndarray
    spread: np.ndarray
    curves: np.ndarray
    signed: np.ndarray
    relabelings: float

    @cached_property
    def p_values(self) -> np.ndarray:
        """(families, p) each row's rank: the share of rows with a statistic at least as large."""
        largest = (self.location.max(axis=1), self.spread.max(axis=1), self.curves)
        return np.stack([_share_as_large(found) for found in largest])

    @property
    def p(self) -> float:
        """Of all names, steps and families together."""
        least = self.p_values.min(axis=0)
        return float(np.mean(least <= least[0]))

    def critical(self, alpha: float) -> float:
        """The family p-value up to which the whole is significant at ``alpha``."""
        least = np.sort(self.p_values.min(axis=0))
        share = np.searchsorted(least, least, side="right") / len(least)
        fits = least[share <= alpha]
        return float(fits.max(initial=0.0))

    def column_p(self) -> np.ndarray:
        """(2, c) location and spread, adjusted for all columns of the family."""
        return np.stack([_adjusted(found) for found in (self.location, self.spread)])

    def critical_t(self, alpha: float) -> float:
        """|t| above which a column's location is significant; at the least what one column by
        itself would need, where hardly any permutation moves more than `RESOLUTION`."""
        largest = self.location.max(axis=1)
        critical = self.critical(alpha) or 1 / len(largest)
        found = float(np.quantile(largest, 1 - critical, method="inverted_cdf"))
        return max(found, float(scipy.stats.norm.isf(alpha / 2)))

    @property
    def attainable(self) -> float:
        """The smallest p-value that so few seeds, or so few dealings, can give."""
        return max(2 / self.relabelings, 1 / len(self.curves))


def permuted(
    a: np.ndarray, b: np.ndarray, paired: bool, seed: int = 0, permutations: int = PERMUTATIONS
) -> Permuted:
    """Statistics of (n, c) and (m, c) numbers, as seen and permuted.

    Args:
        paired: swap the two runs of pairs, rather than deal all runs anew.
        seed: of the permutations.
    """
    together = np.concatenate([a, b])
    spread = together.std(axis=0)
    scaled = np.divide(
        together - together.mean(axis=0), spread, out=np.zeros_like(together), where=spread > 0
    )
    labels = labelings(len(a), len(b), paired, seed, permutations)
    location = _t(scaled, labels, len(a), paired)
    apart = scaled - np.median(scaled, axis=0)
    return Permuted(
        np.abs(location),
        np.abs(_t(np.abs(apart), labels, len(a), paired)),
        _energy(scaled, labels, len(a) if paired else 0),
        location[0],
        relabelings(len(a), len(b), paired),
    )


def relabelings(n: int, m: int, paired: bool) -> float:
    """How many different labelings there are; infinite where floats cannot count them."""
    count = 2**n if paired else comb(n + m, n)
    return float(count) if count < 1 << 60 else math.inf


def least_seeds(share: float, paired: bool) -> int:
    """Seeds a side, or pairs, from which on anything could be significant at this level."""
    return next(
        n for n in itertools.count(2) if 2 / relabelings(n, n, paired) * len(FAMILIES) <= share
    )


def labelings(n: int, m: int, paired: bool, seed: int, count: int) -> np.ndarray:
    """(count + 1, n + m) weights whose product with values is a difference of means: 1/m of the
    port's, -1/n of the reference's. The first row has the labels as they are."""
    rng = np.random.default_rng(seed)
    first = np.r_[np.full(n, -1 / n), np.full(m, 1 / m)]
    if paired:
        swap = rng.choice([-1.0, 1.0], (count, n))
        dealt = first * np.tile(swap, 2)
    else:
        dealt = rng.permuted(np.tile(first, (count, 1)), axis=1)
    return np.asarray(np.concatenate([first[None], dealt]))


def _t(values: np.ndarray, labels: np.ndarray, n: int, paired: bool) -> np.ndarray:
    """(p, c) Student's t of every labeling; 0 where the means differ by less than `RESOLUTION`."""
    m = len(values) - n
    difference = labels @ values
    if paired:
        pairs = values[n:] - values[:n]
        variance = ((pairs**2).mean(axis=0) - difference**2) / (n - 1)
    else:
        total = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
        within = total - difference**2 * (n * m / (n + m))
        variance = within / (n + m - 2) * (1 / n + 1 / m)
    t: np.ndarray = np.zeros_like(difference)
    seen = np.abs(difference) >= RESOLUTION
    least = STILL**2  # every pair differs by the same
    np.divide(difference, np.sqrt(np.maximum(variance, least)), out=t, where=seen)
    return t


def _energy(values: np.ndarray, labels: np.ndarray, pairs: int) -> np.ndarray:
    """(p,) energy distances of the labelings, per column; 0 below the square of `RESOLUTION`.

    The distance within a pair is left out: it is the same under every labeling.
    """
    distance = scipy.spatial.distance.cdist(values, values) / np.sqrt(values.shape[1])
    within = np.arange(pairs)
    distance[within, within + pairs] = distance[within + pairs, within] = 0
    found = -np.einsum("pi,pi->p", labels @ distance, labels)
    return np.asarray(np.where(found < RESOLUTION**2, 0.0, found))


def _share_as_large(statistic: np.ndarray) -> np.ndarray:
    """(p,) by row, the share of rows whose statistic is at least as large."""
    ordered = np.sort(statistic)
    below = np.searchsorted(ordered, statistic * (1 - 1e-12), side="left")
    return np.asarray(1 - below / len(statistic))


def _adjusted(statistic: np.ndarray) -> np.ndarray:
    """(c,) how often the largest of a permutation is at least as large as a column's own."""
    largest = np.sort(statistic.max(axis=1))
    below = np.searchsorted(largest, statistic[0] * (1 - 1e-12), side="left")
    return np.asarray(1 - below / len(largest))
