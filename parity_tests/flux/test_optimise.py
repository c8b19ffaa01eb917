"""Flux's optimisers: precision and whose state it is. Whole runs are held to recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from repro.flux import ADAM, OPTIMISERS, Descent, Momentum, parse_optimiser, update_params
from repro.julia import MersenneTwister

RECORDED = np.load(Path(__file__).with_name("optimisers_flux_0.7.3.npz"), allow_pickle=False)
OURS = sorted({n.split(" Float")[0] for n in RECORDED.files if n.split("(")[0] in OPTIMISERS})


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
    update_params(Descent(0.5), {"w": w})
    assert torch.equal(w.detach(), torch.tensor([0.5, 1.5]))
    assert not w.grad.any()


@pytest.mark.parametrize("precision", ["Float32", "Float64"])
@pytest.mark.parametrize("text", OURS)
def test_a_hundred_steps_are_flux_s_own_bit_for_bit(text, precision):
    """Catches a constant in Float32, an epsilon under the root, and torch's own square root,
    which on a CPU is off by an ulp in 1 % of Float64 values."""
    opt, gradients = parse_optimiser(text), RECORDED[f"gradients {precision}"]
    x = torch.from_numpy(initial(text, precision))
    steps = []
    for g in gradients:
        steps.append(opt.apply(x, torch.from_numpy(g)).numpy())
        x -= torch.from_numpy(steps[-1])
    assert np.array_equal(np.stack(steps), RECORDED[f"{text} {precision} steps"])
    assert np.array_equal(x.numpy(), RECORDED[f"{text} {precision} x"])


def initial(text: str, precision: str) -> np.ndarray:
    """Where the recorded runs start, in the run's own type."""
    start = MersenneTwister(7).rand(12) - 0.5
    return start.astype({"Float32": np.float32, "Float64": np.float64}[precision])


def test_every_optimiser_of_ours_is_recorded():
    assert {text.split("(")[0] for text in OURS} == {*OPTIMISERS}


@pytest.mark.parametrize("rule", OPTIMISERS.values(), ids=lambda rule: rule.__name__)
def test_an_optimiser_says_what_it_is_made_of(rule):
    opt = rule()
    again = parse_optimiser(f"{rule.__name__}({', '.join(map(repr, opt.numbers()))})")
    assert again.numbers() == opt.numbers()
    w = torch.ones(3)
    assert not opt.met(w) or rule is Descent
    opt.apply(w, torch.ones(3))
    assert {*opt.state(w)} == {*opt.fresh(w)}
