"""Flux 0.7.3's optimisers, with its mixed precision and its rule for state.

The constants are Float64 and the arrays Float32: each assignment is formed in Float64 and
rounded when it is stored. State is kept per *array*, by identity: a fresh copy of the same
numbers starts with fresh state.

An optimiser describes itself: its numbers are the fields it is made with, and its state has names.
A new one is a class here, a rule in :mod:`repro.engine.optimisers` and one in
``julia_ref/src/optimise.jl``; nothing else knows the list.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from repro.errors import ReproError
from repro.flux.loss import Arrays, Params, grad_of, grads_of
from repro.trace import note

__all__ = [
    "ADAM",
    "OPTIMISERS",
    "Descent",
    "Momentum",
    "Nesterov",
    "Optimiser",
    "OptimiserError",
    "RMSProp",
    "parse_optimiser",
    "step",
    "update_params",
]


class OptimiserError(ReproError, ValueError):
    """Text that does not read as an optimiser."""


@dataclass(frozen=True, eq=False)
class Optimiser(ABC):
    """A rule with the state that it keeps for every array it has met."""

    _states: WeakTensorKeyDictionary = field(
        default_factory=WeakTensorKeyDictionary, init=False, repr=False, compare=False
    )

    @abstractmethod
    def apply(self, x: Tensor, gradient: Tensor) -> Tensor:
        """What is to be *subtracted* from x, of x's shape and dtype; the state moves on."""

    def fresh(self, x: Tensor) -> Arrays:
        """The state for an array that the rule has not met, by name; none where it keeps none."""
        return {}

    def met(self, x: Tensor) -> bool:
        """Whether it keeps state for this very array."""
        return x in self._states

    def state(self, x: Tensor) -> Arrays:
        """The state kept for an array, made where there is none yet. Changed in place."""
        if x not in self._states:
            self._states[x] = self.fresh(x)
        found: Arrays = self._states[x]
        return found

    def numbers(self) -> list[float]:
        """What it was made with, one number after the other."""
        found: list[float] = []
        for name in self._defaults():
            found += np.atleast_1d(getattr(self, name)).tolist()
        return found

    @classmethod
    def from_numbers(cls, numbers: list[float]) -> Optimiser:
        """The optimiser of these numbers; those left out at the end have their defaults.

        Raises:
            ValueError: there are none, or too many, or part of what belongs together.
        """
        values, left = {}, iter(numbers)
        for name, default in cls._defaults().items():
            size = np.size(default)
            taken = [n for _, n in zip(range(size), left, strict=False)]
            if len(taken) not in (0, size):
                raise ValueError
            if taken:
                values[name] = taken[0] if size == 1 else tuple(taken)
        if not values or next(left, None) is not None:
            raise ValueError
        return cls(**values)

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        return {f.name: f.default for f in fields(cls) if f.init}


@dataclass(frozen=True)
class Descent(Optimiser):
    """Gradient descent: the step is ``eta * g``, formed in Float64.

    A Float32 learning rate would change the last bit of about a quarter of the elements.
    """

    eta: float = 0.1

    def apply(self, x: Tensor, gradient: Tensor) -> Tensor:
        return (gradient.double() * self.eta).to(gradient.dtype)


@dataclass(frozen=True, eq=False)
class Momentum(Optimiser):
    """``v = rho * v - eta * g``; the step is ``-v``."""

    eta: float = 0.01
    rho: float = 0.9

    def fresh(self, x: Tensor) -> Arrays:
        return {"velocity": torch.zeros_like(x)}

    def apply(self, x: Tensor, gradient: Tensor) -> Tensor:
        v = self.state(x)["velocity"]
        v.copy_(self.rho * v.double() - self.eta * gradient.double())
        return -v


@dataclass(frozen=True, eq=False)
class ADAM(Optimiser):
    """Kingma and Ba's Adam as Flux 0.7.3 writes it: epsilon 1e-8 beside the root.

    ``m = b1 m + (1 - b1) g``; ``v = b2 v + (1 - b2) g^2`` (the square rounded to the arrays'
    dtype); step ``m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + 1e-8) * eta``. The powers are
    running Float64 products.
    """

    eta: float = 0.001
    betas: tuple[float, float] = (0.9, 0.999)

    def fresh(self, x: Tensor) -> Arrays:
        powers = torch.tensor(self.betas, dtype=torch.float64)
        return {"m": torch.zeros_like(x), "v": torch.zeros_like(x), "beta_powers": powers}

    def apply(self, x: Tensor, gradient: Tensor) -> Tensor:
        b1, b2 = self.betas
        m, v, powers = self.state(x).values()
        b1_t, b2_t = map(float, powers)
        m.copy_(b1 * m.double() + (1 - b1) * gradient.double())
        v.copy_(b2 * v.double() + (1 - b2) * (gradient * gradient).double())
        root = _sqrt(v.double() / (1 - b2_t)) + 1e-8
        powers *= powers.new_tensor(self.betas)
        return (m.double() / (1 - b1_t) / root * self.eta).to(gradient.dtype)


@dataclass(frozen=True, eq=False)
class RMSProp(Optimiser):
    """``acc = rho * acc + (1 - rho) * g^2``; the step is ``g * (eta / (sqrt(acc) + 1e-8))``.

    Square and root are in the arrays' dtype, everything else in Float64.
    """

    eta: float = 0.001
    rho: float = 0.9

    def fresh(self, x: Tensor) -> Arrays:
        return {"acc": torch.zeros_like(x)}

    def apply(self, x: Tensor, gradient: Tensor) -> Tensor:
        acc, rho = self.state(x)["acc"], self.rho
        acc.copy_(rho * acc.double() + (1 - rho) * (gradient * gradient).double())
        # A tensor over a tensor: for a number over one, torch multiplies by the reciprocal.
        eta = torch.tensor(self.eta, dtype=torch.float64, device=x.device)
        rate = eta / (_sqrt(acc).double() + 1e-8)
        return (gradient.double() * rate).to(gradient.dtype)


@dataclass(frozen=True, eq=False)
class Nesterov(Optimiser):
    """``d = rho^2 * v - (1 + rho) * eta * g``; ``v = rho * v - eta * g``; the step is ``-d``."""

    eta: float = 0.001
    rho: float = 0.9

    def fresh(self, x: Tensor) -> Arrays:
        return {"velocity": torch.zeros_like(x)}

    def apply(self, x: Tensor, gradient: Tensor) -> Tensor:
        v, eta, rho = self.state(x)["velocity"], self.eta, self.rho
        d = rho * rho * v.double() - (1 + rho) * eta * gradient.double()
        v.copy_(rho * v.double() - eta * gradient.double())
        return (-d).to(gradient.dtype)


def _sqrt(values: Tensor) -> Tensor:
    """The correctly rounded root: torch's own on the CPU is an ulp off in 1 % of Float64 values."""
    if values.device.type != "cpu":
        return torch.sqrt(values)
    root: Tensor = torch.from_numpy(np.sqrt(values.numpy()))
    return root


OPTIMISERS: dict[str, type[Optimiser]] = {r.__name__: r for r in Optimiser.__subclasses__()}
"""All of them, by the name that Flux gives them."""


def parse_optimiser(text: str) -> Optimiser:
    """Read ``Descent(0.01)``, ``Momentum(0.001, 0.9)`` or ``ADAM(0.001, (0.9, 0.999))``.

    Raises:
        OptimiserError: the text is something else; it is never evaluated.
    """
    match = re.fullmatch(r"\s*(\w+)\(([-+.,()\s\de]*)\)\s*", text)
    try:
        if match is None or match[1] not in OPTIMISERS:
            raise ValueError
        numbers = [float(n) for n in re.findall(r"[^,()\s]+", match[2])]
        if not all(map(isfinite, numbers)):
            raise ValueError
        return OPTIMISERS[match[1]].from_numbers(numbers)
    except ValueError:
        examples = ", ".join(_examples())
        raise OptimiserError(f"{text!r} is not an optimiser: write {examples}") from None


def _examples() -> Iterator[str]:
    for rule in OPTIMISERS.values():
        values = ", ".join(map(str, rule._defaults().values()))
        yield f"{rule.__name__}({values})"


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
