"""The data of the slides' figures, all from problems of our own: quadratics and sine networks."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from itertools import islice

import numpy as np
import torch
from torch.func import vmap
from torch.utils.flop_counter import FlopCounterMode

from repro.implicit import meta_gradients as by
from repro.implicit.memory import imaml_bytes, maml_bytes
from repro.implicit.problems import Problem, quadratic, sine_network, spectrum
from repro.implicit.scalar import Ridge, vanishing
from repro.implicit.solvers import (
    cg_iterates,
    conjugate_gradient,
    nesterov_momentum,
    steps_of_descent,
)

Arrays = dict[str, np.ndarray]
CONDITIONS = (10, 100, 1000)
FLOOR = 1e-16


def cg_errors(steps: int = 40, lam: float = 0.01) -> Arrays:
    """Relative error (steps + 1,) of iMAML's gradient after each CG step, by condition number."""
    found: Arrays = {"steps": np.arange(steps + 1)}
    for condition in CONDITIONS:
        problem = quadratic(50, condition)
        phi, truth = by.solve_inner(problem, lam), by.exact(problem, lam)
        product, g = by.implicit_equation(problem, lam, phi)
        iterates = islice(cg_iterates(product, g, g), steps + 1)
        errors = [max(by.relative_error(found.x, truth), FLOOR) for found in iterates]
        found[f"condition_{condition}"] = np.array(errors)
    return found


def inner_errors(lam: float = 0.5, rate: float = 0.5) -> Arrays:
    """Relative error of five meta-gradients against inner steps, on a quadratic of condition 10."""
    problem, steps = quadratic(20, 10), np.arange(1, 61)
    truth = by.exact(problem, lam)
    ways: dict[str, Callable[[int], torch.Tensor]] = {
        "imaml": lambda n: by.exact(problem, lam, by.adapt(problem, rate, n, lam)),
        "imaml_5_cg": lambda n: by.imaml(problem, lam, by.adapt(problem, rate, n, lam), 5).x,
        "maml": lambda n: by.maml(problem, rate, n, lam),
        "truncated": lambda n: by.truncated(problem, rate, n, min(n, 5), lam),
        "first_order": lambda n: by.first_order(problem, rate, n, lam),
    }
    errors = {
        name: [by.relative_error(way(int(n)), truth) for n in steps] for name, way in ways.items()
    }
    return {"steps": steps} | {name: np.array(values) for name, values in errors.items()}


def delta_errors(lam: float = 20.0) -> Arrays:
    """Relative error of the gradient against the distance delta of phi from the inner optimum."""
    deltas = np.logspace(-6, -1, 11)
    found: Arrays = {"delta": deltas}
    for name, problem in (("quadratic", quadratic(20, 10)), ("network", sine_network())):
        phi, truth = by.solve_inner(problem, lam), by.exact(problem, lam)
        away = torch.linspace(-1, 1, len(phi), dtype=torch.float64).sin()
        moved = [by.exact(problem, lam, phi + d * away / away.norm()) for d in deltas]
        found[name] = np.array([by.relative_error(m, truth) for m in moved])
    return found


def memory_and_work(lam: float = 20.0) -> Arrays:
    """Bytes saved, and floating-point operations, against inner steps; 40-40 network.

    Operations are those of matrix products, counted: unlike seconds they are the same everywhere
    (:func:`seconds` takes those). iMAML's have 5 CG steps in them: lam is large enough that none of
    them meets negative curvature and stops.
    """
    problem, steps = sine_network((1, 40, 40, 1)), np.array([1, 2, 4, 8, 16, 32, 64])

    def operations(compute: Callable[[], object]) -> int:
        with FlopCounterMode(display=False) as counter:
            compute()
        return int(counter.get_total_flops())

    ways = _maml_and_imaml(lam)
    work = {n: [operations(partial(way, problem, k)) for k in steps] for n, way in ways.items()}
    return {
        "steps": steps,
        "maml_bytes": np.array([maml_bytes(problem, 0.01, n) for n in steps]),
        "imaml_bytes": np.array([imaml_bytes(problem, 0.01, n, lam) for n in steps]),
    } | {f"{name}_operations": np.array(counts) for name, counts in work.items()}


def _maml_and_imaml(lam: float) -> dict[str, Callable[[Problem, int], object]]:
    def implicit(problem: Problem, n: int) -> object:
        return by.imaml(problem, lam, by.adapt(problem, 0.01, int(n), lam), 5)

    return {"maml": lambda problem, n: by.maml(problem, 0.01, int(n)), "imaml": implicit}


def seconds(steps: int = 64, lam: float = 20.0, repeats: int = 3) -> dict[str, float]:
    """The best of some times of both, on the machine that this runs on."""
    problem, found = sine_network((1, 40, 40, 1)), {}
    for name, way in _maml_and_imaml(lam).items():
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            way(problem, steps)
            times.append(time.perf_counter() - start)
        found[name] = min(times)
    return found


def steps_needed(tolerance: float = 1e-6) -> Arrays:
    """Steps until the residual is a millionth, by condition number, of three methods."""
    conditions = np.logspace(1, 3, 9)
    found: dict[str, list[int]] = {"descent": [], "nesterov": [], "cg": []}
    for c in conditions:
        values, b = spectrum(200, float(c)), torch.ones(200, dtype=torch.float64)

        def gradient(v: torch.Tensor, values: torch.Tensor = values) -> torch.Tensor:
            return values * v - 1

        for name, momentum in (("descent", 0.0), ("nesterov", nesterov_momentum(c))):
            n = steps_of_descent(gradient, torch.zeros_like(b), 1.0, momentum, tolerance, 50_000)
            found[name].append(n)
        cg = conjugate_gradient(values.mul, b, 10_000, tolerance=tolerance)
        found["cg"].append(cg.steps)
    return {"condition": conditions} | {name: np.array(n, float) for name, n in found.items()}


def hyperparameter() -> Arrays:
    """The validation loss over log-regularisation, and where descent by the hypergradient goes."""
    ridge, grid = Ridge(), np.linspace(-5, 3, 161)
    path = np.array(ridge.tune(2.5, steps=60)[::3])
    return {
        "grid": grid,
        "loss": np.array([ridge.validate(mu) for mu in grid]),
        "path": path,
        "path_loss": np.array([ridge.validate(mu) for mu in path]),
    }


def surface(lam: float = 0.3, rate: float = 0.5, steps: int = 12) -> Arrays:
    """A quadratic's two losses over the plane, the inner path to its optimum, meta-gradients."""
    problem = quadratic(2, 5, seed=6)
    p, q = np.linspace(-3, 3, 81), np.linspace(-3, 3, 81)
    points = torch.from_numpy(np.stack(np.meshgrid(p, q), -1).reshape(-1, 2))
    shape = (len(q), len(p))
    path = torch.stack([by.adapt(problem, rate, n, lam) for n in range(steps + 1)])
    return {
        "p": p,
        "q": q,
        "train": vmap(problem.train)(points).numpy().reshape(shape),
        "validate": vmap(problem.validate)(points).numpy().reshape(shape),
        "path": path.numpy(),
        "optimum": by.solve_inner(problem, lam).numpy(),
        "exact": by.exact(problem, lam).numpy(),
        "first_order": by.first_order(problem, rate, steps, lam).numpy(),
    }


def vanishing_gradients(steps: int = 100, rate: float = 0.1) -> Arrays:
    """d phi_k / d w along the path, by curvature."""
    curvatures = (0.1, 0.5, 1.0, 2.0)
    paths = {f"curvature_{a:g}": np.abs(vanishing(a, rate, steps)) for a in curvatures}
    return {"steps": np.arange(steps + 1)} | paths
