"""Flux's optimisers: precision and whose state it is. Whole runs are held to recordings."""

from __future__ import annotations

import numpy as np
import torch

from repro.flux import ADAM, Descent, Momentum, update_params


def parameter(values) -> torch.nn.Parameter:
    p = torch.nn.Parameter(torch.tensor(values))
    p.grad = torch.zeros_like(p)
    return p


def test_descent_forms_its_step_in_float64():
    gradient = torch.rand(10_000, generator=torch.Generator().manual_seed(1))
    step = Descent(0.02).apply(gradient, gradient)
    exact = (gradient.numpy().astype(np.float64) * 0.02).astype(np.float32)
    in_float32 = gradient.numpy() * np.float32(0.02)
    assert np.array_equal(step.numpy(), exact)
    assert 0.1 < np.mean(exact != in_float32) < 0.5, "the fault would not be seen here"


def test_state_follows_the_array_and_not_the_numbers():
    for opt in (Momentum(0.1), ADAM(0.1)):
        w, g = torch.ones(3), torch.full((3,), 0.5)
        first, second = opt.apply(w, g), opt.apply(w, g)
        assert not torch.equal(first, second) or isinstance(opt, ADAM)
        assert torch.equal(opt.apply(w.clone(), g), first)
        assert not torch.equal(Momentum(0.1).apply(w, g), second)


def test_adam_by_hand():
    opt, w = ADAM(0.1, (0.9, 0.999)), torch.zeros(1)
    m = v = 0.0
    for t, g in enumerate([0.3, -0.2, 0.7], start=1):
        g32 = np.float32(g)
        m = float(np.float32(0.9 * m + (1 - 0.9) * float(g32)))
        v = float(np.float32(0.999 * v + (1 - 0.999) * float(g32 * g32)))
        b1, b2 = np.prod([0.9] * t), np.prod([0.999] * t)
        expected = np.float32(m / (1 - b1) / (np.sqrt(v / (1 - b2)) + 1e-8) * 0.1)
        assert opt.apply(w, torch.tensor([g32])).item() == expected


def test_update_clears_the_gradient():
    w = parameter([1.0, 2.0])
    w.grad += 1
    update_params(Descent(0.5), [w])
    assert torch.equal(w.detach(), torch.tensor([0.5, 1.5]))
    assert not w.grad.any()
