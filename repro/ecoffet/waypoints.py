"""The post's first networks at full size: the port's own run, and runs that begin again along it.

Two faithful trainings of a relu network part for good where a rounding puts a unit on the other
side of its kink. So a full-size run cannot be held to another from end to end. Instead the port's
state is kept every 1,000 tasks; whatever trains begins again from each, and is compared after the
next 100.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from repro.ecoffet import batched, experiment
from repro.ecoffet.batched import AdamState, Progress
from repro.ecoffet.experiment import Prepare, Trainers
from repro.ecoffet.notebook import TRAIN, notebook_state, seed_all
from repro.ecoffet.sine import SineModel, flatten
from repro.run import Kind, Quantity, Run

METHODS = ("transfer", "maml", "maml_first_order", "reptile")
EVERY, FOLLOWED = 1000, 100
"""Tasks between two waypoints, and how many are followed from each."""

WEIGHTS, FIRST, SECOND, AFTER = "weights", "adam_first", "adam_second", "weights_after"


def port_run(
    method: str,
    *,
    n_train: int = experiment.TRAIN_TASKS,
    epochs: int = experiment.EPOCHS,
    seed: int = 0,
    progress: Progress = lambda n: None,
) -> Run:
    """The first network of a method, trained by the port as the notebook does.

    Args:
        method: one of ``METHODS``; transfer learning is one epoch.
        n_train, epochs, seed: as for :func:`repro.ecoffet.experiment.train`.
        progress: called after every ``FOLLOWED`` tasks.

    Returns:
        float32 each, (waypoints, 1761), by tasks done: ``weights``, ``adam_first`` and
        ``adam_second``, Adam's moments, at each waypoint, and the weights at the end;
        ``weights_after`` at ``FOLLOWED`` tasks after each waypoint.
    """
    epochs = 1 if method == "transfer" else epochs
    end, world = n_train * epochs, experiment.draw(n_train, 0, seed)
    kept: dict[str, dict[int, np.ndarray]] = {n: {} for n in (WEIGHTS, FIRST, SECOND, AFTER)}

    def observe(step: int, model: nn.Module, optimizer: Optimizer | None) -> None:
        if step % FOLLOWED == 0 and step > 0:
            progress(FOLLOWED)
        if step % EVERY == 0 or step == end:
            kept[WEIGHTS][step] = flatten(model)
        if step % EVERY == 0 and step < end:
            kept[FIRST][step], kept[SECOND][step] = _moments(model, optimizer)
        if step % EVERY == FOLLOWED:
            kept[AFTER][step] = flatten(model)

    with notebook_state():
        seed_all(experiment.seed_for(method, seed))
        model = world.transfer if method == "transfer" else SineModel()
        observe(0, model, None)
        TRAIN[method](model, epochs, tasks=world.train, observe=observe)
    kinds = {WEIGHTS: Kind.STATE, FIRST: Kind.STATE, SECOND: Kind.STATE, AFTER: Kind.RESULT}
    return Run({name: Quantity.over(kept[name], kind) for name, kind in kinds.items()})


def _moments(model: nn.Module, optimizer: Optimizer | None) -> np.ndarray:
    """Adam's two, (2, 1761); of one that has not begun, zeros."""
    if optimizer is None:
        return np.zeros((2, len(flatten(model))), np.float32)
    states = [optimizer.state[p] for p in model.parameters()]
    return np.stack(
        [torch.cat([s[n].ravel() for s in states]).numpy() for n in ("exp_avg", "exp_avg_sq")]
    )


def begun_again(
    method: str,
    reference: Run,
    *,
    n_train: int = experiment.TRAIN_TASKS,
    epochs: int = experiment.EPOCHS,
    seed: int = 0,
    by: Trainers = batched,
    device: torch.device | str = "cpu",
    dtype: Any = np.float32,
    prepare: Prepare = lambda weights: weights,
    progress: Progress = lambda n: None,
) -> Run:
    """Train from every waypoint of the port's run on the tasks that follow there.

    Args:
        method, n_train, epochs, seed: those of the run.
        reference: the run; its weights and Adam's moments are given, at the waypoints.
        by: what trains, see :func:`repro.ecoffet.experiment.train`.
        device: where.
        dtype: of the weights, NumPy's float32 or float64; the points are float32's.
        prepare: applied to the weights at each waypoint.
        progress: called after each.

    Returns:
        What is compared: ``weights_after``.
    """
    train, world = experiment.trainer(method, by), experiment.draw(n_train, 0, seed)
    with notebook_state():
        seed_all(experiment.seed_for(method, seed))
        plan = experiment.plan(method, world, 1, epochs)
    plan = plan.to(device, getattr(torch, np.dtype(dtype).name))
    after: dict[int, np.ndarray] = {}
    for step in reference[FIRST].steps.tolist():
        if step + FOLLOWED > len(plan):
            continue
        given = [reference[n].at(np.array([step])) for n in (WEIGHTS, FIRST, SECOND)]
        weights, first, second = (g.astype(dtype) for g in given)
        state = AdamState(step, first, second)
        with notebook_state():
            (found,) = train(prepare(weights[0])[None], plan[step : step + FOLLOWED], adam=state)
        after[step + FOLLOWED] = found
        progress(FOLLOWED)
    return Run({AFTER: Quantity.over(after, Kind.RESULT)})
