"""Arithmetic primitives in whatever order is quickest: the trajectory is equal to rounding.

Every primitive takes the same arguments as its namesake in `exact_arithmetic`, and those that
gain nothing from another order are the very same.
"""

from __future__ import annotations

from math import log

import numpy as np

from repro.engine.arithmetic import implements
from repro.engine.compiling import inlined, jit
from repro.engine.exact_arithmetic import (
    exact_row_gradient,
    exact_sine,
    exact_slope,
    exact_sum_columns,
)
from repro.engine.tiles import (
    ROWS,
    bits_of,
    copysign,
    float_of,
    fma,
    out_of_line,
    product_tile,
    relu,
)

_F = np.float32
_0, _1, _2 = _F(0), _F(1), _F(2)
#: Where the order of a sum is free, and a product may be fused into it.
_any_order = {"reassoc", "contract", "nsz"}

# Hyperbolic tangent

_CAP = _F(9.02)  # tanh rounds to 1 from here on
_TURNS = _F(2 / log(2))
_LN2 = _F(log(2))
_SHIFT = _F(1.5 * 2**23)  # added and taken off again, it rounds to a whole number
_EXPONENT, _BIAS = np.int32(23), np.int32(0x3F800000)
# (e^r - 1 - r) / r^2 for |r| <= ln(2)/2: minimax for the relative error of e^r - 1, 1.3e-8.
_E0, _E1, _E2 = _F(0.49999998), _F(0.16666543), _F(0.0416672)
_E3, _E4 = _F(0.00836658), _F(0.00138825)


@inlined
def fast_activation(x: np.float32) -> np.float32:
    """y / (y + 2) with y = e^(2|x|) - 1, and the sign of x: within 2.5 ulp, 0.42 on average."""
    a = abs(x)
    a = _CAP if a > _CAP else a
    shifted = fma(a, _TURNS, _SHIFT)
    r = fma(shifted - _SHIFT, -_LN2, a + a)
    scale = float_of(np.int32((bits_of(shifted) << _EXPONENT) + _BIAS))
    tail = fma(fma(fma(fma(_E4, r, _E3), r, _E2), r, _E1), r, _E0)
    y = fma(scale, fma(r * r, tail, r), scale - _1)
    return copysign(y / (y + _2), x)


# What may stand in its place


@inlined
def relu_activation(x: np.float32) -> np.float32:
    """relu; NaN stays NaN, as in torch."""
    return relu(x)


@inlined
def relu_slope(h: np.float32) -> np.float32:
    """relu's, from its value; 0 at the kink, as in torch."""
    return _1 if h > _0 else _0


# Products

_six = product_tile(64, 6)
_four = product_tile(64, 4)
_two = product_tile(64, 2)
_one = product_tile(64, 1)


@jit
def fast_product(
    c: np.ndarray, a: np.ndarray, b: np.ndarray, b_row: int, b_column: int, columns: int, inner: int
) -> None:
    """One chain of fused multiply-adds per element."""
    out_of_line()
    j = 0
    while columns - j >= 6:
        _six(c, a, b, ROWS * j, 0, b_column * j, b_row, b_column, inner)
        j += 6
    if columns - j >= 4:
        _four(c, a, b, ROWS * j, 0, b_column * j, b_row, b_column, inner)
        j += 4
    if columns - j >= 2:
        _two(c, a, b, ROWS * j, 0, b_column * j, b_row, b_column, inner)
        j += 2
    if columns > j:
        _one(c, a, b, ROWS * j, 0, b_column * j, b_row, b_column, inner)


@jit(fastmath=_any_order)
def fast_row_times_matrix(out: np.ndarray, row: np.ndarray, h: np.ndarray, columns: int) -> None:
    """Each element is summed in as many lanes as the processor has."""
    out_of_line()
    for j in range(columns):
        s = _0
        for k in range(ROWS):
            s += row[k] * h[j, k]
        out[j] = s


@jit
def fast_column_gradient(g: np.ndarray, d: np.ndarray, x: np.ndarray, columns: int) -> None:
    """One chain of fused multiply-adds per element."""
    out_of_line()
    _one(g, d, x, 0, 0, 0, 1, 0, columns)


# Sums


@jit(fastmath=_any_order)
def fast_sum_all(a: np.ndarray, n: int) -> np.float32:
    """In as many lanes as the processor has."""
    out_of_line()
    s = _0
    for i in range(n):
        s += a[i]
    return s


@jit
def fast_sum_row(d: np.ndarray, n: int) -> np.float32:
    """The same."""
    return fast_sum_all(d, n)


implements("sine", "fast", exact_sine)
implements("activation", "fast", fast_activation)
implements("activation", "relu", relu_activation)
implements("slope", "fast", exact_slope)
implements("slope", "relu", relu_slope)
implements("product", "fast", fast_product)
implements(
    "narrow_products", "fast", fast_row_times_matrix, exact_row_gradient, fast_column_gradient
)
implements("sums", "fast", exact_sum_columns, fast_sum_row, fast_sum_all)
