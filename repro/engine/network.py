"""The network of the post, 1-64-64-1 with tanh or relu: prediction, loss and gradient.

All weights are one vector in the order of `repro.luna.flatten`: W then b, layer by layer, each W
column by column. Hidden values of n points are (n, 64) in memory, which is Julia's 64 x n.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from repro.engine.compiling import jit
from repro.engine.tiles import ROWS, out_of_line, transpose_tile
from repro.luna.sine import OFFSETS, WIDTHS

HIDDEN = WIDTHS[1]
W1, B1, W2, B2, W3, B3, SIZE = OFFSETS
_1, _2 = np.float32(1), np.float32(2)
# As variables: for literals Numba would compile the product once for each combination.
_transpose_block = transpose_tile()
_NEXT, _COLUMN = np.int64(1), np.int64(ROWS)


class Layers(NamedTuple):
    """Views of one vector of weights, or of a gradient."""

    w1: np.ndarray  # (64,)
    b1: np.ndarray  # (64,)
    w2: np.ndarray  # (4096,), column by column
    b2: np.ndarray  # (64,)
    w3: np.ndarray  # (64,)
    b3: np.ndarray  # (1,)


class Work(NamedTuple):
    """Room for the intermediate values of up to n points."""

    h1: np.ndarray  # (n, 64)
    h2: np.ndarray  # (n, 64)
    delta: np.ndarray  # (n, 64)
    carried: np.ndarray  # (n, 64)
    transposed: np.ndarray  # (4096,), the hidden layer's W row by row
    output: np.ndarray  # (n,)
    error: np.ndarray  # (n,)
    ones: np.ndarray


@jit
def take(room: np.ndarray, used: np.ndarray, n: int) -> np.ndarray:
    """n Float32 of a room, from a cache line on; `used` (1,) counts what is taken."""
    start = used[0]
    used[0] += (n + 15) // 16 * 16
    return room[start : start + n]


def room_for(points: int) -> int:
    """How many Float32 a run on up to that many points at once takes; see `take`."""
    return 4 * ROWS * points + ROWS * ROWS + 4 * (SIZE + 15) + 10 * (points + 15)


@jit
def layers(w: np.ndarray) -> Layers:
    """The views of a vector (4353,)."""
    return Layers(w[W1:B1], w[B1:W2], w[W2:B2], w[B2:W3], w[W3:B3], w[B3:SIZE])


@jit
def workspace(room: np.ndarray, used: np.ndarray, n: int) -> Work:
    """Room for batches of up to n points."""
    out_of_line()
    ones = take(room, used, 16)
    fill(ones, _1)
    h1, h2 = take(room, used, ROWS * n), take(room, used, ROWS * n)
    delta, carried = take(room, used, ROWS * n), take(room, used, ROWS * n)
    return Work(
        h1.reshape((n, ROWS)),
        h2.reshape((n, ROWS)),
        delta.reshape((n, ROWS)),
        carried.reshape((n, ROWS)),
        take(room, used, ROWS * ROWS),
        take(room, used, n),
        take(room, used, n),
        ones,
    )


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
def predict(arithmetic, w, x, work) -> None:
    """The network's output at x (n,) into `work.output`, hidden values into `h1` and `h2`.

    A layer is act.(W * x .+ b): the product is rounded before the bias is added.
    """
    out_of_line()
    n = x.size
    h1, h2, output = work.h1, work.h2, work.output
    for j in range(n):
        for i in range(ROWS):
            h1[j, i] = arithmetic.activation(w.w1[i] * x[j] + w.b1[i])
    arithmetic.product(h2, w.w2, h1, _NEXT, _COLUMN, n, _COLUMN)
    for j in range(n):
        for i in range(ROWS):
            h2[j, i] = arithmetic.activation(h2[j, i] + w.b2[i])
    arithmetic.row_times_matrix(output, w.w3, h2, n)
    for j in range(n):
        output[j] += w.b3[0]


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
            _transpose_block(out, w, ROWS * i + j, ROWS * j + i)


@jit
def gradient(arithmetic, g, w, x, y, work) -> np.float32:
    """The gradient of the loss at (x, y) into the layers g; returns the loss."""
    out_of_line()
    n = x.size
    h1, h2, delta, carried = work.h1, work.h2, work.delta, work.carried
    predict(arithmetic, w, x, work)
    loss = mse(arithmetic, y, work)
    scale = _1 / np.float32(n)
    d = work.error
    for j in range(n):
        d[j] = scale * (_2 * (work.output[j] - y[j]))

    arithmetic.row_gradient(g.w3, d, h2, n)
    g.b3[0] = arithmetic.sum_row(d, n)
    for j in range(n):
        for i in range(ROWS):
            delta[j, i] = (w.w3[i] * d[j]) * arithmetic.slope(h2[j, i])

    arithmetic.product(g.w2, delta, h1, _COLUMN, _NEXT, _COLUMN, n)
    arithmetic.sum_columns(g.b2, delta, work.ones, n)
    transpose(work.transposed, w.w2)
    arithmetic.product(carried, work.transposed, delta, _NEXT, _COLUMN, n, _COLUMN)
    for j in range(n):
        for i in range(ROWS):
            carried[j, i] = carried[j, i] * arithmetic.slope(h1[j, i])

    arithmetic.column_gradient(g.w1, carried, x, n)
    arithmetic.sum_columns(g.b1, carried, work.ones, n)
    return loss
