"""Sine waves, the tasks of the first post, and the network that learns them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise
from math import pi, prod

import numpy as np
import torch
from torch import Tensor, nn

from repro.flux import Arrays, Chain, Linear, Params
from repro.julia import Rng
from repro.trace import note

WIDTHS = (1, 64, 64, 1)
"""Of the network, from its input to its output."""

PARAMETERS = {
    f"layers.{i}.{part}": shape
    for i, (n_in, n_out) in enumerate(pairwise(WIDTHS))
    for part, shape in (("weight", (n_out, n_in)), ("bias", (n_out,)))
}
"""The network's parameters: names, in order, and shapes."""

OFFSETS = tuple(accumulate((prod(shape) for shape in PARAMETERS.values()), initial=0))
"""Where each of them begins in the flat vector of all weights, and where that ends."""

SIZE = OFFSETS[-1]


@dataclass(frozen=True)
class SineWave:
    """``amplitude * sin(x + phase_shift)``; both numbers are rounded to Float32.

    Calling it with a tensor x returns one of the same shape and dtype. With Float32 x the sum,
    the sine and the product are each rounded to Float32, and the sine is taken in Float64
    first: Julia's is all but correctly rounded, torch's differs from it in 4 % of the values.
    """

    amplitude: float
    phase_shift: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "amplitude", float(np.float32(self.amplitude)))
        object.__setattr__(self, "phase_shift", float(np.float32(self.phase_shift)))

    @classmethod
    def draw(cls, rng: Rng) -> SineWave:
        """A random task: the amplitude from [0.1, 5], then the phase from [0, 2 pi]."""
        amplitude = rng.uniform(0.1, 5.0)
        task = cls(amplitude, rng.uniform(0.0, 2 * pi))
        note("amplitude", np.float32(task.amplitude))
        note("phase_shift", np.float32(task.phase_shift))
        return task

    def __call__(self, x: Tensor) -> Tensor:
        return self.amplitude * torch.sin((x + self.phase_shift).double()).to(x.dtype)

    def __str__(self) -> str:
        amplitude, phase = np.float32(self.amplitude), np.float32(self.phase_shift)
        return f"SineWave(amplitude = {amplitude}, phase shift = {phase})"


def sine_model(
    rng: Rng,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Chain:
    """The post's network, 1-64-64-1 with tanh, its 4353 parameters drawn layer by layer."""
    layer = partial(Linear, rng=rng, device=device, dtype=dtype)
    n_in, *hidden, n_out = WIDTHS
    wide = [layer(a, b, torch.tanh) for a, b in pairwise((n_in, *hidden))]
    model = Chain(*wide, layer(hidden[-1], n_out))
    note("init", dict(model.named_parameters()))
    return model


def params(model: nn.Module) -> Params:
    """The weights by name and in order: ``layers.0.weight``, ``layers.0.bias`` and so on."""
    return dict(model.named_parameters())


def copies(weights: Params) -> Arrays:
    """Detached copies of the weights: new arrays, so new optimiser state."""
    return {name: w.detach().clone() for name, w in weights.items()}


@torch.no_grad()
def restore(weights: Params, saved: Arrays) -> None:
    """Write the saved numbers back into the weights' own arrays."""
    for name, w in weights.items():
        w.copy_(saved[name])
    note("restore", weights)


def flatten(model: nn.Module) -> np.ndarray:
    """All weights as one vector, W then b, layer by layer, each W column by column.

    Returns:
        (4353,) for the post's network, in the weights' dtype.
    """
    return np.concatenate([w.detach().cpu().numpy().ravel(order="F") for w in model.parameters()])


@torch.no_grad()
def unflatten(model: nn.Module, values: np.ndarray) -> None:
    """Load a vector made by :func:`flatten` into the model.

    Raises:
        ValueError: the vector's length is not the model's number of parameters.
    """
    weights = list(model.parameters())
    total = sum(w.numel() for w in weights)
    if values.shape != (total,):
        raise ValueError(f"expected {total} weights in one vector, got shape {values.shape}")
    start = 0
    for w in weights:
        block = values[start : start + w.numel()].reshape(w.shape, order="F")
        w.copy_(torch.from_numpy(np.ascontiguousarray(block)))
        start += w.numel()
