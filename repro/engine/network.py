"""The network of the post, 1-64-64-1 with tanh: prediction, loss and gradient.

All weights are one vector in the order of `repro.luna.flatten`: W then b, layer by layer, each W
column by column. Matrices of hidden values are (64, n), column by column, in flat arrays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from repro.engine.compiling import jit
from repro.engine.tiles import ROWS, out_of_line, transpose_tile

SIZE = 4353
W1, B1, W2, B2 = slice(0, 64), slice(64, 128), slice(128, 4224), slice(4224, 4288)
W3, B3 = slice(4288, 4352), 4352
_1, _2 = np.float32(1), np.float32(2)


class Work(NamedTuple):
    """Room for the intermediate values of up to n points, (64 n,) or (n,) each."""

    h1: np.ndarray
    h2: np.ndarray
    delta: np.ndarray
    carried: np.ndarray
    transposed: np.ndarray  # (4096,) W2, row by row
    output: np.ndarray
    error: np.ndarray
    ones: np.ndarray


@jit
def aligned(n: int) -> np.ndarray:
    """n Float32 zeros that start on a cache line."""
    room = np.zeros(n + 16, np.float32)
    start = (-room.ctypes.data // 4) % 16
    return room[start : start + n]


@jit
def copy(out: np.ndarray, values: np.ndarray) -> None:
    """out[:] = values[:out.size]; Numba takes seconds to compile what checks a slice's shape."""
    for i in range(out.size):
        out[i] = values[i]


@jit
def fill(out: np.ndarray, value: np.float32) -> None:
    """out[:] = value."""
    for i in range(out.size):
        out[i] = value


@jit
def workspace(n: int) -> Work:
    """Room for batches of up to n points."""
    out_of_line()
    ones = aligned(16)
    fill(ones, _1)
    return Work(
        aligned(ROWS * n), aligned(ROWS * n), aligned(ROWS * n), aligned(ROWS * n),
        aligned(ROWS * ROWS), aligned(n), aligned(n), ones,
    )  # fmt: skip


@jit
def predict(arithmetic, w, x, work) -> None:
    """The network's output at x (n,) into `work.output`, hidden values into `h1` and `h2`.

    A layer is act.(W * x .+ b): the product is rounded before the bias is added.
    """
    out_of_line()
    n = x.size
    w1, b1, b2, b3 = w[W1], w[B1], w[B2], w[B3]
    for j in range(n):
        h1 = work.h1[ROWS * j : ROWS * (j + 1)]
        for i in range(ROWS):
            h1[i] = arithmetic.tanh(w1[i] * x[j] + b1[i])
    arithmetic.product(work.h2, w[W2], work.h1, 1, ROWS, n, ROWS)
    for j in range(n):
        h2 = work.h2[ROWS * j : ROWS * (j + 1)]
        for i in range(ROWS):
            h2[i] = arithmetic.tanh(h2[i] + b2[i])
    arithmetic.row_times_matrix(work.output, w[W3], work.h2, n)
    for j in range(n):
        work.output[j] += b3


@jit
def mse(arithmetic, y, work) -> np.float32:
    """The loss of the prediction in `work.output`: the sum of squares times Float32(1/n)."""
    out_of_line()
    n = y.size
    for j in range(n):
        difference = work.output[j] - y[j]
        work.error[j] = difference * difference
    return arithmetic.sum_all(work.error, n) * (_1 / np.float32(n))


@jit
def transpose(out, w) -> None:
    """out = the transpose of w, both (64, 64)."""
    out_of_line()
    for i in range(0, ROWS, 8):
        for j in range(0, ROWS, 8):
            transpose_tile(out, w, ROWS * i + j, ROWS * j + i)


@jit
def gradient(arithmetic, g, w, x, y, work) -> np.float32:
    """The gradient of the loss at (x, y) into g (4353,); returns the loss."""
    out_of_line()
    n = x.size
    predict(arithmetic, w, x, work)
    loss = mse(arithmetic, y, work)
    scale = _1 / np.float32(n)
    d, w3 = work.error, w[W3]
    for j in range(n):
        d[j] = scale * (_2 * (work.output[j] - y[j]))

    arithmetic.row_gradient(g[W3], d, work.h2, n)
    g[B3] = arithmetic.sum_row(d, n)
    for j in range(n):
        delta, h2 = work.delta[ROWS * j : ROWS * (j + 1)], work.h2[ROWS * j : ROWS * (j + 1)]
        for i in range(ROWS):
            delta[i] = (w3[i] * d[j]) * (_1 - h2[i] * h2[i])

    arithmetic.product(g[W2], work.delta, work.h1, ROWS, 1, ROWS, n)
    arithmetic.sum_columns(g[B2], work.delta, work.ones, n)
    transpose(work.transposed, w[W2])
    arithmetic.product(work.carried, work.transposed, work.delta, 1, ROWS, n, ROWS)
    for i in range(ROWS * n):
        work.carried[i] = work.carried[i] * (_1 - work.h1[i] * work.h1[i])

    arithmetic.column_gradient(g[W1], work.carried, x, n)
    arithmetic.sum_columns(g[B1], work.carried, work.ones, n)
    return loss
