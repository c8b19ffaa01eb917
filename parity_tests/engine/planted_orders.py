"""Arithmetic that differs from the original's in one order or one rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from repro.engine import EXACT, Arithmetic, exact_arithmetic, fast_arithmetic
from repro.engine.arithmetic import implements
from repro.engine.compiling import inlined, jit

_F = np.float32
_0 = _F(0)


@jit
def unfused_product(c, a, b, b_row, b_column, columns, inner):
    out, left = c.reshape(c.size // 64, 64), a.reshape(a.size // 64, 64)
    right = b.reshape(b.size)
    for j in range(columns):
        for i in range(64):
            out[j, i] = _0
        for k in range(inner):
            for i in range(64):
                out[j, i] += left[k, i] * right[b_row * k + b_column * j]


@inlined
def rounded_activation(x):
    return _F(np.tanh(np.float64(x)))


@inlined
def rounded_sine(x):
    return _F(np.sin(np.float64(x)))


@jit
def backward_sum_columns(out, d, ones, columns):
    for i in range(64):
        s = _0
        for j in range(columns - 1, -1, -1):
            s += d[j, i]
        out[i] = s


@jit
def plain_sum_row(d, n):
    s = _0
    for j in range(n):
        s += d[j]
    return s


@jit
def plain_sum_all(a, n):
    s = _0
    for j in range(n):
        s += a[j]
    return s


@jit
def single_descent(w, g, eta):
    """The learning rate rounded to Float32."""
    rate = _F(eta)
    for i in range(w.size):
        w[i] -= rate * g[i]


def _plant(primitive: str, name: str, *functions: Callable) -> Arithmetic:
    implements(primitive, name, *functions)
    return replace(EXACT, **{primitive: name})


_narrow = {
    "row": exact_arithmetic.exact_row_times_matrix,
    "transposed": exact_arithmetic.exact_row_gradient,
    "column": exact_arithmetic.exact_column_gradient,
}
_sums = {
    "columns": exact_arithmetic.exact_sum_columns,
    "row": exact_arithmetic.exact_sum_row,
    "all": exact_arithmetic.exact_sum_all,
}
PLANTED = {
    "one chain where there are two": _plant("product", "chain", fast_arithmetic.fast_product),
    "products rounded before they are added": _plant("product", "unfused", unfused_product),
    "output layer summed in lanes": _plant(
        "narrow_products",
        "lanes",
        *{**_narrow, "row": fast_arithmetic.fast_row_times_matrix}.values(),
    ),
    "first layer's gradient in one chain": _plant(
        "narrow_products",
        "long",
        *{**_narrow, "column": fast_arithmetic.fast_column_gradient}.values(),
    ),
    "bias gradients from right to left": _plant(
        "sums", "backward", *{**_sums, "columns": backward_sum_columns}.values()
    ),
    "last bias gradient from left to right": _plant(
        "sums", "plain_row", *{**_sums, "row": plain_sum_row}.values()
    ),
    "tanh through Float64": _plant("activation", "rounded", rounded_activation),
    "sine through Float64": _plant("sine", "rounded", rounded_sine),
    "Float32 learning rate": _plant("descent", "single", single_descent),
}
"""One planted order each, all of which the weights feel."""

LOSS_ONLY = _plant("sums", "plain_all", *{**_sums, "all": plain_sum_all}.values())
"""The reported losses' sum from left to right: no weight feels it."""
