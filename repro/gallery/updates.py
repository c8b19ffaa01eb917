"""Real gradient steps on problems of two parameters, for the drawings of the methods' geometry.

The model is p sin x + q cos x. So every sine wave is one point of the plane (p, q): amplitude
times (cos, sin) of the phase shift. The loss is the mean squared error at some x, here one at
each inner step, which makes the path as ragged as training on few points is.
"""

from __future__ import annotations

import numpy as np

from repro.gallery.figure import plotted
from repro.gallery.runs import Runs
from repro.julia import MersenneTwister, julia_range
from repro.run import Run

START = np.array([-4.0, 1.5])
TASK = 4 * np.array([np.cos(1.0), np.sin(1.0)])  # the wave of amplitude 4, phase shift 1
INNER_STEPS, INNER_RATE = 3, 0.3
FOMAML_RATE, REPTILE_RATE = 1.0, 0.4
MARGIN = 1.0
"""Chosen for a legible picture; the steps themselves are computed, not drawn."""


def features(x: np.ndarray) -> np.ndarray:
    """(n,) to (n, 2)."""
    return np.stack([np.sin(x), np.cos(x)], axis=1)


def gradient(theta: np.ndarray, x: np.ndarray, task: np.ndarray = TASK) -> np.ndarray:
    """Of the mean squared error at points x, (2,)."""
    a = features(x)
    return np.asarray(2 / len(x) * a.T @ (a @ (theta - task)))


def inner_path(seed: int) -> np.ndarray:
    """(4, 2): theta, phi_1, phi_2, phi_3."""
    rng = MersenneTwister(seed)
    path = [START]
    for _ in range(INNER_STEPS):
        path.append(path[-1] - INNER_RATE * gradient(path[-1], rng.uniform(-5.0, 5.0, 1)))
    return np.stack(path)


def loss_surface(shown: np.ndarray, n: int = 61) -> dict[str, np.ndarray]:
    """The loss over the whole wave around the points shown (m, 2): axes (n,), values (n, n)."""
    low, high = shown.min(axis=0) - MARGIN, shown.max(axis=0) + MARGIN
    p, q = np.linspace(low, high, n).T
    offset = np.stack(np.meshgrid(p, q), axis=-1) - TASK
    a = features(julia_range(-5, 5, 50))
    return {"p": p, "q": q, "loss": ((offset @ a.T) ** 2).mean(-1)}


def fomaml(runs: Runs) -> Run:
    """Inner steps, and a step from theta along the test gradient found at phi_3."""
    path = inner_path(runs.options.seed)
    step = -FOMAML_RATE * gradient(path[-1], julia_range(-5, 5, 50))
    return _drawing(path, step)


def reptile(runs: Runs) -> Run:
    """Inner steps, and a part of the way from theta to phi_3."""
    path = inner_path(runs.options.seed)
    return _drawing(path, REPTILE_RATE * (path[-1] - path[0]))


def _drawing(path: np.ndarray, step: np.ndarray) -> Run:
    shown = np.stack([*path, path[0] + step, TASK])
    return plotted(results={"path": path, "step": step, "task": TASK, **loss_surface(shown)})


THREE_WAVES = np.array([[4.0, 0.9], [3.4, -0.35], [3.6, 2.3]])
"""Amplitude and phase shift of the tasks in MAML's diagram."""
META_STEPS, META_RATE, FIRST_STEP, STEPS_ON = 5, 1.0, 0.45, 12
"""Chosen for a legible picture, as the waves are."""


def maml(runs: Runs) -> Run:
    """MAML on three tasks: the weights' path by meta-updates (n, 2), and from its end for each
    task the first inner step (3, 2, 2) and the way on to the task's own best (3, m, 2)."""
    x = julia_range(-5, 5, 50)
    tasks = np.stack([a * np.array([np.cos(b), np.sin(b)]) for a, b in THREE_WAVES])
    # The loss is quadratic: its Hessian is the same everywhere, and MAML's gradient is exact.
    ahead = np.eye(2) - FIRST_STEP * 2 / len(x) * features(x).T @ features(x)

    def adapted(theta: np.ndarray, task: np.ndarray) -> np.ndarray:
        return theta - FIRST_STEP * gradient(theta, x, task)

    path = [START]
    for _ in range(META_STEPS):
        outer = [ahead @ gradient(adapted(path[-1], task), x, task) for task in tasks]
        path.append(path[-1] - META_RATE * np.mean(outer, axis=0))
    ways = [_descent(path[-1], x, task) for task in tasks]
    first, onward = np.stack([way[:2] for way in ways]), np.stack([way[1:] for way in ways])
    return plotted(
        results={"path": np.stack(path), "first": first, "onward": onward, "tasks": tasks}
    )


def _descent(theta: np.ndarray, x: np.ndarray, task: np.ndarray) -> np.ndarray:
    way = [theta]
    for _ in range(STEPS_ON):
        way.append(way[-1] - FIRST_STEP * gradient(way[-1], x, task))
    return np.stack(way)


def upper(w: np.ndarray) -> tuple[float, np.ndarray]:
    """How far weights (2,) are above the first task's curve of best weights, and the slope."""
    return w[1] - 1.5 - 0.12 * w[0] ** 2, np.array([-0.24 * w[0], 1.0])


def lower(w: np.ndarray) -> tuple[float, np.ndarray]:
    """The same of the second task."""
    return w[1] - 0.4 + 0.1 * (w[0] - 1.5) ** 2, np.array([0.2 * (w[0] - 1.5), 1.0])


OUTER_STEPS, OUTER_RATE, INNER_ON_CURVE, RATE_ON_CURVE = 32, 0.6, 4, 0.15
FAR = np.array([-4.5, 0.6])


def reptile_geometry(runs: Runs) -> Run:
    """Reptile on two tasks in turn, each with a curve of weights that are best for it; its loss is
    the square of :func:`upper` or :func:`lower`.

    Returns:
        ``path`` (n + 1, 2), weights after each meta-update; ``ends`` (n, 2), where the inner steps
        between led; ``curves`` (2, m, 2), the two tasks' best weights.
    """
    path, ends = [FAR], []
    for i in range(OUTER_STEPS):
        phi = path[-1]
        for _ in range(INNER_ON_CURVE):
            above, slope = (upper, lower)[i % 2](phi)
            phi = phi - RATE_ON_CURVE * 2 * above * slope
        ends.append(phi)
        path.append(path[-1] + OUTER_RATE * (phi - path[-1]))
    p = np.linspace(-5, 5, 101)
    curves = [
        np.stack([p, [-task(np.array([a, 0.0]))[0] for a in p]], 1) for task in (upper, lower)
    ]
    return plotted(
        results={"path": np.stack(path), "ends": np.stack(ends), "curves": np.stack(curves)}
    )


def nothing(runs: Runs) -> Run:
    """What a figure plots that is words alone."""
    return plotted()
