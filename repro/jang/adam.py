"""Adam as `jax.example_libraries.optimizers` has it.

D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1. In Float32
beta is rounded to Float32 before it is raised to a power, where `torch.optim.Adam` takes powers of
the doubles: 1 - 0.999 is off by 1.3e-5 of itself, and so are the first steps, by up to 6e-6.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from repro.jang.net import Params
from repro.trace import note


class AdamState(NamedTuple):
    """Weights, first and second moments."""

    x: Params
    m: Params
    v: Params


class Adam:
    """`Adam(step_size)`, with `init`, `update` and `get_params` as in JAX; no state of its own."""

    def __init__(
        self, step_size: float, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
    ) -> None:
        self.step_size, self.b1, self.b2, self.eps = step_size, b1, b2, eps

    def init(self, x0: Params) -> AdamState:
        zeros = {name: torch.zeros_like(x) for name, x in x0.items()}
        return AdamState(x0, zeros, dict(zeros))

    def update(self, i: int, g: Params, state: AdamState) -> AdamState:
        """The state after iteration i, counted from 0, with the gradient g."""
        x, m, v = state
        b1, b2 = self.b1, self.b2
        m = {name: (1 - b1) * g[name] + b1 * m[name] for name in x}
        note("m", m)
        v = {name: (1 - b2) * torch.square(g[name]) + b2 * v[name] for name in x}
        note("v", v)
        x = {name: x[name] - self._step(i, m[name], v[name]) for name in x}
        note("weights", x)
        return AdamState(x, m, v)

    def _step(self, i: int, m: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        mhat = m / correction(self.b1, i, m.dtype)
        vhat = v / correction(self.b2, i, m.dtype)
        return self.step_size * mhat / (torch.sqrt(vhat) + self.eps)

    @staticmethod
    def get_params(state: AdamState) -> Params:
        return state.x


def correction(beta: float, i: int, dtype: torch.dtype) -> float:
    """1 - beta^(i + 1), beta and its power rounded to the dtype."""
    kind = np.float64 if dtype == torch.float64 else np.float32
    return float(kind(1) - kind(beta) ** kind(i + 1))
