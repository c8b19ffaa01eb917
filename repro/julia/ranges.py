"""The elements of Julia's `range` and `LinRange`, which NumPy's and torch's linspace miss."""

from __future__ import annotations

from fractions import Fraction

import numpy as np


def julia_range(start: float, stop: float, length: int) -> np.ndarray:
    """`range(start, stop=stop, length=length)`: float64, shape (length,).

    Julia keeps start and step in twice the precision; the elements are start + i * step,
    i = 0 ... length - 1, rounded once. Both ends must be whole numbers (Julia reads other ends as
    the nearest simple fraction, which is not done here) and `length` at least 2; ValueError
    otherwise.
    """
    if float(start) != int(start) or float(stop) != int(stop):
        raise ValueError(f"ends {start}, {stop}: give whole numbers, or use julia_linrange")
    _check(length)
    steps = length - 1
    ends = int(start), int(stop)
    return np.array(
        [float(Fraction(ends[0] * (steps - i) + ends[1] * i, steps)) for i in range(length)]
    )


def julia_linrange(start: float, stop: float, length: int) -> np.ndarray:
    """`LinRange(start, stop, length)`: float64, shape (length,).

    The elements are (1 - t) * start + t * stop with t = i / (length - 1), every operation
    rounded. `length` must be at least 2; ValueError otherwise.
    """
    _check(length)
    t = np.arange(length) / (length - 1)
    return (1 - t) * start + t * stop


def _check(length: int) -> None:
    if length < 2:
        raise ValueError(f"a range of {length} points has no step; ask for 2 or more")
