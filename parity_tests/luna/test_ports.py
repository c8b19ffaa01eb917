"""The ports' interface: what they refuse, leave alone and return."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from repro import check, collect, progress
from repro.errors import NonFiniteLossError
from repro.flux import Descent
from repro.julia import MersenneTwister, Xoshiro
from repro.luna import (
    SineWave,
    eval_model,
    flatten,
    fomaml,
    reptile,
    sine_model,
    transfer_learn,
)

FUNCTIONS = [fomaml, reptile, transfer_learn]


def fresh():
    rng = MersenneTwister(0)
    return sine_model(rng), rng


@pytest.mark.parametrize("function", FUNCTIONS)
def test_evaluations_come_at_their_interval(function):
    model, rng = fresh()
    seen = []
    evaluations = function(
        model, epochs=6, eval_interval=3, rng=rng, observe=lambda i, m: seen.append(i)
    )
    assert [e.epoch for e in evaluations] == [3, 6]
    assert seen == [1, 2, 3, 4, 5, 6]
    assert all(e.test_losses.shape == (33,) for e in evaluations)
    assert all(e.test_losses.dtype == np.float32 for e in evaluations)


@pytest.fixture
def two_threads(monkeypatch):
    """Torch on two threads, and no word of the user's about it."""
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_training_keeps_to_one_thread_and_gives_the_setting_back(function, two_threads):
    """Catches a pool of threads that waits for its slowest: 64 ms an iteration for 2."""
    model, rng = fresh()
    seen = []
    function(model, epochs=1, rng=rng, observe=lambda i, m: seen.append(torch.get_num_threads()))
    assert seen == [1] and torch.get_num_threads() == 2

    def stop(epoch, model):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        function(model, epochs=1, rng=rng, observe=stop)
    assert torch.get_num_threads() == 2


def test_the_users_own_number_of_threads_stays(two_threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    model, rng = fresh()
    seen = []
    fomaml(model, epochs=1, rng=rng, observe=lambda i, m: seen.append(torch.get_num_threads()))
    assert seen == [2]


@pytest.mark.parametrize("watched", ["terminal", "notebook", "nobody"])
def test_a_long_training_says_how_far_it_is_where_somebody_looks(monkeypatch, capsys, watched):
    monkeypatch.setattr(progress, "PATIENCE", 0)
    if watched == "terminal":
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    elif watched == "notebook":
        monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    model, rng = fresh()
    fomaml(model, epochs=2, rng=rng)
    told = capsys.readouterr().err
    if watched == "nobody":
        assert told == ""
    else:
        assert "fomaml: iteration 1 of 2, " in told and told.endswith("\x1b[K")


def test_within_somebody_elses_bar_nothing_is_told(monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", 0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    model, rng = fresh()
    with progress.told_elsewhere():
        fomaml(model, epochs=1, rng=rng)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("name", ["train_batch_size", "eval_batch_size", "eval_interval"])
def test_counts_must_be_positive(function, name):
    model, rng = fresh()
    before = flatten(model)
    with pytest.raises(ValueError, match=f"{name} must be a positive integer"):
        function(model, epochs=1, rng=rng, **{name: 0})
    assert np.array_equal(flatten(model), before)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"rng": np.random.default_rng(0)}, TypeError, r"not Generator: give repro.julia.Mersenne"),
        ({"rng": 0}, TypeError, "rng must be one of Julia's streams, not int"),
        ({"epochs": -1}, ValueError, "epochs must be 0 or a positive integer, not -1"),
    ],
    ids=["another library's stream", "a seed", "epochs below 0"],
)
def test_what_is_not_julias_is_refused_in_one_line(function, given, error, says):
    """NumPy's generator has a `uniform` too: its numbers would be taken for Julia's."""
    model, rng = fresh()
    with pytest.raises(error, match=says):
        function(model, **{"epochs": 1, "rng": rng, **given})


@pytest.mark.parametrize("function", [fomaml, reptile])
def test_torchs_optimisers_are_refused(function):
    model, rng = fresh()
    with pytest.raises(TypeError, match=r"not SGD: give for instance repro.flux.Descent"):
        function(model, epochs=1, rng=rng, meta_opt=torch.optim.SGD(model.parameters(), 0.1))


def test_what_the_api_gives_is_shown_so_that_a_person_can_read_it():
    """Catches an evaluation of eighty lines of numbers, and layers that do not say their widths."""
    model, rng = fresh()
    assert "(0): Linear(1, 64, tanh)" in repr(model) and "(2): Linear(64, 1)" in repr(model)
    (evaluation,) = fomaml(model, epochs=1, eval_interval=1, rng=rng)
    assert "after 32 updates on 10 points of SineWave(amplitude" in repr(evaluation)
    made = collect([{"a": np.ones(3)}])
    assert repr(made) == "<Run of a; list>"
    assert repr(made["a"]) == "<Quantity state, float64, 3, at 1 steps>"
    assert repr(MersenneTwister(1234)) == "<MersenneTwister of Julia 1.5, seed 1234>"
    assert repr(Xoshiro(1)).startswith("<Xoshiro of Julia 1.10, state ")
    found = check([{"a": 1.0}], [{"a": 2.0}])
    assert repr(found) == "<Check FAIL: `a` in step 0 is where the port parts from the reference>"
    assert "&lt;" not in found._repr_html_() and "`a` in step 0" in found._repr_html_()


def test_a_short_last_batch_is_used():
    model, rng = fresh()
    reptile(model, epochs=1, train_batch_size=32, rng=rng)


def test_unknown_variant():
    model, rng = fresh()
    with pytest.raises(ValueError, match="'package' or 'post'"):
        transfer_learn(model, epochs=1, rng=rng, variant="blog")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_diverging_run_stops_where_flux_stops(function):
    model, rng = fresh()
    opt = {"opt": Descent(1e20)} if function is transfer_learn else {"meta_opt": Descent(1e20)}
    with pytest.raises(NonFiniteLossError):
        function(model, epochs=5, rng=rng, **opt)


def test_eval_model_puts_the_weights_back_and_reports():
    model, rng = fresh()
    before, lines = flatten(model), []
    x, testx = torch.linspace(-5, 5, 10), torch.linspace(-5, 5, 50)
    found = eval_model(model, x, testx, SineWave(4, 1), updates=3, print=lines.append)
    assert np.array_equal(flatten(model), before)
    assert found.test_losses.shape == (4,)
    assert not np.array_equal(found.initial_predictions, found.final_predictions)
    assert len(lines) == 5 and "4.0" in lines[0]
    unchanged = eval_model(model, x, testx, SineWave(4, 1), updates=0)
    assert np.array_equal(unchanged.initial_predictions, unchanged.final_predictions)


def test_a_wave_rounds_each_step_to_float32():
    x = torch.linspace(-5, 5, 1000)
    wave = SineWave(0.1, 2.3)
    inner = x + np.float32(2.3)
    expected = np.float32(0.1) * np.sin(inner.numpy().astype(np.float64)).astype(np.float32)
    assert wave.amplitude == np.float32(0.1)
    assert np.array_equal(wave(x).numpy(), expected)
