"""When a difference may be said to look like something, and when that may be an accident.

A rule (:mod:`repro.checks.patterns`) says what the port's array would be (*the explanation*) and
is claimed where that holds in every element, within slack, and could hardly do so by accident. The
accident is stated, not felt: if a wrong element were anything within ``±|d|`` of the reference's,
``d`` its difference, it would fall within ``±s`` of the explanation with probability ``s / |d|``.
So a rule that tries ``choices`` explanations holds by accident with

    chance  <=  choices * prod(s_i / |d_i|)

over the wrong elements, those left out that the explanation was fitted to. What is within slack
anyway gives no evidence; of nothing but rounding nothing is ever claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from repro.checks.agreement import difference

LEAST = 1e-4
"""A pattern that holds by accident more often than this is not claimed."""

HALF_OF_THE_DIGITS = {2: 2.0**-5, 4: 2.0**-12, 8: 2.0**-26}
"""By width: a relative error beyond it is no rounding, not even after cancellation."""


@dataclass(frozen=True)
class Pattern:
    """What a difference looks like.

    Attributes:
        name: the rule's.
        text: what the port's array is, in words.
        chance: how often, at most, an arbitrary wrong array would look the same.
    """

    name: str
    text: str
    chance: float

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Seen:
    """One step's wrong array.

    Attributes:
        a, b: the reference's and the port's, float64, of one shape (another for ``axes`` alone).
        slack: how far an element may be off and still agree; float64, of a's shape.
        width: bytes of the floating type; 0 of integers and Bools.
        before, after: the reference's arrays one step earlier and later, if there are any.
        sizes: lengths and element counts of the arrays in that step: what n may be.
    """

    a: np.ndarray
    b: np.ndarray
    slack: np.ndarray
    width: int = 8
    before: np.ndarray | None = None
    after: np.ndarray | None = None
    sizes: tuple[int, ...] = ()

    @property
    def off(self) -> np.ndarray:
        """How far each element is off; infinite where one side alone is finite."""
        return difference(self.a, self.b)

    @property
    def wrong(self) -> np.ndarray:
        return self.off > self.slack

    def cut(self, where: tuple[slice | int, ...]) -> Seen:
        """A part of it."""
        return replace(self, a=self.a[where], b=self.b[where], slack=self.slack[where],
                       before=None, after=None)  # fmt: skip


Explanation = Callable[[Seen], "tuple[np.ndarray, np.ndarray] | None"]
"""What the port's array would be, and within what; None where a step has no such thing."""


def holds(
    steps: Sequence[Seen],
    explain: Explanation,
    choices: float,
    fitted: float | None = None,
    distinct: bool = False,
) -> tuple[float, int]:
    """The chance that an explanation holds by accident, and in how many steps from the first on.

    Args:
        choices: how many explanations were tried, as a natural logarithm.
        fitted: a reference's value; elements that have it were used up by fitting.
        distinct: count elements of equal reference's value once: for explanations by value, to
            which a hundred equal numbers are one.
    """
    values, shares = [np.empty(0)], [np.empty(0)]
    kept = 0
    for one in steps:
        found = explain(one)
        if found is None:
            break
        expected, slack = found
        if expected.shape != one.b.shape or not agree(expected, one.b, slack):
            break
        wrong = one.wrong
        least = np.maximum(slack, 0.0 if one.width else 0.5)
        values.append(one.a[wrong])
        shares.append(np.minimum(least[wrong] / one.off[wrong], 1.0))
        kept += 1
    value, share = np.concatenate(values), np.concatenate(shares)
    if distinct:
        value, share = _clusters(value, share)
    if fitted is not None:
        share = share[~_near(value, fitted)]
    evidence = np.log(np.maximum(share, 1e-300)).sum()
    return float(np.exp(min(choices + evidence, 0.0))) if kept else 1.0, kept


def _near(value: np.ndarray, other: float) -> np.ndarray:
    return difference(value, np.full(value.shape, other)) <= 1e-6 * abs(other)


def agree(expected: np.ndarray, found: np.ndarray, slack: np.ndarray) -> bool:
    """Whether an explanation holds in every element."""
    size = np.where(np.isfinite(expected), np.abs(expected), 0.0)
    return bool(np.all(difference(expected, found) <= slack + 1e-15 * size))


def _clusters(value: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One element of those whose values are equal to six digits, the one of least evidence."""
    order = np.argsort(value, kind="stable")
    value, share = value[order], share[order]
    if not value.size:
        return value, share
    apart = np.diff(value) > 1e-6 * np.maximum(np.abs(value[1:]), np.abs(value[:-1]))
    starts = np.flatnonzero(np.concatenate([[True], apart]))
    return value[starts], np.maximum.reduceat(share, starts)
