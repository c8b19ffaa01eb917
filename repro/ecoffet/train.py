"""The training procedures of the second post, to be read beside its notebook.

Habits of the notebook that its numbers depend on are kept: the gradient of the *training* loss
reaches the outer optimiser (``peculiar=True``); training points are drawn when a task is first
used; and every task builds a network of its own, which moves torch's generator.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import SGD, Adam, Optimizer

from repro.ecoffet.sine import Points, SineModel, SineWaveTask, copy_sine_model, points_for
from repro.threads import one_thread

Params = dict[str, Tensor]
Loss = Callable[[Params], Tensor]
"""A loss as a function of the parameters."""
Observe = Callable[[int, nn.Module, Optimizer], None]
"""Called as ``observe(step, model, optimizer)`` after each task, with the outer optimiser; steps
count from 1, through all epochs."""


def sine_fit1(net: SineModel, wave: SineWaveTask, optim: Optimizer) -> float:
    """One step of ``optim`` on the task's training points; returns the loss before it."""
    optim.zero_grad()
    loss = loss_on(net, wave.training_set())(dict(net.named_parameters()))
    loss.backward()
    optim.step()
    return loss.item()


@one_thread()
def fit_transfer(
    model: SineModel,
    epochs: int = 1,
    *,
    tasks: Sequence[SineWaveTask],
    sampler: Any = random,
    observe: Observe | None = None,
) -> None:
    """Transfer learning: one Adam(0.001) step on each task.

    Args:
        model: trained in place.
        epochs: how often every task is visited.
        tasks: the training tasks.
        sampler: draws the order of an epoch's tasks with its ``sample(tasks, n)``; Python's
            global generator, or a ``random.Random``.
        observe: called after each task.

    Raises:
        ValueError: there are no tasks.
    """
    optim = Adam(model.parameters())
    for step, _, t in visits(tasks, epochs, sampler):
        sine_fit1(model, t, optim)
        if observe is not None:
            observe(step, model, optim)


@one_thread()
def maml_sine(
    model: SineModel,
    epochs: int,
    lr_inner: float = 0.01,
    batch_size: int = 1,
    first_order: bool = False,
    *,
    tasks: Sequence[SineWaveTask],
    peculiar: bool = True,
    sampler: Any = random,
    observe: Observe | None = None,
) -> None:
    """MAML: Adam(0.001) on the loss that one inner step leaves on fresh points.

    Args:
        model: trained in place.
        epochs: how often every task is visited.
        lr_inner: rate of the inner step, which is taken on the task's training points.
        batch_size: tasks per outer step; their gradients are summed. What an epoch leaves over
            goes into the next one's first step.
        first_order: take the inner gradient for a constant.
        tasks, sampler, observe: as for :func:`fit_transfer`.
        peculiar: let all gradients pile up in one place, as the notebook does. The outer
            optimiser then gets the training gradient plus the meta-gradient, and from a
            meta-batch's second task on the inner step follows everything piled up so far.
            ``False`` is the algorithm as published (Finn, Abbeel and Levine 2017, section 3.1).

    Raises:
        ValueError: there are no tasks, or ``batch_size`` is not positive.
    """
    check_batch_size(batch_size)
    optimizer = Adam(model.parameters())
    params: Params = dict(model.named_parameters())
    total: Params | None = None
    for step, i, t in visits(tasks, epochs, sampler):
        SineModel()  # the notebook's working copy: nothing but its draws matters here
        train_loss = loss_on(model, t.training_set())
        fresh_loss = loss_on(model, t.training_set(force_new=True))
        carried = total if peculiar else None
        inner, meta = maml_gradient(train_loss, fresh_loss, params, lr_inner, first_order, carried)
        total = add(inner, meta) if peculiar else add(total, meta)
        if i % batch_size == 0:
            apply(optimizer, params, total)
            total = None
        if observe is not None:
            observe(step, model, optimizer)


def maml_gradient(
    train_loss: Loss,
    fresh_loss: Loss,
    params: Params,
    lr_inner: float,
    first_order: bool = False,
    carried: Params | None = None,
) -> tuple[Params, Params]:
    """The inner step's gradient, and the meta-gradient.

    Returns:
        ``g``, the gradient of ``train_loss`` at ``params`` (plus ``carried``, if given), and the
        gradient of ``fresh_loss(params - lr_inner * g)`` by ``params``; through ``g`` as well,
        unless ``first_order``.
    """
    inner = gradient(train_loss(params), params, create_graph=not first_order)
    if carried is not None:
        inner = add(carried, inner)
    adapted = {name: p - lr_inner * inner[name] for name, p in params.items()}
    return inner, gradient(fresh_loss(adapted), params)


@one_thread()
def reptile_sine(
    model: SineModel,
    epochs: int,
    lr_inner: float = 0.01,
    lr_outer: float = 0.001,
    k: int = 32,
    batch_size: int = 32,
    *,
    tasks: Sequence[SineWaveTask],
    sampler: Any = random,
    observe: Observe | None = None,
) -> None:
    """Reptile: ``k`` SGD steps on a task, and what they moved is Adam(lr_outer)'s gradient.

    That gradient is ``(w0 - wk) / k / lr_inner``, averaged over the tasks of a meta-batch.

    Args:
        model: trained in place.
        epochs: how often every task is visited.
        lr_inner, k: rate and number of the inner steps, all on the task's training points.
        lr_outer: Adam's rate.
        batch_size: tasks per outer step, as for :func:`maml_sine`.
        tasks, sampler, observe: as for :func:`fit_transfer`.

    Raises:
        ValueError: there are no tasks, or ``batch_size`` is not positive.
    """
    check_batch_size(batch_size)
    optimizer = Adam(model.parameters(), lr=lr_outer)
    params: Params = dict(model.named_parameters())
    total: Params | None = None
    for step, i, t in visits(tasks, epochs, sampler):
        new_model = copy_sine_model(model)
        inner_optim = SGD(new_model.parameters(), lr=lr_inner)
        for _ in range(k):
            sine_fit1(new_model, t, inner_optim)
        adapted = dict(new_model.named_parameters())
        moved = {n: (p - adapted[n]).detach() / k / lr_inner for n, p in params.items()}
        total = add(total, {n: g / batch_size for n, g in moved.items()})
        if i % batch_size == 0:
            apply(optimizer, params, total)
            total = None
        if observe is not None:
            observe(step, model, optimizer)


def visits(
    tasks: Sequence[SineWaveTask], epochs: int, sampler: Any
) -> Iterator[tuple[int, int, SineWaveTask]]:
    """Number of the visit, number within the epoch (both from 1), and task.

    The order of an epoch is drawn when the epoch begins.
    """
    if not tasks:
        raise ValueError("there are no tasks to train on: draw some with SineWaveTask()")
    step = 0
    for _ in range(epochs):
        for i, task in enumerate(sampler.sample(tasks, len(tasks)), start=1):
            step += 1
            yield step, i, task


def check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer, not {batch_size!r}")


def loss_on(model: nn.Module, points: Points) -> Loss:
    """The mean squared error on these points, as a function of the model's parameters."""
    x, y = points_for(model, points)
    return lambda params: F.mse_loss(functional_call(model, params, (x,)), y)


def gradient(loss: Tensor, params: Params, create_graph: bool = False) -> Params:
    # The graph stays: a later task of the same meta-batch may be differentiated through it.
    grads = torch.autograd.grad(
        loss, list(params.values()), retain_graph=True, create_graph=create_graph
    )
    return dict(zip(params, grads, strict=True))


def add(total: Params | None, more: Params) -> Params:
    return more if total is None else {name: total[name] + g for name, g in more.items()}


def apply(optimizer: Optimizer, params: Params, grads: Params) -> None:
    """One step of the optimiser with these gradients."""
    for name, p in params.items():
        p.grad = grads[name].detach()
    optimizer.step()
