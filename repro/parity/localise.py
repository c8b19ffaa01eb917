"""Name the first operation that goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from repro.parity.compare import compare
from repro.parity.envelope import quantum
from repro.parity.rules import difference
from repro.trajectory import Series, Trajectory

Budget = Callable[[str, np.ndarray], float]
"""``budget(name, reference)``: how many ulp this array may be off, counted from its operations."""


@dataclass(frozen=True)
class Excess:
    """A named array that is further from its reference than its budget.

    Attributes:
        name: the array, and so the operation that computes it.
        ulp: largest difference in ulp of the reference's largest magnitude; NaN where the arrays
            cannot be compared.
        budget: what was allowed, in the same unit.
        index: of the element that is furthest off; None where the arrays cannot be compared.
        reference, port: that element on both sides; None where the arrays cannot be compared.
        problem: why they cannot be; None where they can.
    """

    name: str
    ulp: float
    budget: float
    index: tuple[int, ...] | None = None
    reference: float | None = None
    port: float | None = None
    problem: str | None = None

    def __str__(self) -> str:
        if self.problem is not None:
            return f"`{self.name}`: {self.problem}"
        return f"`{self.name}` ({self.ulp:.3g} ulp, budget {self.budget:.3g})"


def first_excess(
    reference: Mapping[str, np.ndarray], port: Mapping[str, np.ndarray], budget: Budget
) -> Excess | None:
    """The first of one step's arrays that is off by more than its budget.

    An ulp is that of the array's largest finite magnitude: what rounding leaves of a sum that
    cancels is small beside its terms, not beside itself.

    Args:
        reference: the step's named arrays in the order of their computation.
        port: the port's. A name or type that only one side has is an excess; names that only
            the port has come last.
        budget: allowed difference in ulp. Integers and Bools must be equal and are not asked for.

    Returns:
        None where every array is within its budget.

    Raises:
        NothingToCompare: no name is in both, or no finite value.
    """

    def tolerance(name: str, series: Series) -> np.ndarray:
        allowed = budget(name, series.values[0]) * quantum(series)
        return allowed.reshape([1] * series.values.ndim)

    expected, found = one_step(reference), one_step(port)
    worst = compare(expected, found, tolerance, strict=True, in_order=True).first_excess
    if worst is None:
        return None
    name = worst.name
    if worst.problem is not None:
        return Excess(name, np.nan, np.nan, problem=worst.problem)
    a, b = expected[name].values, found[name].values
    index = np.unravel_index(int(np.argmax(difference(a, b))), a.shape)
    unit = quantum(expected[name])[0] if a.dtype.kind == "f" else 1.0
    allowed = budget(name, a[0]) if a.dtype.kind == "f" else 0.0
    where = tuple(int(i) for i in index[1:])
    return Excess(name, worst.absolute[0] / unit, allowed, where, a[index].item(), b[index].item())


def one_step(arrays: Mapping[str, np.ndarray], step: int = 0) -> Trajectory:
    """Named arrays of a single step as a trajectory."""
    return Trajectory(
        {name: Series(np.array([step]), np.asarray(a)[None]) for name, a in arrays.items()}
    )
