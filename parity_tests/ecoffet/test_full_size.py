"""Full-size trainings begun again at the eager port's waypoints; wrong ones are far off.

The port's own run is kept every 1,000 tasks, and 100 tasks after each of these places. Whatever
trains begins at each again, with the port's weights and Adam's moments, and must end within ten
times what a last bit, or the rounding of Float32, moves.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from repro.checks import FACTOR, Verdict, check, nudged
from repro.ecoffet import batched, experiment, waypoints
from repro.ecoffet.batched import AdamState
from repro.ecoffet.waypoints import AFTER, FIRST, METHODS, SECOND, WEIGHTS
from repro.engine import fast
from repro.errors import ReproError
from repro.gallery import ecoffet as gallery
from repro.gallery.runs import Options, Runs
from repro.run import Run, RunError
from repro.run.store import Store
from repro.sides import full_size

BY = {"fast": fast, "batched": batched}
EPOCH = {"epochs": 1}
"""The first of the four, with ten of the forty waypoints."""


def held(method, by, **how):
    """Begun again by what trains: the check, over as many waypoints as it went."""
    found = waypoints.begun_again(method, full_size.load(method), by=by, **how)
    after = full_size.load(method)[AFTER]
    reference = Run({AFTER: after}).upto(int(found[AFTER].steps[-1]))
    return check(reference, found, tolerance=full_size.rule(method))


@pytest.mark.parametrize("method", METHODS)
def test_the_first_epoch_begun_again_is_the_eager_ports(method):
    found = held(method, fast, **EPOCH)
    assert found and len(found.own.comparisons[0].steps) == 10, found


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("by", BY)
def test_the_whole_begun_again_is_the_eager_ports(method, by):
    found = held(method, BY[by])
    assert found and len(found.own.comparisons[0].steps) == (10 if method == "transfer" else 40)


# Wrong ones


def with_adam(change):
    """The engine given another state of Adam's than the waypoint's."""

    def wrong(function):
        return lambda *args, adam, **how: function(*args, adam=change(adam), **how)

    names = ("fit_transfer", "maml_sine", "reptile_sine")
    return SimpleNamespace(**{name: wrong(getattr(fast, name)) for name in names})


def with_arguments(name, **wrong):
    return SimpleNamespace(**{name: lambda *args, **how: getattr(fast, name)(*args, **how | wrong)})


WRONG = {
    "no second order": ("maml", with_arguments("maml_sine", first_order=True)),
    "a second order": ("maml_first_order", with_arguments("maml_sine", first_order=False)),
    "the training gradient left out": ("maml", with_arguments("maml_sine", peculiar=False)),
    "an inner step too few": ("reptile", with_arguments("reptile_sine", k=2)),
    "an inner rate off by a thousandth": ("maml", with_arguments("maml_sine", lr_inner=0.01001)),
    "Adam begun anew": ("transfer", with_adam(lambda adam: None)),
    "Adam counted one too few": (
        "transfer", with_adam(lambda adam: adam._replace(steps=max(adam.steps - 1, 0))),
    ),
    "moments exchanged": (
        "reptile", with_adam(lambda adam: AdamState(adam.steps, adam.second, adam.first)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_training_is_caught(wrong):
    method, by = WRONG[wrong]
    assert held(method, by, **EPOCH).verdict is Verdict.FAIL


# What is recorded, and what it stands for


@pytest.mark.parametrize("method", METHODS)
def test_it_begins_where_the_figures_runs_begin(method):
    """torch scales what it draws with or without a fused multiply-add, as the processor has it."""
    (begins,) = experiment.initial(method, 1)
    found = full_size.load(method)
    assert np.abs(found[WEIGHTS].values[0] - begins).max() <= np.spacing(np.float32(1))
    assert not found[FIRST].values[0].any() and not found[SECOND].values[0].any()


@pytest.mark.parametrize("method", METHODS)
def test_a_port_run_is_the_training_and_holds_what_beginning_again_takes(method, monkeypatch):
    monkeypatch.setattr(waypoints, "EVERY", 20)
    monkeypatch.setattr(waypoints, "FOLLOWED", 5)
    size = {"n_train": 45, "epochs": 2}
    made = waypoints.port_run(method, **size)
    end = 45 if method == "transfer" else 90
    assert made[WEIGHTS].steps.tolist() == [*range(0, end, 20), end]
    assert made[AFTER].steps.tolist() == [*range(5, end + 1, 20)]

    def moved(weights):
        return nudged(weights, 1, np.float32)

    def trained(**how):
        return experiment.train(method, models=1, **size, **how)[0]

    def begun_again(**how):
        return waypoints.begun_again(method, made, **size, **how)[AFTER].values

    wide = np.abs(begun_again(dtype=np.float64) - begun_again()).max()
    runs = (trained, made[WEIGHTS].values[-1]), (begun_again, made[AFTER].values)
    for run, expected in runs:
        found = run()
        grown = max(wide, np.abs(run(prepare=moved) - found).max())
        limit = FACTOR * max(grown, np.spacing(np.abs(found).max()))
        assert np.abs(found - expected).max() <= limit < 1e-3  # a step of Adam's


def test_where_the_port_is_not_the_notebook_bit_for_bit_nothing_is_recorded(monkeypatch, tmp_path):
    almost = SimpleNamespace(verdict=Verdict.PASS)
    monkeypatch.setattr(full_size, "parity", lambda case, reference: almost)
    with pytest.raises(ReproError, match="stands for nothing"):
        full_size.record("transfer", tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_method_without_training_is_refused(tmp_path):
    with pytest.raises(ReproError, match="choose from transfer, maml"):
        full_size.record("random", tmp_path)


def test_a_damaged_recording_is_refused_by_name(tmp_path):
    content = bytearray(full_size.path_of("transfer").read_bytes())
    content[len(content) // 2] ^= 1
    full_size.path_of("transfer", tmp_path).write_bytes(content)
    with pytest.raises(RunError, match="ecoffet_transfer.*repro.sides.full_size transfer"):
        full_size.load("transfer", tmp_path)
    with pytest.raises(RunError, match="envelopes.*repro.sides.full_size transfer"):
        full_size.rule("transfer", tmp_path)


# What the gallery says


def finding(tmp_path, **options):
    full, _ = gallery.parity("transfer")
    return full(Runs(Options(**options), Store(tmp_path, warn=print)))


def test_the_gallery_holds_the_full_size(tmp_path):
    found = finding(tmp_path)
    assert found.verdict is Verdict.PASS
    for words in ("10,000 tasks", "eager port", "stands for the notebook", "10 places"):
        assert words in found.text


def test_the_gallery_says_fail_of_a_wrong_engine(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "TRAINERS", {"fast": WRONG["Adam begun anew"][1]})
    assert finding(tmp_path).verdict is Verdict.FAIL


@pytest.mark.parametrize("options", [{"seed": 1}, {"iterations": 400}])
def test_other_seeds_and_lengths_are_not_held(tmp_path, options):
    found = finding(tmp_path, **options)
    assert found.verdict is Verdict.NOT_RUN and "seed 0 is recorded" in found.text
