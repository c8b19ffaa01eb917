"""The tasks and the network of the second post: sine waves, and a 1-40-40-1 relu network."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

INTERVAL = (-5.0, 5.0)

Points = tuple[Tensor, Tensor]
"""x and y, float32, one-dimensional and of the same length."""


class SineWaveTask:
    """Learn ``y = a sin(x + b)`` from ten points.

    ``a`` is drawn uniformly from [0.1, 5], then ``b`` from [0, 2 pi]; the training x are drawn
    on first use and kept. Everything is computed in float64, and handed out in float32.

    Args:
        rng: where all of the task's draws come from: NumPy's global generator by default, or
            anything with its ``uniform(low, high, size)``, such as a ``RandomState``.
    """

    def __init__(self, rng: Any = np.random) -> None:
        self.rng = rng
        self.a: float = rng.uniform(0.1, 5.0)
        self.b: float = rng.uniform(0.0, 2 * np.pi)
        self.train_x: np.ndarray | None = None

    def f(self, x: np.ndarray) -> np.ndarray:
        """The wave at ``x``."""
        return self.a * np.sin(x + self.b)

    def training_set(self, size: int = 10, force_new: bool = False) -> Points:
        """The task's training points, or with ``force_new`` fresh ones that are not kept.

        Args:
            size: how many to draw; points that were kept stay as many as they are.
        """
        if force_new:
            return self._points(self.rng.uniform(*INTERVAL, size))
        if self.train_x is None:
            self.train_x = self.rng.uniform(*INTERVAL, size)
        return self._points(self.train_x)

    def test_set(self, size: int = 50) -> Points:
        """``size`` evenly spaced points over [-5, 5]."""
        return self._points(np.linspace(*INTERVAL, size))

    def _points(self, x: np.ndarray) -> Points:
        return float32(x), float32(self.f(x))


def float32(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def one_sided_task(rng: Any = np.random) -> SineWaveTask:
    """The first task drawn whose ten training x lie all below or all above zero."""
    while True:
        task = SineWaveTask(rng)
        x, _ = task.training_set()
        if x.max() < 0 or x.min() > 0:
            return task


class SineModel(nn.Module):
    """1-40-40-1 with relu; float32, drawn by ``nn.Linear`` from torch's global generator."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden1 = nn.Linear(1, 40)
        self.hidden2 = nn.Linear(40, 40)
        self.out = nn.Linear(40, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Both ``x`` and the result are (n, 1)."""
        prediction: Tensor = self.out(F.relu(self.hidden2(F.relu(self.hidden1(x)))))
        return prediction


def copy_sine_model(model: SineModel) -> SineModel:
    """An independent copy. As in the notebook, building it moves torch's generator."""
    copy = SineModel().to(next(model.parameters()))
    copy.load_state_dict(model.state_dict())
    return copy


def points_for(model: nn.Module, points: Points) -> Points:
    """The points as columns (n, 1), in the dtype and on the device of the model's weights."""
    weight = next(model.parameters())
    x, y = points
    return x[:, None].to(weight), y[:, None].to(weight)


def flatten(model: nn.Module) -> np.ndarray:
    """All parameters in order, each row-major.

    Returns:
        (1761,) for a ``SineModel``, in the weights' dtype.
    """
    return torch.cat([p.detach().cpu().ravel() for p in model.parameters()]).numpy()


def unflatten(model: nn.Module, values: np.ndarray) -> None:
    """Load a vector made by :func:`flatten` into the model.

    Raises:
        ValueError: the vector's length is not the model's number of parameters.
    """
    total = sum(p.numel() for p in model.parameters())
    if values.shape != (total,):
        raise ValueError(f"expected {total} weights in one vector, got shape {values.shape}")
    flat = torch.from_numpy(np.ascontiguousarray(values))
    with torch.no_grad():
        for p, block in zip(
            model.parameters(), flat.split([p.numel() for p in model.parameters()]), strict=True
        ):
            p.copy_(block.view_as(p))
