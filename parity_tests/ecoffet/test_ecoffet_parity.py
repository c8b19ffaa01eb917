"""The notebook's ports against the recording of the notebook; wrong ports must fail.

A wrong port is made by changing one thing in :mod:`repro.ecoffet`, and is then run and judged like
the right one, on the quantities of the methods that the change is in.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
import torch

from repro import ecoffet
from repro.cases.ecoffet import read_notebook
from repro.checks import Verdict, compare
from repro.ecoffet import evaluate, notebook, sine, train
from repro.errors import EngineError
from repro.run import Run
from repro.sides import recorded
from repro.sides.parity import parity
from repro.sides.port import Port
from repro.sides.recorded import Recorded

NOTEBOOK = "ecoffet_notebook_small"
CASE = recorded.load(NOTEBOOK).case
MAML, FIRST, REPTILE = "maml", "maml_first_order", "reptile"


@pytest.fixture(scope="module")
def reference():
    return recorded.load(NOTEBOOK).run()


def judged(reference, *methods):
    """The report on these methods' quantities and on everything drawn."""
    found = Run(read_notebook(CASE, ecoffet.notebook_small(methods)))
    others = tuple(f"{m}_{q}" for m in notebook.METHODS if m not in methods
                   for q in ("init", "weights", "weights0", "test_losses"))  # fmt: skip
    part = {name: s for name, s in reference.quantities.items() if name not in others}
    return compare(Run(part), found, Recorded().rule(CASE).bind(None))


def test_every_recorded_quantity_passes():
    result = parity(CASE, Recorded())
    assert result, result
    assert len(result.own.comparisons) == len(recorded.load(NOTEBOOK).arrays) == 21


def test_every_number_drawn_by_numpy_is_equal_bit_for_bit(reference):
    drawn = [name for name, s in reference.quantities.items() if s.kind == "draw"]
    assert sorted(drawn) == [
        "one_sided", "one_sided_train_x", "test_tasks", "test_train_x", "train_tasks", "train_x"
    ]  # fmt: skip
    report = judged(reference, "random")
    assert all(report[name].verdict is Verdict.PASS_BITWISE for name in drawn)


@pytest.mark.parametrize("engine", ["exact", "fast"])
def test_no_compiled_engine_runs_the_notebook(engine):
    with pytest.raises(EngineError, match="use eager"):
        Port(engine).run(CASE)


# Wrong ports


def method(name, function):
    return lambda patch: patch.setitem(notebook.TRAIN, name, function)


def fresh_points_not_fresh(patch):
    original = sine.SineWaveTask.training_set
    patch.setattr(
        sine.SineWaveTask, "training_set", lambda t, size=10, force_new=False: original(t)
    )


def fresh_points_kept(patch):
    def training_set(task, size=10, force_new=False):
        if force_new:
            task.train_x = None
        return original(task)

    original = sine.SineWaveTask.training_set
    patch.setattr(sine.SineWaveTask, "training_set", training_set)


def shared_optimiser(patch):
    """One Adam for all models: each goes on with the moments that the last one left."""
    left = {}

    class Shared(torch.optim.Adam):
        def __init__(self, params, **kwargs):
            super().__init__(params, **kwargs)
            for p, state in zip(self.param_groups[0]["params"], left.values(), strict=False):
                self.state[p] = state

        def step(self, closure=None):
            super().step(closure)
            for i, p in enumerate(self.param_groups[0]["params"]):
                left[i] = {name: v.clone() for name, v in self.state[p].items()}

    patch.setattr(train, "Adam", Shared)


def loss_broadcast(patch):
    """Targets (n,) against predictions (n, 1): every prediction is held against every target."""

    def loss_on(model, points):
        x, y = sine.points_for(model, points)
        return lambda params: (
            (torch.func.functional_call(model, params, (x,)) - y.mT).square().mean()
        )

    patch.setattr(train, "loss_on", loss_on)


def visited_in_order(patch):
    def visits(tasks, epochs, sampler):
        sampler.sample(tasks, len(tasks))
        return ((i, i, task) for i, task in enumerate(tasks, start=1))

    patch.setattr(train, "visits", visits)


def evaluated_on_fresh_points(patch):
    def sine_fit1(net, wave, optim):
        x = wave.train_x
        wave.train_x = np.linspace(-5, 5, 10)
        train.sine_fit1(net, wave, optim)
        wave.train_x = x

    patch.setattr(evaluate, "sine_fit1", sine_fit1)


def reptile(**kwargs):
    return method(REPTILE, partial(train.reptile_sine, **{"k": 3, "batch_size": 1, **kwargs}))


def maml(name, **kwargs):
    return method(name, partial(train.maml_sine, **kwargs))


FAULTS = {
    "the meta-gradient alone": (maml(MAML, peculiar=False), MAML),
    "the meta-gradient alone, first order": (
        maml(FIRST, first_order=True, peculiar=False), FIRST
    ),
    "second order where first belongs": (maml(FIRST), FIRST),
    "first order where second belongs": (maml(MAML, first_order=True), MAML),
    "fresh points not fresh": (fresh_points_not_fresh, MAML),
    "fresh points kept": (fresh_points_kept, FIRST),
    "k = 2": (reptile(k=2), REPTILE),
    "k = 4": (reptile(k=4), REPTILE),
    "an outer optimiser shared between models": (shared_optimiser, MAML, FIRST),
    "an inner rate off by a tenth": (maml(MAML, lr_inner=0.011), MAML),
    "an outer rate off by a tenth": (reptile(lr_outer=0.0011), REPTILE),
    "Reptile's meta-batch of two": (reptile(batch_size=2), REPTILE),
    "targets that broadcast": (loss_broadcast, "transfer"),
    "tasks in their own order": (visited_in_order, "transfer"),
    "evaluation on other points": (evaluated_on_fresh_points, "random"),
}  # fmt: skip


@contextmanager
def planted(fault):
    with pytest.MonkeyPatch.context() as patch:
        fault(patch)
        yield


LATER = (
    "the meta-gradient alone, first order",
    "fresh points not fresh",
    "k = 2",
    "an outer rate off by a tenth",
    "second order where first belongs",
    "first order where second belongs",
    "k = 4",
    "an inner rate off by a tenth",
    "Reptile's meta-batch of two",
)
"""Much like others: they need not run every time."""


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in LATER)) for n in FAULTS]
)
def test_a_wrong_port_fails(reference, name):
    fault, *methods = FAULTS[name]
    with planted(fault):
        report = judged(reference, *methods)
    assert report.verdict is Verdict.FAIL
    assert report.worst.worst_ratio > 2, "too close to the tolerance to count on"


def test_the_same_judgement_passes_the_port_without_a_fault(reference):
    assert judged(reference, FIRST)
