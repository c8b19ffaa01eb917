"""The data of the third post's figures, and of one that its headline comparison needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.func import grad, vmap

from repro.jang.adam import Adam
from repro.jang.maml import batch_maml_loss, inner_update
from repro.jang.net import (
    Params,
    flatten,
    loss,
    net_apply,
    net_init,
    sine_grid,
    unflatten,
)
from repro.jang.notebook import adaptation, dtype_of, fit, smoothed
from repro.jang.tasks import K, Points, sample_tasks

Arrays = dict[str, np.ndarray]

ARMS = tuple(product((1, 4), (1, 20)))
"""Tasks and validation points; the post compares the first and the last."""
QUANTILES = {"low": 0.25, "median": 0.5, "high": 0.75}


def sine_fit(params: Params) -> Arrays:
    """Figures 0 and 1: prediction, target and squared error over the grid, (100,) each."""
    x, y = sine_grid(dtype_of(params))
    prediction = net_apply(params, x)
    found = {"x": x, "prediction": prediction, "loss": (y - prediction) ** 2, "target": y}
    return {name: value[:, 0].numpy() for name, value in found.items()}


def fitted() -> Arrays:
    """Figure 1 after the fit."""
    return sine_fit(fit(net_init()).params)


def tasks(rng: np.random.RandomState, dtype: torch.dtype = torch.float32) -> Arrays:
    """Figure 3: two tasks of 50 training and 50 validation points, (2, 50) each."""
    values = sample_tasks(2, 50, rng, dtype)
    return {n: v[..., 0].numpy() for n, v in zip(("x1", "y1", "x2", "y2"), values, strict=True)}


def adapted(params: Params, x1: np.ndarray, steps: int) -> Arrays:
    """Figures 2 and 4: the points, and predictions `step_0`, `step_1`, ... (100,) over the grid."""
    x, y = sine_grid(dtype_of(params))
    curves = {f"step_{i}": found for i, found in enumerate(adaptation(params, x1, steps))}
    flat = {"x": x[:, 0].numpy(), "target": y[:, 0].numpy(), "x1": x1[:, 0]}
    return flat | {"y1": np.sin(x1[:, 0])} | curves


def learning_curves(single_losses: np.ndarray, batched_losses: np.ndarray) -> Arrays:
    """Figure 5: both convolved curves."""
    return {"single": smoothed(single_losses), "batched": smoothed(batched_losses)}


def headline(
    seeds: int = 32,
    iterations: int = 1000,
    every: int = 100,
    held_out: int = 100,
    prepare: Callable[[np.ndarray], np.ndarray] = lambda weights: weights,
    tick: Callable[[int], object] = lambda n: None,
    by: Callable[..., np.ndarray] | None = None,
) -> Arrays:
    """What makes the gain: tasks or validation points. In Float64.

    Each arm trains one network a seed (keys 0, 1, ...), all at once by `vmap`, as the batched
    training does but for its numbers of tasks and validation points. Evaluated is the mean
    squared error after one inner step on 20 points, on 100 others, the same held-out tasks for all.

    Args:
        seeds, iterations: of each arm.
        every: iterations between evaluations.
        held_out: tasks to evaluate on.
        prepare: makes the initial weights (seeds, 1761) others.
        tick: called as ``tick(n)`` after n more iterations.
        by: trains an arm and takes its held-out errors, :func:`arm` by default.

    Returns:
        `iterations`, and for each arm `1x20_low`, `_median`, `_high`: quartiles over the seeds.
    """
    test = drawn(np.random.RandomState(10**6), (held_out,), 100)
    found: Arrays = {"iterations": np.arange(0, iterations + 1, every)}
    for n, points in ARMS:
        errors = (by or arm)(n, points, seeds, iterations, every, test, prepare, tick)
        for name, q in QUANTILES.items():
            found[f"{n}x{points}_{name}"] = np.quantile(errors, q, axis=1)
    return found


def arm(
    n: int,
    points: int,
    seeds: int,
    iterations: int,
    every: int,
    test: Points,
    prepare: Callable[[np.ndarray], np.ndarray] = lambda weights: weights,
    tick: Callable[[int], object] = lambda n: None,
) -> np.ndarray:
    """Held-out errors (evaluations, seeds) of one arm."""
    rng = np.random.RandomState(0)
    initial = [flatten(net_init(key, dtype=torch.float64)) for key in range(seeds)]
    each = [unflatten(row) for row in prepare(np.stack(initial))]
    optimiser = Adam(step_size=1e-3)
    state = optimiser.init({name: torch.stack([p[name] for p in each]) for name in each[0]})
    gradients = vmap(grad(batch_maml_loss))
    errors = [held_out_error(state.x, test)]
    for i in range(iterations):
        state = optimiser.update(i, gradients(state.x, *drawn(rng, (seeds, n), points)), state)
        tick(1)
        if (i + 1) % every == 0:
            errors.append(held_out_error(state.x, test))
    return torch.stack(errors).numpy()


def drawn(rng: np.random.RandomState, shape: tuple[int, ...], points: int) -> Points:
    """Tasks in an array: 20 training points and so many validation points, (*shape, n, 1)."""
    A = rng.uniform(0.1, 0.5, (*shape, 1, 1))
    phase = rng.uniform(0.0, np.pi, (*shape, 1, 1))
    x1 = rng.uniform(-5.0, 5.0, (*shape, K, 1))
    x2 = rng.uniform(-5.0, 5.0, (*shape, points, 1))
    values = (x1, A * np.sin(x1 + phase), x2, A * np.sin(x2 + phase))
    a, b, c, d = map(torch.from_numpy, values)
    return a, b, c, d


def held_out_error(params: Params, test: Points) -> Tensor:
    """(seeds,): the mean over the tasks of the error after one inner step."""

    def after_a_step(p: Params, x1: Tensor, y1: Tensor, x2: Tensor, y2: Tensor) -> Tensor:
        return loss(inner_update(p, x1, y1), x2, y2)

    def mean(p: Params) -> Tensor:
        return torch.mean(vmap(partial(after_a_step, p))(*test))

    found: Tensor = vmap(mean)(params)
    return found
