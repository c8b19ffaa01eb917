"""The notebook from top to bottom, at the size and with the seeds of its recording."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from repro.ecoffet.evaluate import eval_sine_test
from repro.ecoffet.sine import SineModel, SineWaveTask, flatten, one_sided_task
from repro.ecoffet.train import fit_transfer, maml_sine, reptile_sine

METHODS = ("transfer", "random", "maml", "maml_first_order", "reptile")
SEEDS = {"tasks": 0, "transfer": 1, "random": 2, "maml": 3, "maml_first_order": 4, "reptile": 5}
"""What the three global generators are seeded with before each part."""

Prepare = Callable[[SineModel], None]


@dataclass
class World:
    """What is drawn first: the tasks, and the model for transfer learning."""

    train: list[SineWaveTask]
    test: list[SineWaveTask]
    one_sided: SineWaveTask
    transfer: SineModel


def draw_world(n_train: int, n_test: int) -> World:
    """Draw from NumPy's and torch's global generators, in the notebook's order."""
    train = [SineWaveTask() for _ in range(n_train)]
    test = [SineWaveTask() for _ in range(n_test)]
    return World(train, test, one_sided_task(), SineModel())


def draw_points(world: World) -> None:
    """Make only the draws of transfer learning and of a first evaluation.

    Training points are drawn on first use, so every later part depends on these two.
    """
    for task in [*random.sample(world.train, len(world.train)), *world.test]:
        task.training_set()


TRAIN: dict[str, Callable[..., None]] = {
    "transfer": fit_transfer,
    "random": lambda model, epochs, *, tasks: None,
    "maml": maml_sine,
    "maml_first_order": partial(maml_sine, first_order=True),
    "reptile": partial(reptile_sine, k=3, batch_size=1),
}
"""Called as ``train(model, epochs, tasks=tasks)``."""


def notebook_small(
    methods: Collection[str] = METHODS,
    *,
    prepare: Prepare | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    tick: Callable[[], object] = lambda: None,
    n_train: int = 500,
    n_test: int = 20,
    max_steps: int = 32,
) -> dict[str, np.ndarray]:
    """Run the notebook small, and return what its recording has, by the same names.

    The global generators are seeded along the way and put back at the end; torch runs on one
    thread.

    Args:
        methods: which of ``METHODS`` to train; the tasks are always drawn.
        prepare: called with each model before it is trained, to change its initial weights.
        device: where to compute.
        dtype: of the weights; float64 computes on the same float32 draws.
        tick: called ``n_train`` times in all, a share after each method, for a progress bar.
        n_train, n_test: numbers of tasks.
        max_steps: fine-tuning steps on every test task.

    Returns:
        ``train_tasks``, ``test_tasks`` (n, 2) and ``one_sided`` (2,): amplitude and phase;
        ``train_x``, ``test_train_x`` (n, 10) and ``one_sided_train_x`` (10,); and for each
        method ``M_init`` and ``M_weights`` (1761,), ``M_test_losses`` (n_test, max_steps + 1).

    Raises:
        ValueError: an unknown method.
    """
    unknown = set(methods) - set(METHODS)
    if unknown:
        raise ValueError(f"unknown methods {sorted(unknown)}: choose from {', '.join(METHODS)}")
    with notebook_state():
        seed_all(SEEDS["tasks"])
        world = draw_world(n_train, n_test)
        seed_all(SEEDS["transfer"])
        if "transfer" not in methods:
            draw_points(world)
        results: dict[str, np.ndarray] = {}
        wanted = [m for m in METHODS if m in methods]
        for done, name in enumerate(wanted):
            if name == "transfer":
                model = world.transfer
            else:
                seed_all(SEEDS[name])
                model = SineModel()
            model.to(device, dtype)
            if prepare is not None:
                prepare(model)
            results |= run_method(name, model, world, max_steps)
            shares = [n_train * n // len(wanted) for n in (done, done + 1)]
            for _ in range(*shares):
                tick()
        return world_arrays(world) | results


def run_method(name: str, model: SineModel, world: World, max_steps: int) -> dict[str, np.ndarray]:
    """Train the model in place, then fine-tune it on every test task."""
    init = flatten(model)
    TRAIN[name](model, 1, tasks=world.train)
    results = {f"{name}_init": init, f"{name}_weights": flatten(model)}
    if name == "random":
        results["random_weights0"] = init
    fits = range(max_steps + 1)
    losses = [[fit.loss for fit in eval_sine_test(model, t, fits)] for t in world.test]
    results[f"{name}_test_losses"] = np.array(losses, dtype=init.dtype)
    return results


def world_arrays(world: World) -> dict[str, np.ndarray]:
    """The drawn numbers, float64."""

    def drawn(tasks: list[SineWaveTask]) -> tuple[np.ndarray, np.ndarray]:
        return np.array([[t.a, t.b] for t in tasks]), np.array([t.train_x for t in tasks])

    train_tasks, train_x = drawn(world.train)
    test_tasks, test_train_x = drawn(world.test)
    one_sided, one_sided_x = drawn([world.one_sided])
    return {
        "train_tasks": train_tasks,
        "test_tasks": test_tasks,
        "one_sided": one_sided[0],
        "train_x": train_x,
        "test_train_x": test_train_x,
        "one_sided_train_x": one_sided_x[0],
    }


def seed_all(seed: int) -> None:
    """Seed Python's, NumPy's and torch's global generators."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def notebook_state() -> Iterator[None]:
    """One thread, and the three global generators put back afterwards as they were."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
