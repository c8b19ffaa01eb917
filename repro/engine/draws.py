"""What a stretch of training draws, all of it beforehand: no draw depends on the weights."""

from __future__ import annotations

import numpy as np

from repro.engine.compiling import entry
from repro.engine.loops import draw_batch, draw_task
from repro.engine.stream import randperm


@entry
def draw_batches(stream, tasks, x):
    """Task by task its wave (amplitude, phase shift) and its points: FOMAML, transfer learning.

    tasks: (n, 2) float32; x: (n, batch) float32.
    """
    for k in range(len(tasks)):
        tasks[k, 0], tasks[k, 1] = draw_task(stream)
        draw_batch(stream, x[k])


@entry
def draw_orders(stream, tasks, order):
    """Task by task its wave and the order its points come in: Reptile.

    tasks: (n, 2) float32; order: (n, points) int32.
    """
    permutation = np.empty(order.shape[1], np.int64)
    for k in range(len(tasks)):
        tasks[k, 0], tasks[k, 1] = draw_task(stream)
        randperm(stream, permutation)
        for j in range(len(permutation)):
            order[k, j] = permutation[j]
