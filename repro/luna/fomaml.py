"""First-order MAML: move towards weights from which one inner step does well on new points."""

from __future__ import annotations

import torch
from torch import nn

from repro.flux import (
    Descent,
    Optimiser,
    grad_of,
    gradient,
    grads_of,
    mse,
    step,
    update_params,
)
from repro.julia import Rng
from repro.luna.evaluate import Evaluation
from repro.luna.sine import SineWave, copies, params, restore
from repro.luna.training import Data, Observe, check_counts, check_kinds, training
from repro.trace import at_step, note, within


@training
def fomaml(
    model: nn.Module,
    *,
    meta_opt: Optimiser | None = None,
    inner_opt: Optimiser | None = None,
    epochs: int = 30_000,
    n_tasks: int = 3,
    train_batch_size: int = 10,
    eval_batch_size: int = 10,
    eval_interval: int = 1000,
    rng: Rng,
    device: torch.device | str | None = None,
    observe: Observe | None = None,
) -> list[Evaluation]:
    """One meta-step per iteration on the *sum* of the tasks' test gradients.

    Args:
        model: trained in place.
        meta_opt: ``Descent(0.01)`` by default; its state lives as long as the weights do.
        inner_opt: ``Descent(0.02)`` by default; not reset between tasks.
        epochs: meta-iterations.
        n_tasks: tasks per meta-iteration.
        train_batch_size, eval_batch_size: points drawn for an inner step, for an evaluation.
        eval_interval: an evaluation is made in every iteration that it divides.
        rng: stream of all draws.
        device: where to train; the model's device by default.
        observe: called with the iteration's number and the model after each iteration.

    Returns:
        The evaluations, in order.

    Raises:
        TypeError: a stream or an optimiser that is not one of ours.
        ValueError: a count is not a positive integer.
        NonFiniteLossError: a loss to be differentiated is infinite or NaN, as in Flux.
    """
    check_kinds(rng, meta_opt, inner_opt)
    check_counts(
        epochs=epochs,
        n_tasks=n_tasks,
        train_batch_size=train_batch_size,
        eval_batch_size=eval_batch_size,
        eval_interval=eval_interval,
    )
    data = Data(model, device)
    meta_opt, inner_opt = meta_opt or Descent(0.01), inner_opt or Descent(0.02)
    weights = params(model)
    testx = data.testx
    evaluations = []

    for i in range(1, epochs + 1):
        at_step(i)
        prev_weights = copies(weights)

        for k in range(1, n_tasks + 1):
            with within("task", k):
                task = SineWave.draw(rng)
                x = data.batch(rng, train_batch_size)
                y = task(x)
                note("y", y, x)
                with within("inner"):
                    grad = gradient(mse(model(x[None, :]), y[None, :]), weights)
                    step(inner_opt, weights, grad)

                note("testx", testx)
                testy = task(testx)
                note("testy", testy, testx)
                with within("outer"):
                    grad = gradient(mse(model(testx[None, :]), testy[None, :]), weights)
                restore(weights, prev_weights)
                for name, w in weights.items():
                    grad_of(w).add_(grad[name])
                note("sum", grads_of(weights))

        with within("meta"):
            update_params(meta_opt, weights)

        if i % eval_interval == 0:
            evaluations.append(data.evaluate(model, rng, eval_batch_size, i))
        if observe is not None:
            observe(i, model)
    return evaluations
