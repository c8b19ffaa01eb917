"""Flux 0.7.3's optimisers, with its mixed precision and its rule for state.

The constants are Float64 and the arrays Float32: each assignment is formed in Float64 and
rounded when it is stored. State is kept per *array*, by identity: a fresh copy of the same
numbers starts with fresh state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from repro.flux.loss import Arrays, Params, grad_of, grads_of
from repro.trace import note


class Optimiser(Protocol):
    """Anything with ``apply(x, gradient)``, which returns what is to be *subtracted* from x."""

    def apply(self, x: Tensor, gradient: Tensor) -> Tensor: ...


def _state() -> WeakTensorKeyDictionary:
    return WeakTensorKeyDictionary()


@dataclass(frozen=True)
class Descent:
    """Gradient descent: the step is ``eta * g``, formed in Float64.

    A Float32 learning rate would change the last bit of about a quarter of the elements.
    """

    eta: float = 0.1

    def apply(self, x: Tensor, gradient: Tensor) -> Tensor:
        return (gradient.double() * self.eta).to(gradient.dtype)


@dataclass(eq=False)
class Momentum:
    """``v = rho * v - eta * g``; the step is ``-v``."""

    eta: float = 0.01
    rho: float = 0.9
    _velocity: WeakTensorKeyDictionary = field(default_factory=_state, init=False, repr=False)

    def apply(self, x: Tensor, gradient: Tensor) -> Tensor:
        if x not in self._velocity:
            self._velocity[x] = torch.zeros_like(x)
        v = self._velocity[x]
        v.copy_(self.rho * v.double() - self.eta * gradient.double())
        return -v


@dataclass(eq=False)
class ADAM:
    """Kingma and Ba's Adam as Flux 0.7.3 writes it: epsilon 1e-8 beside the root.

    ``m = b1 m + (1 - b1) g``; ``v = b2 v + (1 - b2) g^2`` (the square rounded to the arrays'
    dtype); step ``m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + 1e-8) * eta``. The powers are
    running Float64 products.
    """

    eta: float = 0.001
    betas: tuple[float, float] = (0.9, 0.999)
    _moments: WeakTensorKeyDictionary = field(default_factory=_state, init=False, repr=False)

    def apply(self, x: Tensor, gradient: Tensor) -> Tensor:
        b1, b2 = self.betas
        if x not in self._moments:
            self._moments[x] = [torch.zeros_like(x), torch.zeros_like(x), (b1, b2)]
        m, v, (b1_t, b2_t) = self._moments[x]
        m.copy_(b1 * m.double() + (1 - b1) * gradient.double())
        v.copy_(b2 * v.double() + (1 - b2) * (gradient * gradient).double())
        root = torch.sqrt(v.double() / (1 - b2_t)) + 1e-8
        self._moments[x][2] = (b1_t * b1, b2_t * b2)
        return (m.double() / (1 - b1_t) / root * self.eta).to(gradient.dtype)


@torch.no_grad()
def step(opt: Optimiser, weights: Params, grads: Arrays) -> None:
    """Subtract the optimiser's step from every weight, in place."""
    for name, w in weights.items():
        w.sub_(opt.apply(w, grads[name]))
    note("update", weights)


def update_params(opt: Optimiser, weights: Params) -> None:
    """Take one step on every weight from its ``grad``, then zero the ``grad``."""
    step(opt, weights, grads_of(weights))
    for w in weights.values():
        grad_of(w).zero_()
