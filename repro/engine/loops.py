"""The training functions of the post, compiled: same steps and same draws as `repro.luna`.

One set of loops for every `Arithmetic`. Each function runs iterations first..last of a run and
returns (status, epoch, loss): status 0 when all is well, else `NON_FINITE` with the iteration and
the loss that Flux refuses to differentiate.
"""

from __future__ import annotations

from math import pi
from typing import NamedTuple

import numpy as np

from repro.engine.compiling import entry, jit
from repro.engine.network import SIZE, aligned, copy, fill, gradient, mse, predict, workspace
from repro.engine.optimisers import reset, update
from repro.engine.stream import randperm, uniform
from repro.engine.tiles import out_of_line

DONE, NON_FINITE = 0, 1
POINTS = 50
_0 = np.float32(0)


class Records(NamedTuple):
    """What the evaluations of some iterations leave, a row each; see `repro.luna.Evaluation`."""

    task: np.ndarray  # (evaluations, 2): amplitude, phase shift
    x: np.ndarray
    y: np.ndarray
    testy: np.ndarray
    initial: np.ndarray
    final: np.ndarray
    losses: np.ndarray


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


@jit
def fine_tune(arithmetic, w, opt, updates, x, y, testx, testy, g, work, initial, final, losses):
    """Take gradient steps on (x, y) and watch the loss at (testx, testy); w is left changed.

    `losses` (updates + 1,), `initial` and `final` (testx.size,) are filled; returns the training
    loss at which it had to stop, or 0.
    """
    out_of_line()
    predict(arithmetic, w, testx, work)
    copy(initial, work.output)
    copy(final, work.output)
    losses[0] = mse(arithmetic, testy, work)
    for update_number in range(1, updates + 1):
        loss = gradient(arithmetic, g, w, x, y, work)
        if not np.isfinite(loss):
            return loss
        update(arithmetic, opt, w, g)
        predict(arithmetic, w, testx, work)
        losses[update_number] = mse(arithmetic, testy, work)
        copy(final, work.output)
    return _0


@entry
def eval_model(arithmetic, w, opt, updates, x, testx, task, y, testy, initial, final, losses):
    """`repro.luna.eval_model` on weights w (4353,), which are left as they were."""
    work, g = workspace(max(x.size, testx.size)), aligned(SIZE)
    tuned = aligned(SIZE)
    copy(tuned, w)
    wave(arithmetic, y, task, x)
    wave(arithmetic, testy, task, testx)
    loss = fine_tune(
        arithmetic, tuned, opt, updates, x, y, testx, testy, g, work, initial, final, losses
    )
    return (DONE if np.isfinite(loss) else NON_FINITE), 0, loss


@jit
def evaluate(arithmetic, w, opt, stream, testx, g, tuned, work, records, row):
    """An evaluation inside training, recorded in a row: its points first, then its task."""
    out_of_line()
    x, y, testy = records.x[row], records.y[row], records.testy[row]
    draw_batch(stream, x)
    task = draw_task(stream)
    records.task[row, 0], records.task[row, 1] = task
    wave(arithmetic, y, task, x)
    wave(arithmetic, testy, task, testx)
    copy(tuned, w)
    initial, final, losses = records.initial[row], records.final[row], records.losses[row]
    updates = losses.size - 1
    return fine_tune(
        arithmetic, tuned, opt, updates, x, y, testx, testy, g, work, initial, final, losses
    )


@entry
def transfer_learn(
    arithmetic, w, opt, eval_opt, stream, testx, first, last, batch, eval_interval, records
):
    """`repro.luna.transfer_learn`, iterations first..last."""
    work = workspace(max(batch, records.x.shape[1], POINTS))
    g, tuned = aligned(SIZE), aligned(SIZE)
    x, y = np.empty(batch, np.float32), np.empty(batch, np.float32)
    row = np.int64(0)
    for i in range(first, last + 1):
        task = draw_task(stream)
        draw_batch(stream, x)
        wave(arithmetic, y, task, x)
        loss = gradient(arithmetic, g, w, x, y, work)
        if not np.isfinite(loss):
            return NON_FINITE, i, loss
        update(arithmetic, opt, w, g)
        if i % eval_interval == 0:
            loss = evaluate(arithmetic, w, eval_opt, stream, testx, g, tuned, work, records, row)
            if not np.isfinite(loss):
                return NON_FINITE, i, loss
            row += 1
    return DONE, last, _0


@entry
def fomaml(
    arithmetic,
    w,
    meta_opt,
    inner_opt,
    eval_opt,
    stream,
    testx,
    first,
    last,
    n_tasks,
    batch,
    eval_interval,
    records,
):
    """`repro.luna.fomaml`, iterations first..last."""
    work = workspace(max(batch, records.x.shape[1], POINTS))
    g, total, adapted, tuned = aligned(SIZE), aligned(SIZE), aligned(SIZE), aligned(SIZE)
    x, y = np.empty(batch, np.float32), np.empty(batch, np.float32)
    testy = np.empty(POINTS, np.float32)
    row = np.int64(0)
    for i in range(first, last + 1):
        fill(total, _0)
        for _ in range(n_tasks):
            task = draw_task(stream)
            draw_batch(stream, x)
            wave(arithmetic, y, task, x)
            loss = gradient(arithmetic, g, w, x, y, work)
            if not np.isfinite(loss):
                return NON_FINITE, i, loss
            copy(adapted, w)
            update(arithmetic, inner_opt, adapted, g)

            wave(arithmetic, testy, task, testx)
            loss = gradient(arithmetic, g, adapted, testx, testy, work)
            if not np.isfinite(loss):
                copy(w, adapted)  # where the original stops, too
                return NON_FINITE, i, loss
            for k in range(SIZE):
                total[k] += g[k]

        update(arithmetic, meta_opt, w, total)
        if i % eval_interval == 0:
            loss = evaluate(arithmetic, w, eval_opt, stream, testx, g, tuned, work, records, row)
            if not np.isfinite(loss):
                return NON_FINITE, i, loss
            row += 1
    return DONE, last, _0


@entry
def reptile(
    arithmetic,
    w,
    meta_opt,
    inner_opt,
    eval_opt,
    stream,
    testx,
    first,
    last,
    batch,
    eval_interval,
    records,
):
    """`repro.luna.reptile`, iterations first..last."""
    work = workspace(max(batch, records.x.shape[1], POINTS))
    g, start, tuned = aligned(SIZE), aligned(SIZE), aligned(SIZE)
    x, y = np.empty(POINTS, np.float32), np.empty(POINTS, np.float32)
    shuffled = np.empty(POINTS, np.float32)
    order = np.empty(POINTS, np.int64)
    row = np.int64(0)
    for i in range(first, last + 1):
        copy(start, w)
        task = draw_task(stream)
        wave(arithmetic, y, task, testx)
        randperm(stream, order)
        for j in range(POINTS):
            x[j], shuffled[j] = testx[order[j]], y[order[j]]
        for j in range(0, POINTS, batch):
            part = slice(j, min(j + batch, POINTS))
            loss = gradient(arithmetic, g, w, x[part], shuffled[part], work)
            if not np.isfinite(loss):
                return NON_FINITE, i, loss
            update(arithmetic, inner_opt, w, g)

        # A stateful meta optimiser meets fresh copies in every iteration.
        reset(meta_opt)
        # The original adds the step for w - start; rules are odd functions, so this is the same.
        for k in range(SIZE):
            g[k] = start[k] - w[k]
        copy(w, start)
        update(arithmetic, meta_opt, w, g)
        if i % eval_interval == 0:
            loss = evaluate(arithmetic, w, eval_opt, stream, testx, g, tuned, work, records, row)
            if not np.isfinite(loss):
                return NON_FINITE, i, loss
            row += 1
    return DONE, last, _0
