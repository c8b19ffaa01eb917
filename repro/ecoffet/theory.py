"""What one meta-update does to first order in the inner rate, after Nichol, Achiam and Schulman
(2018), "On First-Order Meta-Learning Algorithms", section 5.

A meta-update sees a sequence of minibatch losses ``L_1 ... L_k``. With ``g_i`` and ``H_i`` the
gradient and Hessian of ``L_i`` at the starting point, and expectations over sequences of
distinct minibatches,

    AvgGrad      = E[g_1]
    AvgGradInner = E[H_2 g_1] = E[d(g_1 . g_2)/dw] / 2

the expected directions are, up to terms in ``lr**2``,

    MAML       AvgGrad - 2 (k - 1) lr AvgGradInner
    FOMAML     AvgGrad -   (k - 1) lr AvgGradInner
    Reptile  k AvgGrad - k (k - 1) / 2 lr AvgGradInner

Everything here is exact arithmetic on small problems, in float64: vectors of all parameters,
losses as functions of such a vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import permutations

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from repro.ecoffet.sine import SineModel, SineWaveTask, flatten, points_for

VectorLoss = Callable[[Tensor], Tensor]
Direction = Callable[[Sequence[VectorLoss], Tensor, float], Tensor]


def maml(losses: Sequence[VectorLoss], w: Tensor, lr: float) -> Tensor:
    """Gradient, by the starting point, of the last loss after SGD on those before it."""
    start = w.detach().requires_grad_()
    at = start
    for loss in losses[:-1]:
        at = at - lr * torch.autograd.grad(loss(at), at, create_graph=True)[0]
    return torch.autograd.grad(losses[-1](at), start)[0]


def fomaml(losses: Sequence[VectorLoss], w: Tensor, lr: float) -> Tensor:
    """Gradient of the last loss where SGD on those before it ends."""
    return slope(losses[-1], sgd(losses[:-1], w, lr))


def reptile(losses: Sequence[VectorLoss], w: Tensor, lr: float) -> Tensor:
    """How far SGD on all the losses goes, divided by ``lr``: the sum of the slopes on the way.

    Adding them up loses nothing, where ``(w - wk) / lr`` would cancel at small rates.
    """
    total = torch.zeros_like(w)
    for loss in losses:
        total = total + slope(loss, w - lr * total)
    return total


DIRECTIONS: dict[str, Direction] = {"MAML": maml, "FOMAML": fomaml, "Reptile": reptile}


def coefficients(name: str, k: int) -> tuple[float, float]:
    """What AvgGrad and ``-lr * AvgGradInner`` are multiplied by in a method's direction."""
    return {
        "MAML": (1.0, 2.0 * (k - 1)),
        "FOMAML": (1.0, 1.0 * (k - 1)),
        "Reptile": (1.0 * k, k * (k - 1) / 2),
    }[name]


def sgd(losses: Sequence[VectorLoss], w: Tensor, lr: float) -> Tensor:
    for loss in losses:
        w = w - lr * slope(loss, w)
    return w


def slope(loss: VectorLoss, w: Tensor) -> Tensor:
    w = w.detach().requires_grad_()
    return torch.autograd.grad(loss(w), w)[0]


def expected(
    direction: Direction, losses: Sequence[VectorLoss], w: Tensor, lr: float, k: int
) -> Tensor:
    """The direction's mean over all ordered choices of k of the losses."""
    choices = list(permutations(losses, k))
    return torch.stack([direction(c, w, lr) for c in choices]).mean(0)


def average_gradient(losses: Sequence[VectorLoss], w: Tensor) -> Tensor:
    """AvgGrad over these losses."""
    return torch.stack([slope(loss, w) for loss in losses]).mean(0)


def average_inner(losses: Sequence[VectorLoss], w: Tensor) -> Tensor:
    """AvgGradInner over all ordered pairs of distinct losses."""
    w = w.detach().requires_grad_()
    grads = [torch.autograd.grad(loss(w), w, create_graph=True)[0] for loss in losses]
    products = torch.stack([a @ b for a, b in permutations(grads, 2)])
    return torch.autograd.grad(products.mean(), w)[0] / 2


def minibatch_losses(model: nn.Module, x: Tensor, y: Tensor) -> list[VectorLoss]:
    """The model's mean squared error on each minibatch, as functions of one weight vector.

    Args:
        model: gives the network's form only.
        x, y: (minibatches, n, 1) float64.
    """
    shapes = {name: p.shape for name, p in model.named_parameters()}
    sizes = [shape.numel() for shape in shapes.values()]

    def loss(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
        parts = zip(shapes.items(), w.split(sizes), strict=True)
        params = {name: part.view(shape) for (name, shape), part in parts}
        prediction: Tensor = functional_call(model, params, (x,))
        return (prediction - y).square().mean()

    return [partial(loss, *minibatch) for minibatch in zip(x, y, strict=True)]


def tanh_model() -> nn.Module:
    """The post's network with tanh for relu: smooth, which the expansion supposes."""
    return nn.Sequential(
        nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1)
    )


MODELS: dict[str, Callable[[], nn.Module]] = {"relu": SineModel, "tanh": tanh_model}


def problem(activation: str, minibatches: int = 4) -> tuple[Tensor, list[VectorLoss]]:
    """An untrained float64 network's weights, and losses on ten points each of one wave.

    Seeds are fixed; torch's generator is left where it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = MODELS[activation]().double()
    task = SineWaveTask(np.random.RandomState(0))
    points = [points_for(model, task.training_set(force_new=True)) for _ in range(minibatches)]
    x, y = (torch.stack(v) for v in zip(*points, strict=True))
    return torch.from_numpy(flatten(model)), minibatch_losses(model, x, y)


def residuals(
    name: str, losses: Sequence[VectorLoss], w: Tensor, rates: Sequence[float], k: int = 2
) -> np.ndarray:
    """What the expansion leaves of a method's expected direction.

    Args:
        name: one of ``DIRECTIONS``.
        rates: n inner rates.

    Returns:
        (2, n) norms, after the first term and after both.
    """
    average, inner = average_gradient(losses, w), average_inner(losses, w)
    c, d = coefficients(name, k)
    left = []
    for lr in rates:
        rest = expected(DIRECTIONS[name], losses, w, lr, k) - c * average
        left.append([rest.norm().item(), (rest + d * lr * inner).norm().item()])
    return np.array(left).T


def expansion(rates: Sequence[float], k: int = 3) -> dict[str, np.ndarray]:
    """The data of the expansions' figure: per method (2, 2, n), for relu and for tanh."""
    problems = [problem(activation, minibatches=3) for activation in MODELS]
    return {
        name: np.stack([residuals(name, losses, w, rates, k) for w, losses in problems])
        for name in DIRECTIONS
    }
