"""Many networks at once in torch, each trained on its own draws: for any activation, on any device.

The compiled loops know tanh alone. Here weights are rows of one matrix, (M, 4353) in the order of
`repro.luna.flatten`, and a layer is one batched product. Draws are those of the compiled engines,
so a row is what `repro.luna` would train from the same seed, up to the order in which sums add up.
Rates are those of `Descent`. A network whose loss is infinite or NaN goes on as NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from repro.engine.algorithms import FOMAML, REPTILE, Algorithm
from repro.engine.handover import TESTX, Draws
from repro.julia import MersenneTwister
from repro.luna.sine import OFFSETS, WIDTHS

Activation = Callable[[Tensor], Tensor]
Step = Callable[[Tensor, list[Tensor]], Tensor]
"""``step(weights, inputs)`` gives the weights after an iteration on what was drawn for it."""

STRETCH = 500
"""Iterations drawn at a time: some megabytes for 64 networks."""

_PARTS = [b - a for a, b in pairwise(OFFSETS)]
_HIDDEN = WIDTHS[1]


def predict(weights: Tensor, x: Tensor, activation: Activation) -> Tensor:
    """(M, n) to (M, n), each of M networks (M, 4353) at its own points."""
    w1, b1, w2, b2, w3, b3 = weights.split(_PARTS, dim=1)
    h = activation(x[..., None] * w1[:, None] + b1[:, None])
    h = activation(torch.baddbmm(b2[:, None], h, w2.unflatten(1, (_HIDDEN, _HIDDEN))))
    return torch.baddbmm(b3[:, None], h, w3[..., None])[..., 0]


def losses(weights: Tensor, x: Tensor, y: Tensor, activation: Activation) -> Tensor:
    """(M,) mean squared errors."""
    return (predict(weights, x, activation) - y).square().mean(1)


def gradient(weights: Tensor, x: Tensor, y: Tensor, activation: Activation) -> Tensor:
    """(M, 4353): of each network's own loss; networks do not meet."""
    at = weights.detach().requires_grad_()
    return torch.autograd.grad(losses(at, x, y, activation).sum(), at)[0]


def fomaml(activation: Activation, meta_rate: float = 0.01, inner_rate: float = 0.02) -> Step:
    """An iteration of `repro.luna.fomaml`."""

    def step(w: Tensor, inputs: list[Tensor]) -> Tensor:
        x, y, testx, testy = (part.flatten(0, 1) for part in inputs)
        n_tasks = inputs[0].shape[1]
        phi = w.repeat_interleave(n_tasks, 0)
        phi = phi - inner_rate * gradient(phi, x, y, activation)
        total = gradient(phi, testx, testy, activation).unflatten(0, (-1, n_tasks)).sum(1)
        return w - meta_rate * total

    return step


def reptile(activation: Activation, meta_rate: float = 0.1, inner_rate: float = 0.02) -> Step:
    """An iteration of `repro.luna.reptile`."""

    def step(w: Tensor, inputs: list[Tensor]) -> Tensor:
        order, y, x = (part[:, 0] for part in inputs)
        phi = w
        for part in order.long().split(REPTILE.sizes.train_batch_size, dim=1):
            phi = phi - inner_rate * gradient(phi, x.gather(1, part), y.gather(1, part), activation)
        return w + meta_rate * (phi - w)

    return step


STEPS = {"fomaml": fomaml, "reptile": reptile}
_ALGORITHMS = {"fomaml": FOMAML, "reptile": REPTILE}


def train(
    function: str,
    weights: np.ndarray,
    rngs: Sequence[MersenneTwister],
    *,
    activation: Activation,
    epochs: int,
    device: torch.device | str = "cpu",
    tick: Callable[[int], object] = lambda n: None,
) -> np.ndarray:
    """Train M networks by FOMAML or Reptile at the post's rates and sizes, without evaluations.

    Args:
        function: "fomaml" or "reptile".
        weights: (M, 4353) float32, the untrained networks; left as they are.
        rngs: of the draws, one for each network; drawn from.
        activation: of the hidden layers, elementwise.
        epochs: iterations.
        tick: called as iterations are done.

    Returns:
        (M, 4353) float32; NaN where a loss was infinite or NaN.
    """
    step, trained = STEPS[function](activation), torch.tensor(weights, device=device)
    testx = torch.from_numpy(TESTX).to(device)
    for inputs in _drawn(_ALGORITHMS[function], rngs, epochs, testx):
        trained = step(trained, inputs)
        tick(1)
    return trained.cpu().numpy()


def _drawn(
    algorithm: Algorithm, rngs: Sequence[MersenneTwister], epochs: int, testx: Tensor
) -> Iterator[list[Tensor]]:
    """An iteration's inputs, (M, tasks, …) each, one after the other."""
    draws, tasks = [Draws(rng) for rng in rngs], algorithm.sizes.n_tasks
    numbers, dtype = algorithm.drawn(algorithm.sizes.train_batch_size)
    for start in range(0, epochs, STRETCH):
        n = min(STRETCH, epochs - start)
        waves = np.empty((len(rngs), n * tasks, 2), np.float32)
        points = np.empty((len(rngs), n * tasks, numbers), dtype)
        for held, wave, point in zip(draws, waves, points, strict=True):
            algorithm.draw(held.compiled, wave, point)
        there = (torch.from_numpy(a).to(testx.device) for a in (waves, points))
        parts = [p.expand(len(rngs), n * tasks, -1) for p in algorithm.inputs(*there, testx)]
        for i in range(n):
            yield [part[:, i * tasks : (i + 1) * tasks] for part in parts]
    for held in draws:
        held.store()


def finetune(
    weights: np.ndarray,
    tasks: np.ndarray,
    x: np.ndarray,
    *,
    activation: Activation,
    rate: float = 0.02,
    updates: int = 10,
    device: torch.device | str = "cpu",
) -> tuple[np.ndarray, np.ndarray]:
    """`repro.luna.eval_model` for every network on every task.

    Args:
        weights: (M, 4353) float32.
        tasks: (T, 2) float32, amplitudes and phase shifts.
        x: (T, n) float32, the points to fine-tune on.
        activation: of the hidden layers.
        rate, updates: of `Descent`, and how many steps.

    Returns:
        The test losses (M, T, updates + 1) before and after each step, and the last predictions
        (M, T, 50).
    """
    inputs = (torch.from_numpy(a).to(device) for a in (tasks, x, TESTX))
    points, y, testx, testy = FOMAML.inputs(*inputs)
    testx = testx.expand(len(points), -1)
    found, curves = [], []
    for one in torch.from_numpy(weights).to(device):  # so many fit a core's cache
        w, row = one.expand(len(points), -1), []
        for i in range(updates + 1):
            if i > 0:
                w = w - rate * gradient(w, points, y, activation)
            with torch.no_grad():
                curve = predict(w, testx, activation)
            row.append((curve - testy).square().mean(1))
        found.append(torch.stack(row, 1))
        curves.append(curve)
    return torch.stack(found).cpu().numpy(), torch.stack(curves).cpu().numpy()
