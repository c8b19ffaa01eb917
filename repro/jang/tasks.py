"""The tasks of the third post: waves of amplitude 0.1 to 0.5 and phase 0 to pi.

The notebook draws from NumPy's global generator and never seeds it; here `rng` is an argument, a
`numpy.random.RandomState` (the global generator's own kind).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from repro.trace import note, within

Points: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]
"""Training x and y, validation x and y."""

K = 20
TASKS = 4


def wave(rng: np.random.RandomState) -> tuple[float, float]:
    """An amplitude, then a phase."""
    return rng.uniform(low=0.1, high=0.5), rng.uniform(low=0.0, high=np.pi)


def one_task(rng: np.random.RandomState, dtype: torch.dtype = torch.float32) -> Points:
    """A task of the single-task training: 20 training points (20, 1), one validation point ()."""
    A, phase = wave(rng)
    x1 = rng.uniform(low=-5.0, high=5.0, size=(K, 1))
    y1 = A * np.sin(x1 + phase)
    x2 = np.asarray(rng.uniform(low=-5.0, high=5.0))
    y2 = np.asarray(A * np.sin(x2 + phase))
    note_task(1, A, phase, x1, y1, x2, y2)
    return x1_to_y2(dtype, x1, y1, x2, y2)


def sample_tasks(
    outer_batch_size: int,
    inner_batch_size: int,
    rng: np.random.RandomState,
    dtype: torch.dtype = torch.float32,
) -> Points:
    """Several tasks, each tensor (tasks, n, 1).

    All waves are drawn first, then all training points, then all validation points.
    """
    waves = [wave(rng) for _ in range(outer_batch_size)]

    def get_batch() -> tuple[np.ndarray, np.ndarray]:
        xs = [rng.uniform(low=-5.0, high=5.0, size=(inner_batch_size, 1)) for _ in waves]
        ys = [A * np.sin(x + phase) for x, (A, phase) in zip(xs, waves, strict=True)]
        return np.stack(xs), np.stack(ys)

    x1, y1 = get_batch()
    x2, y2 = get_batch()
    for i, (A, phase) in enumerate(waves):
        note_task(i + 1, A, phase, x1[i], y1[i], x2[i], y2[i])
    return x1_to_y2(dtype, x1, y1, x2, y2)


def note_task(i: int, A: float, phase: float, *points: np.ndarray) -> None:
    with within("task", i):
        note("amplitude", A)
        note("phase", phase)
        for name, value in zip(("x1", "y1", "x2", "y2"), points, strict=True):
            note(name, value)


def x1_to_y2(
    dtype: torch.dtype, x1: np.ndarray, y1: np.ndarray, x2: np.ndarray, y2: np.ndarray
) -> Points:
    a, b, c, d = (torch.from_numpy(v).to(dtype) for v in (x1, y1, x2, y2))
    return a, b, c, d
