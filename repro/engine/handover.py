"""From PyTorch to compiled code and back: weights, optimisers and streams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from repro.engine import optimisers, stream
from repro.engine.arithmetic import FAST, Arithmetic, with_relu
from repro.engine.loops import POINTS
from repro.engine.network import SIZE
from repro.errors import EngineError
from repro.flux import Arrays, Chain, Linear, Optimiser
from repro.julia import MersenneTwister, julia_range
from repro.luna.sine import PARAMETERS, flatten, unflatten

Array: TypeAlias = np.ndarray[Any, Any]

Activation: TypeAlias = Callable[[Tensor], Tensor]
ACTIVATIONS: tuple[Activation, ...] = (torch.tanh, torch.relu)
"""What the hidden layers may have on the CPU."""

_EAGER = "use the port, which is engine `eager`"

TESTX = julia_range(-5, 5, POINTS).astype(np.float32)


def require_network(
    model: nn.Module, activations: Sequence[Activation] = (torch.tanh,)
) -> list[nn.Parameter]:
    """The model's weights, if it is the network that the engines are compiled for.

    Args:
        activations: those of its hidden layers that will do; both layers have the same.

    Raises:
        EngineError: other layers, another precision, or gradients left over.
    """
    weights = list(model.parameters())
    if [tuple(w.shape) for w in weights] != [*PARAMETERS.values()] or (
        _activation(model) not in activations
    ):
        raise EngineError(
            "the compiled engines know one network, that of repro.luna.sine_model: for any "
            f"other, {_EAGER}"
        )
    for w in weights:
        if w.dtype != torch.float32:
            raise EngineError(
                f"the compiled engines compute in Float32, and the model is {w.dtype}: {_EAGER}"
            )
        if w.grad is not None and torch.any(w.grad != 0):
            raise EngineError(
                "the model has gradients left over, which Flux would add to: call "
                "model.zero_grad() first"
            )
    return weights


def _activation(model: nn.Module) -> Activation | None:
    """Of both hidden layers, where it is a network of `Linear` with one that they share."""
    layers = list(model) if isinstance(model, Chain) else []
    activations = [layer.activation for layer in layers if isinstance(layer, Linear)]
    if len(layers) != 3 or len(activations) != 3 or activations[1:] != [activations[0], None]:
        return None
    return activations[0]


def suited(arithmetic: Arithmetic, model: nn.Module) -> Arithmetic:
    """The arithmetic with the model's activation. Beside relu, no recording proves its sums."""
    return arithmetic if _activation(model) is torch.tanh else with_relu(arithmetic)


def gpu_for(
    model: nn.Module, device: torch.device | str | None, kind: Arithmetic
) -> torch.device | None:
    """The GPU to train on, or None for the CPU: the model's own device unless another is named.

    Raises:
        EngineError: the engine does not run there, or there is no such GPU.
    """
    chosen = next(model.parameters()).device if device is None else torch.device(device)
    if chosen.type == "cpu":
        return None
    if chosen.type != "cuda" or kind != FAST:
        raise EngineError(
            f"on {chosen} there is the fast engine for CUDA and the eager one for any device: "
            'choose one of them, or device="cpu"'
        )
    if not torch.cuda.is_available():
        raise EngineError(f'torch sees no {chosen} here: choose device="cpu"')
    return chosen


def aligned(n: int, dtype: Any = np.float32) -> Array:
    """n zeros that start on a cache line, which loads of whole vectors are quicker for."""
    room = np.zeros(n + 16, dtype)
    start = -room.ctypes.data % 64 // room.itemsize
    return room[start : start + n]


@dataclass
class Weights:
    """A model's weights as one vector, (SIZE,) float32, and the way back."""

    model: nn.Module

    def __post_init__(self) -> None:
        self.vector = aligned(SIZE)
        self.vector[:] = flatten(self.model)

    def store(self) -> None:
        """Write the vector into the model's own parameters."""
        unflatten(self.model, self.vector)


class OptimiserState:
    """One of `repro.flux`'s optimisers, and what it keeps for these weights, for compiled code.

    Parts of the state with the weights' shapes differ from weight to weight; the others, like
    Adam's powers, are the same for all of them.

    Raises:
        EngineError: the rule is unknown, or the weights have seen different numbers of steps.
    """

    def __init__(self, opt: Optimiser, weights: Sequence[Tensor]) -> None:
        self.opt, self.weights = opt, weights
        rule = optimisers.RULES.get(type(opt))
        if rule is None:
            known = ", ".join(kind.__name__ for kind in optimisers.RULES)
            raise EngineError(f"the compiled engines know {known}, not {opt!r}: {_EAGER}")
        fresh = [opt.fresh(w) for w in weights]
        held = [opt.state(w) if opt.met(w) else f for w, f in zip(weights, fresh, strict=True)]
        of_weights = {n for n, part in fresh[0].items() if part.shape == weights[0].shape}
        self.vectors = [name for name in fresh[0] if name in of_weights]
        self.scalars = [name for name in fresh[0] if name not in of_weights]
        self.compiled = optimisers.Compiled(
            rule,
            np.array(opt.numbers()),
            self._vectors(held),
            self._scalars(held),
            self._vectors(fresh),
            self._scalars(fresh),
        )

    def store(self) -> None:
        """Give the state back to the optimiser that it came from."""
        for name, vector in zip(self.vectors, self.compiled.vectors, strict=True):
            for w, values in zip(self.weights, _split(vector, self.weights), strict=True):
                self.opt.state(w)[name].copy_(values)
        for w in self.weights:
            parts = [self.opt.state(w)[name] for name in self.scalars]
            ends = np.cumsum([part.numel() for part in parts])
            for part, end in zip(parts, ends, strict=True):
                part.copy_(torch.from_numpy(self.compiled.scalars[end - part.numel() : end]))

    def _vectors(self, states: Sequence[Arrays]) -> Array:
        """(parts, at least SIZE) float32, each from a cache line on."""
        row = (SIZE + 15) // 16 * 16
        vectors = aligned(len(self.vectors) * row).reshape(-1, row)
        for vector, name in zip(vectors, self.vectors, strict=True):
            columns = [state[name].cpu().numpy().ravel(order="F") for state in states]
            vector[:SIZE] = np.concatenate(columns)
        return vectors

    def _scalars(self, states: Sequence[Arrays]) -> Array:
        """(n,) float64."""
        none = torch.empty(0, dtype=torch.float64)
        found = [torch.cat([none, *(state[n] for n in self.scalars)]) for state in states]
        if any(not torch.equal(found[0], other) for other in found):
            raise EngineError(f"{self.opt!r} has taken different steps on these weights: {_EAGER}")
        return found[0].numpy().copy()


def _split(vector: Array, like: Sequence[Tensor]) -> list[Tensor]:
    """A vector of all weights, each W column by column, as an array for each of them."""
    parts, start = [], 0
    for w in like:
        block = vector[start : start + w.numel()].reshape(tuple(w.shape), order="F")
        parts.append(torch.from_numpy(np.ascontiguousarray(block)))
        start += w.numel()
    return parts


class Draws:
    """A generator's stream in compiled code's hands."""

    def __init__(self, rng: MersenneTwister) -> None:
        if not isinstance(rng, MersenneTwister):
            raise EngineError(
                f"the compiled engines draw from a MersenneTwister, not {type(rng).__name__}: "
                f"{_EAGER}"
            )
        self.rng = rng
        self.compiled = stream.take(rng)

    def store(self) -> None:
        """Leave the generator where the stream has come to."""
        stream.hand_back(self.compiled, self.rng)
