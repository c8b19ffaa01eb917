"""What the engines need to know of each of the post's algorithms, a record each.

A new algorithm is a compiled loop, a kernel of the same name where a GPU is to run it, a method
of `Engine`, and a record here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repro.engine import draws, loops
from repro.engine.handover import TESTX
from repro.flux import Descent, Optimiser


@dataclass(frozen=True)
class Sizes:
    """How many points and tasks are drawn for an iteration, and for an evaluation."""

    train_batch_size: int
    eval_batch_size: int = 10
    n_tasks: int = 1


@dataclass(frozen=True)
class Algorithm:
    """One of the post's training functions.

    Attributes:
        name: the function's, in the port, in an engine, and among the kernels of a GPU.
        optimisers: by the argument's name, in the loop's order, with their defaults.
        sizes: by default.
        loop: the compiled training function.
        loop_sizes: the loop's own arguments.
        draw: draws tasks and points beforehand, for a GPU.
        drawn: what is drawn for a task of the batch size: how many numbers, and their dtype.
        inputs: the kernel's arrays, from tasks, what was drawn, and the test points.
        anew: the optimisers that meet fresh arrays in every iteration: no state before, and none
            left behind.
    """

    name: str
    optimisers: Mapping[str, Optimiser]
    sizes: Sizes
    loop: Any
    loop_sizes: Callable[[Sizes], tuple[Any, ...]]
    draw: Any
    drawn: Callable[[int], tuple[int, type]]
    inputs: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, ...]]
    anew: frozenset[str] = frozenset()


def wave(tasks: Tensor, x: Tensor) -> Tensor:
    """amplitude * sin(x + phase shift) for tasks (..., 2)."""
    return tasks[..., :1] * torch.sin(x + tasks[..., 1:])


FOMAML = Algorithm(
    "fomaml",
    {"meta_opt": Descent(0.01), "inner_opt": Descent(0.02)},
    Sizes(10, n_tasks=3),
    loops.fomaml,
    lambda sizes: (TESTX, sizes.n_tasks, sizes.train_batch_size),
    draws.draw_batches,
    lambda batch: (batch, np.float32),
    lambda tasks, x, testx: (x, wave(tasks, x), testx, wave(tasks, testx)),
)
REPTILE = Algorithm(
    "reptile",
    {"meta_opt": Descent(0.1), "inner_opt": Descent(0.02)},
    Sizes(10),
    loops.reptile,
    lambda sizes: (TESTX, sizes.train_batch_size),
    draws.draw_orders,
    lambda batch: (TESTX.size, np.int32),
    lambda tasks, order, testx: (order, wave(tasks, testx), testx),
    anew=frozenset({"meta_opt"}),
)
TRANSFER_LEARN = Algorithm(
    "transfer_learn",
    {"opt": Descent(0.01)},
    Sizes(50),
    loops.transfer_learn,
    lambda sizes: (sizes.train_batch_size,),
    draws.draw_batches,
    lambda batch: (batch, np.float32),
    lambda tasks, x, testx: (x, wave(tasks, x)),
)
ALGORITHMS = {a.name: a for a in (FOMAML, REPTILE, TRANSFER_LEARN)}
