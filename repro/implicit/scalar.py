"""What can be seen in one dimension, and the implicit function theorem for one hyperparameter."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def scalar_meta_gradients(
    a: float, b: float, w: float, lam: float, rate: float, steps: int
) -> dict[str, float]:
    """All in closed form for train = a/2 phi^2 and validate = (phi - b)^2 / 2.

    phi* = lam w / (a + lam), and the meta-gradient there is lam / (a + lam) (phi* - b). MAML's
    n steps (without lam) shrink phi by (1 - rate a) each, and its gradient by the same again.
    """
    share = lam / (a + lam)
    phi = w * (1 - rate * a) ** steps
    return {
        "exact": share * (share * w - b),
        "maml": (1 - rate * a) ** steps * (phi - b),
        "first_order": phi - b,
        "reptile": (w - phi) / (rate * steps),
    }


def vanishing(a: float, rate: float, steps: int) -> np.ndarray:
    """d phi_k / d w = (1 - rate a)^k along the path of descent on a/2 phi^2, (steps + 1,)."""
    found: np.ndarray = (1 - rate * a) ** np.arange(steps + 1)
    return found


class Ridge:
    """Ridge regression whose regularisation is tuned by its hypergradient.

    w*(mu) minimises |Xw - y|^2 / (2n) + exp(mu)/2 |w|^2. With H the inner Hessian, the implicit
    function theorem gives dw*/dmu = -H^-1 exp(mu) w*, and so the validation loss's derivative
    (Y. Bengio, "Gradient-based optimization of hyperparameters", 2000).
    """

    def __init__(self, size: int = 30, points: int = 40, noise: float = 1.0, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, dtype=torch.float64, generator=generator)

        truth = normal(size) / size**0.5
        self.X, self.V = normal(points, size), normal(points, size)
        self.y = self.X @ truth + noise * normal(points)
        self.z = self.V @ truth + noise * normal(points)

    def _hessian(self, mu: float) -> Tensor:
        n, d = self.X.shape
        found: Tensor = self.X.T @ self.X / n + np.exp(mu) * torch.eye(d, dtype=torch.float64)
        return found

    def solve(self, mu: float) -> Tensor:
        """w*(mu), (size,)."""
        found: Tensor = torch.linalg.solve(self._hessian(mu), self.X.T @ self.y / len(self.y))
        return found

    def validate(self, mu: float) -> float:
        """Half the mean squared error on the validation points at w*(mu)."""
        return (torch.mean((self.V @ self.solve(mu) - self.z) ** 2) / 2).item()

    def hypergradient(self, mu: float) -> float:
        """d validate / d mu."""
        w = self.solve(mu)
        outer = self.V.T @ (self.V @ w - self.z) / len(self.z)
        return float(-np.exp(mu) * torch.linalg.solve(self._hessian(mu), w) @ outer)

    def tune(self, mu: float = 0.0, rate: float = 2.0, steps: int = 400) -> list[float]:
        """mu before and after each step of descent along the hypergradient."""
        path = [mu]
        for _ in range(steps):
            path.append(path[-1] - rate * self.hypergradient(path[-1]))
        return path
