"""Transfer learning: one network, a fresh wave every step, and no adaptation."""

from __future__ import annotations

import torch
from torch import nn

from repro.flux import Descent, Optimiser, back, mse, update_params
from repro.julia import Rng
from repro.luna.evaluate import Evaluation
from repro.luna.sine import SineWave, params
from repro.luna.training import Data, Observe, check_counts, check_kinds, training
from repro.trace import at_step, note, within


@training
def transfer_learn(
    model: nn.Module,
    *,
    opt: Optimiser | None = None,
    epochs: int = 30_000,
    train_batch_size: int = 50,
    eval_batch_size: int = 10,
    eval_interval: int = 1000,
    variant: str = "package",
    rng: Rng,
    device: torch.device | str | None = None,
    observe: Observe | None = None,
) -> list[Evaluation]:
    """Train on a new task and a new batch in every iteration.

    Args:
        model: trained in place.
        opt: ``Descent(0.01)`` by default; with ``variant="post"``, ``Descent(0.02)``.
        epochs: iterations.
        train_batch_size, eval_batch_size: points drawn for a step, for an evaluation.
        eval_interval: an evaluation is made in every iteration that it divides.
        variant: ``"package"`` (Float32 data), or ``"post"``, the post's listing: Float64 data
            and evaluations with ``Descent(0.01)``.
        rng: stream of all draws.
        device: where to train; the model's device by default.
        observe: called with the iteration's number and the model after each iteration.

    Returns:
        The evaluations, in order.

    Raises:
        ValueError: a count is not a positive integer, or the variant is unknown.
        NonFiniteLossError: a training loss is infinite or NaN, as in Flux.
    """
    check_kinds(rng, opt)
    check_counts(
        epochs=epochs,
        train_batch_size=train_batch_size,
        eval_batch_size=eval_batch_size,
        eval_interval=eval_interval,
    )
    data = Data(model, device, variant)
    opt, eval_opt = (
        (opt or Descent(0.02), Descent(0.01))
        if variant == "post"
        else (opt or Descent(0.01), Descent(0.02))
    )
    weights = params(model)
    evaluations = []

    for i in range(1, epochs + 1):
        at_step(i)
        with within("task", 1):
            task = SineWave.draw(rng)
            x = data.batch(rng, train_batch_size)
            y = task(x)
            note("y", y, x)
            with within("train"):
                back(mse(model(x[None, :]), y[None, :]), weights)
                update_params(opt, weights)

        if i % eval_interval == 0:
            evaluations.append(data.evaluate(model, rng, eval_batch_size, i, opt=eval_opt))
        if observe is not None:
            observe(i, model)
    return evaluations
