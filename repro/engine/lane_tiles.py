"""Products for 8 seeds at once, each in a lane of the processor's vectors: blocks in registers.

In memory, of whatever has 64 units the 8 lanes of 8 neighbouring units lie together: a *column*
of 64 Float32. So the hidden values of n points are (8, n, 64): eight *panels* of n columns. The
hidden layer's W is (8, 64, 64): a panel for 8 of its rows, in it a column for each column of W.
What a point has only one of, like its x, has its 8 lanes twice over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir

from repro.engine.tiles import _INDEX, ROWS
from repro.engine.vectors import (
    SIZE,
    VECTOR,
    at,
    constant,
    get,
    get_twice,
    halves_added,
    hyperbolic_tangent,
    kernel,
    multiply_add,
    put,
)

LANES = SIZE // 2
PANELS = ROWS // LANES
COLUMN = LANES * LANES
LAYER = ROWS * LANES
# A panel of W has 16 KiB. Were they next to each other, the same column of all of them would
# compete for the same few places of the first cache.
PANEL = ROWS * COLUMN + 256
#: Where a group's weights start in their vector, which has `WEIGHTS` Float32.
W1, B1, B2, W3, B3, W2 = 0, LAYER, 2 * LAYER, 3 * LAYER, 4 * LAYER, 4 * LAYER + SIZE
WEIGHTS = W2 + PANELS * PANEL

_VECTORS = range(0, COLUMN, SIZE)  # of a column


class _Factor(NamedTuple):
    """One side of a product: the vectors that each step of its loop takes."""

    get: Callable[..., Any]
    start: Any
    stride: Any  # from one round of the loop to the next
    offsets: list[list[int]]  # in each step of a round


def _products(builder: Any, left: _Factor, right: _Factor, rounds: Any) -> list[list[Any]]:
    """The sums of left times right over all steps: for each of right's vectors one per left's.

    Each is one chain of fused multiply-adds from 0.
    """
    before = builder.block
    head, body, end = (builder.append_basic_block(n) for n in ("products", "round", "produced"))
    builder.branch(head)

    builder.position_at_end(head)
    width = len(left.offsets[0])
    none = [constant(0)] * (width * len(right.offsets[0]))
    k, a, b = builder.phi(_INDEX), builder.phi(left.start.type), builder.phi(right.start.type)
    sums = [builder.phi(VECTOR) for _ in none]
    starts = [ir.Constant(_INDEX, 0), left.start, right.start, *none]
    for phi, value in zip([k, a, b, *sums], starts, strict=True):
        phi.add_incoming(value, before)
    builder.cbranch(builder.icmp_signed("<", k, rounds), body, end)

    builder.position_at_end(body)
    extended = list(sums)
    for left_step, right_step in zip(left.offsets, right.offsets, strict=True):
        x = [left.get(builder, a, offset) for offset in left_step]
        y = [right.get(builder, b, offset) for offset in right_step]
        for n in range(len(extended)):
            extended[n] = multiply_add(builder, x[n % width], y[n // width], extended[n])
    ends = [builder.add(k, ir.Constant(_INDEX, 1)), at(builder, a, left.stride)]
    ends += [at(builder, b, right.stride), *extended]
    for phi, value in zip([k, a, b, *sums], ends, strict=True):
        phi.add_incoming(value, body)
    builder.branch(head)

    builder.position_at_end(end)
    return [sums[n : n + width] for n in range(0, len(sums), width)]


def forward_tile(points: int) -> Any:
    """The tile ``(w, h1, h2, output, panel, j, n)`` for so many of n points, from the j-th on.

    h2 = tanh(W2 h1 + b2) for a panel, and its part of w3 h2 is added to `output`, in which even
    and odd units are apart.
    """

    def tile(
        builder: Any, w: Any, h1: Any, h2: Any, output: Any, panel: Any, j: Any, n: Any
    ) -> None:
        matrix = _Factor(
            get, at(builder, w, W2, (panel, PANEL)), LANES * COLUMN,
            [[COLUMN * k + i for i in _VECTORS] for k in range(LANES)],
        )  # fmt: skip
        hidden = _Factor(
            get_twice, at(builder, h1, (j, COLUMN)), builder.mul(n, ir.Constant(_INDEX, COLUMN)),
            [[COLUMN * p + LANES * k for p in range(points)] for k in range(LANES)],
        )  # fmt: skip
        sums = _products(builder, matrix, hidden, ir.Constant(_INDEX, PANELS))
        h2 = at(builder, h2, (builder.mul(panel, n), COLUMN), (j, COLUMN))
        output, w = at(builder, output, (j, SIZE)), at(builder, w, (panel, COLUMN))
        biases = [get(builder, w, B2 + i) for i in _VECTORS]
        for p, column in enumerate(sums):
            out = get(builder, output, SIZE * p)
            for i, x, bias in zip(_VECTORS, column, biases, strict=True):
                h = hyperbolic_tangent(builder, builder.fadd(x, bias))
                put(builder, h, h2, COLUMN * p + i)
                out = multiply_add(builder, get(builder, w, W3 + i), h, out)
            put(builder, out, output, SIZE * p)

    return kernel(tile)


def backward_tile(points: int) -> Any:
    """The tile ``(g, w, delta, h1, x, half, j, n)`` for half a panel of the first layer's units.

    The derivatives by what those take the tanh of, and their part of the gradients of w1 and b1,
    which is added to g. Even and odd rows of W2 are summed apart.
    """

    def tile(
        builder: Any, g: Any, w: Any, delta: Any, h1: Any, x: Any, half: Any, j: Any, n: Any
    ) -> None:
        units, one = LANES // 2, ir.Constant(_INDEX, 1)
        matrix = _Factor(
            get, at(builder, w, W2, (half, units * COLUMN)), PANEL,
            [[COLUMN * k + i for k in range(units)] for i in _VECTORS],
        )  # fmt: skip
        derivatives = _Factor(
            get, at(builder, delta, (j, COLUMN)), builder.mul(n, ir.Constant(_INDEX, COLUMN)),
            [[COLUMN * p + i for p in range(points)] for i in _VECTORS],
        )  # fmt: skip
        sums = _products(builder, matrix, derivatives, ir.Constant(_INDEX, PANELS))
        panel, side = builder.lshr(half, one), builder.and_(half, one)
        h1 = at(builder, h1, (builder.mul(panel, n), COLUMN), (j, COLUMN), (side, COLUMN // 2))
        g, x = at(builder, g, (half, COLUMN // 2)), at(builder, x, (j, SIZE))
        for i in range(units // 2):
            w1, b1 = get(builder, g, W1 + SIZE * i), get(builder, g, B1 + SIZE * i)
            for p, column in enumerate(sums):
                carried = halves_added(builder, column[2 * i], column[2 * i + 1])
                h = get(builder, h1, COLUMN * p + SIZE * i)
                slope = multiply_add(builder, builder.fneg(h), h, constant(1))
                d = builder.fmul(carried, slope)
                w1 = multiply_add(builder, d, get(builder, x, SIZE * p), w1)
                b1 = builder.fadd(b1, d)
            put(builder, w1, g, W1 + SIZE * i)
            put(builder, b1, g, B1 + SIZE * i)

    return kernel(tile)


#: What becomes of a vector of weights: ``rule(builder, out, base, g, eta)``.
Rule = Callable[..., Any]


def weight_tile(rule: Rule) -> Any:
    """The tile ``(out, base, delta, h1, panel, half, n, eta_head, eta_tail)`` of W2.

    Its gradient for a panel of rows and half a panel of columns; what the rule makes of that and
    of the weights in `out` and `base` goes into `out`.
    """

    def tile(
        builder: Any, out: Any, base: Any, delta: Any, h1: Any, panel: Any, half: Any, n: Any,
        eta_head: Any, eta_tail: Any,
    ) -> None:  # fmt: skip
        units, one = LANES // 2, ir.Constant(_INDEX, 1)
        derivatives = _Factor(
            get, at(builder, delta, (builder.mul(panel, n), COLUMN)), COLUMN, [[*_VECTORS]]
        )
        first, side = builder.mul(builder.lshr(half, one), n), builder.and_(half, one)
        hidden = _Factor(
            get_twice, at(builder, h1, (first, COLUMN), (side, COLUMN // 2)), COLUMN,
            [[LANES * k for k in range(units)]],
        )  # fmt: skip
        sums = _products(builder, derivatives, hidden, n)
        out, base = (
            at(builder, place, W2, (panel, PANEL), (half, units * COLUMN)) for place in (out, base)
        )
        for k, column in enumerate(sums):
            for i, g in zip(_VECTORS, column, strict=True):
                _apply(builder, rule, out, base, COLUMN * k + i, g, (eta_head, eta_tail))

    return kernel(tile)


def narrow_tile(rule: Rule) -> Any:
    """The same for one vector of the other weights: ``(out, base, g, i, eta_head, eta_tail)``."""

    def tile(
        builder: Any, out: Any, base: Any, g: Any, i: Any, eta_head: Any, eta_tail: Any
    ) -> None:
        _apply(builder, rule, out, base, i, get(builder, g, i), (eta_head, eta_tail))

    return kernel(tile)


def _apply(builder: Any, rule: Rule, out: Any, base: Any, i: Any, g: Any, eta: Any) -> None:
    before, other = get(builder, out, i), get(builder, base, i)
    put(builder, rule(builder, before, other, g, eta), out, i)
