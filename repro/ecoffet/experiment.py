"""The second post's computation at full size, in parts that can be kept.

Every part seeds the three global generators itself, as the recording of the small notebook does,
and puts them back. So parts can be computed in any order, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

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

TRAIN_TASKS, TEST_TASKS, MODELS, EPOCHS = 10_000, 1_000, 5, 4
AT_ONCE = 16
"""Networks whose tasks are drawn together: what they visit is a gigabyte for 64."""

Prepare = Callable[[np.ndarray], np.ndarray]
"""Changes the initial weights (1761,) of a model."""

Trainers = Any
"""What trains and fine-tunes stacks of networks: :mod:`repro.ecoffet.batched`, or an engine with
its functions."""


def seed_for(part: str, seed: int = 0) -> int:
    """What a part's generators are seeded with; seed 0 is the recording's scheme."""
    return SEEDS[part] + len(SEEDS) * seed


def draw(n_train: int = TRAIN_TASKS, n_test: int = TEST_TASKS, seed: int = 0) -> World:
    """The tasks with their points, and the model for transfer learning before its training."""
    with notebook_state():
        seed_all(seed_for("tasks", seed))
        world = draw_world(n_train, n_test)
        seed_all(seed_for("transfer", seed))
        draw_points(world)
    return world


def initial(method: str, models: int = MODELS, seed: int = 0) -> np.ndarray:
    """(models, 1761) the untrained networks of a method; ``"transfer"`` has one."""
    if method == "transfer":
        return flatten(draw(0, 0, seed).transfer)[None]
    with notebook_state():
        seed_all(seed_for(method, seed))
        return np.stack([flatten(SineModel()) for _ in range(models)])


def train(
    method: str,
    *,
    n_train: int = TRAIN_TASKS,
    models: int = MODELS,
    epochs: int = EPOCHS,
    seed: int = 0,
    peculiar: bool = True,
    by: Trainers = batched,
    device: torch.device | str = "cpu",
    prepare: Prepare = lambda weights: weights,
    progress: Progress | None = None,
) -> np.ndarray:
    """Train networks as the post does.

    Args:
        method: one of ``METHODS``. ``"transfer"`` is one network and one epoch whatever
            ``models`` and ``epochs`` are, and ``"random"`` trains nothing.
        n_train: training tasks.
        models, epochs: how many networks, and how often each visits every task.
        seed: 0 for the recording's seeds, see :func:`seed_for`.
        peculiar: for MAML, see :func:`repro.ecoffet.maml_sine`.
        by: what trains.
        device: where.
        prepare: applied to each network's initial weights.
        progress: called as ``progress(n)`` now and then; n steps are done by ``AT_ONCE`` networks.

    Returns:
        (models, 1761) float32 weights.

    Raises:
        ValueError: an unknown method, or ``peculiar=False`` where nothing is peculiar.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose from {', '.join(METHODS)}")
    if not peculiar and not method.startswith("maml"):
        raise ValueError(f"{method} has nothing peculiar: leave out peculiar=False")
    start = np.stack([prepare(w) for w in initial(method, models, seed)])
    if method == "random":
        return start
    world, fit = draw(n_train, 0, seed), trainer(method, by, peculiar)
    with notebook_state():
        seed_all(seed_for(method, seed))
        return np.concatenate(
            [
                np.asarray(fit(some, plan(method, world, len(some), epochs).to(device),
                               progress=progress))
                for some in np.split(start, range(AT_ONCE, len(start), AT_ONCE))
            ]
        )  # fmt: skip


def plan(method: str, world: World, models: int, epochs: int) -> batched.Plan:
    """What a method's next networks visit, by the global generators; of transfer learning there is
    one epoch, whatever ``epochs`` is."""
    epochs = 1 if method == "transfer" else epochs
    return batched.plan(world.train, models, epochs, fresh=method.startswith("maml"))


def trainer(method: str, by: Trainers = batched, peculiar: bool = True) -> Any:
    """What trains by a method, as the notebook calls it: ``train(weights, plan)``."""
    if method == "transfer":
        return by.fit_transfer
    if method == "reptile":
        return partial(by.reptile_sine, k=3)
    return partial(by.maml_sine, first_order=method == "maml_first_order", peculiar=peculiar)


def test_losses(
    weights: np.ndarray,
    tasks: Sequence[SineWaveTask],
    steps: int,
    lr: float = 0.01,
    by: Trainers = batched,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Test losses of all models on all tasks, (models, tasks, steps + 1) float32."""
    with notebook_state():
        return np.asarray(by.finetune(weights, tasks, steps, lr, device=device))


def waves(seed: int = 0) -> dict[str, np.ndarray]:
    """The waves of the post's first figures, drawn one after another; 100 points each.

    Returns:
        ``x`` (100,), ``three`` (3, 100), ``thousand`` (1000, 100), ``average`` (100,) of 10,000,
        and ``random`` (100,).
    """
    rng = np.random.RandomState(seed_for("tasks", seed))

    def drawn(n: int) -> np.ndarray:
        return np.stack([SineWaveTask(rng).test_set(100)[1].numpy() for _ in range(n)])

    return {
        "x": np.linspace(*INTERVAL, 100),
        "three": drawn(3),
        "thousand": drawn(1000),
        "average": drawn(10_000).mean(0),
        "random": drawn(1)[0],
    }


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

    The band holds the middle ``ci`` per cent of ``n_boot`` bootstrapped means: the pairs are
    drawn anew with replacement, each with its whole curve.

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
        drawn = rng.integers(0, len(units), (min(500, n_boot - start), len(units)))
        counts = np.stack([np.bincount(d, minlength=len(units)) for d in drawn])
        means[start : start + 500] = counts.astype(np.float64) @ units / len(units)
    low, high = np.percentile(means, [50 - ci / 2, 50 + ci / 2], axis=0)
    return np.stack([units.mean(0), low, high])
