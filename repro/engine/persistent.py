"""The post's algorithms as Triton kernels that stay on the GPU: one program trains one seed.

A launch makes a number of iterations, up to the next one to be evaluated, without the host: a
seed's weights are in its program's registers from the first iteration to the last. Draws and
waves, which do not depend on the weights, come with the launch. The sums have a fixed order and
no two programs share anything, so that a run is the same bits every time.

The network's hidden values are (points, 64), the hidden layer's W as it lies in the vector of all
weights: row by row that is its transpose, (64 in, 64 out). Points are padded to what `tl.dot`
takes; a padded point has no error and so no gradient.

Under ``TRITON_INTERPRET=1`` the same code runs on the CPU, slowly.
"""

from __future__ import annotations

import triton
import triton.language as tl

from repro.luna.sine import OFFSETS, WIDTHS

HIDDEN = tl.constexpr(WIDTHS[1])
W1, B1, W2, B2, W3, B3, SIZE = map(tl.constexpr, OFFSETS)


# Arithmetic: the fast engine's, see `repro.engine.fast`


@triton.jit
def _tanh(x):
    a = tl.minimum(tl.abs(x), 9.02)
    shifted = tl.fma(a, 2.8853900817779268, 12582912.0)
    r = tl.fma(shifted - 12582912.0, -0.6931471805599453, a + a)
    scale = ((shifted.to(tl.int32, bitcast=True) << 23) + 0x3F800000).to(tl.float32, bitcast=True)
    tail = tl.fma(tl.fma(0.00138825, r, 0.00836658), r, 0.0416672)
    tail = tl.fma(tl.fma(tail, r, 0.16666543), r, 0.49999998)
    y = tl.fma(scale, tl.fma(r * r, tail, r), scale - 1.0)
    t = tl.div_rn(y, y + 2.0)
    return tl.where(x < 0, -t, t)


@triton.jit
def _product(a, b):
    """In Float32 multiply-adds: tensor cores would round the factors to ten bits."""
    return tl.dot(a, b, input_precision="ieee")


@triton.jit
def _stepped(w, g, eta):
    """w less eta * g, which is rounded once; eta is a pair of Float32."""
    product = eta[0] * g
    return w - (product + tl.fma(eta[1], g, tl.fma(eta[0], g, -product)))


# The network


@triton.jit
def _load(at):
    """W and b of each layer in turn, from a vector (4353,)."""
    i = tl.arange(0, HIDDEN)
    square = W2 + i[:, None] * HIDDEN + i[None, :]
    return (
        tl.load(at + i),
        tl.load(at + B1 + i),
        tl.load(at + square),
        tl.load(at + B2 + i),
        tl.load(at + W3 + i),
        tl.load(at + B3),
    )


@triton.jit
def _store(at, w):
    i = tl.arange(0, HIDDEN)
    tl.store(at + i, w[0])
    tl.store(at + B1 + i, w[1])
    tl.store(at + W2 + i[:, None] * HIDDEN + i[None, :], w[2])
    tl.store(at + B2 + i, w[3])
    tl.store(at + W3 + i, w[4])
    tl.store(at + B3, w[5])


@triton.jit
def _update(w, g, eta):
    """Descent on all weights."""
    return (
        _stepped(w[0], g[0], eta),
        _stepped(w[1], g[1], eta),
        _stepped(w[2], g[2], eta),
        _stepped(w[3], g[3], eta),
        _stepped(w[4], g[4], eta),
        _stepped(w[5], g[5], eta),
    )


@triton.jit
def _sum(a, b, sign):
    """a + sign * b, for all weights."""
    return (
        a[0] + sign * b[0],
        a[1] + sign * b[1],
        a[2] + sign * b[2],
        a[3] + sign * b[3],
        a[4] + sign * b[4],
        a[5] + sign * b[5],
    )


@triton.jit
def _predict(w, x):
    """Hidden values, (points, 64) each, and the output (points,)."""
    h1 = _tanh(x[:, None] * w[0][None, :] + w[1][None, :])
    h2 = _tanh(_product(h1, w[2]) + w[3][None, :])
    return h1, h2, tl.sum(h2 * w[4][None, :], axis=1) + w[5]


@triton.jit
def _gradient(w, x, y, there, scale):
    """The gradient of the mean squared error over the points that are `there`, and that error.

    scale is 1 over their number, rounded to Float32 as in Flux: a division by the number would
    be off by the same small amount in every step.
    """
    h1, h2, output = _predict(w, x)
    difference = tl.where(there, output - y, 0.0)
    d = scale * (2.0 * difference)
    delta = (d[:, None] * w[4][None, :]) * (1.0 - h2 * h2)
    carried = _product(delta, tl.trans(w[2])) * (1.0 - h1 * h1)
    gradient = (
        tl.sum(carried * x[:, None], axis=0),
        tl.sum(carried, axis=0),
        _product(tl.trans(h1), delta),
        tl.sum(delta, axis=0),
        tl.sum(h2 * d[:, None], axis=0),
        tl.sum(d, axis=0),
    )
    return gradient, tl.sum(difference * difference, axis=0) * scale


@triton.jit
def _finite(so_far, loss):
    """Whether all losses were: a comparison with NaN is false."""
    return tl.where(tl.abs(loss) < float("inf"), so_far, 0)


# Training


@triton.jit
def fomaml(
    weights, finite, x, y, testx, testy, iterations,
    meta_head, meta_tail, inner_head, inner_tail,
    N_TASKS: tl.constexpr, BATCH: tl.constexpr, POINTS: tl.constexpr,
    PADDED_BATCH: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """`repro.luna.fomaml`; see `device` for the arrays' shapes."""
    seed = tl.program_id(0)
    b, p = tl.arange(0, PADDED_BATCH), tl.arange(0, PADDED)
    in_batch, in_test = b < BATCH, p < POINTS
    test_x = tl.load(testx + p, mask=in_test, other=0.0)
    meta, inner = (meta_head, meta_tail), (inner_head, inner_tail)
    w = _load(weights + seed * SIZE)
    fine = 1
    for t in range(iterations):
        total = _sum(w, w, -1.0)
        for k in range(N_TASKS):
            task = (seed.to(tl.int64) * iterations + t) * N_TASKS + k
            batch_x = tl.load(x + task * BATCH + b, mask=in_batch, other=0.0)
            batch_y = tl.load(y + task * BATCH + b, mask=in_batch, other=0.0)
            test_y = tl.load(testy + task * POINTS + p, mask=in_test, other=0.0)
            g, loss = _gradient(w, batch_x, batch_y, in_batch, 1.0 / BATCH)
            fine = _finite(fine, loss)
            g, loss = _gradient(_update(w, g, inner), test_x, test_y, in_test, 1.0 / POINTS)
            fine = _finite(fine, loss)
            total = _sum(total, g, 1.0)
        w = _update(w, total, meta)
    _store(weights + seed * SIZE, w)
    tl.store(finite + seed, fine)


@triton.jit
def reptile(
    weights, finite, order, wave, testx, iterations,
    meta_head, meta_tail, inner_head, inner_tail,
    BATCH: tl.constexpr, POINTS: tl.constexpr, PADDED_BATCH: tl.constexpr,
):  # fmt: skip
    """`repro.luna.reptile`."""
    seed = tl.program_id(0)
    b = tl.arange(0, PADDED_BATCH)
    meta, inner = (meta_head, meta_tail), (inner_head, inner_tail)
    w = _load(weights + seed * SIZE)
    fine = 1
    for t in range(iterations):
        start = w
        row = (seed.to(tl.int64) * iterations + t) * POINTS
        for first in range(0, POINTS, BATCH):
            n = tl.minimum(POINTS - first, BATCH)  # the last batch may be short
            there = b < n
            which = tl.load(order + row + first + b, mask=there, other=0)
            batch_x = tl.load(testx + which, mask=there, other=0.0)
            batch_y = tl.load(wave + row + which, mask=there, other=0.0)
            scale = tl.div_rn(1.0, n.to(tl.float32))
            g, loss = _gradient(w, batch_x, batch_y, there, scale)
            fine = _finite(fine, loss)
            w = _update(w, g, inner)
        w = _update(start, _sum(start, w, -1.0), meta)
    _store(weights + seed * SIZE, w)
    tl.store(finite + seed, fine)


@triton.jit
def transfer_learn(
    weights, finite, x, y, iterations, head, tail,
    BATCH: tl.constexpr, PADDED_BATCH: tl.constexpr,
):  # fmt: skip
    """`repro.luna.transfer_learn`."""
    seed = tl.program_id(0)
    b = tl.arange(0, PADDED_BATCH)
    there = b < BATCH
    w = _load(weights + seed * SIZE)
    fine = 1
    for t in range(iterations):
        row = (seed.to(tl.int64) * iterations + t) * BATCH
        batch_x = tl.load(x + row + b, mask=there, other=0.0)
        batch_y = tl.load(y + row + b, mask=there, other=0.0)
        g, loss = _gradient(w, batch_x, batch_y, there, 1.0 / BATCH)
        fine = _finite(fine, loss)
        w = _update(w, g, (head, tail))
    _store(weights + seed * SIZE, w)
    tl.store(finite + seed, fine)


@triton.jit
def _evaluated(w, x, y, there, scale, at):
    """The output at x; the loss there is stored."""
    _, _, output = _predict(w, x)
    error = tl.where(there, output - y, 0.0)
    tl.store(at, tl.sum(error * error, axis=0) * scale)
    return output


@triton.jit
def eval_model(
    weights, finite, x, y, testx, testy, initial, final, losses, updates, head, tail,
    BATCH: tl.constexpr, POINTS: tl.constexpr,
    PADDED_BATCH: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """`repro.luna.eval_model`; the weights are left as they are."""
    seed = tl.program_id(0)
    b, p = tl.arange(0, PADDED_BATCH), tl.arange(0, PADDED)
    in_batch, in_test = b < BATCH, p < POINTS
    batch_x = tl.load(x + seed * BATCH + b, mask=in_batch, other=0.0)
    batch_y = tl.load(y + seed * BATCH + b, mask=in_batch, other=0.0)
    test_x = tl.load(testx + p, mask=in_test, other=0.0)
    test_y = tl.load(testy + seed * POINTS + p, mask=in_test, other=0.0)
    w = _load(weights + seed * SIZE)
    fine = 1
    output = _evaluated(w, test_x, test_y, in_test, 1.0 / POINTS, losses + seed * (updates + 1))
    tl.store(initial + seed * POINTS + p, output, mask=in_test)
    for i in range(updates):
        g, loss = _gradient(w, batch_x, batch_y, in_batch, 1.0 / BATCH)
        fine = _finite(fine, loss)
        w = _update(w, g, (head, tail))
        at = losses + seed * (updates + 1) + i + 1
        output = _evaluated(w, test_x, test_y, in_test, 1.0 / POINTS, at)
    tl.store(final + seed * POINTS + p, output, mask=in_test)
    tl.store(finite + seed, fine)
