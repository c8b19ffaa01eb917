"""The parts of the full-size computation, small."""

from __future__ import annotations

import numpy as np
import pytest

from repro import ecoffet
from repro.checks import FACTOR, nudged
from repro.ecoffet import experiment
from repro.ecoffet.notebook import SEEDS, draw_points, draw_world, notebook_state, seed_all
from repro.engine import fast
from repro.gallery import ecoffet as runs
from repro.gallery.runs import Options

TASKS, MODELS, EPOCHS = 25, 2, 2
PROCEDURES = {
    "transfer": lambda m, tasks: ecoffet.fit_transfer(m, tasks=tasks),
    "maml": lambda m, tasks: ecoffet.maml_sine(m, EPOCHS, tasks=tasks),
    "maml_first_order": lambda m, tasks: ecoffet.maml_sine(
        m, EPOCHS, first_order=True, tasks=tasks
    ),
    "reptile": lambda m, tasks: ecoffet.reptile_sine(m, EPOCHS, k=3, batch_size=1, tasks=tasks),
}


def one_by_one(method, perturbation=None):
    """The notebook's own order of things: draw everything, then train one model after another."""
    with notebook_state():
        seed_all(SEEDS["tasks"])
        world = draw_world(TASKS, 3)
        seed_all(SEEDS["transfer"])
        draw_points(world)
        seed_all(SEEDS[method])
        models = [ecoffet.SineModel() for _ in range(MODELS)]
        for model in [world.transfer] if method == "transfer" else models:
            if perturbation is not None:
                ecoffet.unflatten(model, nudged(ecoffet.flatten(model), perturbation, np.float32))
            PROCEDURES[method](model, world.train)
        return np.stack(
            [ecoffet.flatten(m) for m in ([world.transfer] if method == "transfer" else models)]
        )


@pytest.mark.parametrize("method", PROCEDURES)
def test_train_is_the_ports_run_one_by_one(method):
    expected = one_by_one(method)
    growth = np.abs(one_by_one(method, perturbation=1) - expected).max()
    found = experiment.train(method, n_train=TASKS, models=MODELS, epochs=EPOCHS)
    limit = FACTOR * max(growth, np.spacing(np.abs(expected).max()))
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= limit
    other = experiment.train(method, n_train=TASKS, models=MODELS, epochs=EPOCHS, seed=1)
    assert np.abs(other - expected).max() > 1000 * limit


@pytest.mark.parametrize("method", ["maml", "reptile"])
def test_many_networks_are_drawn_one_after_the_other_as_few_are(method, monkeypatch):
    size = {"n_train": 10, "epochs": 2, "by": fast}
    together = experiment.train(method, models=3, **size)
    monkeypatch.setattr(experiment, "AT_ONCE", 2)
    apart = experiment.train(method, models=3, **size)
    assert apart.tobytes() == together.tobytes()
    assert len(np.unique(apart[:, 0])) == 3


def test_every_part_leaves_the_generators_alone():
    with notebook_state():
        seed_all(9)
        before = np.random.get_state()[1].copy()
        experiment.train("maml", n_train=5, models=1, epochs=1)
        experiment.test_losses(np.zeros((1, 1761), np.float32), experiment.draw(2, 2).test, 1)
        assert np.array_equal(np.random.get_state()[1], before)


def test_the_same_tasks_whatever_is_drawn_after_them():
    few, many = experiment.draw(10, 0), experiment.draw(10, 50)
    for a, b in zip(few.train, many.train, strict=True):
        assert (a.a, a.b) == (b.a, b.b)
        assert np.array_equal(a.train_x, b.train_x)


@pytest.mark.parametrize(
    ("method", "kwargs", "message"),
    [("mamal", {}, "choose from"), ("reptile", {"peculiar": False}, "leave out")],
)
def test_what_cannot_be_trained_is_said(method, kwargs, message):
    with pytest.raises(ValueError, match=message):
        experiment.train(method, n_train=2, **kwargs)


def test_the_band_is_68_per_cent_of_the_means_over_models_and_tasks():
    """For many units, the mean plus and minus 0.9945 of its standard error; 5,000 bootstrapped
    means place each end within 2.4 % of that, once in a hundred times not within 6 %."""
    losses = np.random.default_rng(1).gamma(2.0, size=(5, 400, 3)).astype(np.float32)
    mean, low, high = experiment.learning_curve(losses)
    units = losses.reshape(2000, 3).astype(np.float64)
    np.testing.assert_allclose(mean, units.mean(0), rtol=1e-12)
    half = 0.9945 * units.std(0) / np.sqrt(2000)
    np.testing.assert_allclose(high - mean, half, rtol=0.07)
    np.testing.assert_allclose(mean - low, half, rtol=0.07)


def test_everything_that_changes_a_run_changes_its_key():
    options = [Options(), Options(seed=1), Options(iterations=400), Options(perturbation=1)]
    keys = {run.job(o).key() for run in runs.METHODS.values() for o in options}
    assert len(keys) == len(runs.METHODS) * len(options)


def test_a_one_sided_task_lies_on_either_side():
    """Catches tasks of one sign alone."""
    rngs = map(np.random.RandomState, range(12))
    drawn = [ecoffet.one_sided_task(rng).training_set()[0] for rng in rngs]
    assert all((x < 0).all() or (x > 0).all() for x in drawn)
    assert {bool((x < 0).all()) for x in drawn} == {True, False}
