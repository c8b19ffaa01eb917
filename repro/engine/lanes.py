"""The network of the post for 8 seeds at once, each in a lane of the processor's vectors.

Seeds have nothing to do with each other, so that a product of weights and hidden values becomes
one of vectors. What a single run spends on moving numbers within its vectors and on sums across
them falls away, and updates are made where the gradient is still in registers. The arithmetic is
the fast engine's but for the order of sums, and for where the learning rate comes in (`gradient`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from repro.engine.compiling import jit
from repro.engine.lane_tiles import (
    B1,
    B2,
    B3,
    COLUMN,
    LANES,
    LAYER,
    PANEL,
    PANELS,
    W1,
    W2,
    W3,
    WEIGHTS,
    Rule,
    backward_tile,
    forward_tile,
    narrow_tile,
    weight_tile,
)
from repro.engine.network import take
from repro.engine.tiles import ROWS, out_of_line
from repro.engine.vectors import SIZE, fma, fold, load, multiply_add, splat, store, tanh

_0, _1, _2 = np.float32(0), np.float32(1), np.float32(2)


class Work(NamedTuple):
    """Room for the intermediate values of up to n points."""

    h1: np.ndarray  # (512 n,)
    h2: np.ndarray  # (512 n,); `gradient` leaves its derivatives by what that is the tanh of
    output: np.ndarray  # (16 n,); `gradient` leaves its derivatives by it
    g: np.ndarray  # (2064,): the gradient but for W2
    poison: np.ndarray  # (16,): NaN for lanes that have met a loss that is not finite, else 0


@jit
def workspace(room: np.ndarray, used: np.ndarray, n: int, poison: np.ndarray) -> Work:
    """Room for batches of up to n points."""
    h1, h2 = take(room, used, LAYER * n), take(room, used, LAYER * n)
    return Work(h1, h2, take(room, used, SIZE * n), take(room, used, W2), poison)


def room_for(points: int) -> int:
    """How many Float32 the loops take for up to that many points at once."""
    return (2 * LAYER + 8 * SIZE) * points + 3 * (WEIGHTS + SIZE) + W2


def pack(weights: np.ndarray, vectors: np.ndarray) -> None:
    """8 vectors of weights, (8, 4353), into a group's (WEIGHTS,)."""
    w1, b1, w2, b2, w3, b3 = np.split(vectors.T, [64, 128, 4224, 4288, 4352])
    for start, part in ((W1, w1), (B1, b1), (B2, b2), (W3, w3), (B3, b3), (B3 + LANES, b3)):
        weights[start : start + part.size] = part.ravel()
    _panels(weights)[:] = w2.reshape(ROWS, PANELS, COLUMN).transpose(1, 0, 2)


def unpack(weights: np.ndarray) -> np.ndarray:
    """The way back."""
    starts = ((W1, ROWS), (B1, ROWS), (B2, ROWS), (W3, ROWS), (B3, 1))
    w1, b1, b2, w3, b3 = (weights[at : at + LANES * n].reshape(n, LANES) for at, n in starts)
    w2 = _panels(weights).transpose(1, 0, 2).reshape(ROWS * ROWS, LANES)
    return np.ascontiguousarray(np.concatenate([w1, b1, w2, b2, w3, b3]).T)


def _panels(weights: np.ndarray) -> np.ndarray:
    return weights[W2:].reshape(PANELS, PANEL)[:, : ROWS * COLUMN].reshape(PANELS, ROWS, COLUMN)


# The gradient

_forward_5, _forward_1 = forward_tile(5), forward_tile(1)
_backward_5, _backward_1 = backward_tile(5), backward_tile(1)


@jit
def _first_layer(w, x, h1, n) -> None:
    """h1 = tanh(w1 x + b1)."""
    out_of_line()
    for panel in range(PANELS):
        for unit in range(0, COLUMN, 2 * SIZE):
            i = COLUMN * panel + unit
            w_a, w_b = load(w, W1 + i), load(w, W1 + i + SIZE)
            b_a, b_b = load(w, B1 + i), load(w, B1 + i + SIZE)
            for j in range(n):
                place, point = COLUMN * (panel * n + j) + unit, load(x, SIZE * j)
                store(h1, place, tanh(fma(w_a, point, b_a)))
                store(h1, place + SIZE, tanh(fma(w_b, point, b_b)))


@jit
def _second_layer(w, work, n) -> None:
    """h2, and the output but for b3, in two parts."""
    out_of_line()
    for j in range(n):
        store(work.output, SIZE * j, splat(_0))
    for panel in range(PANELS):
        j = 0
        while n - j >= 5:
            _forward_5(w, work.h1, work.h2, work.output, panel, j, n)
            j += 5
        while n > j:
            _forward_1(w, work.h1, work.h2, work.output, panel, j, n)
            j += 1


@jit
def _by_output(w, y, work, n, eta) -> None:
    """The derivatives of eta times the loss by each output, and their sum, which is b3's."""
    out_of_line()
    output = work.output
    head, tail, scale = splat(eta[0]), splat(eta[1]), splat(_1 / np.float32(n))
    total = squares = splat(_0)
    for j in range(n):
        error = fold(load(output, SIZE * j)) + load(w, B3) - load(y, SIZE * j)
        squares = fma(error, error, squares)
        d = scale * (splat(_2) * error)
        d = fma(head, d, tail * d)
        total = total + d
        store(output, SIZE * j, d)
    store(work.g, B3, total)
    store(work.poison, 0, load(work.poison, 0) + squares * scale * splat(_0))


@jit
def _by_second_layer(w, work, n) -> None:
    """h2 becomes the derivatives by what it is the tanh of; the gradients of w3 and b2."""
    out_of_line()
    h2, one, zero = work.h2, splat(_1), splat(_0)
    for panel in range(PANELS):
        for unit in range(0, COLUMN, 2 * SIZE):
            i = COLUMN * panel + unit
            w_a, w_b = load(w, W3 + i), load(w, W3 + i + SIZE)
            w3_a = w3_b = b2_a = b2_b = zero
            for j in range(n):
                place, d = COLUMN * (panel * n + j) + unit, load(work.output, SIZE * j)
                h_a, h_b = load(h2, place), load(h2, place + SIZE)
                w3_a, w3_b = fma(d, h_a, w3_a), fma(d, h_b, w3_b)
                d_a = (w_a * d) * fma(zero - h_a, h_a, one)
                d_b = (w_b * d) * fma(zero - h_b, h_b, one)
                b2_a, b2_b = b2_a + d_a, b2_b + d_b
                store(h2, place, d_a)
                store(h2, place + SIZE, d_b)
            store(work.g, W3 + i, w3_a)
            store(work.g, W3 + i + SIZE, w3_b)
            store(work.g, B2 + i, b2_a)
            store(work.g, B2 + i + SIZE, b2_b)


@jit
def _by_first_layer(w, x, work, n) -> None:
    """The gradients of w1 and b1."""
    out_of_line()
    for i in range(W1, B2, SIZE):
        store(work.g, i, splat(_0))
    for half in range(2 * PANELS):
        j = 0
        while n - j >= 5:
            _backward_5(work.g, w, work.h2, work.h1, x, half, j, n)
            j += 5
        while n > j:
            _backward_1(work.g, w, work.h2, work.h1, x, half, j, n)
            j += 1


@jit
def gradient(w, x, y, work, n, eta) -> None:
    """The gradient of eta times the loss at n points, all but the product that makes W2's.

    The step of Descent is then the gradient itself, and needs no multiplication. To multiply the
    loss's derivatives by the outputs rounds once more, at random, and is no more than one of the
    roundings that those have behind them. Eta is in two parts for what `fast_descent` says: its
    own rounding would be the same in every step.
    """
    out_of_line()
    _first_layer(w, x, work.h1, n)
    _second_layer(w, work, n)
    _by_output(w, y, work, n, eta)
    _by_second_layer(w, work, n)
    _by_first_layer(w, x, work, n)


# Updates, from what `gradient` has left; g is eta times the gradient of all weights


def _update(rule: Rule) -> Any:
    narrow, wide = narrow_tile(rule), weight_tile(rule)

    @jit
    def update(out, base, work, n, eta) -> None:
        out_of_line()
        head, tail = splat(eta[0]), splat(eta[1])
        for i in range(0, W2, SIZE):
            narrow(out, base, work.g, i, head, tail)
        for panel in range(PANELS):
            for half in range(2 * PANELS):
                wide(out, base, work.h2, work.h1, panel, half, n, head, tail)

    return update


def _moved_on(builder: Any, out: Any, base: Any, g: Any, eta: Any) -> Any:
    """eta * (base - g - out), to be added to out."""
    way = builder.fsub(out, builder.fsub(base, g))
    step = multiply_add(builder, eta[0], way, builder.fmul(eta[1], way))
    return builder.fsub(out, step)


#: out = base - g, where `base` may be `out`
descend = _update(lambda builder, out, base, g, eta: builder.fsub(base, g))
#: out = g
start_sum = _update(lambda builder, out, base, g, eta: g)
#: out += g
add_to_sum = _update(lambda builder, out, base, g, eta: builder.fadd(out, g))
#: out -= base + g, where `base` is such a sum
descend_by_sum = _update(
    lambda builder, out, base, g, eta: builder.fsub(out, builder.fadd(base, g))
)
#: out += eta * ((base - g) - out), with eta in two parts as well
follow = _update(_moved_on)
