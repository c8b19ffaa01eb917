"""Fine-tune on a few points of a task and watch the loss on the whole wave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from repro.flux import Descent, Optimiser, back, mse, update_params
from repro.luna.sine import SineWave, copies, params, restore
from repro.threads import one_thread
from repro.trace import note, within


@dataclass(frozen=True, repr=False)
class Evaluation:
    """What one evaluation saw: arrays in the precision of the run, losses always Float32.

    ``x``, ``y`` (n,): the points fine-tuned on. ``testx``, ``testy`` (m,): the whole wave.
    ``initial_predictions``, ``final_predictions`` (m,): before and after fine-tuning.
    ``test_losses`` (updates + 1,): on the whole wave, before and after each update.
    ``epoch``: the training iteration it was made in, 0 outside training.
    """

    task: SineWave
    x: np.ndarray
    testx: np.ndarray
    y: np.ndarray
    testy: np.ndarray
    initial_predictions: np.ndarray
    final_predictions: np.ndarray
    test_losses: np.ndarray
    epoch: int = 0

    def __repr__(self) -> str:
        first, last = self.test_losses[0], self.test_losses[-1]
        return (
            f"<Evaluation in iteration {self.epoch}: test loss {first:.4g} before and {last:.4g} "
            f"after {len(self.test_losses) - 1} updates on {len(self.x)} points of {self.task}>"
        )


Print = Callable[[str], None]


@one_thread()
def eval_model(
    model: nn.Module,
    x: Tensor,
    testx: Tensor,
    task: SineWave,
    *,
    opt: Optimiser | None = None,
    updates: int = 32,
    epoch: int = 0,
    print: Print | None = None,
) -> Evaluation:
    """Fine-tune on (x, task(x)) for some updates, then put the weights back.

    Args:
        model: left as it was found.
        x: (n,) points to fine-tune on.
        testx: (m,) points to measure the loss on.
        task: the wave.
        opt: optimiser of the fine-tuning, ``Descent(0.02)`` by default.
        updates: number of steps.
        epoch: the training iteration this belongs to, stored in the result.
        print: called with the task and with a line per loss, as the original prints them.

    Raises:
        NonFiniteLossError: a training loss is infinite or NaN, as in Flux.
    """
    opt = Descent(0.02) if opt is None else opt
    weights = params(model)
    prev_weights = copies(weights)

    def row(values: Tensor) -> Tensor:
        return values[None, :]

    def test() -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            predictions = model(row(testx))
            return predictions[0], mse(predictions, row(testy))

    note("testx", testx)
    y, testy = task(x), task(testx)
    note("y", y, x)
    note("testy", testy, testx)
    with within("test", 0):
        initial_predictions, test_loss = test()
    final_predictions, test_losses = initial_predictions, [test_loss]
    try:
        for k in range(1, updates + 1):
            with within("fit", k):
                back(mse(model(row(x)), row(y)), weights)
                update_params(opt, weights)
            with within("test", k):
                final_predictions, test_loss = test()
            test_losses.append(test_loss)
    finally:
        restore(weights, prev_weights)

    losses = torch.stack(test_losses).float().cpu().numpy()
    if print is not None:
        report(task, losses, print)
    return Evaluation(
        task,
        x=_array(x),
        testx=_array(testx),
        y=_array(y),
        testy=_array(testy),
        initial_predictions=_array(initial_predictions),
        final_predictions=_array(final_predictions),
        test_losses=losses,
        epoch=epoch,
    )


def _array(values: Tensor) -> np.ndarray:
    return values.cpu().numpy()


def report(task: SineWave, losses: np.ndarray, print: Print) -> None:
    """Print an evaluation as the original does."""
    print(str(task))
    print(f"before fine-tuning: loss {losses[0]:.6f}")
    for i, loss in enumerate(losses[1:], start=1):
        print(f"after {i} updates: loss {loss:.6f}")
