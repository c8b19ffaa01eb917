"""MAML's meta-gradient against finite differences and against a closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from repro.ecoffet import SineModel, SineWaveTask, flatten
from repro.ecoffet.train import loss_on, maml_gradient

LR = 0.01


def forward(w, x):
    """The network and its hidden activations, in NumPy, from one row-major weight vector."""
    parts = np.split(w, np.cumsum([40, 40, 1600, 40, 40]))
    shapes = [(40, 1), (40,), (40, 40), (40,), (1, 40), (1,)]
    w1, b1, w2, b2, w3, b3 = (p.reshape(s) for p, s in zip(parts, shapes, strict=True))
    h1 = np.maximum(x @ w1.T + b1, 0)
    h2 = np.maximum(h1 @ w2.T + b2, 0)
    return h2 @ w3.T + b3, h1, h2, w2, w3


def loss(w, x, y):
    return np.mean((forward(w, x)[0] - y) ** 2)


def slope(w, x, y):
    """Backpropagation by hand."""
    out, h1, h2, w2, w3 = forward(w, x)
    d3 = 2 * (out - y) / len(x)
    d2 = (d3 @ w3) * (h2 > 0)
    d1 = (d2 @ w2) * (h1 > 0)
    grads = [d1.T @ x, d1.sum(0), d2.T @ h1, d2.sum(0), d3.T @ h2, d3.sum(0)]
    return np.concatenate([g.ravel() for g in grads])


@pytest.fixture(scope="module")
def problem():
    """A network of float64 weights, and a task's training and fresh points."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = SineModel().double()
    task = SineWaveTask(np.random.RandomState(0))
    return model, task.training_set(), task.training_set(force_new=True)


def ours(problem, **kwargs):
    model, train, fresh = problem
    params = dict(model.named_parameters())
    inner, meta = maml_gradient(loss_on(model, train), loss_on(model, fresh), params, LR, **kwargs)
    return [np.concatenate([g[n].detach().numpy().ravel() for n in params]) for g in (inner, meta)]


def by_hand(problem):
    """The objective of one meta-update, without torch."""
    model, train, fresh = problem
    (x, y), (fx, fy) = [
        (p[0][:, None].double().numpy(), p[1][:, None].double().numpy()) for p in (train, fresh)
    ]
    return flatten(model), lambda w: loss(w - LR * slope(w, x, y), fx, fy), lambda w: slope(w, x, y)


def central_differences(f, w, h=1e-6):
    """Error about h**2 f''' / 6 + 1e-16 f / h: some 1e-10 for losses of order 1."""
    steps = h * np.eye(len(w))
    return np.array([(f(w + s) - f(w - s)) / (2 * h) for s in steps])


def test_inner_gradient_is_backpropagation_by_hand(problem):
    w, _, inner_slope = by_hand(problem)
    inner, _ = ours(problem)
    np.testing.assert_allclose(inner, inner_slope(w), rtol=0, atol=1e-12)


def test_meta_gradient_is_the_objectives_finite_difference(problem):
    w, objective, _ = by_hand(problem)
    expected = central_differences(objective, w)
    _, meta = ours(problem)
    assert np.abs(meta - expected).max() < 1e-8
    _, first_order = ours(problem, first_order=True)
    assert np.abs(first_order - expected).max() > 1e-3, "a first-order gradient would pass"


def test_first_order_gradient_is_the_slope_at_the_adapted_weights(problem):
    w, _, inner_slope = by_hand(problem)
    fx, fy = (p[:, None].double().numpy() for p in problem[2])
    _, meta = ours(problem, first_order=True)
    np.testing.assert_allclose(meta, slope(w - LR * inner_slope(w), fx, fy), rtol=0, atol=1e-12)


@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("carry", [False, True])
def test_closed_form_on_quadratics(first_order, carry):
    """For losses (w - c)'A(w - c)/2 and w' = w - lr (A1 (w - c1) + carried), the meta-gradient
    is (I - lr A1) A2 (w' - c2), and in first order A2 (w' - c2)."""
    rng = np.random.RandomState(1)
    n = 7
    a1, a2 = (m @ m.T for m in rng.randn(2, n, n))
    w, c1, c2, carried = rng.randn(4, n)

    def quadratic(a, c):
        a, c = torch.from_numpy(a), torch.from_numpy(c)
        return lambda params: (params["w"] - c) @ a @ (params["w"] - c) / 2

    params = {"w": torch.from_numpy(w).requires_grad_()}
    before = {"w": torch.from_numpy(carried)} if carry else None
    inner, meta = maml_gradient(
        quadratic(a1, c1), quadratic(a2, c2), params, 0.1, first_order, before
    )
    g = a1 @ (w - c1) + carry * carried
    expected = a2 @ (w - 0.1 * g - c2)
    if not first_order:
        expected = (np.eye(n) - 0.1 * a1) @ expected
    np.testing.assert_allclose(inner["w"].detach().numpy(), g, rtol=1e-12)
    np.testing.assert_allclose(meta["w"].numpy(), expected, rtol=1e-11, atol=1e-12)
