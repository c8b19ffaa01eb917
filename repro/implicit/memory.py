"""How much a meta-gradient keeps: the bytes of the tensors that autograd saves, counted."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from repro.implicit.problems import Problem


def saved_bytes(compute: Callable[[], object]) -> int:
    """Bytes of the distinct storages that autograd saves while `compute` runs.

    Parameters and data that are saved count too, once each.
    """
    seen: dict[int, int] = {}
    kept: list[Tensor] = []  # a freed storage's address could come back

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        kept.append(tensor.detach())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        compute()
    return sum(seen.values())


def maml_bytes(problem: Problem, rate: float, steps: int) -> int:
    """Saved until the backward pass begins: the graph of all inner steps."""
    w = problem.start.clone().requires_grad_()

    def unrolled() -> Tensor:
        phi = w
        for _ in range(steps):
            phi = phi - rate * torch.autograd.grad(problem.train(phi), phi, create_graph=True)[0]
        return problem.validate(phi)

    return saved_bytes(unrolled)


def imaml_bytes(problem: Problem, rate: float, steps: int, lam: float) -> int:
    """The most that is saved at once: the graph of one gradient, for its product with a vector.

    Inner steps keep nothing; the graph at phi serves every CG step.
    """
    phi = problem.start.clone()
    for _ in range(steps):
        x = phi.clone().requires_grad_()
        g = torch.autograd.grad(problem.train(x), x)[0]
        phi = phi - rate * (g + lam * (phi - problem.start))
    at = phi.requires_grad_()
    return saved_bytes(lambda: torch.autograd.grad(problem.train(at), at, create_graph=True))
