"""The network of the third post: 1-40-relu-40-relu-1, and its loss (cells 6 to 8)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from repro import jax_random

Params = dict[str, Tensor]
"""The six parameters by name, `layers.0.weight` (in, out), `layers.0.bias` (out,), ..."""

WIDTHS = (1, 40, 40, 1)
NAMES = tuple(f"layers.{layer}.{kind}" for layer in range(3) for kind in ("weight", "bias"))
SIZES = tuple(
    size for n, out in zip(WIDTHS[:-1], WIDTHS[1:], strict=True) for size in ((n, out), (out,))
)

_TRUNCATED_STD = np.float32(0.87962566103423978)  # of a standard normal cut off at -2 and 2


def net_init(
    key: int = 0, *, partitionable: bool = False, dtype: torch.dtype = torch.float32
) -> Params:
    """The initial weights that stax draws from `PRNGKey(key)`, bit for bit.

    Weights are Glorot's normal numbers (cut off at two standard deviations), biases normal numbers
    times 0.01. They are Float32 whatever the `dtype`, and then widened.

    Args:
        key: the seed of JAX's key; the notebook has 0.
        partitionable: which of JAX's streams; False is the one of the notebook's time.
        dtype: of the result.
    """
    params = {}
    rng = jax_random.key_of(key)
    for layer in range(5):
        rng, layer_rng = jax_random.split(rng, partitionable=partitionable)
        if layer % 2 == 0:  # the relu layers take a key and draw nothing
            W, b = dense_init(layer_rng, SIZES[layer], partitionable)
            params[NAMES[layer]] = torch.from_numpy(W).to(dtype)
            params[NAMES[layer + 1]] = torch.from_numpy(b).to(dtype)
    return params


def dense_init(
    rng: np.ndarray, size: tuple[int, ...], partitionable: bool
) -> tuple[np.ndarray, np.ndarray]:
    """W (in, out) and b (out,) of one layer, float32."""
    k1, k2 = jax_random.split(rng, partitionable=partitionable)
    deviation = np.sqrt(np.float32(1 / (sum(size) / 2))) / _TRUNCATED_STD
    normal = jax_random.truncated_normal(k1, -2, 2, size, partitionable=partitionable)
    bias = jax_random.normal(k2, size[1:], partitionable=partitionable)
    return normal * deviation, bias * np.float32(0.01)


def net_apply(params: Params, inputs: Tensor) -> Tensor:
    """Predictions (n, 1) for inputs (n, 1); a number gives (1, 1), a vector (1,) gives (1,)."""
    for layer in range(3):
        W, b = params[f"layers.{layer}.weight"], params[f"layers.{layer}.bias"]
        inputs = torch.relu(inputs) if layer else inputs
        inputs = (inputs * W if inputs.ndim == 0 else inputs @ W) + b
    return inputs


def loss(params: Params, inputs: Tensor, targets: Tensor) -> Tensor:
    """The mean squared error, over all points."""
    predictions = net_apply(params, inputs)
    return torch.mean((targets - predictions) ** 2)


def sine_grid(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """100 inputs from -5 to 5 and their sines, (100, 1) each, rounded where JAX rounds them."""
    share = torch.arange(99, dtype=dtype) / 99
    ends = torch.tensor([5.0], dtype=dtype)
    grid = torch.cat([-5 * (1 - share) + 5 * share, ends])[:, None]
    return grid, torch.sin(grid.double()).to(dtype)


def flatten(params: Params) -> np.ndarray:
    """The parameters in one row of 1,761, as the recordings have them."""
    return np.concatenate([params[name].detach().numpy().ravel() for name in NAMES])


def unflatten(row: np.ndarray) -> Params:
    """The parameters in a row of 1,761."""
    ends = np.cumsum([np.prod(size) for size in SIZES])[:-1]
    parts = np.split(np.asarray(row), ends)
    return {n: torch.from_numpy(v.reshape(s)) for n, v, s in zip(NAMES, parts, SIZES, strict=True)}
