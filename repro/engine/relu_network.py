"""The second and third posts' network, 1-40-40-1 with relu: gradient, and Hessian times a vector.

All weights are one vector, W (inputs, outputs) row by row and then b, layer by layer. Hidden values
of n points are (n, 40) in memory. Float32 or Float64, as the arrays are.

The Hessian-vector product is the gradient's own derivative along a direction (B. A. Pearlmutter,
"Fast exact multiplication by the Hessian", 1994): where the gradient has a value, here stands how
that value moves. A relu moves as its input does, or where that is 0 or below not at all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from repro.engine.compiling import inlined, jit, uncounted
from repro.engine.network import fill
from repro.engine.tiles import dot_tile, out_of_line, product_tile, relu, transpose_tile

HIDDEN = 40
SIZE = 3 * HIDDEN + HIDDEN * HIDDEN + HIDDEN + 1
# As variables: for literals Numba would compile the product once for each combination.
_NEXT, _COLUMN = np.int64(1), np.int64(HIDDEN)
#: Where a product may be fused into a sum.
_fused = {"contract"}

_one, _one_onto = (product_tile(HIDDEN, 1, stride=HIDDEN, onto=onto) for onto in (False, True))
_transpose_block = transpose_tile(HIDDEN)
_dot = dot_tile(HIDDEN)


class Layers(NamedTuple):
    """Views of one vector of weights, of a gradient, or of a direction."""

    w1: np.ndarray  # (40,)
    b1: np.ndarray  # (40,)
    w2: np.ndarray  # (1600,): what leads from each input, input by input
    b2: np.ndarray  # (40,)
    w3: np.ndarray  # (40,)
    b3: np.ndarray  # (1,)


class Tape(NamedTuple):
    """What a gradient on n points leaves behind, and what moves with it along a direction: views
    of one room, for the same n at the same places. Hidden values are flat, point after point."""

    h1: np.ndarray  # (40 n,), after the relu
    h2: np.ndarray  # (40 n,)
    d2: np.ndarray  # (40 n,), the loss's derivative by the second layer's inputs
    d1: np.ndarray  # (40 n,), by the first's
    transposed: np.ndarray  # (1600,), w2 output by output
    output: np.ndarray  # (n,)
    d: np.ndarray  # (n,), the loss's derivative by the outputs
    ones: np.ndarray  # (n,)


@inlined
def layers(w: np.ndarray) -> Layers:
    """The views of a vector (1761,)."""
    a, b, c = 2 * HIDDEN, 2 * HIDDEN + HIDDEN * HIDDEN, SIZE - 1
    return Layers(w[:HIDDEN], w[HIDDEN:a], w[a:b], w[b : b + HIDDEN], w[b + HIDDEN : c], w[c:SIZE])


@inlined
def tape(room: np.ndarray, n: int) -> Tape:
    """The views of a room for n points; see :func:`room_for`."""
    wide, narrow = whole_lines(HIDDEN * n), whole_lines(n)
    square = 4 * wide
    rest = square + HIDDEN * HIDDEN
    found = Tape(
        room[: HIDDEN * n],
        room[wide : wide + HIDDEN * n],
        room[2 * wide : 2 * wide + HIDDEN * n],
        room[3 * wide : 3 * wide + HIDDEN * n],
        room[square:rest],
        room[rest : rest + n],
        room[rest + narrow : rest + narrow + n],
        room[rest + 2 * narrow : rest + 2 * narrow + n],
    )
    fill(found.ones, room.dtype.type(1))
    return found


@jit
def whole_lines(n: int) -> int:
    """So many numbers or a few more, that what follows starts on a cache line."""
    return (n + 15) // 16 * 16


@jit
def room_for(points: int) -> int:
    """How many numbers a :class:`Tape` for so many points takes."""
    return 4 * whole_lines(HIDDEN * points) + HIDDEN * HIDDEN + 3 * whole_lines(points)


def _product_in(one, onto: bool):
    """C = A B, or C += A B, (40, columns), in blocks of five columns and in single ones; see
    `product_tile`."""
    five = product_tile(HIDDEN, 5, stride=HIDDEN, onto=onto)

    @jit
    def product(c, a, b, b_row: int, b_column: int, columns: int, inner: int) -> None:
        out_of_line()
        j = 0
        while columns - j >= 5:
            five(c, a, b, HIDDEN * j, 0, b_column * j, b_row, b_column, inner)
            j += 5
        while columns > j:
            one(c, a, b, HIDDEN * j, 0, b_column * j, b_row, b_column, inner)
            j += 1

    return product


_product, _product_onto = _product_in(_one, onto=False), _product_in(_one_onto, onto=True)


@jit
def _transpose(out, w) -> None:
    """out = the transpose of w, both (40, 40)."""
    out_of_line()
    for i in range(0, HIDDEN, 8):
        for j in range(0, HIDDEN, 8):
            _transpose_block(out, w, HIDDEN * i + j, HIDDEN * j + i)


# Loops over all values of a layer, each a function of its own, and up to a size that LLVM does not
# know: larger functions it does not vectorise, and a loop of 40 it unrolls to single numbers.


@jit
def _relu_of_sum(h, b, n: int) -> None:
    """h = relu(h + b), (40 n,)."""
    out_of_line()
    for j in range(n):
        for i in range(b.size):
            h[HIDDEN * j + i] = relu(h[HIDDEN * j + i] + b[i])


@jit
def _gate(a, h) -> None:
    """What passes the derivative of a relu with outputs h: at a kink nothing, as in torch."""
    out_of_line()
    for i in range(h.size):
        a[i] *= a.dtype.type(h[i] > 0)


@jit
def _outer(out, row, d) -> None:
    """out (40 n,) = the products of d (n,) and a row (40,)."""
    out_of_line()
    for j in range(d.size):
        for i in range(row.size):
            out[HIDDEN * j + i] = row[i] * d[j]


@jit(fastmath=_fused)
def _outer_onto(out, row, d) -> None:
    """out += the products of d (n,) and a row (40,)."""
    out_of_line()
    for j in range(d.size):
        for i in range(row.size):
            out[HIDDEN * j + i] += row[i] * d[j]


@jit
def _times_row(out, row, h) -> None:
    """out (n,) = row (40,) times each row of h (40 n,)."""
    out_of_line()
    for j in range(out.size):
        out[j] = _dot(row, h, 0, HIDDEN * j)


@uncounted
def predict(weights, x, room):
    """The network's output at x (n,) into the room's tape, with the hidden values."""
    out_of_line()
    w, t, n = layers(weights), tape(room, x.size), x.size
    _outer(t.h1, w.w1, x)
    _relu_of_sum(t.h1, w.b1, n)
    _product(t.h2, w.w2, t.h1, _NEXT, _COLUMN, n, _COLUMN)
    _relu_of_sum(t.h2, w.b2, n)
    _times_row(t.output, w.w3, t.h2)
    for j in range(n):
        t.output[j] += w.b3[0]


@jit
def mse(y, output):
    """The mean squared error of a prediction."""
    out_of_line()
    s = y.dtype.type(0)
    for j in range(y.size):
        s += (output[j] - y[j]) * (output[j] - y[j])
    return s / y.dtype.type(y.size)


@uncounted
def gradient(out, weights, x, y, room):
    """The gradient of the mean squared error at (x, y) into `out`, (1761,) as the weights are.

    Returns the error, and leaves in the room what :func:`hessian_times` goes on from.
    """
    out_of_line()
    predict(weights, x, room)
    g, w, t, n = layers(out), layers(weights), tape(room, x.size), x.size
    scale = y.dtype.type(2) / y.dtype.type(n)
    for j in range(n):
        t.d[j] = scale * (t.output[j] - y[j])
    _transpose(t.transposed, w.w2)
    _outer(t.d2, w.w3, t.d)
    _gate(t.d2, t.h2)
    _product(t.d1, t.transposed, t.d2, _NEXT, _COLUMN, n, _COLUMN)
    _gate(t.d1, t.h1)
    _product(g.w2, t.d2, t.h1, _COLUMN, _NEXT, _COLUMN, n)
    _sum(g.w3, t.h2, t.d)
    _edges(g, x, t)
    return mse(y, t.output)


@uncounted
def _edges(g: Layers, x, t: Tape) -> None:
    """Biases and the first layer: sums over the points of d, d2 and d1."""
    out_of_line()
    _sum(g.w1, t.d1, x)
    _sum(g.b1, t.d1, t.ones)
    _sum(g.b2, t.d2, t.ones)
    s = x.dtype.type(0)
    for j in range(x.size):
        s += t.d[j]
    g.b3[0] = s


@jit
def _sum(out, a, by) -> None:
    """out (40,) = the sum of rows of a (40 n,), each times its `by` (n,)."""
    _one(out, a, by, 0, 0, 0, 1, 0, by.size)


@uncounted
def hessian_times(out, direction, weights, x, room, moving) -> None:
    """The Hessian times a direction, into `out`, all (1761,).

    Args:
        room: as :func:`gradient` left it at the weights and x.
        moving: for what moves; its fields are named as what they are the motion of.
    """
    out_of_line()
    hv, v, w, n = layers(out), layers(direction), layers(weights), x.size
    t, r = tape(room, n), tape(moving, n)
    _outer(r.h1, v.w1, x)
    _outer_onto(r.h1, v.b1, r.ones)
    _gate(r.h1, t.h1)
    _product(r.h2, v.w2, t.h1, _NEXT, _COLUMN, n, _COLUMN)
    _product_onto(r.h2, w.w2, r.h1, _NEXT, _COLUMN, n, _COLUMN)
    scale = x.dtype.type(2) / x.dtype.type(n)
    _outer_onto(r.h2, v.b2, r.ones)
    _gate(r.h2, t.h2)
    _times_row(r.output, v.w3, t.h2)
    _times_row(r.d, w.w3, r.h2)
    for j in range(n):
        r.d[j] = scale * (r.d[j] + r.output[j] + v.b3[0])
    _outer(r.d2, v.w3, t.d)
    _outer_onto(r.d2, w.w3, r.d)
    _gate(r.d2, t.h2)
    _transpose(r.transposed, v.w2)
    _product(r.d1, r.transposed, t.d2, _NEXT, _COLUMN, n, _COLUMN)
    _product_onto(r.d1, t.transposed, r.d2, _NEXT, _COLUMN, n, _COLUMN)
    _gate(r.d1, t.h1)
    _product(hv.w2, r.d2, t.h1, _COLUMN, _NEXT, _COLUMN, n)
    _product_onto(hv.w2, t.d2, r.h1, _COLUMN, _NEXT, _COLUMN, n)
    _sum(hv.w3, t.h2, r.d)
    _one_onto(hv.w3, r.h2, t.d, 0, 0, 0, 1, 0, n)
    _edges(hv, x, r)
