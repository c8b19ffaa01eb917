"""The compiled engines beside the ports: what goes in, what comes back."""

from __future__ import annotations

from dataclasses import asdict
from inspect import signature

import numpy as np
import pytest
import torch

from repro import luna, progress
from repro.engine import ENGINES, EngineError, exact, fast, train_seeds
from repro.engine.algorithms import ALGORITHMS
from repro.engine.handover import aligned
from repro.flux import (
    ADAM,
    OPTIMISERS,
    Chain,
    Descent,
    Linear,
    Momentum,
    NonFiniteLossError,
    Optimiser,
)
from repro.julia import MersenneTwister, julia_range

SIDES = {"eager": luna, **ENGINES}


def built(seed: int = 5):
    rng = MersenneTwister(seed)
    return luna.sine_model(rng), rng


def trained(engine: str, function: str = "fomaml", **kwargs):
    model, rng = built()
    found = getattr(SIDES[engine], function)(model, rng=rng, **kwargs)
    return luna.flatten(model), found, rng


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("function", ["fomaml", "reptile"])
def test_same_draws_evaluations_and_nearly_the_same_weights_as_the_eager_port(engine, function):
    """1e-6 is ten roundings of the largest weights; one wrong step moves them by 1e-3."""
    settings = {"epochs": 6, "eval_interval": 2, "eval_batch_size": 5}
    eager, expected, rng = trained("eager", function, **settings)
    weights, found, compiled_rng = trained(engine, function, **settings)
    assert np.abs(weights - eager).max() < 1e-6
    assert [e.epoch for e in found] == [e.epoch for e in expected] == [2, 4, 6]
    for a, b in zip(found, expected, strict=True):
        assert a.task == b.task
        assert a.x.tolist() == b.x.tolist() and a.testx.tolist() == b.testx.tolist()
        assert a.test_losses.dtype == b.test_losses.dtype == np.float32
        assert a.test_losses[0] == pytest.approx(b.test_losses[0], rel=1e-4)
        assert a.initial_predictions.shape == b.initial_predictions.shape
    assert rng.rand() == compiled_rng.rand()


def test_observed_epochs_and_the_state_seen_there():
    model, rng = built()
    seen = {}

    def observe(epoch, model):
        seen[epoch] = luna.flatten(model), rng.copy().rand()

    exact.fomaml(model, epochs=7, rng=rng, observe=observe, observe_epochs=[3, 7, 9])
    assert list(seen) == [3, 7]
    weights, _, at_3 = trained("exact", epochs=3)
    assert np.array_equal(seen[3][0], weights) and seen[3][1] == at_3.rand()


def test_every_epoch_is_observed_by_default():
    model, rng = built()
    seen = []
    exact.fomaml(model, epochs=4, rng=rng, observe=lambda e, _: seen.append(e))
    assert seen == [1, 2, 3, 4]


@pytest.mark.parametrize("rule", [lambda: Momentum(0.001), lambda: ADAM(0.001)])
@pytest.mark.parametrize("where", ["meta_opt", "inner_opt"])
def test_state_goes_on_in_the_next_call(rule, where):
    """Catches state that is lost between calls, or not taken over from the eager port."""
    whole, _, _ = trained("exact", epochs=6, **{where: rule()})
    model, rng = built()
    opt = rule()
    for epochs in (2, 4):
        exact.fomaml(model, epochs=epochs, rng=rng, **{where: opt})
    assert np.array_equal(luna.flatten(model), whole)

    fresh, rng = built()
    exact.fomaml(fresh, epochs=2, rng=rng, **{where: rule()})
    exact.fomaml(fresh, epochs=4, rng=rng, **{where: rule()})
    assert not np.array_equal(luna.flatten(fresh), whole)

    mixed, rng = built()
    opt = rule()
    luna.fomaml(mixed, epochs=2, rng=rng, **{where: opt})
    exact.fomaml(mixed, epochs=4, rng=rng, **{where: opt})
    assert np.abs(luna.flatten(mixed) - whole).max() < 1e-5


def test_reptile_forgets_its_meta_optimisers_state():
    opt = Momentum(0.1)
    model, rng = built()
    for _ in range(2):
        exact.reptile(model, epochs=3, rng=rng, meta_opt=opt)
    whole, _, _ = trained("exact", "reptile", epochs=6, meta_opt=Momentum(0.1))
    assert np.array_equal(luna.flatten(model), whole)
    assert not any(map(opt.met, model.parameters()))


@pytest.mark.parametrize("engine", ENGINES)
def test_eval_model_leaves_the_weights_and_prints(engine):
    model, _ = built()
    before = luna.flatten(model)
    x, testx = (torch.from_numpy(julia_range(-5, 5, n)).float() for n in (7, 50))
    lines: list[str] = []
    wave = luna.SineWave(4, 1)
    eager = luna.eval_model(model, x, testx, wave, updates=4)
    found = SIDES[engine].eval_model(model, x, testx, wave, updates=4, print=lines.append, epoch=9)
    assert np.array_equal(luna.flatten(model), before)
    assert found.test_losses == pytest.approx(eager.test_losses, rel=1e-4)
    assert found.final_predictions == pytest.approx(eager.final_predictions, abs=1e-4)
    assert len(lines) == 6 and found.epoch == 9


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loss_that_is_not_finite_stops_the_run_as_in_flux(engine):
    model, rng = built()
    eager_model, eager_rng = built()
    diverging = {"epochs": 200, "inner_opt": Descent(1e20)}
    with pytest.raises(NonFiniteLossError, match="Flux refuses"):
        luna.fomaml(eager_model, rng=eager_rng, **diverging)
    with pytest.raises(NonFiniteLossError, match="Flux refuses"):
        SIDES[engine].fomaml(model, rng=rng, **diverging)
    assert rng.rand() == eager_rng.rand()
    left, expected = luna.flatten(model), luna.flatten(eager_model)
    assert np.abs(expected).max() > 1e15, "it stops at the adapted weights"
    assert np.abs(left - expected).max() < 1e-5 * np.abs(expected).max()


class Unheard(Optimiser):
    """No engine has heard of it."""

    def apply(self, x, gradient):
        return gradient


def refused(**kwargs):
    model, rng = built()
    model = kwargs.pop("model", model)
    function = kwargs.pop("function", exact.fomaml)
    settings = {"epochs": 1, "rng": rng, **kwargs}
    with pytest.raises(EngineError) as error:
        function(model, **settings)
    return str(error.value)


def test_what_the_engines_cannot_do_is_refused_with_a_way_out():
    rng = MersenneTwister(0)
    narrow = Chain(Linear(1, 8, torch.tanh, rng=rng), Linear(8, 1, rng=rng))
    relu = Chain(
        Linear(1, 64, torch.relu, rng=rng),
        Linear(64, 64, torch.tanh, rng=rng),
        Linear(64, 1, rng=rng),
    )
    for model in (narrow, relu, luna.sine_model(rng, dtype=torch.float64)):
        assert "engine `eager`" in refused(model=model)
    assert "the eager one" in refused(device="cuda")
    assert "the eager engine" in refused(function=exact.transfer_learn, variant="post")
    unheard = refused(meta_opt=Unheard())
    assert "not Unheard()" in unheard and all(name in unheard for name in OPTIMISERS)
    left_over, _ = built()
    for w in left_over.parameters():
        w.grad = torch.ones_like(w)
    assert "zero_grad" in refused(model=left_over)
    with pytest.raises(ValueError, match="train_batch_size"):
        trained("exact", train_batch_size=0, epochs=1)
    model, _ = built()
    x = torch.zeros(3, dtype=torch.float64)
    with pytest.raises(EngineError, match="Float32"):
        exact.eval_model(model, x, x, luna.SineWave(1, 0))


def arguments(function):
    return {name: p.default for name, p in signature(function).parameters.items()}


@pytest.mark.parametrize("function", [*ALGORITHMS, "eval_model"])
def test_an_engine_takes_what_the_port_takes(function):
    """Names, order and defaults: catches an argument or a default that only one of them has."""
    expected, found = (arguments(getattr(side, function)) for side in (luna, fast))
    if function in ALGORITHMS:
        assert found.pop("observe_epochs") is None
        sizes = asdict(ALGORITHMS[function].sizes)
        assert all(expected[name] == size for name, size in sizes.items() if name in expected)
        assert {*ALGORITHMS[function].optimisers} == {n for n in expected if n.endswith("opt")}
    assert list(found.items()) == list(expected.items())


def test_no_epochs_leave_everything_as_it_was():
    model, rng = built()
    before = luna.flatten(model)
    assert exact.fomaml(model, epochs=0, rng=rng) == []
    assert np.array_equal(luna.flatten(model), before)


@pytest.mark.parametrize("threads", [1, 2])
def test_many_seeds_are_each_equal_to_their_single_run(threads):
    runs = train_seeds("fomaml", range(4), epochs=5, eval_interval=5, threads=threads)
    assert [run.seed for run in runs] == [0, 1, 2, 3]
    for run in runs:
        model, rng = built(run.seed)
        found = fast.fomaml(model, epochs=5, eval_interval=5, rng=rng)
        assert np.array_equal(luna.flatten(run.model), luna.flatten(model))
        assert run.evaluations[0].test_losses.tolist() == found[0].test_losses.tolist()
        assert run.rng.rand() == rng.rand()


def test_many_seeds_refuse_what_belongs_to_one():
    with pytest.raises(EngineError, match="single run"):
        train_seeds("fomaml", [1], rng=MersenneTwister(1))
    with pytest.raises(EngineError, match="choose"):
        train_seeds("maml", [1])
    with pytest.raises(EngineError, match="choose exact or fast"):
        train_seeds("fomaml", [1], engine="slow")


def test_a_long_training_says_how_far_it_is_and_many_seeds_only_which(monkeypatch, capsys):
    """Catches lines of several threads over each other."""
    monkeypatch.setattr(progress, "PATIENCE", 0)
    monkeypatch.setattr(progress, "BETWEEN", 0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    rng = MersenneTwister(1)
    fast.reptile(luna.sine_model(rng), epochs=2, rng=rng)
    assert "reptile: iteration 2 of 2, " in capsys.readouterr().err
    train_seeds("reptile", [1, 2, 3], epochs=2)
    told = capsys.readouterr().err
    assert "reptile: seed 3 of 3, " in told and "iteration" not in told


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_room_starts_on_a_cache_line(dtype):
    """Nothing but the speed tells: loads across two lines cost an eighth of the second post's."""
    rooms = [aligned(n, dtype) for n in range(1, 3000, 37)]
    assert all(room.ctypes.data % 64 == 0 and not room.any() for room in rooms)
    assert [len(room) for room in rooms] == [*range(1, 3000, 37)]
