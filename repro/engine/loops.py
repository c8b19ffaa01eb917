"""The training functions of the post, compiled: same steps and same draws as `repro.luna`.

One set of loops for every `Arithmetic`. Each training function makes a number of iterations, up
to the next one to be evaluated or observed, and returns 0, or the infinite or NaN loss at which
it had to stop because Flux refuses to differentiate it.
"""

from __future__ import annotations

from math import pi

import numpy as np

from repro.engine.compiling import entry, jit
from repro.engine.network import (
    SIZE,
    copy,
    fill,
    gradient,
    layers,
    mse,
    predict,
    take,
    workspace,
)
from repro.engine.optimisers import reset, update
from repro.engine.stream import randperm, uniform
from repro.engine.tiles import out_of_line, unmanaged

POINTS = 50
_0 = np.float32(0)


@jit
def draw_task(stream):
    """A wave's amplitude and phase shift, each rounded to Float32."""
    out_of_line()
    amplitude = np.float32(uniform(stream, 0.1, 5.0))
    return amplitude, np.float32(uniform(stream, 0.0, 2 * pi))


@jit
def draw_batch(stream, x) -> None:
    """Points uniform in [-5, 5] into x, rounded to Float32."""
    out_of_line()
    for j in range(x.size):
        x[j] = np.float32(uniform(stream, -5.0, 5.0))


@jit
def wave(arithmetic, y, task, x) -> None:
    """y = amplitude * sin(x + phase shift); sum, sine and product each round to Float32."""
    out_of_line()
    for j in range(x.size):
        y[j] = task[0] * arithmetic.sine(x[j] + task[1])


@entry
def draw_evaluation(stream, x):
    """What an evaluation inside training draws: its points, into x, and then its task."""
    draw_batch(stream, x)
    return draw_task(stream)


@entry
def eval_model(arithmetic, w, opt, updates, x, testx, task, y, testy, initial, final, losses, room):
    """`repro.luna.eval_model` on weights w (4353,), which are left as they were.

    The waves at x and testx are put into y and testy, the predictions before and after into
    initial and final, and the losses (updates + 1,) at testx into losses.
    """
    room, used = unmanaged(room), np.zeros(1, np.int64)
    work = workspace(room, used, max(x.size, testx.size))
    flat, g = take(room, used, SIZE), take(room, used, SIZE)
    copy(flat, w)
    tuned, dw = layers(flat), layers(g)
    wave(arithmetic, y, task, x)
    wave(arithmetic, testy, task, testx)
    for i in range(updates + 1):
        if i > 0:
            loss = gradient(arithmetic, dw, tuned, x, y, work)
            if not np.isfinite(loss):
                return loss
            update(arithmetic, opt, flat, g)
        predict(arithmetic, tuned, testx, work)
        copy(final, work.output)
        if i == 0:
            copy(initial, final)
        losses[i] = mse(arithmetic, testy, work)
    return _0


@entry
def transfer_learn(arithmetic, weights, opt, stream, iterations, batch, room):
    """`repro.luna.transfer_learn` for some iterations."""
    room, weights, used = unmanaged(room), unmanaged(weights), np.zeros(1, np.int64)
    work = workspace(room, used, batch)
    g = take(room, used, SIZE)
    w, dw = layers(weights), layers(g)
    x, y = take(room, used, batch), take(room, used, batch)
    for _ in range(iterations):
        task = draw_task(stream)
        draw_batch(stream, x)
        wave(arithmetic, y, task, x)
        loss = gradient(arithmetic, dw, w, x, y, work)
        if not np.isfinite(loss):
            return loss
        update(arithmetic, opt, weights, g)
    return _0


@entry
def fomaml(
    arithmetic, weights, meta_opt, inner_opt, stream, iterations, testx, n_tasks, batch, room
):
    """`repro.luna.fomaml` for some iterations."""
    room, weights, used = unmanaged(room), unmanaged(weights), np.zeros(1, np.int64)
    work = workspace(room, used, max(batch, testx.size))
    total, g, adapted = take(room, used, SIZE), take(room, used, SIZE), take(room, used, SIZE)
    start, dw, phi = layers(weights), layers(g), layers(adapted)
    x, y, testy = take(room, used, batch), take(room, used, batch), take(room, used, testx.size)
    for _ in range(iterations):
        fill(total, _0)
        for _ in range(n_tasks):
            task = draw_task(stream)
            draw_batch(stream, x)
            wave(arithmetic, y, task, x)
            loss = gradient(arithmetic, dw, start, x, y, work)
            if not np.isfinite(loss):
                return loss
            copy(adapted, weights)
            update(arithmetic, inner_opt, adapted, g)

            wave(arithmetic, testy, task, testx)
            loss = gradient(arithmetic, dw, phi, testx, testy, work)
            if not np.isfinite(loss):
                copy(weights, adapted)  # where the original stops, too
                return loss
            for k in range(SIZE):
                total[k] += g[k]
        update(arithmetic, meta_opt, weights, total)
    return _0


@entry
def reptile(arithmetic, weights, meta_opt, inner_opt, stream, iterations, testx, batch, room):
    """`repro.luna.reptile` for some iterations."""
    room, weights, used = unmanaged(room), unmanaged(weights), np.zeros(1, np.int64)
    work = workspace(room, used, batch)
    g, start = take(room, used, SIZE), take(room, used, SIZE)
    w, dw = layers(weights), layers(g)
    n = testx.size
    x, y, wave_y = take(room, used, n), take(room, used, n), take(room, used, n)
    order = np.empty(n, np.int64)
    for _ in range(iterations):
        copy(start, weights)
        task = draw_task(stream)
        wave(arithmetic, wave_y, task, testx)
        randperm(stream, order)
        for j in range(n):
            x[j], y[j] = testx[order[j]], wave_y[order[j]]
        for j in range(0, n, batch):
            part = slice(j, min(j + batch, n))
            loss = gradient(arithmetic, dw, w, x[part], y[part], work)
            if not np.isfinite(loss):
                return loss
            update(arithmetic, inner_opt, weights, g)

        # A stateful meta optimiser meets fresh copies in every iteration.
        reset(meta_opt)
        # The original adds the step for w - start; rules are odd functions, so this is the same.
        for k in range(SIZE):
            g[k] = start[k] - weights[k]
        copy(weights, start)
        update(arithmetic, meta_opt, weights, g)
    return _0
