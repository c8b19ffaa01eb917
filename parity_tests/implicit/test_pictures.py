"""The slides' figures are drawn, and what they are to show is in their data."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.func import grad_and_value

from repro.gallery import figure
from repro.implicit import pictures, transfer
from repro.implicit.problems import network


def drawings():
    return figure.load_post("implicit")


def test_errors_fall_with_cg_steps_and_inner_steps():
    by_cg, by_steps = pictures.cg_errors(30), pictures.inner_errors()
    assert by_cg["condition_10"][-1] < 1e-8 < by_cg["condition_1000"][-1]
    assert by_steps["imaml"][-1] < by_steps["maml"][-1] < 1e-9 < by_steps["first_order"][-1]
    assert drawings().errors(**by_cg, xlabel="CG steps").axes
    assert drawings().errors(**by_steps, xlabel="Inner steps").axes


def test_memory_and_work_are_counted_and_drawn():
    found = pictures.memory_and_work()
    assert len(set(found["imaml_bytes"])) == 1 and (np.diff(found["maml_bytes"]) > 0).all()
    for way in ("maml", "imaml"):  # with a smaller lam CG stopped early, at negative curvature
        slopes = np.diff(found[f"{way}_operations"]) / np.diff(found["steps"])
        assert len(set(slopes)) == 1 and slopes[0] > 0, f"{way}: so many for each inner step"
    assert found["imaml_operations"][-1] < found["maml_operations"][-1]
    assert len(drawings().memory_and_work(**found).axes) == 2


@pytest.mark.parametrize("name", ["steps_needed", "hyperparameter", "surface"])
def test_it_is_drawn(name):
    assert getattr(drawings(), name)(**getattr(pictures, name)()).axes


def test_slopes_and_vanishing_gradients_are_drawn():
    assert drawings().errors(**pictures.delta_errors(), xlabel="delta", log_x=True).axes
    assert drawings().vanishing(**pictures.vanishing_gradients()).axes


@pytest.mark.slow
def test_leap_learns_held_out_tasks_faster_than_no_pretraining():
    found = transfer.curves(seeds=4, meta_steps=60)
    last = {name: found[f"{name}_median"][-1] for name in transfer.METHODS}
    assert last["leap"] < last["fine_tuning"] < last["none"]
    assert drawings().learning_curves(**found).axes


def test_gradients_by_hand_are_autograds():
    generator = torch.Generator().manual_seed(3)
    x, y = transfer.waves(generator, 2, 3)
    w = torch.randn((2, 3, 1761), generator=generator).double() / 6
    found, losses = transfer.gradients(w, x, y)
    for seed, task in itertools.product(range(2), range(3)):

        def loss(row, at=(seed, task)):
            return ((network(row, x[at], transfer.PAIRS) - y[at]) ** 2).mean()

        expected, value = grad_and_value(loss)(w[seed, task])
        assert abs(losses[seed, task] - value) < 1e-13 * value
        assert (found[seed, task] - expected).abs().max() < 1e-13 * expected.abs().max()
