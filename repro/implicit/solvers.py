"""Conjugate gradients that tell of an indefinite matrix; descent with and without momentum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

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
    limit = tolerance * b.norm()
    for found in cg_iterates(apply, b, x0):
        if found.steps >= steps or found.residual <= limit:
            break
    return found


def cg_iterates(apply: Apply, b: Tensor, x0: Tensor | None = None) -> Iterator[Solution]:
    """The same, after 0, 1, ... steps; ends where nothing is left or curvature is not positive."""
    x = torch.zeros_like(b) if x0 is None else x0
    r = b - apply(x) if x0 is not None else b
    p, rr, found = r, r @ r, Solution(x, 0, r.norm().item(), float("inf"))
    yield found
    while rr > 0:
        Ap = apply(p)
        pAp = p @ Ap
        found = replace(found, curvature=min(found.curvature, (pAp / (p @ p)).item()))
        if pAp <= 0:
            yield found
            break
        x, r = x + rr / pAp * p, r - rr / pAp * Ap
        rr, before = r @ r, rr
        p = r + rr / before * p
        found = Solution(x, found.steps + 1, rr.sqrt().item(), found.curvature)
        yield found


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
        slope = gradient(x)
        if slope.norm() <= tolerance * first:
            return done
        stepped = ahead - rate * (slope if ahead is x else gradient(ahead))
        ahead = stepped + momentum * (stepped - x) if momentum else stepped
        x = stepped
    return limit


def nesterov_momentum(condition: float) -> float:
    """(sqrt(condition) - 1) / (sqrt(condition) + 1), the best constant one."""
    root: float = condition**0.5
    return (root - 1) / (root + 1)
