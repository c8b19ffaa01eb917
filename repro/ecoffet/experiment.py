"""The second post's computation at full size, in parts that can be kept.

Every part seeds the three global generators itself, as the recording of the small notebook does,
and puts them back. So parts can be computed in any order, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from repro.ecoffet import batched
from repro.ecoffet.batched import Progress
from repro.ecoffet.evaluate import eval_sine_test
from repro.ecoffet.notebook import (
    METHODS,
    SEEDS,
    World,
    draw_points,
    draw_world,
    notebook_state,
    seed_all,
)
from repro.ecoffet.sine import INTERVAL, SineModel, SineWaveTask, flatten, unflatten
from repro.ecoffet.train import fit_transfer

TRAIN_TASKS, TEST_TASKS, MODELS, EPOCHS = 10_000, 1_000, 5, 4
META = {
    "maml": lambda w, plan, **kw: batched.maml_sine(w, plan, **kw),
    "maml_first_order": lambda w, plan, **kw: batched.maml_sine(w, plan, first_order=True, **kw),
    "reptile": lambda w, plan, **kw: batched.reptile_sine(w, plan, k=3, **kw),
}
"""The methods that train several models."""


def draw(n_train: int = TRAIN_TASKS, n_test: int = TEST_TASKS) -> World:
    """The tasks with their points, and the model for transfer learning before its training."""
    with notebook_state():
        seed_all(SEEDS["tasks"])
        world = draw_world(n_train, n_test)
        seed_all(SEEDS["transfer"])
        draw_points(world)
    return world


def train(
    method: str,
    *,
    n_train: int = TRAIN_TASKS,
    models: int = MODELS,
    epochs: int = EPOCHS,
    peculiar: bool = True,
    progress: Progress | None = None,
) -> np.ndarray:
    """Train by one of ``METHODS``; ``"transfer"`` is one model and one epoch, as in the post.

    Args:
        method: which; ``"random"`` trains nothing.
        n_train: training tasks.
        models, epochs: for the three meta-learning methods.
        peculiar: for MAML, see :func:`repro.ecoffet.maml_sine`.
        progress: called every 1000 tasks with what is done and what there is to do.

    Returns:
        (models, 1761) float32 weights; one row for ``"transfer"`` and ``"random"``.

    Raises:
        ValueError: an unknown method, or ``peculiar=False`` for one that has no such thing.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose from {', '.join(METHODS)}")
    if not peculiar and not method.startswith("maml"):
        raise ValueError(f"{method} has nothing peculiar: leave out peculiar=False")
    world = draw(n_train, 0)
    with notebook_state():
        seed_all(SEEDS[method])
        if method == "transfer":
            fit_transfer(world.transfer, tasks=world.train, observe=_every_1000(n_train, progress))
            return flatten(world.transfer)[None]
        if method == "random":
            return flatten(SineModel())[None]
        start = batched.stack(np.stack([flatten(SineModel()) for _ in range(models)]))
        plan = batched.plan(world.train, models, epochs, fresh=method != "reptile")
        kwargs = {} if peculiar else {"peculiar": False}
        return batched.flat(META[method](start, plan, progress=progress, **kwargs))


def _every_1000(total: int, progress: Progress | None):
    def observe(step: int, model: torch.nn.Module) -> None:
        if progress is not None and step % 1000 == 0:
            progress(step, total)

    return observe


def losses_on(
    weights: np.ndarray, tasks: list[SineWaveTask], steps: int, lr: float = 0.01
) -> np.ndarray:
    """Test losses of all models on all tasks, (models, tasks, steps + 1) float32."""
    with notebook_state():
        return batched.finetune(batched.stack(weights), tasks, steps, lr)


def waves() -> dict[str, np.ndarray]:
    """The waves of the post's first figures, drawn one after another; 100 points each.

    Returns:
        ``x`` (100,), ``three`` (3, 100), ``thousand`` (1000, 100), ``average`` (100,) of 10,000,
        and ``random`` (100,).
    """
    rng = np.random.RandomState(SEEDS["tasks"])

    def drawn(n: int) -> np.ndarray:
        return np.stack([SineWaveTask(rng).test_set(100)[1].numpy() for _ in range(n)])

    three, thousand, average = drawn(3), drawn(1000), drawn(10_000).mean(0)
    x = np.linspace(*INTERVAL, 100)
    return {
        "x": x, "three": three, "thousand": thousand, "average": average, "random": drawn(1)[0]
    }  # fmt: skip


def fits(
    weights: np.ndarray, task: SineWaveTask, steps: Iterable[int] = (0, 1, 10), lr: float = 0.01
) -> dict[str, np.ndarray]:
    """The first model fine-tuned on a task, as arrays.

    Returns:
        ``train_x``, ``train_y`` (10,), ``x``, ``y`` (50,), ``steps`` (n,) and
        ``predictions`` (n, 50).
    """
    with notebook_state():
        model = SineModel()
        unflatten(model, weights[0])
        results = eval_sine_test(model, task, tuple(steps), lr)
    train_x, train_y, x, y = (v.numpy() for v in (*task.training_set(), *task.test_set()))
    return {
        "train_x": train_x,
        "train_y": train_y,
        "x": x,
        "y": y,
        "steps": np.array([fit.steps for fit in results]),
        "predictions": np.stack([fit.predictions for fit in results]),
    }


def learning_curve(
    losses: np.ndarray, *, n_boot: int = 5000, ci: float = 68.0, seed: int = 0
) -> np.ndarray:
    """Mean and band over all pairs of model and task, as the notebook's plots have them.

    The band holds the middle ``ci`` per cent of ``n_boot`` bootstrapped means: the units, pairs
    of model and task, are drawn anew with replacement, each with its whole curve.

    Args:
        losses: (models, tasks, steps + 1).
        seed: of the bootstrap's own generator.

    Returns:
        (3, steps + 1) float64: mean, lower and upper end of the band.
    """
    units = losses.reshape(-1, losses.shape[-1]).astype(np.float64)
    rng = np.random.default_rng(seed)
    means = np.empty((n_boot, units.shape[1]))
    for start in range(0, n_boot, 500):
        size = min(500, n_boot - start)
        drawn = rng.integers(0, len(units), (size, len(units)))
        counts = np.stack([np.bincount(d, minlength=len(units)) for d in drawn])
        means[start : start + size] = counts.astype(np.float64) @ units / len(units)
    low, high = np.percentile(means, [50 - ci / 2, 50 + ci / 2], axis=0)
    return np.stack([units.mean(0), low, high])
