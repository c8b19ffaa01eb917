"""How much of a quantity could be judged, and to what size of error."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Sharpness:
    """To what size of error, relative to the value itself, a quantity's finite numbers were held.

    Attributes:
        median, worst: over all of them that are not zero; 0 where nothing may differ.
        dull: share of those that could hold nothing: NaN, or held to more than their own size.
        judged_to: the last step of which at least half was judged; None where there is none.
    """

    median: float
    worst: float
    dull: float
    judged_to: int | None


@dataclass(frozen=True)
class Judged:
    """What became of a quantity's numbers, all arrays (k,), one value a step.

    Attributes:
        candidates: how many can be judged: those that are not zero.
        dull: how many of them were not: NaN on both sides, or held to more than themselves.
        missing: those among them that are not finite.
        median, worst: tolerance over the value itself; NaN where there is none.
    """

    candidates: np.ndarray
    dull: np.ndarray
    missing: np.ndarray
    median: np.ndarray
    worst: np.ndarray

    @classmethod
    def nothing(cls, steps: int) -> Judged:
        """Of steps that were not compared."""
        none, unknown = np.zeros(steps), np.full(steps, np.nan)
        return cls(none, none, none, unknown, unknown)

    @classmethod
    def of(cls, a: np.ndarray, b: np.ndarray, allowed: np.ndarray, blind: np.ndarray) -> Judged:
        """Of (k, n) values. An infinity is judged where there are finite values in its step: there
        it is a mask, elsewhere an overflow.

        Args:
            a, b: the reference's and the port's.
            allowed: the tolerance.
            blind: where nothing is known of it.
        """
        finite = np.isfinite(a)
        overflow = np.isinf(a) & ~finite.any(axis=1, keepdims=True)
        missing = (np.isnan(a) & np.isnan(b)) | overflow
        here = finite & (a != 0)
        with np.errstate(all="ignore"):
            size = np.where(here, allowed / np.abs(a.astype(np.float64)), np.nan)
        dull = here & ((size > 1) | blind)
        counts = ((here | missing).sum(axis=1), (dull | missing).sum(axis=1), missing.sum(axis=1))
        return cls(*counts, *_middle_and_last(size, here.sum(axis=1)))

    def __add__(self, later: Judged) -> Judged:
        pairs = ((getattr(self, f.name), getattr(later, f.name)) for f in fields(self))
        return Judged(*(np.concatenate(pair) for pair in pairs))

    def spread(self, place: np.ndarray, steps: int) -> Judged:
        """These steps at their places among others that were not compared."""
        whole = Judged.nothing(steps)
        for f in fields(self):
            getattr(whole, f.name)[place] = getattr(self, f.name)
        return whole

    def lost(self, bitwise: bool) -> np.ndarray:
        """(k,) numbers that were not judged. Equal bits are, however wide the tolerance."""
        return self.missing if bitwise else self.dull

    def sharpness(self, steps: np.ndarray, bitwise: bool) -> Sharpness | None:
        """None where there was nothing to judge."""
        known = ~np.isnan(self.median)
        if not known.any() and not self.dull.sum():
            return None
        end = _end(2 * self.lost(bitwise) > self.candidates)
        return Sharpness(
            float(np.median(self.median[known])) if known.any() else float("nan"),
            float(self.worst[known].max()) if known.any() else float("nan"),
            float(self.dull.sum() / max(self.candidates.sum(), 1)),
            int(steps[end - 1]) if end else None,
        )


def _middle_and_last(size: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row's (lower) median and maximum, of as many as are not NaN: these are sorted last."""
    if not size.size:
        return np.full(len(size), np.nan), np.full(len(size), np.nan)
    ordered = np.sort(size, axis=1)
    rows = np.arange(len(size))
    return ordered[rows, (np.maximum(counts, 1) - 1) // 2], ordered[rows, np.maximum(counts, 1) - 1]


def _end(lost: np.ndarray) -> int:
    """Before which step the last ones begin that are all lost."""
    kept = np.flatnonzero(~lost)
    return int(kept[-1]) + 1 if len(kept) else 0
