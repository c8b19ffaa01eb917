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

from repro.engine.compiling import jit
from repro.engine.network import fill, take
from repro.engine.tiles import out_of_line, product_tile, relu, transpose_tile

HIDDEN = 40
SIZE = 3 * HIDDEN + HIDDEN * HIDDEN + HIDDEN + 1
# As variables: for literals Numba would compile the product once for each combination.
_NEXT, _COLUMN = np.int64(1), np.int64(HIDDEN)
#: Where a product may be fused into a sum.
_fused = {"contract"}

_one, _one_onto = (product_tile(HIDDEN, 1, stride=HIDDEN, onto=onto) for onto in (False, True))
_transpose_block = transpose_tile(HIDDEN)


class Layers(NamedTuple):
    """Views of one vector of weights, of a gradient, or of a direction."""

    w1: np.ndarray  # (40,)
    b1: np.ndarray  # (40,)
    w2: np.ndarray  # (1600,): what leads from each input, input by input
    b2: np.ndarray  # (40,)
    w3: np.ndarray  # (40,)
    b3: np.ndarray  # (1,)


class Tape(NamedTuple):
    """What a gradient on up to n points leaves behind, and what moves with it along a direction."""

    h1: np.ndarray  # (n, 40), after the relu
    h2: np.ndarray  # (n, 40)
    output: np.ndarray  # (n,)
    d: np.ndarray  # (n,), the loss's derivative by the outputs
    d2: np.ndarray  # (n, 40), by the second layer's inputs
    d1: np.ndarray  # (n, 40), by the first's
    transposed: np.ndarray  # (1600,), w2 output by output
    ones: np.ndarray  # (n,)


@jit
def layers(w: np.ndarray) -> Layers:
    """The views of a vector (1761,)."""
    a, b, c = 2 * HIDDEN, 2 * HIDDEN + HIDDEN * HIDDEN, SIZE - 1
    return Layers(w[:HIDDEN], w[HIDDEN:a], w[a:b], w[b : b + HIDDEN], w[b + HIDDEN : c], w[c:SIZE])


@jit
def tape(room: np.ndarray, used: np.ndarray, n: int) -> Tape:
    """Room for batches of up to n points; see :func:`room_for`."""
    out_of_line()
    ones = take(room, used, n)
    fill(ones, room.dtype.type(1))
    return Tape(
        take(room, used, HIDDEN * n).reshape((n, HIDDEN)),
        take(room, used, HIDDEN * n).reshape((n, HIDDEN)),
        take(room, used, n),
        take(room, used, n),
        take(room, used, HIDDEN * n).reshape((n, HIDDEN)),
        take(room, used, HIDDEN * n).reshape((n, HIDDEN)),
        take(room, used, HIDDEN * HIDDEN),
        ones,
    )


def room_for(points: int) -> int:
    """How many numbers a :class:`Tape` for so many points takes."""
    return 4 * (HIDDEN * points + 16) + 3 * (points + 16) + HIDDEN * HIDDEN + 16


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


# Loops over all values of a layer, each a function of its own: LLVM vectorises no larger ones.


@jit(fastmath=_fused)
def _first_layer(out, w: Layers, x) -> None:
    """out = w1 * x + b1, (n, 40)."""
    out_of_line()
    for j in range(x.size):
        for i in range(HIDDEN):
            out[j, i] = w.w1[i] * x[j] + w.b1[i]


@jit(fastmath=_fused)
def _gate(a, h, n: int) -> None:
    """What passes the derivative of a relu with outputs h: at a kink nothing, as in torch."""
    out_of_line()
    for j in range(n):
        for i in range(HIDDEN):
            a[j, i] *= a.dtype.type(h[j, i] > 0)


@jit(fastmath=_fused)
def _outer(out, w3, d, n: int) -> None:
    """out = the products of d (n,) and w3 (40,)."""
    out_of_line()
    for j in range(n):
        for i in range(HIDDEN):
            out[j, i] = w3[i] * d[j]


@jit(fastmath=_fused)
def _outer_onto(out, w3, d, n: int) -> None:
    """out += the products of d (n,) and w3 (40,)."""
    out_of_line()
    for j in range(n):
        for i in range(HIDDEN):
            out[j, i] += w3[i] * d[j]


@jit(fastmath=_fused)
def predict(w: Layers, x, t: Tape) -> None:
    """The network's output at x (n,) into the tape, with the hidden values."""
    out_of_line()
    n = x.size
    for j in range(n):
        for i in range(HIDDEN):
            t.h1[j, i] = relu(w.w1[i] * x[j] + w.b1[i])
    _product(t.h2, w.w2, t.h1, _NEXT, _COLUMN, n, _COLUMN)
    for j in range(n):
        for i in range(HIDDEN):
            t.h2[j, i] = relu(t.h2[j, i] + w.b2[i])
    _times_row(t.output, w.w3, t.h2, n)
    for j in range(n):
        t.output[j] += w.b3[0]


@jit(fastmath={"reassoc", *_fused})
def _times_row(out, row, h, n: int) -> None:
    """out (n,) = row (40,) times each row of h (n, 40)."""
    out_of_line()
    for j in range(n):
        s = row.dtype.type(0)
        for i in range(HIDDEN):
            s += row[i] * h[j, i]
        out[j] = s


@jit
def mse(y, t: Tape):
    """The mean squared error of the prediction in the tape."""
    out_of_line()
    s = y.dtype.type(0)
    for j in range(y.size):
        s += (t.output[j] - y[j]) * (t.output[j] - y[j])
    return s / y.dtype.type(y.size)


@jit
def gradient(g: Layers, w: Layers, x, y, t: Tape):
    """The gradient of the mean squared error at (x, y) into g; returns the error."""
    out_of_line()
    n = x.size
    predict(w, x, t)
    scale = y.dtype.type(2) / y.dtype.type(n)
    for j in range(n):
        t.d[j] = scale * (t.output[j] - y[j])
    _transpose(t.transposed, w.w2)
    _outer(t.d2, w.w3, t.d, n)
    _gate(t.d2, t.h2, n)
    _product(t.d1, t.transposed, t.d2, _NEXT, _COLUMN, n, _COLUMN)
    _gate(t.d1, t.h1, n)
    _product(g.w2, t.d2, t.h1, _COLUMN, _NEXT, _COLUMN, n)
    _sum(g.w3, t.h2, t.d, n)
    _edges(g, x, t, n)
    return mse(y, t)


@jit
def _edges(g: Layers, x, t: Tape, n: int) -> None:
    """Biases and the first layer: sums over the points of d, d2 and d1."""
    out_of_line()
    _sum(g.w1, t.d1, x, n)
    _sum(g.b1, t.d1, t.ones, n)
    _sum(g.b2, t.d2, t.ones, n)
    s = x.dtype.type(0)
    for j in range(n):
        s += t.d[j]
    g.b3[0] = s


@jit
def _sum(out, a, by, n: int) -> None:
    """out (40,) = the sum of rows of a (n, 40), each times its `by`."""
    _one(out, a, by, 0, 0, 0, 1, 0, n)


@jit
def hessian_times(hv: Layers, v: Layers, w: Layers, x, t: Tape, r: Tape) -> None:
    """The Hessian at w times v, into hv.

    Args:
        t: as :func:`gradient` left it at w.
        r: for what moves; its fields are named as what they are the motion of.
    """
    out_of_line()
    n = x.size
    _first_layer(r.h1, v, x)
    _gate(r.h1, t.h1, n)
    _product(r.h2, v.w2, t.h1, _NEXT, _COLUMN, n, _COLUMN)
    _product_onto(r.h2, w.w2, r.h1, _NEXT, _COLUMN, n, _COLUMN)
    scale = x.dtype.type(2) / x.dtype.type(n)
    _outer_onto(r.h2, v.b2, r.ones, n)
    _gate(r.h2, t.h2, n)
    _times_row(r.output, v.w3, t.h2, n)
    _times_row(r.d, w.w3, r.h2, n)
    for j in range(n):
        r.d[j] = scale * (r.d[j] + r.output[j] + v.b3[0])
    _outer(r.d2, v.w3, t.d, n)
    _outer_onto(r.d2, w.w3, r.d, n)
    _gate(r.d2, t.h2, n)
    _transpose(r.transposed, v.w2)
    _product(r.d1, r.transposed, t.d2, _NEXT, _COLUMN, n, _COLUMN)
    _product_onto(r.d1, t.transposed, r.d2, _NEXT, _COLUMN, n, _COLUMN)
    _gate(r.d1, t.h1, n)
    _product(hv.w2, r.d2, t.h1, _COLUMN, _NEXT, _COLUMN, n)
    _product_onto(hv.w2, t.d2, r.h1, _COLUMN, _NEXT, _COLUMN, n)
    _sum(hv.w3, t.h2, r.d, n)
    _one_onto(hv.w3, r.h2, t.d, 0, 0, 0, 1, 0, n)
    _edges(hv, x, r, n)
