"""From PyTorch to compiled code and back: weights, optimisers and streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from repro import flux
from repro.engine import optimisers, stream
from repro.engine.arithmetic import FAST, Arithmetic
from repro.engine.loops import POINTS
from repro.engine.network import SIZE
from repro.errors import EngineError
from repro.julia import MersenneTwister, julia_range
from repro.luna.sine import PARAMETERS, flatten, unflatten

_EAGER = "use the port, which is engine `eager`"

TESTX = julia_range(-5, 5, POINTS).astype(np.float32)


def require_network(model: nn.Module) -> list[nn.Parameter]:
    """The model's weights, if it is the network that the engines are compiled for.

    Raises:
        EngineError: other layers, another precision, or gradients left over.
    """
    weights = list(model.parameters())
    if [tuple(w.shape) for w in weights] != [*PARAMETERS.values()] or not _is_tanh_network(model):
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


def _is_tanh_network(model: nn.Module) -> bool:
    layers = list(model) if isinstance(model, flux.Chain) else []
    activations = [getattr(layer, "activation", None) for layer in layers]
    linear = all(isinstance(layer, flux.Linear) for layer in layers)
    return linear and activations == [torch.tanh, torch.tanh, None]


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


def aligned(n: int) -> np.ndarray:
    """n Float32 zeros that start on a cache line, which loads of whole vectors are quicker for."""
    room = np.zeros(n + 16, np.float32)
    start = -room.ctypes.data // 4 % 16
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


class Optimiser:
    """One of `repro.flux`'s optimisers, with the state it has for these weights.

    Raises:
        EngineError: the rule is unknown, or the weights have seen different numbers of steps.
    """

    def __init__(self, opt: flux.Optimiser, weights: Sequence[nn.Parameter]) -> None:
        self.opt, self.weights = opt, weights
        rule = optimisers.RULES.get(type(opt))
        if rule is None:
            known = ", ".join(kind.__name__ for kind in optimisers.RULES)
            raise EngineError(f"the compiled engines know {known}, not {opt!r}: {_EAGER}")
        self.rule = rule
        constants = np.zeros(3)
        numbers = opt.numbers()
        constants[: len(numbers)] = numbers
        vectors, powers = [aligned(SIZE), aligned(SIZE)], constants[1:].copy()
        if opt.met(weights[0]):
            for vector, part in zip(vectors, rule.vectors, strict=False):
                vector[:] = _vector([opt.state(w)[part] for w in weights])
            if rule.powers is not None:
                powers[:] = self._common([opt.state(w)[rule.powers] for w in weights])
        self.compiled = optimisers.Optimiser(rule.kind, constants, *vectors, powers)

    def store(self) -> None:
        """Give the state back to the optimiser that it came from."""
        for vector, part in zip(self.compiled[2:4], self.rule.vectors, strict=False):
            for w, values in zip(self.weights, self._parts(vector), strict=True):
                self.opt.state(w)[part].copy_(values)
        if self.rule.powers is not None:
            for w in self.weights:
                self.opt.state(w)[self.rule.powers].copy_(torch.from_numpy(self.compiled.powers))

    def _common(self, powers: Sequence[Tensor]) -> np.ndarray:
        if any(not torch.equal(powers[0], other) for other in powers):
            raise EngineError(f"{self.opt!r} has taken different steps on these weights: {_EAGER}")
        return powers[0].numpy()

    def _parts(self, vector: np.ndarray) -> list[Tensor]:
        parts, start = [], 0
        for w in self.weights:
            block = vector[start : start + w.numel()].reshape(w.shape, order="F")
            parts.append(torch.from_numpy(np.array(block, order="C")))
            start += w.numel()
        return parts


def _vector(parts: Sequence[Tensor]) -> np.ndarray:
    return np.concatenate([p.detach().numpy().ravel(order="F") for p in parts])


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
