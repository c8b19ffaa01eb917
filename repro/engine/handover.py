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
from repro.luna.sine import flatten, unflatten

_SHAPES = [(64, 1), (64,), (64, 64), (64,), (1, 64), (1,)]
_EAGER = 'use engine="eager"'

TESTX = julia_range(-5, 5, POINTS).astype(np.float32)


def require_network(model: nn.Module) -> list[nn.Parameter]:
    """The model's weights, if it is the network that the engines are compiled for.

    Raises:
        EngineError: other layers, another precision, or gradients left over.
    """
    weights = list(model.parameters())
    if [tuple(w.shape) for w in weights] != _SHAPES or not _is_tanh_network(model):
        raise EngineError(
            "the compiled engines know one network, Linear(1, 64, tanh), Linear(64, 64, tanh), "
            f"Linear(64, 1): for any other, {_EAGER}"
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
            f"on {chosen} there is engine='fast' for CUDA and engine=\"eager\" for any device: "
            f'choose one of them, or device="cpu"'
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
    """A model's weights as one vector, (4353,) float32, and the way back."""

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
        constants = np.zeros(3)
        first, second = aligned(SIZE), aligned(SIZE)
        if type(opt) is flux.Descent:
            kind, constants[0] = optimisers.DESCENT, opt.eta
        elif type(opt) is flux.Momentum:
            kind, constants[:2] = optimisers.MOMENTUM, (opt.eta, opt.rho)
            if weights[0] in opt._velocity:
                first = _vector([opt._velocity[w] for w in weights])
        elif type(opt) is flux.ADAM:
            kind, constants[:] = optimisers.ADAM, (opt.eta, *opt.betas)
        else:
            raise EngineError(
                f"the compiled engines know Descent, Momentum and ADAM, not {opt!r}: {_EAGER}"
            )
        powers = constants[1:].copy()
        if type(opt) is flux.ADAM and weights[0] in opt._moments:
            m, v, steps = zip(*(opt._moments[w] for w in weights), strict=True)
            if len(set(steps)) > 1:
                raise EngineError(f"ADAM has taken different steps on these weights: {_EAGER}")
            first, second = _vector(m), _vector(v)
            powers[:] = steps[0]
        self.compiled = optimisers.Optimiser(kind, constants, first, second, powers)

    def store(self) -> None:
        """Give the state back to the optimiser that it came from."""
        first, second = self._parts(self.compiled.first), self._parts(self.compiled.second)
        for w, m, v in zip(self.weights, first, second, strict=True):
            if isinstance(self.opt, flux.Momentum):
                self.opt._velocity[w] = m
            elif isinstance(self.opt, flux.ADAM):
                self.opt._moments[w] = [m, v, tuple(self.compiled.powers.tolist())]

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
