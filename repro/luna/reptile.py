"""Reptile: train on a task for a while, then move the weights a part of the way there."""

from __future__ import annotations

import torch
from torch import nn

from repro.flux import Arrays, Descent, Optimiser, Params, back, mse, update_params
from repro.julia import Rng
from repro.luna.evaluate import Evaluation
from repro.luna.sine import SineWave, copies, params
from repro.luna.training import Data, Observe, check_counts, check_kinds, training
from repro.trace import at_step, note, within


@training
def reptile(
    model: nn.Module,
    *,
    meta_opt: Optimiser | None = None,
    inner_opt: Optimiser | None = None,
    epochs: int = 30_000,
    train_batch_size: int = 10,
    eval_batch_size: int = 10,
    eval_interval: int = 1000,
    rng: Rng,
    device: torch.device | str | None = None,
    observe: Observe | None = None,
) -> list[Evaluation]:
    """Per iteration, one pass over a random partition of 50 fixed points of one task.

    Args:
        model: trained in place.
        meta_opt: ``Descent(0.1)`` by default. It is applied to a fresh copy of the starting
            weights, so a stateful one starts anew in every iteration, as in the original.
        inner_opt: ``Descent(0.02)`` by default; its state lives as long as the weights do.
        epochs: meta-iterations.
        train_batch_size: points of an inner step; the last part of the 50 may be shorter.
        eval_batch_size: points drawn for an evaluation.
        eval_interval: an evaluation is made in every iteration that it divides.
        rng: stream of all draws.
        device: where to train; the model's device by default.
        observe: called with the iteration's number and the model after each iteration.

    Returns:
        The evaluations, in order.

    Raises:
        TypeError: a stream or an optimiser that is not one of ours.
        ValueError: a count is not a positive integer.
        NonFiniteLossError: a training loss is infinite or NaN, as in Flux.
    """
    check_kinds(rng, meta_opt, inner_opt)
    check_counts(
        epochs=epochs,
        train_batch_size=train_batch_size,
        eval_batch_size=eval_batch_size,
        eval_interval=eval_interval,
    )
    data = Data(model, device)
    meta_opt, inner_opt = meta_opt or Descent(0.1), inner_opt or Descent(0.02)
    weights = params(model)
    x = data.testx
    evaluations = []

    for i in range(1, epochs + 1):
        at_step(i)
        prev_weights = copies(weights)
        with within("task", 1):
            task = SineWave.draw(rng)
            note("x", x)
            y = task(x)
            note("y", y, x)
            order = torch.from_numpy(rng.randperm(len(x)) - 1).to(x.device)
            note("permutation", order + 1)
            for k, idx in enumerate(order.split(train_batch_size), start=1):
                with within("inner", k):
                    x_k, y_k = x[idx], y[idx]
                    note("x", x_k)
                    note("y", y_k, x_k)
                    back(mse(model(x_k[None, :]), y_k[None, :]), weights)
                    update_params(inner_opt, weights)

        with within("meta"):
            meta_step(meta_opt, weights, prev_weights)

        if i % eval_interval == 0:
            evaluations.append(data.evaluate(model, rng, eval_batch_size, i))
        if observe is not None:
            observe(i, model)
    return evaluations


@torch.no_grad()
def meta_step(meta_opt: Optimiser, weights: Params, prev_weights: Arrays) -> None:
    """``w = w0 + step``, the optimiser's step on the difference ``w - w0``."""
    differences = {name: w - prev_weights[name] for name, w in weights.items()}
    note("difference", differences)
    steps = {name: meta_opt.apply(prev_weights[name], d) for name, d in differences.items()}
    note("step", steps)
    for name, w in weights.items():
        w.copy_(prev_weights[name] + steps[name])
    note("update", weights)
