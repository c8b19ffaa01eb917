"""Fine-tuning a model on a test task, as the notebook measures it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch.optim import SGD

from repro.ecoffet.sine import SineModel, SineWaveTask, copy_sine_model, points_for
from repro.ecoffet.train import sine_fit1


@dataclass(frozen=True)
class Fit:
    """A model after some fine-tuning steps.

    Attributes:
        steps: how many.
        predictions: (50,) at the task's test points, in the weights' dtype.
        loss: mean squared error there.
    """

    steps: int
    predictions: np.ndarray
    loss: float


def eval_sine_test(
    model: SineModel, test: SineWaveTask, fits: Collection[int] = (0, 1), lr: float = 0.01
) -> list[Fit]:
    """Fine-tune a copy of the model by SGD on the task's training points.

    Args:
        model: left as it is.
        test: the task; its training points are drawn here if they never were.
        fits: after how many steps to look, in any order; reported in increasing order.
        lr: rate of the steps.

    Raises:
        ValueError: ``fits`` is empty or has a negative number.
    """
    if not fits or min(fits) < 0:
        raise ValueError(f"fits must be numbers of steps, 0 or more, not {fits!r}")
    x, y = points_for(model, test.test_set())
    test.training_set()
    model = copy_sine_model(model)
    optim = SGD(model.parameters(), lr)
    results = []
    for steps in range(max(fits) + 1):
        if steps > 0:
            sine_fit1(model, test, optim)
        if steps in fits:
            with torch.no_grad():
                predictions = model(x)
                loss = F.mse_loss(predictions, y).item()
            results.append(Fit(steps, predictions[:, 0].cpu().numpy(), loss))
    return results
