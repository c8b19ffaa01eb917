"""Two-level problems: an inner (training) and an outer (validation) loss of one flat vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import grad, jacrev

Loss = Callable[[Tensor], Tensor]
"""A loss () of the parameters (d,)."""


@dataclass(frozen=True)
class Problem:
    """A task of meta-learning.

    Attributes:
        train: the inner loss, L-hat in A. Rajeswaran et al., "Meta-learning with implicit
            gradients" (2019).
        validate: the outer loss, L.
        start: the meta-parameters w (d,), where the inner problem starts and is drawn to.
    """

    train: Loss
    validate: Loss
    start: Tensor

    def hessian(self, at: Tensor) -> Tensor:
        """Of the training loss, (d, d)."""
        found: Tensor = jacrev(grad(self.train))(at)
        return found


def gradient(loss: Loss, at: Tensor) -> Tensor:
    """The loss's gradient (d,), differentiable where `at` requires a gradient.

    By autograd itself: `torch.func.grad` costs several times as much a call.
    """
    x = at if at.requires_grad else at.detach().requires_grad_()
    return torch.autograd.grad(loss(x), x, create_graph=at.requires_grad)[0]


def hessian_product(loss: Loss, at: Tensor) -> Callable[[Tensor], Tensor]:
    """The product of the Hessian at a point with a vector, without the Hessian (B. A. Pearlmutter,
    1994); one graph serves all vectors."""
    x = at.detach().requires_grad_()
    g = gradient(loss, x)
    return lambda vector: torch.autograd.grad(g, x, vector, retain_graph=True)[0]


def spectrum(size: int, condition: float) -> Tensor:
    """Eigenvalues from 1 down to 1 / condition, evenly in their logarithms, (size,) float64."""
    powers = torch.linspace(0, 1, size, dtype=torch.float64)
    return torch.tensor(condition, dtype=torch.float64) ** -powers


def quadratic(
    size: int = 20, condition: float = 10.0, *, seed: int = 0, shared_optimum: bool = False
) -> Problem:
    """Training loss (x - a)'A(x - a)/2 of a condition number, validation loss (x - b)'B(x - b)/2.

    A and B have the same spectrum in bases of their own; `shared_optimum` makes b = a.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    def form() -> Tensor:
        basis, _ = torch.linalg.qr(normal(size, size))
        product: Tensor = (basis * spectrum(size, condition)) @ basis.T
        return product

    A, B, a, b, w = form(), form(), normal(size), normal(size), normal(size)
    b = a if shared_optimum else b
    return Problem(
        lambda x: (x - a) @ A @ (x - a) / 2, lambda x: (x - b) @ B @ (x - b) / 2, start=w
    )


def sine_network(
    widths: tuple[int, ...] = (1, 10, 10, 1), *, seed: int = 0, points: int = 20
) -> Problem:
    """A tanh network on one wave's points: Finn et al.'s task, amplitude 0.1 to 5, phase to pi."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, dtype=torch.float64, generator=generator)

    A, phase = uniform(0.1, 5.0), uniform(0.0, torch.pi)
    x1, x2 = uniform(-5.0, 5.0, points, 1), uniform(-5.0, 5.0, points, 1)
    pairs = list(zip(widths[:-1], widths[1:], strict=True))
    start = torch.cat([uniform(-1, 1, (n + 1) * m) / n**0.5 for n, m in pairs])

    def loss(w: Tensor, x: Tensor) -> Tensor:
        return ((network(w, x, pairs) - A * torch.sin(x + phase)) ** 2).mean()

    return Problem(lambda w: loss(w, x1), lambda w: loss(w, x2), start)


def network(w: Tensor, x: Tensor, pairs: list[tuple[int, int]]) -> Tensor:
    """Outputs (n, 1) of the tanh network whose weights, then biases, lie layer by layer in w."""
    place = 0
    for layer, (n, m) in enumerate(pairs):
        W, b = w[place : place + n * m].view(n, m), w[place + n * m : place + (n + 1) * m]
        place += (n + 1) * m
        x = (torch.tanh(x) if layer else x) @ W + b
    return x
