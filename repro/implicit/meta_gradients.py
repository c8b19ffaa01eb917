"""The meta-gradient, exactly, and by what is used for it.

The inner problem is min over phi of train(phi) + lam/2 |phi - w|^2 (equation 3 of A. Rajeswaran,
C. Finn, S. Kakade and S. Levine, "Meta-learning with implicit gradients", 2019), solved by n steps
of gradient descent from w. lam = 0 is MAML's inner loop.
"""

from __future__ import annotations

import torch
from torch import Tensor

from repro.implicit.problems import Loss, Problem, gradient, hessian_product
from repro.implicit.solvers import Apply, Solution, conjugate_gradient


def proximal(loss: Loss, w: Tensor, lam: float) -> Loss:
    """The loss with lam/2 |phi - w|^2 added."""
    return lambda phi: loss(phi) + lam / 2 * torch.sum((phi - w) ** 2)


def descend(loss: Loss, phi: Tensor, rate: float, steps: int) -> Tensor:
    """So many steps of gradient descent; differentiable where phi requires a gradient."""
    for _ in range(steps):
        phi = phi - rate * gradient(loss, phi)
    return phi


def adapt(problem: Problem, rate: float, steps: int, lam: float = 0.0) -> Tensor:
    """phi after n steps from w."""
    w = problem.start
    return descend(proximal(problem.train, w, lam), w, rate, steps)


def solve_inner(problem: Problem, lam: float, steps: int = 50) -> Tensor:
    """The inner optimum phi*, by Newton's method from w, with steps halved until they descend.

    Raises:
        ArithmeticError: no minimum was found (Newton's method also goes to saddles); with a
            larger lam the problem is convex.
    """
    loss, phi = proximal(problem.train, problem.start, lam), problem.start
    one = torch.eye(len(phi), dtype=phi.dtype)
    for _ in range(steps):
        g = gradient(loss, phi)
        if g.norm() <= 1e-12:
            break
        step = torch.linalg.solve(problem.hessian(phi) + lam * one, g)
        size = next((2.0**-k for k in range(30) if _better(loss, phi, step, 2.0**-k)), 1.0)
        phi = phi - size * step
    if gradient(loss, phi).norm() > 1e-9:
        raise ArithmeticError(f"no inner optimum in {steps} Newton steps: give a larger lam")
    if torch.linalg.eigvalsh(problem.hessian(phi))[0] + lam <= 0:
        raise ArithmeticError("Newton's method went to a saddle: give a larger lam")
    return phi


def _better(loss: Loss, phi: Tensor, step: Tensor, size: float) -> bool:
    return bool(gradient(loss, phi - size * step).norm() < gradient(loss, phi).norm())


# The meta-gradient by six ways, each (d,)


def exact(problem: Problem, lam: float, phi: Tensor | None = None) -> Tensor:
    """(I + H/lam)^-1 grad L(phi), H at phi, by a dense solve; phi is the inner optimum by default.

    At phi* it is dL/dw by the implicit function theorem (lemma 1 there).
    """
    phi = solve_inner(problem, lam) if phi is None else phi
    matrix = torch.eye(len(phi), dtype=phi.dtype) + problem.hessian(phi) / lam
    found: Tensor = torch.linalg.solve(matrix, gradient(problem.validate, phi))
    return found


def imaml(
    problem: Problem, lam: float, phi: Tensor, cg_steps: int, tolerance: float = 0.0
) -> Solution:
    """The published algorithm's: conjugate gradients on the same equation, from grad L(phi).

    Started there, no step at all leaves first-order MAML's gradient.
    """
    product, g = implicit_equation(problem, lam, phi)
    return conjugate_gradient(product, g, cg_steps, tolerance=tolerance, x0=g)


def implicit_equation(problem: Problem, lam: float, phi: Tensor) -> tuple[Apply, Tensor]:
    """The product with I + H/lam at phi, and grad L(phi) (d,)."""
    product = hessian_product(problem.train, phi)
    return lambda v: v + product(v) / lam, gradient(problem.validate, phi)


def released(problem: Problem, lam: float, phi: Tensor, cg_steps: int) -> Solution:
    """The released code's (aravindr93/imaml_dev, 6a2a669): ((1 + 1) I + H/(lam + 10)) g = grad L.

    Its damping of 1 is added to the identity that is there already, and 10 to lam. One CG step or
    fewer means the plain gradient; a squared residual below 1e-10 ends the steps.
    """
    g = gradient(problem.validate, phi)
    if cg_steps <= 1:
        return Solution(g, 0, float("nan"), float("inf"))
    product, tolerance = hessian_product(problem.train, phi), 1e-5 / g.norm().item()
    return conjugate_gradient(
        lambda v: 2 * v + product(v) / (lam + 10), g, cg_steps, tolerance=tolerance
    )


def released_inner(problem: Problem, rate: float, steps: int, lam: float) -> Tensor:
    """The released code's inner loop: n steps on the training loss *without* the proximal term,
    then one on the proximal term alone."""
    w = problem.start
    phi = descend(problem.train, w, rate, steps)
    return phi - rate * lam * (phi - w)


def maml(problem: Problem, rate: float, steps: int, lam: float = 0.0) -> Tensor:
    """Back-propagation through all inner steps (C. Finn, P. Abbeel and S. Levine, 2017)."""
    return truncated(problem, rate, steps, steps, lam)


def truncated(problem: Problem, rate: float, steps: int, through: int, lam: float = 0.0) -> Tensor:
    """Back-propagation through the last `through` steps; what lies before counts as w itself.

    A. Shaban et al., "Truncated back-propagation for bilevel optimization" (2019).
    """
    w = problem.start.clone().requires_grad_()
    early = proximal(problem.train, w.detach(), lam)
    phi = descend(early, w.detach(), rate, steps - through)
    phi = descend(proximal(problem.train, w, lam), phi + (w - w.detach()), rate, through)
    return torch.autograd.grad(problem.validate(phi), w)[0]


def first_order(problem: Problem, rate: float, steps: int, lam: float = 0.0) -> Tensor:
    """grad L at the adapted parameters (first-order MAML)."""
    return gradient(problem.validate, adapt(problem, rate, steps, lam))


def reptile(problem: Problem, rate: float, steps: int, lam: float = 0.0) -> Tensor:
    """(w - phi) / (rate n): what the inner steps moved, as a mean gradient (Nichol et al. 2018)."""
    return (problem.start - adapt(problem, rate, steps, lam)) / (rate * steps)


def relative_error(found: Tensor, truth: Tensor) -> float:
    return float((found - truth).norm() / truth.norm())
