"""Many models at once, and compiled, against one at a time.

Both compute the same thing, adding up in another order. So they may differ by as much as moving
the initial weights by one unit in the last place does, times the factor of all parity
tolerances. In float64 that unit is 2**29 times smaller, and so is what it grows to.
"""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import pytest
import torch

from repro import ecoffet
from repro.checks import FACTOR, nudged
from repro.ecoffet import batched
from repro.ecoffet.notebook import draw_points, draw_world, notebook_state, seed_all
from repro.engine import fast

TASKS, MODELS, EPOCHS = 40, 3, 2
METHODS = {
    "maml": (
        lambda m, tasks: ecoffet.maml_sine(m, EPOCHS, tasks=tasks),
        lambda by, w, plan: by.maml_sine(w, plan),
    ),
    "maml as published": (
        lambda m, tasks: ecoffet.maml_sine(m, EPOCHS, 0.02, tasks=tasks, peculiar=False),
        lambda by, w, plan: by.maml_sine(w, plan, 0.02, peculiar=False),
    ),
    "first order": (
        lambda m, tasks: ecoffet.maml_sine(m, EPOCHS, first_order=True, tasks=tasks),
        lambda by, w, plan: by.maml_sine(w, plan, first_order=True),
    ),
    "transfer": (
        lambda m, tasks: ecoffet.fit_transfer(m, EPOCHS, tasks=tasks),
        lambda by, w, plan: by.fit_transfer(w, plan),
    ),
    "reptile": (
        lambda m, tasks: ecoffet.reptile_sine(m, EPOCHS, k=3, batch_size=1, tasks=tasks),
        lambda by, w, plan: by.reptile_sine(w, plan, k=3),
    ),
}


def start(dtype):
    """Tasks, and flattened weights of models yet untrained; the generators are at a fixed place."""
    seed_all(0)
    world = draw_world(TASKS, 8)
    draw_points(world)
    models = [ecoffet.flatten(ecoffet.SineModel()) for _ in range(MODELS)]
    seed_all(1)
    return world, np.stack(models).astype(dtype)


@cache
def one_by_one(method, dtype, perturbation=None):
    with notebook_state():
        world, weights = start(dtype)
        results = []
        for row in weights:
            model = ecoffet.SineModel().to(torch.from_numpy(row))
            ecoffet.unflatten(
                model, row if perturbation is None else nudged(row, perturbation, np.float32)
            )
            METHODS[method][0](model, world.train)
            results.append(ecoffet.flatten(model))
    return np.stack(results)


def at_once(method, dtype, by):
    with notebook_state():
        world, weights = start(dtype)
        plan = batched.plan(
            world.train, MODELS, EPOCHS, fresh=method not in ("transfer", "reptile")
        )
        return METHODS[method][1](by, weights, plan.to(torch.from_numpy(weights).dtype))


def allowed(values, nudged_values, dtype):
    """By the growth of one unit in the last place; ``values`` from float32 runs."""
    growth = np.maximum.accumulate(np.abs(nudged_values - values), axis=-1)
    unit = np.finfo(dtype).eps / np.finfo(np.float32).eps
    return FACTOR * unit * np.maximum(growth, np.spacing(np.abs(values).astype(np.float32)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("by", [batched, fast], ids=["batched", "fast"])
def test_training_at_once_is_training_one_by_one(method, dtype, by):
    base = one_by_one(method, np.float32)
    limit = allowed(base, one_by_one(method, np.float32, perturbation=1), dtype).max()
    single, found = one_by_one(method, dtype), at_once(method, dtype, by)
    assert found.dtype == single.dtype == dtype
    assert np.abs(found - single).max() <= limit


def test_a_model_left_out_of_the_stack_changes_no_other():
    with notebook_state():
        world, weights = start(np.float64)
        plan = batched.plan(world.train, MODELS, 1, fresh=True).to(torch.float64)
        fewer = batched.Plan(plan.x[:, :2], plan.y[:, :2], plan.fresh_x[:, :2], plan.fresh_y[:, :2])
        both = batched.maml_sine(weights, plan), batched.maml_sine(weights[:2], fewer)
    np.testing.assert_allclose(both[0][:2], both[1], rtol=0, atol=1e-13)


def test_the_plan_draws_what_training_one_by_one_draws():
    """Same points in the same order, bit for bit, and the generators end at the same place."""
    with notebook_state():
        world, _ = start(np.float32)
        plan = batched.plan(world.train, MODELS, EPOCHS, fresh=True)
        after = random.random(), np.random.rand()
        seed_all(1)
        for m in range(MODELS):
            step = 0
            for _ in range(EPOCHS):
                for task in random.sample(world.train, TASKS):
                    points = *task.training_set(), *task.training_set(force_new=True)
                    planned = plan.x, plan.y, plan.fresh_x, plan.fresh_y
                    for expected, found in zip(points, planned, strict=True):
                        assert torch.equal(found[step, m, :, 0], expected)
                    step += 1
        assert (random.random(), np.random.rand()) == after


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("by", [batched, fast], ids=["batched", "fast"])
def test_fine_tuning_at_once_is_fine_tuning_one_by_one(dtype, by):
    def losses(rows):
        models = [ecoffet.SineModel().to(torch.from_numpy(row)) for row in rows]
        for model, row in zip(models, rows, strict=True):
            ecoffet.unflatten(model, row)
        runs = [[ecoffet.eval_sine_test(m, t, range(13)) for t in world.test] for m in models]
        return np.array([[[fit.loss for fit in run] for run in model] for model in runs])

    with notebook_state():
        world, weights = start(np.float32)
        moved = np.stack([nudged(w, 1, np.float32) for w in weights])
        limit = allowed(losses(weights), losses(moved), dtype)
        single = losses(weights.astype(dtype))
        found = by.finetune(weights.astype(dtype), world.test, 12)
    assert found.dtype == dtype
    assert np.all(np.abs(found - single) <= limit)


def test_however_many_tasks_are_worked_on_at_a_time_the_losses_are_the_same():
    """Eight tasks by threes; and, compiled, again and again beyond the hundred at a time."""
    with notebook_state():
        world, weights = start(np.float64)
        whole = batched.finetune(weights, world.test, 5)
        by_threes = batched.finetune(weights, world.test, 5, chunk=3)
        often = fast.finetune(weights, world.test * 13, 5)
    np.testing.assert_allclose(by_threes, whole, rtol=1e-12)
    assert often.tobytes() == np.tile(often[:, :8], (1, 13, 1)).tobytes()
    assert len(np.unique(often[0, :, -1])) == 8


def test_a_plan_refuses_tasks_without_points():
    with pytest.raises(ValueError, match="training_set"):
        batched.plan([ecoffet.SineWaveTask(np.random.RandomState(0))], 1, 1)


def test_maml_refuses_a_plan_without_fresh_points():
    task = ecoffet.SineWaveTask(np.random.RandomState(0))
    task.training_set()
    plan = batched.plan([task], 1, 1)
    with pytest.raises(ValueError, match="fresh=True"):
        batched.maml_sine(np.zeros((1, 1761), np.float32), plan)
