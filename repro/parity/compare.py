"""Compare two trajectories, quantity by quantity and step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from repro.parity.envelope import difference
from repro.parity.ulp import ulp_distance
from repro.parity.verdict import Verdict, worst
from repro.trajectory import KINDS, Series, Trajectory

Tolerance = Callable[[str, Series], np.ndarray]
"""``tolerance(name, reference)`` gives the allowed difference, broadcastable to the values."""


@dataclass(frozen=True)
class Comparison:
    """One quantity of a port beside its reference; true when within tolerance everywhere.

    Attributes:
        name: the quantity.
        steps: (k,) the reference's steps that were compared.
        count: values per step.
        equal: (k,) share of the values equal bit for bit.
        absolute: (k,) largest absolute difference.
        ulp: (k,) largest difference in ulp of the single value, in the reference's dtype.
        allowed: (k,) the tolerance at the place that comes closest to it.
        ratio: (k,) largest difference over its tolerance: above 1 is too much.
        same_dtype: both sides computed in one precision; without it nothing is bitwise.
        problem: why no comparison was possible, or what the port lacks; None when all is there.
    """

    name: str
    steps: np.ndarray
    count: int
    equal: np.ndarray
    absolute: np.ndarray
    ulp: np.ndarray
    allowed: np.ndarray
    ratio: np.ndarray
    same_dtype: bool = True
    problem: str | None = None

    @property
    def verdict(self) -> Verdict:
        if self.problem is not None or not np.all(self.ratio <= 1):
            return Verdict.FAIL
        bitwise = self.same_dtype and np.all(self.equal == 1)
        return Verdict.PASS_BITWISE if bitwise else Verdict.PASS

    def __bool__(self) -> bool:
        return bool(self.verdict)

    @property
    def worst_ratio(self) -> float:
        return float(self.ratio.max(initial=0.0))

    @property
    def first_difference(self) -> int | None:
        """The first step in which any bit differs."""
        return _first(self.steps, self.equal < 1)

    @property
    def first_excess(self) -> int | None:
        """The first step that exceeds its tolerance."""
        return _first(self.steps, ~(self.ratio <= 1))


@dataclass(frozen=True)
class Report:
    """All quantities of one case; true when every one of them passes."""

    comparisons: tuple[Comparison, ...]

    @property
    def verdict(self) -> Verdict:
        return worst(c.verdict for c in self.comparisons)

    def __bool__(self) -> bool:
        return bool(self.verdict)

    def __getitem__(self, name: str) -> Comparison:
        return next(c for c in self.comparisons if c.name == name)

    @property
    def bit_equal(self) -> float:
        """Share of all compared values that are equal bit for bit."""
        weights = [c.count * len(c.steps) for c in self.comparisons]
        shares = [c.equal.mean() if len(c.steps) else 1.0 for c in self.comparisons]
        return float(np.average(shares, weights=weights)) if sum(weights) else 1.0

    @property
    def worst(self) -> Comparison:
        """The quantity that comes closest to its tolerance, or exceeds it furthest."""
        return max(self.comparisons, key=lambda c: (c.problem is not None, c.worst_ratio))


class NothingToCompare(ValueError):
    """Reference and port have no quantity in common."""


def compare(reference: Trajectory, port: Trajectory, tolerance: Tolerance) -> Report:
    """Hold every quantity of the reference against the port's.

    A quantity or step that the port lacks, another shape, and a NaN or infinity on one side only
    fail. Equal infinities, and NaN beside NaN, agree. What only the port has is not looked at.

    Args:
        reference: says what is compared, at which steps.
        port: the run under test.
        tolerance: the allowed difference of a quantity.

    Raises:
        NothingToCompare: not one quantity is in both.
    """
    if not set(reference.series) & set(port.series):
        raise NothingToCompare(
            f"nothing in common: the reference has {_listed(reference)}, "
            f"the port {_listed(port)}. Name the port's quantities as the reference does"
        )
    return Report(
        tuple(
            _quantity(name, expected, port.series.get(name), tolerance)
            for name, expected in sorted(reference.series.items(), key=_order)
        )
    )


def _order(item: tuple[str, Series]) -> tuple[int, str]:
    """Causes before effects: draws, states, results, runs."""
    name, series = item
    return KINDS.index(series.kind), name


def _quantity(
    name: str, expected: Series, found: Series | None, tolerance: Tolerance
) -> Comparison:
    if found is None:
        return _uncompared(name, expected, "the port does not have it")
    lacking = expected.steps[~np.isin(expected.steps, found.steps)]
    if len(lacking):
        steps = ", ".join(map(str, lacking[:5])) + (" …" if len(lacking) > 5 else "")
        return _uncompared(name, expected, f"the port lacks step {steps}")
    values = found.at(expected.steps)
    if values.shape != expected.values.shape:
        shapes = f"{values.shape[1:]}, not {expected.values.shape[1:]}"
        return _uncompared(name, expected, f"the port's shape is {shapes}")
    return _measured(name, expected, values, tolerance(name, expected))


def _measured(name: str, expected: Series, values: np.ndarray, allowed: np.ndarray) -> Comparison:
    with np.errstate(over="ignore"):
        cast = values.astype(expected.values.dtype)
    apart = difference(expected.values, values)
    same = _same_bits(expected.values, cast)
    allowed = np.broadcast_to(allowed, apart.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(apart == 0, 0.0, apart / allowed)
    rows = [a.reshape(len(a), -1) for a in (same, apart, ratio, allowed)]
    ulp = ulp_distance(expected.values, cast).reshape(len(cast), -1)
    closest = rows[2].argmax(axis=1)[:, None]
    return Comparison(
        name,
        expected.steps,
        _count(expected),
        equal=rows[0].mean(axis=1),
        absolute=rows[1].max(axis=1),
        ulp=ulp.max(axis=1).astype(np.float64),
        allowed=np.take_along_axis(rows[3], closest, axis=1)[:, 0],
        ratio=rows[2].max(axis=1),
        same_dtype=values.dtype == expected.values.dtype,
    )


def _same_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Equal bit for bit, except that any NaN equals any NaN (Julia and torch sign them apart)."""
    integer = f"i{a.dtype.itemsize}"
    bits = np.ascontiguousarray(a).view(integer) == np.ascontiguousarray(b).view(integer)
    return bits | (np.isnan(a) & np.isnan(b))


def _uncompared(name: str, expected: Series, problem: str) -> Comparison:
    k = len(expected.steps)
    nan, inf = np.full(k, np.nan), np.full(k, np.inf)
    sizes = expected.steps, _count(expected)
    return Comparison(name, *sizes, np.zeros(k), nan, nan, nan, inf, problem=problem)


def _count(series: Series) -> int:
    return int(np.prod(series.values.shape[1:]))


def _first(steps: np.ndarray, where: np.ndarray) -> int | None:
    return int(steps[where.argmax()]) if where.any() else None


def _listed(trajectory: Trajectory) -> str:
    return ", ".join(sorted(trajectory.series)) or "none"
