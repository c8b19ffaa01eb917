"""The loops over single numbers in which perturbed runs spend their time, compiled.

Importing this module imports Numba. All arrays are contiguous and of one dimension, Float32 or
Float64; Numba has no Float16 here. No loop raises NumPy's warnings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


def jit(function: Any) -> Any:
    return njit(cache=True, error_model="numpy")(function)


@jit
def _rounds(x: Any, limit: float) -> Any:
    """Whether a number rounds: whole ones up to ``limit`` do not."""
    return (np.trunc(x) != x) | ((abs(x) > limit) & (abs(x) < np.inf))


@jit
def nudge(values: Any, before: Any, masked: bool, xi: Any, size: float, limit: float) -> None:
    """Add ``xi size`` of each value to it, in place; whole numbers up to ``limit`` stay.

    Args:
        before: where ``masked``, what is as it was stays too.
    """
    for i in range(values.size):
        x = values[i]
        here = _rounds(x, limit)
        if masked:
            here &= before[i] != x
        values[i] = x + x * xi[i] * size if here else x


@jit
def nudge_pairs(values: Any, before: Any, masked: bool, xi: Any, size: float, limit: float) -> None:
    """The same of complex numbers' parts in pairs, by ``xi size`` of the modulus; a whole part
    moves where the other does."""
    for i in range(0, values.size, 2):
        modulus = np.hypot(values[i], values[i + 1])
        here = (_rounds(values[i], limit) | _rounds(values[i + 1], limit)) & (modulus < np.inf)
        for j in range(i, i + 2):
            x = values[j]
            still = masked and before[j] == x
            values[j] = x + modulus * xi[j] * size if here and not still else x


@jit
def shift(values: Any, before: Any, masked: bool, xi: Any, size: Any, own: float) -> None:
    """Add ``xi size``, and ``xi own`` of it, to each value, in place, where that is finite."""
    for i in range(values.size):
        x = values[i]
        moved = x + xi[i] * (size[i] + own * abs(x))
        here = abs(moved) < np.inf
        if masked:
            here &= before[i] != x
        values[i] = moved if here else x


@jit
def whole(values: Any, limit: float) -> bool:
    """Whether there are whole numbers up to ``limit`` alone."""
    i = 0
    while i < values.size and np.trunc(values[i]) == values[i] and abs(values[i]) <= limit:
        i += 1
    return bool(i == values.size)


@jit
def walk_size(result: Any, squares: Any, n: float, u: float) -> Any:
    """See :func:`repro.checks.noise.walk_size`."""
    size = np.empty(result.size)
    for i in range(result.size):
        s = np.float64(result[i])
        size[i] = u * np.sqrt(n * (s * s / 3 + abs(squares[i]) / 6))
    return size


@jit
def bridge(total: Any, before: Any, part: Any, squares: Any, n: float) -> None:
    """Add to ``total`` what a block of n terms spreads by, and to ``before`` their sum."""
    for i in range(total.size):
        a = before[i]
        b = a + part[i]
        total[i] += n * ((a * a + a * b + b * b) / 3 + squares[i] / 6)
        before[i] = b


@jit
def sum_size(terms: Any, result: Any, paired: Any, u: float, loop: float) -> Any:
    """See :func:`repro.checks.noise.sum_size`: of the rows of (m, n) terms.

    Args:
        paired: their sums in pairs; none of Float32, which Float64 sums as well in a loop.
    """
    m, n = terms.shape
    size = np.empty(m)
    for i in range(m):
        partial, squares, exact = terms[i, 0], 0.0, 0.0
        for j in range(n):
            partial = partial + terms[i, j] if j else partial
            exact += terms[i, j]
            squares += np.float64(partial) * np.float64(partial)
        exact = paired[i] if paired.size else exact
        apart = max(abs(np.float64(partial) - result[i]), abs(exact - result[i]))
        size[i] = u * np.sqrt(squares) + loop * apart
    return size


@jit
def floor(found: Any, bits: Any, bottom: int, reach: int, ulp: Any) -> None:
    """See :func:`repro.checks.measured.floor`. Binades are counted as in the bits of Float64.

    Args:
        found: (k, n) of NumPy's, to be filled: its large arrays come in large pages.
        bits: (k, n) uint64, those of Float64.
        bottom: the binade of zero.
        reach: how many binades above an element ``w`` may be.
        ulp: (2048,) of a number, by its binade.
    """
    k, n = bits.shape
    allowed = np.empty(2048)
    present, highest = np.zeros(2048, np.bool_), np.zeros(2048, np.int64)
    for i in range(k):
        low, high = 2047, 0
        for j in range(n):
            e = _binade(bits[i, j], bottom)
            present[e] = True
            low, high = min(low, e), max(high, e)
        for e in range(low, high + 1):
            highest[e] = e if present[e] else highest[e - 1]
            present[e] = False
        for e in range(low, high + 1):
            allowed[e] = ulp[highest[min(e + reach, high)]]
        for j in range(n):
            found[i, j] = allowed[_binade(bits[i, j], bottom)]


@jit
def _binade(bits: Any, bottom: int) -> Any:
    """That of zero where it is not finite."""
    e = np.int64((bits >> np.uint64(52)) & np.uint64(0x7FF))
    return bottom if e == 0x7FF else max(e, bottom)


@jit
def hold(
    size: Any, a: Any, b: Any, bits_a: Any, bits_b: Any, magnitude: int, allowed: Any, blind: Any
) -> Any:
    """Hold (k, n) values beside others, row by row: what :class:`repro.checks.compare.Comparison`
    and :class:`repro.checks.judged.Judged` have of them.

    Args:
        size: to be filled: the tolerance over the value, infinite where that is 0 or not finite.
        a, b: the reference's and the port's.
        bits_a, bits_b: their bits, in the reference's type, as signed integers.
        magnitude: these bits but the sign.
        allowed: the tolerance.
        blind: where nothing is known of it.

    Returns:
        (13, k): the share that is equal bit for bit, the largest difference, absolute and in ulp,
        the tolerance at the largest ratio, that ratio, how many are finite, candidates, dull,
        missing, how many have a size, and the largest size; then the two numbers that are most ulp
        apart, NaN where none are.
    """
    k, n = a.shape
    found = np.zeros((13, k))
    for i in range(k):
        equal = finite = candidates = dull = missing = sized = 0
        absolute = ulp = ratio = at = worst = 0.0
        for j in range(n):
            finite += abs(a[i, j]) < np.inf
        unlike, far = False, -1
        for j in range(n):
            x, y = np.float64(a[i, j]), np.float64(b[i, j])
            nan_x, nan_y = x != x, y != y
            equal += (bits_a[i, j] == bits_b[i, j]) | (nan_x & nan_y)
            far = j if (nan_x != nan_y) & (not unlike) else far
            unlike |= nan_x != nan_y
            limit = allowed[i, j] if abs(allowed[i, j]) < np.inf else 0.0
            apart = 0.0 if (x == y) | (nan_x & nan_y) else abs(x - y)
            apart = np.inf if nan_x != nan_y else apart
            used = apart / limit if apart != 0 else 0.0
            if (used > ratio) | (j == 0):
                ratio, at = used, limit
            absolute = apart if apart > absolute else absolute
            between = _between(bits_a[i, j], bits_b[i, j], magnitude) if apart != 0 else 0.0
            far = j if (between > ulp) & (not unlike) else far
            ulp = between if between > ulp else ulp
            here = (abs(x) < np.inf) & (x != 0)
            lost = (nan_x & nan_y) | ((abs(x) == np.inf) & (finite == 0))
            share = limit / abs(x) if here else np.inf
            size[i, j] = share
            worst = share if here & (share > worst) else worst
            candidates += here | lost
            dull += (here & ((share > 1) | blind[i, j])) | lost
            missing += lost
            sized += here
        ulp = np.inf if unlike else ulp
        found[0, i] = equal / n if n else 1.0
        found[1, i], found[2, i], found[3, i], found[4, i] = absolute, ulp, at, ratio
        found[5, i], found[6, i], found[7, i] = finite, candidates, dull
        found[8, i], found[9, i], found[10, i] = missing, sized, worst if sized else np.nan
        found[11, i], found[12, i] = (a[i, far], b[i, far]) if far >= 0 else (np.nan, np.nan)
    return found


@jit
def _between(a: int, b: int, magnitude: int) -> float:
    """How many representable numbers lie between two."""
    size_a, size_b = a & magnitude, b & magnitude
    apart = size_a - size_b
    same_sign = (a < 0) == (b < 0)
    return float(abs(apart)) if same_sign else float(size_a) + float(size_b)
