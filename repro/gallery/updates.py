"""Real gradient steps on a problem of two parameters, for the drawings of the two meta-updates.

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


def gradient(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Of the mean squared error at points x, (2,)."""
    a = features(x)
    return np.asarray(2 / len(x) * a.T @ (a @ (theta - TASK)))


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
