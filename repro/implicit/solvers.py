"""Conjugate gradients that tell of an indefinite matrix; descent with and without momentum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Apply = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Solution:
    """What conjugate gradients found.

    Attributes:
        x: the iterate (d,).
        steps: how many were made.
        residual: |b - Ax|, as the recurrence has it.
        curvature: the smallest p'Ap / p'p met along a search direction; infinite where none was
            searched. At 0 or below the matrix is not positive definite: what was to be minimised
            has no minimum, and the iterate is the last one before that direction.
    """

    x: Tensor
    steps: int
    residual: float
    curvature: float

    @property
    def negative_curvature(self) -> bool:
        return self.curvature <= 0


def conjugate_gradient(
    apply: Apply, b: Tensor, steps: int, *, tolerance: float = 0.0, x0: Tensor | None = None
) -> Solution:
    """Solve Ax = b for a symmetric positive definite A, given as a product with it.

    M. R. Hestenes and E. Stiefel, "Methods of conjugate gradients for solving linear systems"
    (1952).

    Args:
        apply: A times a vector.
        b: the right-hand side (d,).
        steps: at most so many.
        tolerance: stop where the residual is at most this share of |b|.
        x0: where to start, 0 by default.
    """
    x = torch.zeros_like(b) if x0 is None else x0
    r = b - apply(x) if x0 is not None else b
    p, rr, curvature, done = r, r @ r, float("inf"), 0
    limit = (tolerance * b.norm()) ** 2
    while done < steps and rr > limit:
        Ap = apply(p)
        pAp = p @ Ap
        curvature = min(curvature, (pAp / (p @ p)).item())
        if pAp <= 0:
            break
        x, r = x + rr / pAp * p, r - rr / pAp * Ap
        rr, before = r @ r, rr
        p = r + rr / before * p
        done += 1
    return Solution(x, done, rr.sqrt().item(), curvature)


def steps_of_descent(
    gradient: Apply, start: Tensor, rate: float, momentum: float, tolerance: float, limit: int
) -> int:
    """Steps until the gradient's norm is `tolerance` of what it was; `limit` where it is not.

    With momentum: Y. Nesterov, "Introductory lectures on convex optimization" (2004), scheme
    2.2.11, the gradient taken ahead of the step.
    """
    x, ahead = start, start
    first = gradient(start).norm()
    for done in range(limit):
        if gradient(x).norm() <= tolerance * first:
            return done
        stepped = ahead - rate * gradient(ahead)
        ahead = stepped + momentum * (stepped - x)
        x = stepped
    return limit


def nesterov_momentum(condition: float) -> float:
    """(sqrt(condition) - 1) / (sqrt(condition) + 1), the best constant one."""
    root: float = condition**0.5
    return (root - 1) / (root + 1)
