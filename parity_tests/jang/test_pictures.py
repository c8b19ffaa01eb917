"""Every figure of the third post is drawn from data of its own; the small ones' data are held."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from repro import jang
from repro.gallery import figure
from repro.jang import pictures
from repro.sides import recorded

RECORDED = recorded.load("jax_fit_float32_seed0").arrays


def drawings():
    return figure.load_post("jang")


def test_the_fits_are_the_recordings():
    for data, name in (
        (pictures.sine_fit(jang.net_init()), "untrained_predictions"),
        (pictures.fitted(), "fitted_predictions"),
    ):
        assert np.abs(data["prediction"] - RECORDED[name]).max() < 1e-5
        assert drawings().sine_fit(**data, original={"prediction": RECORDED[name]}).axes


def test_the_last_adaptation_is_the_recordings():
    rng = np.random.RandomState(0)
    jang.notebook.after_single(rng)
    params = jang.unflatten(RECORDED["single_weights"][-1])
    data = pictures.adapted(params, jang.notebook.picture_points(rng, 20), 4)
    assert np.abs(data["step_4"] - RECORDED["single_predictions"]).max() < 1e-5
    assert drawings().adaptation(**data).axes


def test_tasks_and_learning_curves_are_drawn():
    data = pictures.tasks(np.random.RandomState(0))
    assert data["x1"].shape == (2, 50) and drawings().tasks(**data).axes
    curves = pictures.learning_curves(RECORDED["single_losses"], RECORDED["batched_losses"])
    assert {len(curve) for curve in curves.values()} == {20_019}
    peaks = {name: (curve.argmax(), round(float(curve.max()), 4)) for name, curve in curves.items()}
    assert peaks == {"single": (19, 0.0924), "batched": (19, 0.0787)}
    assert drawings().learning_curves(**curves).axes


def test_an_arm_is_the_batched_training_done_for_each_seed():
    test = pictures.drawn(np.random.RandomState(1), (3,), 5)
    errors = pictures.arm(4, 20, seeds=2, iterations=3, every=3, test=test)
    rng = np.random.RandomState(0)
    batches = [pictures.drawn(rng, (2, 4), 20) for _ in range(3)]
    for seed in range(2):
        own = (tuple(t[seed] for t in batch) for batch in batches)
        params = jang.notebook.run(
            jang.net_init(seed, dtype=torch.float64), jang.batch_maml_loss, jang.Adam(1e-3), own
        ).params
        each = [jang.maml_loss(params, *task) for task in zip(*test, strict=True)]
        assert abs(torch.stack(each).mean().item() - errors[1, seed]) < 1e-6


@pytest.mark.slow
def test_validation_points_alone_gain_more_than_tasks_alone():
    found = pictures.headline(seeds=8, iterations=1000, every=500)
    median = {arm: found[f"{arm}_median"][-1] for arm in ("1x1", "1x20", "4x1", "4x20")}
    assert median["4x20"] < median["1x20"] < median["4x1"] < median["1x1"]
    assert drawings().headline(**found).axes
