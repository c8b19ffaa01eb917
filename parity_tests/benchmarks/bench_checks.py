"""What a perturbed run and a whole check cost beside a plain run, of a small network, side by side.

python -m pytest parity_tests/benchmarks/bench_checks.py --benchmark-group-by=param:width
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import linear, mse_loss

import repro
from repro.checks.stepping import Roles, Stepper
from repro.run import collect

STEPS, DRAWS = 40, ("x", "y")
F32 = np.float32


def start(width):
    rng = np.random.default_rng(0)
    shapes = {"W1": (width, 8), "W2": (width, width), "W3": (1, width)}
    weights = {name: (rng.normal(size=s) / s[1] ** 0.5).astype(F32) for name, s in shapes.items()}
    return weights | {f"b{name[1]}": np.zeros(s[0], F32) for name, s in shapes.items()}


def step(state, draws):
    p = {name: torch.tensor(a, requires_grad=True) for name, a in state.items()}
    x, y = torch.tensor(draws["x"]), torch.tensor(draws["y"])
    h = torch.tanh(linear(x, p["W1"], p["b1"]))
    h = torch.tanh(linear(h, p["W2"], p["b2"]))
    loss = mse_loss(linear(h, p["W3"], p["b3"]), y)
    loss.backward()
    torch.optim.SGD(p.values(), lr=0.05).step()
    return {"loss": loss, **p}


def reference(width):
    """The same, each step in Float64."""
    state = start(width)
    yield state
    rng = np.random.default_rng(1)
    for _ in range(STEPS):
        x = rng.normal(size=(32, 8)).astype(F32)
        draws = {"x": x, "y": np.sin(x[:, :1])}
        wide = [{name: a.astype(float) for name, a in part.items()} for part in (state, draws)]
        made = {name: a.detach().numpy().astype(F32) for name, a in step(*wide).items()}
        state = {name: made[name] for name in state}
        yield {**draws, **made}


def plain(stepper):
    """Without any of this package: the step, and the state handed on."""
    state = dict(next(iter(stepper.steps.values())))
    for t in range(1, STEPS + 1):
        made = step(state, {name: stepper.steps[t][name] for name in DRAWS})
        state = {name: made[name].detach().numpy() for name in state}


@pytest.fixture(params=[32, 256], ids="width {}".format)
def width(request):
    return request.param


@pytest.mark.parametrize("what", ["plain", "perturbed", "check"])
def test_cost(benchmark, width, what):
    """Claimed in docs/performance.md: read the columns' ratios."""
    torch.set_num_threads(1)
    run = collect(lambda: reference(width))
    stepper = Stepper.on(step, run, Roles(DRAWS))
    if what == "plain":
        benchmark(plain, stepper)
    elif what == "perturbed":
        benchmark(stepper.free, 1)
    else:
        result = benchmark(lambda: repro.check(run, step, resynchronise=True, draws=DRAWS))
        assert result
