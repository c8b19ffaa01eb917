"""Networks of relu by the engines, beside the port with torch's relu."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from repro import luna
from repro.checks import FACTOR, nudged
from repro.engine import ENGINES, EXACT, Engine, EngineError, running
from repro.errors import NonFiniteLossError
from repro.flux import Chain, Descent, Linear
from repro.gallery.claim_runs import held_out
from repro.julia import MersenneTwister

EPOCHS = 12


def relu_model(seed: int) -> tuple[Chain, MersenneTwister]:
    rng = MersenneTwister(seed)
    model = luna.sine_model(rng)
    for layer in list(model)[:2]:
        layer.activation = torch.relu
    return model, rng


def trained(trainer, function: str, moved: int | None = None) -> np.ndarray:
    model, rng = relu_model(3)
    if moved is not None:
        luna.unflatten(model, nudged(luna.flatten(model), moved, np.float32))
    getattr(trainer, function)(model, epochs=EPOCHS, rng=rng)
    return luna.flatten(model)


def off(trainer, function: str) -> float:
    """How far an engine's weights are from the port's, of what is allowed: `FACTOR` times what a
    last bit in the initial weights comes to, as in all parity tolerances."""
    expected = trained(luna, function)
    grown = np.abs(trained(luna, function, moved=1) - expected).max()
    allowed = FACTOR * max(grown, np.spacing(np.abs(expected).max()))
    return float(np.abs(trained(trainer, function) - expected).max() / allowed)


@pytest.mark.slow  # each compiles for seconds
@pytest.mark.parametrize(
    ("engine", "function"),
    [
        *(("exact", function) for function in ("reptile", "fomaml", "transfer_learn")),
        *(("fast", function) for function in ("reptile", "fomaml")),
    ],
)
def test_a_network_of_relu_is_trained_as_by_the_port(engine, function):
    assert off(ENGINES[engine], function) < 1


@pytest.mark.slow
def test_tanhs_slope_under_relu_is_noticed(monkeypatch):
    """The forward value is right and the gradient is not."""
    half = replace(EXACT, activation="relu")
    monkeypatch.setattr(running, "suited", lambda arithmetic, model: half)
    assert off(Engine("half", EXACT), "reptile") > 100


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["exact", "fast"])
def test_a_number_that_is_none_stops_them_as_it_stops_the_port(engine):
    """Catches a relu that makes NaN a 0, and goes on."""
    for trainer in (luna, ENGINES[engine]):
        model, rng = relu_model(3)
        with torch.no_grad():
            list(model)[0].weight[5] = np.nan
        with pytest.raises(NonFiniteLossError):
            trainer.reptile(model, epochs=3, rng=rng)


def test_many_tasks_are_evaluated_as_each_by_the_port():
    model, _ = relu_model(1)
    tasks, x = (part[:3] for part in held_out(5))
    losses, curves = running.eval_tasks(EXACT, model, x, tasks, Descent(0.01), 4)
    testx = torch.from_numpy(running.TESTX)
    for i, task in enumerate(tasks):
        points = torch.from_numpy(x[i])
        found = luna.eval_model(model, points, testx, task, opt=Descent(0.01), updates=4)
        assert losses[i] == pytest.approx(found.test_losses, rel=1e-5)
        assert curves[i] == pytest.approx(found.final_predictions, abs=1e-5)
    assert len({*losses[:, 0]}) == 3


def test_a_task_that_diverges_is_infinite_and_the_next_is_not_touched():
    model, _ = relu_model(1)
    tasks, x = (part[:2] for part in held_out(5))
    one, _ = running.eval_tasks(EXACT, model, x[1:], tasks[1:], Descent(0.01), 30)
    wild, curves = running.eval_tasks(EXACT, model, x, tasks, Descent(1e9), 30)
    both, _ = running.eval_tasks(EXACT, model, x, tasks, Descent(0.01), 30)
    assert np.isinf(wild).all() and np.isnan(curves).all()
    assert both[1].tobytes() == one[0].tobytes()


def test_relu_hides_no_weight_that_is_none():
    """Catches a relu whose comparison makes NaN a 0: the slow test above, in a moment."""
    model, _ = relu_model(1)
    with torch.no_grad():
        list(model)[0].weight[5] = np.nan
    tasks, x = (part[:2] for part in held_out(5))
    losses, _ = running.eval_tasks(EXACT, model, x, tasks, Descent(0.01), 2)
    assert not np.isfinite(losses).any()


@pytest.mark.parametrize("activations", [(torch.relu, torch.tanh), (torch.sigmoid,) * 2])
def test_other_activations_are_refused(activations):
    rng = MersenneTwister(0)
    sizes = ((1, 64), (64, 64))
    layers = [Linear(*n, a, rng=rng) for n, a in zip(sizes, activations, strict=True)]
    with pytest.raises(EngineError, match="engine `eager`"):
        ENGINES["fast"].reptile(Chain(*layers, Linear(64, 1, rng=rng)), epochs=1, rng=rng)
