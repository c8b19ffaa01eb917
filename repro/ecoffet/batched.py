"""Many copies of the network at once: the same procedures on stacked weights.

Every weight has a leading axis, one entry for each model (or pair of model and task), and a
layer is one batched product. Models do not meet: the gradient of the summed losses holds each
model's own gradient, and Adam works element by element. Results therefore equal those of
:mod:`repro.ecoffet.train` up to the order in which products add up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.optim import Adam

from repro.ecoffet.sine import INTERVAL, Points, SineWaveTask, float32

Stack = list[Tensor]
"""The six weights of M networks in ``SineModel.parameters()``'s order, each (M, ...)."""
SHAPES = ((40, 1), (40,), (40, 40), (40,), (1, 40), (1,))
"""Of one ``SineModel``'s parameters."""


Progress = Callable[[int], object]
"""``progress(n)``: n more steps are done."""


class AdamState(NamedTuple):
    """What Adam carries from step to step.

    Attributes:
        steps: how many it has made.
        first, second: (M, 1761) its moments, in the weights' dtype.
    """

    steps: int
    first: np.ndarray
    second: np.ndarray


def stack(weights: np.ndarray, device: torch.device | str = "cpu") -> Stack:
    """M flattened networks, (M, 1761), as a stack in their dtype; nothing is shared."""
    parts = torch.tensor(weights, device=device).split([prod(s) for s in SHAPES], dim=1)
    return [part.reshape(-1, *s) for part, s in zip(parts, SHAPES, strict=True)]


def flat(weights: Stack) -> np.ndarray:
    """A stack as (M, 1761)."""
    return torch.cat([w.detach().cpu().flatten(1) for w in weights], dim=1).numpy()


def predict(weights: Stack, x: Tensor) -> Tensor:
    """(M, n, 1) to (M, n, 1), each network on its own points."""
    w1, b1, w2, b2, w3, b3 = weights
    h = torch.baddbmm(b1[:, None], x, w1.mT).relu()
    h = torch.baddbmm(b2[:, None], h, w2.mT).relu()
    return torch.baddbmm(b3[:, None], h, w3.mT)


def losses(weights: Stack, x: Tensor, y: Tensor) -> Tensor:
    """(M,) mean squared errors."""
    return (predict(weights, x) - y).square().mean((1, 2))


def gradients(weights: Stack, x: Tensor, y: Tensor, create_graph: bool = False) -> Stack:
    """Each network's gradient of its own loss, stacked like the weights."""
    total = losses(weights, x, y).sum()
    return list(torch.autograd.grad(total, weights, create_graph=create_graph))


def descend(weights: Stack, grads: Stack, lr: float) -> Stack:
    return [w - lr * g for w, g in zip(weights, grads, strict=True)]


@dataclass(frozen=True)
class Plan:
    """What M models visit, drawn in the order in which they would be trained one by one.

    Attributes:
        x, y: (steps, M, n, 1) float32, the training points.
        fresh_x, fresh_y: the same for the outer loss, if it was asked for.
    """

    x: Tensor
    y: Tensor
    fresh_x: Tensor | None = None
    fresh_y: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, steps: slice) -> Plan:
        """Some of the steps."""
        return self._each(lambda points: points[steps])

    def to(self, *args: Any) -> Plan:
        """The same points with this dtype, on this device, or both; see ``Tensor.to``."""
        return self._each(lambda points: points.to(*args))

    @staticmethod
    def beside(plans: Sequence[Plan]) -> Plan:
        """Those of several stacks as one of all their models."""
        first, *others = plans
        return first._each(lambda *points: torch.cat(points, dim=1), *others)

    def _each(self, change: Callable[..., Tensor], *others: Plan) -> Plan:
        changed: dict[str, Any] = {
            name: v if v is None else change(v, *(getattr(other, name) for other in others))
            for name, v in vars(self).items()
        }
        return Plan(**changed)


def plan(
    tasks: Sequence[SineWaveTask],
    models: int,
    epochs: int,
    *,
    fresh: bool = False,
    sampler: Any = random,
) -> Plan:
    """Draw orders and fresh points for ``models`` trainings of ``epochs`` epochs each.

    Args:
        tasks: their training points must have been drawn.
        fresh: draw fresh points too, as MAML does.
        sampler: as for :func:`repro.ecoffet.train.fit_transfer`.

    Raises:
        ValueError: a task has no training points yet.
    """
    if any(t.train_x is None for t in tasks):
        raise ValueError("draw the tasks' training points first: call training_set() on each")
    kept = np.array([t.train_x for t in tasks])
    orders, drawn = [], []
    for _ in range(models * epochs):
        orders.append(sampler.sample(range(len(tasks)), len(tasks)))
        if fresh:
            drawn.append(tasks[0].rng.uniform(*INTERVAL, kept.shape))
    order = np.array(orders).reshape(models, -1).T
    x, y = _points(tasks, order, kept[order])
    if not fresh:
        return Plan(x, y)
    new = np.array(drawn).reshape(models, -1, kept.shape[1]).swapaxes(0, 1)
    return Plan(x, y, *_points(tasks, order, new))


def _points(
    tasks: Sequence[SineWaveTask], order: np.ndarray, x: np.ndarray
) -> tuple[Tensor, Tensor]:
    a, b = np.array([[t.a, t.b] for t in tasks]).T[:, order, None]
    return float32(x)[..., None], float32(a * np.sin(x + b))[..., None]


def maml_sine(
    weights: np.ndarray,
    plan: Plan,
    lr_inner: float = 0.01,
    first_order: bool = False,
    *,
    peculiar: bool = True,
    adam: AdamState | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """:func:`repro.ecoffet.train.maml_sine` with a meta-batch of one task, for all models.

    Args:
        weights: (M, 1761) the untrained networks; they say the dtype.
        plan: made with ``fresh=True``. It also says the device.
        lr_inner, first_order, peculiar: as there.
        adam: what the optimiser carries from earlier steps; by default it begins here.
        progress: called now and then.

    Returns:
        (M, 1761) the trained networks.

    Raises:
        ValueError: the plan has no fresh points.
    """
    if plan.fresh_x is None or plan.fresh_y is None:
        raise ValueError("MAML's outer loss needs fresh points: make the plan with fresh=True")
    fresh_x, fresh_y = plan.fresh_x, plan.fresh_y

    def direction(w: Stack, i: int) -> Stack:
        inner = gradients(w, plan.x[i], plan.y[i], create_graph=not first_order)
        loss = losses(descend(w, inner, lr_inner), fresh_x[i], fresh_y[i])
        meta = list(torch.autograd.grad(loss.sum(), w))
        return [g + m for g, m in zip(inner, meta, strict=True)] if peculiar else meta

    return _train(weights, plan, direction, 0.001, adam, progress)


def reptile_sine(
    weights: np.ndarray,
    plan: Plan,
    lr_inner: float = 0.01,
    lr_outer: float = 0.001,
    k: int = 32,
    *,
    adam: AdamState | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """:func:`repro.ecoffet.train.reptile_sine` with a meta-batch of one task, for all models.

    Arguments and result as for :func:`maml_sine`.
    """

    def direction(w: Stack, i: int) -> Stack:
        adapted = w
        for _ in range(k):
            adapted = _leaves(descend(adapted, gradients(adapted, plan.x[i], plan.y[i]), lr_inner))
        return [(a - b) / k / lr_inner for a, b in zip(w, adapted, strict=True)]

    return _train(weights, plan, direction, lr_outer, adam, progress)


def fit_transfer(
    weights: np.ndarray,
    plan: Plan,
    *,
    adam: AdamState | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """:func:`repro.ecoffet.train.fit_transfer` for all models, on the plan's training points."""

    def direction(w: Stack, i: int) -> Stack:
        return gradients(w, plan.x[i], plan.y[i])

    return _train(weights, plan, direction, 0.001, adam, progress)


def _train(
    weights: np.ndarray,
    plan: Plan,
    direction: Callable[[Stack, int], Stack],
    lr: float,
    adam: AdamState | None,
    progress: Progress | None,
) -> np.ndarray:
    stacked = _leaves(stack(weights, plan.x.device))
    optimizer = Adam(stacked, lr=lr, foreach=True)
    if adam is not None:
        moments = (stack(moment, plan.x.device) for moment in (adam.first, adam.second))
        for w, first, second in zip(stacked, *moments, strict=True):
            step = torch.tensor(float(adam.steps))
            optimizer.state[w] = {"step": step, "exp_avg": first, "exp_avg_sq": second}
    for i in range(len(plan)):
        for w, g in zip(stacked, direction(stacked, i), strict=True):
            w.grad = g.detach()
        optimizer.step()
        if progress is not None and (i + 1) % 1000 == 0:
            progress(1000)
    return flat(stacked)


def _leaves(weights: Stack) -> Stack:
    return [w.detach().clone().requires_grad_() for w in weights]


def finetune(
    weights: np.ndarray,
    tasks: Sequence[SineWaveTask],
    steps: int,
    lr: float = 0.01,
    *,
    chunk: int = 100,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Every model fine-tuned on every task: :func:`repro.ecoffet.evaluate.eval_sine_test`.

    Args:
        weights: (M, 1761) the models.
        tasks: T of them. Training points that were never drawn are drawn here, in order.
        steps: SGD steps on a task's training points.
        lr: their rate.
        chunk: how many tasks are worked on at a time, one model each; 100 networks and their
            points fit a core's cache, which makes them a third faster than 500.

    Returns:
        (M, T, steps + 1) the losses at the tasks' test points, before and after every step, in
        the weights' dtype.
    """
    stacked = stack(weights, device)
    train = _columns([t.training_set() for t in tasks], stacked[0])
    test = _columns([t.test_set() for t in tasks], stacked[0])
    results = stacked[0].new_empty(len(weights), len(tasks), steps + 1)
    for m in range(len(results)):
        for start in range(0, len(tasks), chunk):
            part = slice(start, start + chunk)
            x, y, test_x, test_y = (v[part] for v in (*train, *test))
            tuned = [w[m].expand(len(x), *w[m].shape) for w in stacked]
            for step in range(steps + 1):
                if step > 0:
                    tuned = _leaves(tuned)
                    tuned = descend(tuned, gradients(tuned, x, y), lr)
                with torch.no_grad():
                    results[m, part, step] = losses(tuned, test_x, test_y)
    return results.cpu().numpy()


def _columns(points: Sequence[Points], like: Tensor) -> tuple[Tensor, Tensor]:
    """x and y of all tasks, (T, n, 1)."""
    xs, ys = zip(*points, strict=True)
    return torch.stack(xs)[..., None].to(like), torch.stack(ys)[..., None].to(like)
