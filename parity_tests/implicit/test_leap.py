"""Leap's gradient in all eight combinations of its options."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch.func import grad

from repro import implicit
from repro.implicit import Leap, Visit

OPTIONS = [Leap(*flags) for flags in product((True, False), repeat=3)]


def walk(problem: implicit.Problem, rate: float, visits: int) -> list[Visit]:
    """Momentum makes the loss rise now and then, so that the stabiliser has something to do."""
    theta, speed, path = problem.start, torch.zeros_like(problem.start), []
    for _ in range(visits):
        g = grad(problem.train)(theta)
        path.append(Visit(theta, problem.train(theta), g))
        speed = 0.9 * speed - rate * g
        theta = theta + speed
    return path


PATH = walk(implicit.sine_network((1, 40, 40, 1)), 0.02, 20)


def independent(path: list[Visit], norm: bool, loss: bool, stabilizer: bool) -> np.ndarray:
    """All segments at once, in NumPy."""
    theta, L, G = (np.stack([v[i].numpy() for v in path]) for i in range(3))
    step, rise = np.diff(theta, axis=0), np.diff(L)
    rise = np.where(rise > 0, -rise, rise) if stabilizer else rise
    rise = rise if loss else 0 * rise
    length = np.sqrt((step**2).sum(1) + rise**2) if norm else np.ones(len(rise))
    return (-(step + rise[:, None] * G[:-1]) / length[:, None]).sum(0)


def test_the_path_climbs_and_falls():
    rises = [(b.loss - a.loss).item() for a, b in zip(PATH, PATH[1:], strict=False)]
    assert min(rises) < 0 < max(rises)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_independent_formula(options):
    found = options.gradient(PATH).numpy()
    expected = independent(PATH, options.norm, options.loss, options.stabilizer)
    assert np.abs(found - expected).max() < 1e-12 * max(1, np.abs(expected).max())


def test_every_option_matters():
    found = [o.gradient(PATH) for o in OPTIONS if o.loss or not o.stabilizer]
    distances = [(a - b).norm() for i, a in enumerate(found) for b in found[:i]]
    assert min(distances) > 1e-6


@pytest.mark.parametrize("options", [o for o in OPTIONS if not o.stabilizer], ids=str)
def test_it_is_the_derivative_of_the_length_with_each_segments_end_held(options):
    """Finite differences apply where no rise is turned round."""
    problem = implicit.sine_network((1, 3, 1))
    path = walk(problem, 0.01, 5)

    def length(shift: torch.Tensor) -> float:
        total = 0.0
        for a, b in zip(path, path[1:], strict=False):
            moved = Visit(a.theta + shift, problem.train(a.theta + shift), a.grad)
            total += options.length([moved, b]).item()
        return total

    units = 1e-5 * torch.eye(len(problem.start), dtype=torch.float64)
    truth = torch.tensor([(length(e) - length(-e)) / 2e-5 for e in units], dtype=torch.float64)
    assert implicit.relative_error(options.gradient(path), truth) < 1e-7


def test_a_visit_after_the_last_step_counts_it():
    first, rest, whole = (Leap().gradient(path) for path in (PATH[:2], PATH[1:], PATH))
    assert torch.allclose(first + rest, whole, atol=1e-12)
    assert not torch.allclose(rest, whole)
