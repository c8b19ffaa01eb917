"""What a run comes down to in a few numbers, and whether two ensembles' lie within a margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # its rooms are imported when first used: they take most of a second

from repro.run import Quantity, rows

LEVEL = 0.05
"""Of each of the two one-sided tests: the 90 % interval of the difference has to lie within the
margin (Schuirmann 1987)."""

STILL = 32 * float(np.finfo(np.float64).eps)
"""Of the values themselves: what varies by less has been rounded, and does not vary."""


@dataclass(frozen=True)
class Summary:
    """One number of a run: a quantity's mean, on its own scale, over its last steps.

    Attributes:
        quantity: which.
        late: the share of the steps that is averaged, counted from the end; 0 is the last alone.
    """

    quantity: str
    late: float = 0.5

    def __str__(self) -> str:
        return f"{self.quantity}, {'at the end' if self.late == 0 else 'late'}"


def late_mean(quantity: Quantity, late: float) -> np.ndarray:
    """(n,) by seed, the mean over the last steps and all elements."""
    steps = len(quantity.steps)
    first = steps - max(1, round(steps * late))
    found: np.ndarray = rows(quantity.values[first:].swapaxes(0, 1)).mean(axis=1)
    return found


@dataclass(frozen=True)
class Equivalence:
    """A summary of both sides.

    Attributes:
        label: whose.
        difference: the port's mean less the reference's.
        low, high: its 90 % interval, of pairs or by Welch.
        margin: what the interval has to lie within, on either side of 0.
        spread: the reference's standard deviation between seeds.
        log: whether all of these are natural logarithms.
    """

    label: str
    difference: float
    low: float
    high: float
    margin: float
    spread: float
    log: bool

    @property
    def holds(self) -> bool:
        """Whether both one-sided tests reject a difference as large as the margin."""
        return bool(-self.margin <= self.low and self.high <= self.margin)

    def in_unit(self, value: float) -> str:
        """A difference in the quantity's own unit: a share where the scale is logarithmic."""
        return f"{100 * np.expm1(value):+.2g} %" if self.log else f"{value:+.3g}"


def equivalence(
    label: str,
    a: np.ndarray,
    b: np.ndarray,
    paired: bool,
    spread: float,
    margin: float | None = None,
    log: bool = False,
) -> Equivalence:
    """Two one-sided tests of (n,) and (m,) numbers.

    Args:
        spread: the reference's standard deviation between seeds.
        margin: half of that where it is None.
    """
    low, high = map(float, interval(a, b, paired))
    own = spread / 2 if margin is None else margin
    return Equivalence(label, float(b.mean() - a.mean()), low, high, own, spread, log)


def interval(a: np.ndarray, b: np.ndarray, paired: bool) -> tuple[np.ndarray, np.ndarray]:
    """The 90 % interval of the mean of b (m, ...) less that of a (n, ...), over the first axis, by
    scipy; a point where nothing varies."""
    parts = [b - a] if paired else [a, b]
    if all((np.ptp(p, axis=0) <= STILL * (abs(a).max() + abs(b).max())).all() for p in parts):
        return b.mean(axis=0) - a.mean(axis=0), b.mean(axis=0) - a.mean(axis=0)
    test = scipy.stats.ttest_rel(b, a) if paired else scipy.stats.ttest_ind(b, a, equal_var=False)
    found = test.confidence_interval(1 - 2 * LEVEL)
    return found.low, found.high
