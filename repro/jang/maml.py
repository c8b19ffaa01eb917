"""MAML by two nested gradients, and a batch of tasks by `vmap` (the notebook's cells 13 to 24).

What is computed inside a differentiated or batched function cannot be noted there: it is a tensor
of the transform's own, worth nothing outside. So it is *told* (:func:`tell`), leaves the transform
as an auxiliary result (:func:`aside`), and is noted outside: what the run computed, not computed
again. Who listens can read these values; changing them changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import grad, vmap

from repro.jang.net import Params, loss

alpha = 0.1

Told = dict[str, Any]
_asides: list[Told] = []


def tell(name: str, value: Any) -> None:
    """Put a value aside for whoever called the function around by :func:`aside`."""
    if _asides:
        _asides[-1][name] = value


def aside(function: Callable[..., Tensor]) -> Callable[..., tuple[Tensor, Told]]:
    """The function with what it tells as a second result."""

    def call(*args: Any) -> tuple[Tensor, Told]:
        told: Told = {}
        _asides.append(told)
        try:
            return function(*args), told
        finally:
            _asides.pop()

    return call


def inner_update(p: Params, x1: Tensor, y1: Tensor) -> Params:
    """One step of gradient descent on the training points (n, 1)."""
    grads = grad(loss)(p, x1, y1)
    tell("inner.grad", grads)
    return {name: p[name] - alpha * grads[name] for name in p}


def maml_loss(p: Params, x1: Tensor, y1: Tensor, x2: Tensor, y2: Tensor) -> Tensor:
    """The loss on the validation points after one inner step on the training points."""
    p2 = inner_update(p, x1, y1)
    tell("adapted", p2)
    value = loss(p2, x2, y2)
    tell("loss", value)
    return value


def batch_maml_loss(p: Params, x1_b: Tensor, y1_b: Tensor, x2_b: Tensor, y2_b: Tensor) -> Tensor:
    """The mean of the tasks' losses; every tensor (tasks, n, 1)."""
    task_losses, told = vmap(aside(partial(maml_loss, p)))(x1_b, y1_b, x2_b, y2_b)
    tell("tasks", told)
    return torch.mean(task_losses)
