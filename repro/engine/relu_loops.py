"""The second and third posts' trainings, compiled: MAML, Reptile, transfer learning, fine-tuning.

All draws are made beforehand: points (steps, tasks, n). Each function trains one network, weights
and Adam's moments (1761,) in place, for as many steps as there are points.
"""

from __future__ import annotations

import numpy as np

from repro.engine.compiling import entry, jit
from repro.engine.network import copy, fill
from repro.engine.relu_network import SIZE, gradient, hessian_times, mse, predict, tape
from repro.engine.tiles import fma, out_of_line, unmanaged


@jit
def _descend(w, g, rate) -> None:
    """w -= rate * g. In place alone: a result that may be the operand is not vectorised."""
    out_of_line()
    for i in range(SIZE):
        w[i] = fma(-rate, g[i], w[i])


@jit
def _adam(w, moments, g, rate, corrections) -> None:
    """One step of Adam (D. P. Kingma and J. Ba, 2015, algorithm 1) with its usual constants.

    `corrections` are 1 - beta^t, which the posts' programs round each in its own way.
    """
    out_of_line()
    kind = w.dtype.type
    b1, b2, c1, c2, eps = kind(0.9), kind(0.999), kind(1 - 0.9), kind(1 - 0.999), kind(1e-8)
    step, root = kind(rate / corrections[0]), kind(1 / np.sqrt(corrections[1]))
    # A relu that is silent for long would leave denormal moments, which take 30 times as long.
    nothing = kind(1e-34)
    m, v = moments[0], moments[1]
    for i in range(SIZE):
        first, second = fma(b1, m[i], c1 * g[i]), fma(b2, v[i], c2 * (g[i] * g[i]))
        m[i] = kind(0) if abs(first) < nothing else first
        v[i] = kind(0) if second < nothing else second
        w[i] -= step * m[i] / (np.sqrt(v[i]) * root + eps)


@entry
def maml(w, moments, points, lr_inner, rate, corrections, inner, first_order, peculiar, losses,
         room):  # fmt: skip
    """MAML through so many inner steps.

    Args:
        points: training x and y, validation x and y.
        corrections: (steps, 2), Adam's.
        inner: how many inner steps.
        first_order: leave out the Hessian.
        peculiar: add the training gradient (of the first inner step), as the notebook does.
        losses: (steps,), the mean of the tasks' validation losses before each step.
        room: 4 + `inner` vectors, and a tape for each gradient.
    """
    x1, y1, x2, y2 = points
    vectors, tapes = unmanaged(room[0]), unmanaged(room[1])
    total, g, hv, path = vectors[0], vectors[1], vectors[2], vectors[3:]
    kind, tasks = w.dtype.type, x1.shape[1]
    for step in range(len(losses)):
        fill(total, kind(0))
        losses[step] = 0
        copy(path[0], w)
        for k in range(tasks):
            x, y = x1[step, k], y1[step, k]
            for i in range(inner):
                gradient(g, path[i], x, y, tapes[i])
                copy(path[i + 1], path[i])
                _descend(path[i + 1], g, kind(lr_inner))
                if peculiar and i == 0:
                    _add(total, g)
            losses[step] += gradient(g, path[inner], x2[step, k], y2[step, k], tapes[inner])
            if not first_order:
                for i in range(inner - 1, -1, -1):
                    hessian_times(hv, g, path[i], x, tapes[i], tapes[inner])
                    _descend(g, hv, kind(lr_inner))
            _add(total, g)
        losses[step] /= tasks
        _scale(total, kind(1) / kind(tasks))
        _adam(w, moments, total, rate, corrections[step])


@jit
def _add(total, g) -> None:
    out_of_line()
    for i in range(SIZE):
        total[i] += g[i]


@jit
def _scale(total, by) -> None:
    out_of_line()
    for i in range(SIZE):
        total[i] *= by


@entry
def reptile(w, moments, points, lr_inner, rate, corrections, inner, room) -> None:
    """Reptile: what so many inner steps moved, over their number and rate, is Adam's gradient."""
    x1, y1 = points
    vectors, t = unmanaged(room[0]), unmanaged(room[1])[0]
    kind, g, adapted = w.dtype.type, vectors[0], vectors[1]
    for step in range(len(x1)):
        copy(adapted, w)
        for _ in range(inner):
            gradient(g, adapted, x1[step, 0], y1[step, 0], t)
            _descend(adapted, g, kind(lr_inner))
        for i in range(SIZE):
            g[i] = (w[i] - adapted[i]) / kind(inner) / kind(lr_inner)
        _adam(w, moments, g, rate, corrections[step])


@entry
def transfer(w, moments, points, rate, corrections, room) -> None:
    """One Adam step along the gradient on each task's points."""
    x1, y1 = points
    g, t = unmanaged(room[0])[0], unmanaged(room[1])[0]
    for step in range(len(x1)):
        gradient(g, w, x1[step, 0], y1[step, 0], t)
        _adam(w, moments, g, rate, corrections[step])


@entry
def finetune(w, points, lr, losses, room) -> None:
    """Losses (tasks, steps + 1) at test points, before and after each step of gradient descent.

    Args:
        points: training x and y (tasks, n), test x and y (tasks, m).
    """
    x1, y1, x2, y2 = points
    vectors, t = unmanaged(room[0]), unmanaged(room[1])[0]
    g, tuned = vectors[0], vectors[1]
    for k in range(losses.shape[0]):
        copy(tuned, w)
        for step in range(losses.shape[1]):
            if step > 0:
                gradient(g, tuned, x1[k], y1[k], t)
                _descend(tuned, g, w.dtype.type(lr))
            predict(tuned, x2[k], t)
            losses[k, step] = mse(y2[k], tape(t, x2.shape[1]).output)
