"""Implicit gradients against dense solves in Float64; the slides' claims that have numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.func import grad

from repro import implicit
from repro.implicit import meta_gradients, relative_error
from repro.implicit.problems import hessian_product, spectrum
from repro.implicit.solvers import conjugate_gradient, nesterov_momentum, steps_of_descent

LAM = 0.5


def by_finite_differences(problem: implicit.Problem, lam: float, step: float) -> torch.Tensor:
    """d validate(phi*(w)) / dw, knowing nothing of implicit differentiation."""

    def value(w: torch.Tensor) -> float:
        moved = implicit.Problem(problem.train, problem.validate, w)
        return problem.validate(implicit.solve_inner(moved, lam)).item()

    units = step * torch.eye(len(problem.start), dtype=torch.float64)
    values = [(value(problem.start + e) - value(problem.start - e)) / (2 * step) for e in units]
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(("condition", "lam"), [(1.0, 0.5), (10.0, 0.5), (100.0, 0.05)])
def test_the_exact_gradient_of_a_quadratic(condition, lam):
    problem = implicit.quadratic(8, condition)
    truth = by_finite_differences(problem, lam, 1e-3)
    assert relative_error(implicit.exact(problem, lam), truth) < 1e-9


def test_the_exact_gradient_of_a_network():
    problem = implicit.sine_network((1, 3, 1))
    truth = by_finite_differences(problem, 20.0, 1e-4)
    assert relative_error(implicit.exact(problem, 20.0), truth) < 1e-6


@pytest.mark.parametrize("condition", [1.0, 10.0, 100.0, 1000.0])
def test_cg_meets_the_dense_solve_in_as_many_steps_as_the_condition_asks_for(condition):
    """2 ((sqrt k - 1) / (sqrt k + 1))^n bounds the error in the matrix's norm, k its condition."""
    problem = implicit.quadratic(50, condition)
    lam = 0.01
    phi, truth = implicit.solve_inner(problem, lam), implicit.exact(problem, lam)
    k = (1 + 1 / lam) / (1 + 1 / (condition * lam))
    rate = max(nesterov_momentum(k), 1e-16)
    steps = int(np.ceil(np.log(1e-6 / (2 * k**0.5)) / np.log(rate))) + 1
    assert relative_error(implicit.imaml(problem, lam, phi, steps).x, truth) < 1e-6


def test_cg_meets_the_dense_solve_on_a_network():
    problem = implicit.sine_network()
    phi = implicit.solve_inner(problem, 20.0)
    solution = implicit.imaml(problem, 20.0, phi, 30)
    assert relative_error(solution.x, implicit.exact(problem, 20.0)) < 1e-6
    assert not solution.negative_curvature


def slope(deltas: list[float], errors: list[float]) -> float:
    return float(np.polyfit(np.log(deltas), np.log(errors), 1)[0])


def test_the_error_is_proportional_to_the_inner_errors_size():
    """Theorem 1 of Rajeswaran et al.: the slope in delta is 1, here within 5 %."""
    for problem, lam in ((implicit.quadratic(20, 10), LAM), (implicit.sine_network(), 20.0)):
        phi, truth = implicit.solve_inner(problem, lam), implicit.exact(problem, lam)
        away = torch.randn(
            len(phi), dtype=torch.float64, generator=torch.Generator().manual_seed(1)
        )
        deltas = [10.0**-k for k in range(2, 7)]
        found = [implicit.exact(problem, lam, phi + d * away / away.norm()) for d in deltas]
        assert abs(slope(deltas, [relative_error(f, truth) for f in found]) - 1) < 0.05


def test_the_error_falls_with_inner_steps_in_proportion_too():
    problem = implicit.quadratic(20, 10)
    phi, truth = implicit.solve_inner(problem, LAM), implicit.exact(problem, LAM)
    adapted = [implicit.adapt(problem, 0.5, n, LAM) for n in (10, 20, 30, 40, 50)]
    deltas = [(a - phi).norm().item() for a in adapted]
    errors = [relative_error(implicit.exact(problem, LAM, a), truth) for a in adapted]
    assert abs(slope(deltas, errors) - 1) < 0.05
    # Planted: a wrong Hessian's error does not fall at all.
    wrong = [relative_error(implicit.exact(problem, 2 * LAM, a), truth) for a in adapted]
    assert abs(slope(deltas, wrong)) < 0.5


def test_no_cg_step_is_first_order_maml():
    problem = implicit.sine_network()
    phi = implicit.adapt(problem, 0.01, 5)
    first_order = implicit.first_order(problem, 0.01, 5)
    assert torch.equal(implicit.imaml(problem, 2.0, phi, 0).x, first_order)
    assert torch.equal(implicit.released(problem, 2.0, phi, 1).x, first_order)
    assert torch.allclose(implicit.truncated(problem, 0.01, 5, 0), first_order, atol=1e-15)


def test_maml_is_the_derivative_of_its_own_loop():
    problem = implicit.quadratic(6, 10)
    units = 1e-4 * torch.eye(6, dtype=torch.float64)

    def value(w: torch.Tensor) -> torch.Tensor:
        moved = implicit.Problem(problem.train, problem.validate, w)
        return problem.validate(implicit.adapt(moved, 0.3, 7, LAM))

    truth = torch.stack(
        [(value(problem.start + e) - value(problem.start - e)) / 2e-4 for e in units]
    )
    assert relative_error(implicit.maml(problem, 0.3, 7, LAM), truth) < 1e-8
    assert relative_error(implicit.truncated(problem, 0.3, 7, 6, LAM), truth) > 1e-3


def test_many_steps_of_maml_reach_the_implicit_gradient():
    problem = implicit.quadratic(20, 10)
    truth = implicit.exact(problem, LAM)
    errors = [relative_error(implicit.maml(problem, 0.5, n, LAM), truth) for n in (5, 20, 80)]
    assert errors[0] > errors[1] > errors[2] and errors[2] < 1e-6


def test_negative_curvature_is_reported():
    """Facts: after 16 steps of 0.01 a sine network's I + H/2 is indefinite."""
    problem = implicit.sine_network((1, 40, 40, 1))
    phi = implicit.adapt(problem, 0.01, 16)
    found = implicit.imaml(problem, 0.2, phi, 500)
    assert found.negative_curvature and torch.isfinite(found.x).all()
    assert torch.linalg.eigvalsh(problem.hessian(phi))[0] < -0.2
    with pytest.raises(ArithmeticError, match="larger lam"):
        implicit.solve_inner(implicit.sine_network(), 0.5)


def test_an_indefinite_matrix_ends_the_steps_before_the_bad_direction():
    matrix = torch.diag(torch.tensor([1.0, -1.0], dtype=torch.float64))
    found = conjugate_gradient(lambda v: matrix @ v, torch.tensor([0.1, 1.0]).double(), 10)
    assert found.negative_curvature and found.steps == 0 and found.curvature < 0


def test_published_equation_and_released_code_differ():
    problem = implicit.sine_network()
    phi = implicit.solve_inner(problem, 20.0)
    size = len(phi)
    stated = 2 * torch.eye(size, dtype=torch.float64) + problem.hessian(phi) / 30
    g = grad(problem.validate)(phi)
    released = implicit.released(problem, 20.0, phi, 100).x
    assert relative_error(released, torch.linalg.solve(stated, g)) < 1e-5
    assert relative_error(released, implicit.exact(problem, 20.0)) > 0.1
    # Its inner loop never sees the proximal term and the loss together.
    ours = implicit.adapt(problem, 0.01, 20, 2.0)
    assert relative_error(implicit.released_inner(problem, 0.01, 20, 2.0), ours) > 1e-3


def test_memory_is_constant_for_imaml_and_grows_by_the_step_for_maml():
    problem = implicit.sine_network((1, 40, 40, 1))
    steps = (1, 2, 3, 5, 8)
    assert len({implicit.imaml_bytes(problem, 0.01, n, 2.0) for n in steps}) == 1
    maml = [implicit.maml_bytes(problem, 0.01, n) for n in steps]
    each = maml[1] - maml[0]
    assert each > 0 and [m - maml[0] for m in maml] == [each * (n - 1) for n in steps]


def counts(condition: float) -> dict[str, int]:
    values, b = spectrum(200, condition), torch.ones(200, dtype=torch.float64)
    momentum = {"descent": 0.0, "nesterov": nesterov_momentum(condition)}
    found = {
        name: steps_of_descent(lambda v: values * v - b, 0 * b, 1.0, share, 1e-6, 50_000)
        for name, share in momentum.items()
    }
    cg = conjugate_gradient(lambda v: values * v, b, 10_000, tolerance=1e-6)
    return found | {"cg": cg.steps}


def test_steps_grow_with_the_condition_or_with_its_root():
    conditions = [10.0, 40.0, 160.0]
    found = [counts(condition) for condition in conditions]
    for name, power in (("cg", 0.5), ("nesterov", 0.5), ("descent", 1.0)):
        assert abs(slope(conditions, [f[name] for f in found]) - power) < 0.1, (name, found)


def test_the_hessian_product_is_the_hessians():
    problem = implicit.sine_network()
    v = torch.randn(len(problem.start), dtype=torch.float64)
    product = problem.hessian(problem.start) @ v
    assert relative_error(hessian_product(problem.train, problem.start)(v), product) < 1e-13


def test_the_closed_form_in_one_dimension():
    a, b, w = 2.0, 0.7, 1.5
    problem = implicit.Problem(
        lambda x: a / 2 * (x @ x), lambda x: ((x - b) @ (x - b)) / 2, torch.tensor([w]).double()
    )
    expected = implicit.scalar_meta_gradients(a, b, w, LAM, 0.1, 6)
    found = {
        "exact": implicit.exact(problem, LAM),
        "maml": implicit.maml(problem, 0.1, 6),
        "first_order": implicit.first_order(problem, 0.1, 6),
        "reptile": implicit.reptile(problem, 0.1, 6),
    }
    for name, value in found.items():
        assert abs(value.item() - expected[name]) < 1e-13, name


def test_gradients_vanish_along_long_paths():
    problem = implicit.quadratic(1, 1.0)
    found = [
        implicit.maml(problem, 0.1, n) / implicit.first_order(problem, 0.1, n) for n in (1, 10)
    ]
    expected = implicit.vanishing(1.0, 0.1, 10)
    assert np.allclose([f.item() for f in found], expected[[1, 10]], rtol=1e-12)


def test_the_hypergradient_finds_the_grids_best_regularisation():
    ridge = implicit.Ridge()
    difference = (ridge.validate(0.3 + 1e-5) - ridge.validate(0.3 - 1e-5)) / 2e-5
    assert abs(ridge.hypergradient(0.3) - difference) < 1e-9
    grid = np.linspace(-6, 4, 1001)
    best = grid[np.argmin([ridge.validate(mu) for mu in grid])]
    assert abs(ridge.tune()[-1] - best) <= grid[1] - grid[0]


def test_newton_says_when_it_found_nothing():
    with pytest.raises(ArithmeticError, match="larger lam"):
        meta_gradients.solve_inner(implicit.sine_network(), 20.0, steps=1)


def test_newton_takes_no_saddle_for_an_optimum():
    """Newton's method solves a quadratic at once, wherever its curvature points."""
    curvature = torch.diag(torch.tensor([1.0, -1.0], dtype=torch.float64))
    start = torch.ones(2, dtype=torch.float64)
    problem = implicit.Problem(lambda x: x @ curvature @ x / 2, torch.sum, start)
    with pytest.raises(ArithmeticError, match="saddle"):
        meta_gradients.solve_inner(problem, 0.5)
    assert meta_gradients.solve_inner(problem, 2.0).tolist() == pytest.approx([2 / 3, 2.0])
