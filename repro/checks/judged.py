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

    def __add__(self, later: Judged) -> Judged:
        pairs = ((getattr(self, f.name), getattr(later, f.name)) for f in fields(self))
        return Judged(*(np.concatenate(pair) for pair in pairs))

    def spread(self, place: np.ndarray, steps: int) -> Judged:
        """These steps at their places among others that were not compared."""
        return Judged.nothing(steps).amended(self, place)

    def amended(self, part: Judged, place: np.ndarray) -> Judged:
        """With other steps at these places."""
        whole = Judged(*(getattr(self, f.name).copy() for f in fields(self)))
        for f in fields(self):
            getattr(whole, f.name)[place] = getattr(part, f.name)
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


def median_of(size: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Each row's (lower) median of as many as are finite; NaN where none is."""
    if not counts.any():
        return np.full(len(size), np.nan)
    places = np.maximum(counts - 1, 0) // 2
    size.partition(np.unique(places))
    return np.where(counts, size[np.arange(len(size)), places], np.nan)


def _end(lost: np.ndarray) -> int:
    """Before which step the last ones begin that are all lost."""
    kept = np.flatnonzero(~lost)
    return int(kept[-1]) + 1 if len(kept) else 0
