"""The training functions of the post for groups of 8 seeds: `loops` with vectors for numbers.

They know Descent only. Each seed draws from its own stream, in the order of `loops`. A loss that
is not finite stops nothing here: its lane goes on with numbers that mean nothing, which no other
lane sees, and is marked in `poison`.
"""

from __future__ import annotations

from math import pi

import numpy as np

from repro.engine.compiling import entry, jit
from repro.engine.exact import exact_sine
from repro.engine.lane_tiles import LANES, WEIGHTS
from repro.engine.lanes import (
    add_to_sum,
    descend,
    descend_by_sum,
    follow,
    gradient,
    start_sum,
    workspace,
)
from repro.engine.network import take
from repro.engine.stream import Stream, randperm, uniform
from repro.engine.tiles import out_of_line, unmanaged
from repro.engine.vectors import SIZE


@jit
def _stream(streams, lane) -> Stream:
    dsfmt, cache, position = streams
    return Stream(unmanaged(dsfmt[lane]), unmanaged(cache[lane]), unmanaged(position[lane]))


@jit
def _draw(streams, tasks, x) -> None:
    """Tasks (2, 8), amplitudes and phase shifts, and for each its points into x (n, 16)."""
    out_of_line()
    for lane in range(LANES):
        stream = _stream(streams, lane)
        tasks[0, lane] = np.float32(uniform(stream, 0.1, 5.0))
        tasks[1, lane] = np.float32(uniform(stream, 0.0, 2 * pi))
        for j in range(x.shape[0]):
            x[j, lane] = x[j, LANES + lane] = np.float32(uniform(stream, -5.0, 5.0))


@jit
def _wave(y, tasks, x, room) -> None:
    """y (n, 16) = amplitude * sin(x + phase shift)."""
    out_of_line()
    n = x.shape[0]
    for j in range(n):
        for lane in range(LANES):
            room[LANES * j + lane] = x[j, lane] + tasks[1, lane]
    for i in range(LANES * n):  # as one long loop, which LLVM vectorises
        room[i] = exact_sine(room[i])
    for j in range(n):
        for lane in range(LANES):
            y[j, lane] = y[j, LANES + lane] = tasks[0, lane] * room[LANES * j + lane]


@jit
def _points(room, used, n):
    return take(room, used, SIZE * n).reshape((n, SIZE))


@jit
def _spread(out, x) -> None:
    """The same points for all lanes."""
    for j in range(x.size):
        for i in range(SIZE):
            out[j, i] = x[j]


@jit
def _in_two_parts(eta):
    head = np.float32(eta)
    return head, np.float32(eta - np.float64(head))


@entry
def transfer_learn(weights, poison, eta, streams, iterations, batch, room):
    """`loops.transfer_learn` for a group.

    Args:
        weights: (WEIGHTS,) as packed by `lanes.pack`.
        poison: (16,), see `lanes.Work`.
        eta: the learning rate.
        streams: a `Stream` of stacked arrays, (8, ...) each.
    """
    w, used = unmanaged(weights), np.zeros(1, np.int64)
    room = unmanaged(room)
    work, rate = workspace(room, used, batch, unmanaged(poison)), _in_two_parts(eta)
    x, y = _points(room, used, batch), _points(room, used, batch)
    tasks, sines = np.empty((2, LANES), np.float32), take(room, used, LANES * batch)
    for _ in range(iterations):
        _draw(streams, tasks, x)
        _wave(y, tasks, x, sines)
        gradient(w, x, y, work, batch, rate)
        descend(w, w, work, batch, rate)


@entry
def fomaml(
    weights, poison, meta_eta, inner_eta, streams, iterations, testx, n_tasks, batch, room
):  # fmt: skip
    """`loops.fomaml` for a group; see `transfer_learn`."""
    w, used = unmanaged(weights), np.zeros(1, np.int64)
    room, n = unmanaged(room), testx.size
    work = workspace(room, used, max(batch, n), unmanaged(poison))
    meta_rate, rate = _in_two_parts(meta_eta), _in_two_parts(inner_eta)
    adapted, total = take(room, used, WEIGHTS), take(room, used, WEIGHTS)
    x, y = _points(room, used, batch), _points(room, used, batch)
    test, testy = _points(room, used, n), _points(room, used, n)
    tasks, sines = np.empty((2, LANES), np.float32), take(room, used, LANES * max(batch, n))
    _spread(test, testx)
    for _ in range(iterations):
        for task in range(n_tasks):
            _draw(streams, tasks, x)
            _wave(y, tasks, x, sines)
            gradient(w, x, y, work, batch, rate)
            descend(adapted, w, work, batch, rate)

            _wave(testy, tasks, test, sines)
            gradient(adapted, test, testy, work, n, meta_rate)
            if n_tasks == 1:
                descend(w, w, work, n, rate)
            elif task == 0:
                start_sum(total, total, work, n, rate)
            elif task < n_tasks - 1:
                add_to_sum(total, total, work, n, rate)
            else:
                descend_by_sum(w, total, work, n, rate)


@entry
def reptile(weights, poison, meta_eta, inner_eta, streams, iterations, testx, batch, room):
    """`loops.reptile` for a group; see `transfer_learn`."""
    start, used = unmanaged(weights), np.zeros(1, np.int64)
    room, n = unmanaged(room), testx.size
    work = workspace(room, used, min(batch, n), unmanaged(poison))
    meta_rate, rate = _in_two_parts(meta_eta), _in_two_parts(inner_eta)
    adapted = take(room, used, WEIGHTS)
    x, y = _points(room, used, n), _points(room, used, n)
    test, testy = _points(room, used, n), _points(room, used, n)
    tasks, sines = np.empty((2, LANES), np.float32), take(room, used, LANES * n)
    order = np.empty(n, np.int64)
    _spread(test, testx)
    for _ in range(iterations):
        _draw(streams, tasks, x[:0])
        _wave(testy, tasks, test, sines)
        for lane in range(LANES):
            randperm(_stream(streams, lane), order)
            for j in range(n):
                x[j, lane] = x[j, LANES + lane] = testx[order[j]]
                y[j, lane] = y[j, LANES + lane] = testy[order[j], lane]
        w = start
        for j in range(0, n, batch):
            size = min(batch, n - j)
            gradient(w, x[j:], y[j:], work, size, rate)
            if j + batch < n:
                descend(adapted, w, work, size, rate)
            else:
                follow(start, w, work, size, meta_rate)
            w = adapted
