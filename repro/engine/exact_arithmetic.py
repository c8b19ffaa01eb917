"""Arithmetic primitives in the original's order: equal to it bit for bit.

The orders are those of Julia 1.5.3, Flux 0.7.3 and OpenBLAS's Haswell kernels, as described for
each primitive. What no comment speaks of is one IEEE operation after another in Float32.

The constants of `exact_sine` and `_expm1` are those of FreeBSD's math library (Sun Microsystems,
1993; single-precision versions by I. L. Taylor, B. D. Evans, S. G. Kargl), which openlibm and
Julia took over.
"""

from __future__ import annotations

from math import pi

import numpy as np

from repro.engine.arithmetic import implements
from repro.engine.compiling import inlined, jit
from repro.engine.tiles import ROWS, copysign, float_of, fma, out_of_line, product_tile

_F = np.float32
_0, _HALF, _1, _2, _3, _6 = (_F(v) for v in (0, 0.5, 1, 2, 3, 6))

# Sine

_S1, _S2 = -0.16666666641626524, 0.008333329385889463
_S3, _S4 = -0.00019839334836096632, 2.718311493989822e-6
_C1, _C2 = -0.499999997251031, 0.04166662332373906
_C3, _C4 = -0.001388676377460993, 2.439044879627741e-5
_QUARTER = pi / 2
_QUARTER_HEAD, _QUARTER_TAIL = 1.57079631090164184570, 1.58932547735281966916e-08
_INVERSE_QUARTER = 6.36619772367581382433e-01


@inlined
def exact_sine(x: np.float32) -> np.float32:
    """Julia's own sine of a Float32, for |x| below 2^28 quarter turns.

    The argument is reduced in Float64: by whole quarter turns of a Float64 pi/2 up to 9 pi/4, in
    two parts of pi/2 beyond. Then a polynomial in Float64, rounded once; Julia says `muladd` in
    its inner sums, which is fused on Haswell.
    """
    wide = float(abs(x))
    near = wide <= 9 * pi / 4
    turns = np.rint(wide * _INVERSE_QUARTER)
    # Julia's bounds between the quarters, which rounding the product need not hit.
    steps = (wide > pi / 4) + (wide > 3 * pi / 4) + (wide > 5 * pi / 4) + (wide > 7 * pi / 4)
    n = np.float64(np.int32(steps)) if near else turns
    y = wide - n * _QUARTER if near else (wide - n * _QUARTER_HEAD) - n * _QUARTER_TAIL
    z = y * y
    w = z * z
    s = z * y
    sine = (y + s * fma(z, _S2, _S1)) + s * w * fma(z, _S4, _S3)
    cosine = ((1.0 + z * _C1) + w * _C2) + (w * z) * fma(z, _C4, _C3)
    quarter = np.int32(n) & np.int32(3)
    value = _F(cosine if quarter & np.int32(1) else sine)
    value = -value if quarter & np.int32(2) else value
    return value * copysign(_1, x)


# Hyperbolic tangent

_LN2_HIGH, _LN2_LOW = _F(6.9313812256e-01), _F(9.0580006145e-06)
_INVERSE_LN2 = _F(1.4426950216)
_Q1, _Q2 = _F(-3.3333212137e-2), _F(1.5807170421e-3)
_HALF_LN2, _THREE_HALVES_LN2 = np.array([0x3EB17218, 0x3F851592], np.uint32).view(_F)
_TINY_TANH, _LARGE_TANH = _F(2e-12), _F(9)


@inlined
def _power_of_two(k: np.int32) -> np.float32:
    return float_of(np.int32((k + np.int32(127)) << np.int32(23)))


@inlined
def _expm1(x: np.float32) -> np.float32:
    """openlibm's `expm1f` in plain Float32 steps, for -2 < x <= 0 and 2 <= x < 18.

    Branches are written as selections, so that the loop around can be vectorised.
    """
    size = abs(x)
    sign_half = -_HALF if x < _0 else _HALF
    k_near = np.int32(0) if size <= _HALF_LN2 else np.int32(-1)
    k_far = np.int32(_INVERSE_LN2 * x + sign_half)
    k = k_near if size < _THREE_HALVES_LN2 else k_far
    turns = _F(k)
    high, low = x - turns * _LN2_HIGH, turns * _LN2_LOW
    r = high - low
    c = (high - r) - low

    half = _HALF * r
    hxs = r * half
    r1 = _1 + hxs * (_Q1 + hxs * _Q2)
    t = _3 - r1 * half
    e = hxs * ((r1 - t) / (_6 - r * t))
    k_is_0 = r - (r * e - hxs)

    e = (r * (e - c) - c) - hxs
    minus_1 = _HALF * (r - e) - _HALF
    scale = _power_of_two(k)
    below = (_1 - (e - r)) * scale - _1
    middle = ((_1 - _power_of_two(-k)) - (e - r)) * scale
    large = ((r - (e + _power_of_two(-k))) + _1) * scale
    above = middle if k < np.int32(23) else large
    if k == np.int32(0):
        return k_is_0
    if k == np.int32(-1):
        return minus_1
    return below if k < np.int32(0) else above


@inlined
def exact_activation(x: np.float32) -> np.float32:
    """Julia's tanh of a Float32: by `expm1` of -2|x| below 1, of 2|x| below 9, else 1."""
    a = abs(x)
    small = a < _1
    capped = a if a < _LARGE_TANH else _1
    t = _expm1(-_2 * a if small else _2 * capped)
    quotient = (-t if small else _2) / (t + _2)
    value = quotient if small else _1 - quotient
    value = _1 if a >= _LARGE_TANH else value
    value = a if a < _TINY_TANH else value
    return copysign(value, x) if x == x else x


@inlined
def exact_slope(h: np.float32) -> np.float32:
    """tanh's, from its value."""
    return _1 - h * h


# Products with 64 rows

_wide = product_tile(64, 6)
_middle = product_tile(48, 6)
_edge = product_tile(8, 6, chains=2)
_four = product_tile(64, 4)
_two = product_tile(64, 2)
_one = product_tile(64, 1)
_two_in_two_chains = product_tile(64, 2, chains=2)


@jit
def exact_product(
    c: np.ndarray, a: np.ndarray, b: np.ndarray, b_row: int, b_column: int, columns: int, inner: int
) -> None:
    """C = A B, with A 64 x inner and C 64 x columns column by column, B in any strides.

    Each element is a chain of fused multiply-adds from 0, or two chains added (`product_tile`).
    OpenBLAS 0.3.9's level-3 driver hands the Haswell kernel 12 columns as long as there are 12,
    then 8, 4, or up to 3. Of 12 columns the kernel takes rows 1-8 and 57-64 of the first 6 in two
    chains, for want of a partner to fill its registers; so it does with all rows of 4 columns.
    """
    out_of_line()
    j = 0
    while columns - j >= 12:
        cj, bj = ROWS * j, b_column * j
        _edge(c, a, b, cj, 0, bj, b_row, b_column, inner)
        _middle(c, a, b, cj + 8, 8, bj, b_row, b_column, inner)
        _edge(c, a, b, cj + 56, 56, bj, b_row, b_column, inner)
        _wide(c, a, b, cj + ROWS * 6, 0, bj + b_column * 6, b_row, b_column, inner)
        j += 12
    if columns - j >= 8:
        for i in range(j, j + 8, 4):
            _four(c, a, b, ROWS * i, 0, b_column * i, b_row, b_column, inner)
        j += 8
    elif columns - j >= 4:
        for i in range(j, j + 4, 2):
            _two_in_two_chains(c, a, b, ROWS * i, 0, b_column * i, b_row, b_column, inner)
        j += 4
    if columns - j >= 2:
        _two(c, a, b, ROWS * j, 0, b_column * j, b_row, b_column, inner)
        j += 2
    if columns > j:
        _one(c, a, b, ROWS * j, 0, b_column * j, b_row, b_column, inner)


# Products with a row or a column


@jit
def exact_row_times_matrix(out: np.ndarray, row: np.ndarray, h: np.ndarray, columns: int) -> None:
    """out (columns,) = row (64,) times h 64 x columns: one chain each, in BLAS's m = 1 kernel."""
    out_of_line()
    j = 0
    while columns - j >= 5:
        s0 = s1 = s2 = s3 = s4 = _0
        for k in range(ROWS):
            r = row[k]
            s0, s1, s2 = fma(r, h[j, k], s0), fma(r, h[j + 1, k], s1), fma(r, h[j + 2, k], s2)
            s3, s4 = fma(r, h[j + 3, k], s3), fma(r, h[j + 4, k], s4)
        out[j], out[j + 1], out[j + 2], out[j + 3], out[j + 4] = s0, s1, s2, s3, s4
        j += 5
    while columns > j:
        s0 = _0
        for k in range(ROWS):
            s0 = fma(row[k], h[j, k], s0)
        out[j] = s0
        j += 1


@jit
def exact_row_gradient(g: np.ndarray, d: np.ndarray, h: np.ndarray, columns: int) -> None:
    """g (64,) = d (columns,) times the transpose of h 64 x columns: one chain each."""
    out_of_line()
    _one(g, h, d, 0, 0, 0, 1, 0, columns)


@jit
def exact_column_gradient(g: np.ndarray, d: np.ndarray, x: np.ndarray, columns: int) -> None:
    """g (64,) = d 64 x columns times x (columns,): BLAS's matrix-vector product, `sgemv`.

    Its Haswell kernel takes 8 columns, then 4, as a chain of fused multiply-adds from 0 that is
    added to g; the older kernels for what remains round each product before they add it.
    """
    out_of_line()
    chain = np.empty(ROWS, np.float32)
    for i in range(ROWS):
        g[i] = _0
    j = 0
    while columns - j >= 8:
        _one(chain, d, x, 0, ROWS * j, j, 1, 0, 8)
        for i in range(ROWS):
            g[i] += chain[i]
        j += 8
    if columns - j >= 4:
        _one(chain, d, x, 0, ROWS * j, j, 1, 0, 4)
        for i in range(ROWS):
            g[i] += chain[i]
        j += 4
    while columns > j:
        for i in range(ROWS):
            g[i] += d[j, i] * x[j]
        j += 1


# Sums


@jit
def exact_sum_columns(out: np.ndarray, d: np.ndarray, ones: np.ndarray, columns: int) -> None:
    """out (64,) = the sum of d 64 x columns over its columns, from left to right.

    As fused multiply-adds by 1, which round like additions.
    """
    out_of_line()
    _one(out, d, ones, 0, 0, 0, 0, 0, columns)


@jit
def exact_sum_row(d: np.ndarray, n: int) -> np.float32:
    """The sum over the columns of a matrix with one row: beyond 16 elements, a whole array's."""
    if n > 16:
        return exact_sum_all(d, n)
    s = _0
    for j in range(n):
        s += d[j]
    return s


@jit
def exact_sum_all(a: np.ndarray, n: int) -> np.float32:
    """Julia's `sum` of a whole array, for n up to 1024 (beyond, it would split in halves).

    The loop is vectorised by LLVM: 4 accumulators of 8 lanes, folded at the end, the first of
    which starts as a[1] + a[2] in its first lane. What does not fill a block of 32 is added last.
    """
    out_of_line()
    if n == 1:
        return a[0]
    start = a[0] + a[1]
    i = np.int64(2)  # no literal, for which Numba would compile each lane by itself
    rest = i + (n - 2) // 32 * 32
    if rest > i:
        even = (_lane(a, i, rest, start) + _lane(a, i + 4, rest, -_0)) + (
            _lane(a, i + 2, rest, -_0) + _lane(a, i + 6, rest, -_0)
        )
        odd = (_lane(a, i + 1, rest, -_0) + _lane(a, i + 5, rest, -_0)) + (
            _lane(a, i + 3, rest, -_0) + _lane(a, i + 7, rest, -_0)
        )
        start = even + odd
    for i in range(rest, n):
        start += a[i]
    return start


@jit
def _lane(a: np.ndarray, first: int, last: int, start: np.float32) -> np.float32:
    """One lane's four accumulators, added."""
    s0, s1, s2, s3 = start, -_0, -_0, -_0
    for i in range(first, last, 32):
        s0, s1, s2, s3 = s0 + a[i], s1 + a[i + 8], s2 + a[i + 16], s3 + a[i + 24]
    return ((s0 + s1) + s2) + s3


implements("sine", "exact", exact_sine)
implements("activation", "exact", exact_activation)
implements("slope", "exact", exact_slope)
implements("product", "exact", exact_product)
implements(
    "narrow_products",
    "exact",
    exact_row_times_matrix,
    exact_row_gradient,
    exact_column_gradient,
)
implements("sums", "exact", exact_sum_columns, exact_sum_row, exact_sum_all)
