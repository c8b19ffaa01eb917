"""Meta-batches above one against the notebook's own: what piles up, and what an epoch leaves over.

The recording is `notebook_batches.npz`, made by `record_notebook.py`. 43 tasks are no multiple of
4 or 5, so a port that counts tasks through the epochs updates at other moments.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from meta_batches import port_run

from repro import ecoffet
from repro.checks import Verdict, compare, measure, nudged
from repro.ecoffet import train
from repro.run import Kind, Quantity, Run

RUNS = ("maml_batch4", "maml_first_order_batch4", "reptile_batch5")


def recording() -> dict[str, np.ndarray]:
    return dict(np.load(Path(__file__).with_name("notebook_batches.npz")))


def run(perturbation=None) -> Run:
    def prepare(model):
        if perturbation is not None:
            ecoffet.unflatten(model, nudged(ecoffet.flatten(model), perturbation))

    arrays = port_run(RUNS, prepare)
    return kept({n: a for n, a in arrays.items() if not n.endswith("_next")})


def kept(arrays) -> Run:
    """What is judged: tasks and points are drawn, weights a state, fine-tuning runs rows."""
    kinds = {"weights": Kind.STATE, "losses": Kind.ROWS, "init": Kind.RESULT}
    return Run(
        {n: Quantity.once(a, kinds.get(n.rpartition("_")[2], Kind.DRAW)) for n, a in arrays.items()}
    )


@pytest.fixture(scope="module")
def judge():
    """``judge(trajectory)``: the report on it, tolerances by the growth of three perturbations."""
    arrays = recording().items()
    recorded = {n: a for n, a in arrays if n.startswith(RUNS) and not n.endswith("_next")}
    envelope = measure(run, (1, 2, 3))
    return lambda found: compare(kept(recorded), found, envelope.tolerance)


def test_the_port_passes(judge):
    assert judge(run())


def test_all_three_generators_end_where_the_notebooks_do():
    recorded, found = recording(), port_run(RUNS)
    for name in RUNS:
        assert np.array_equal(found[f"{name}_next"], recorded[f"{name}_next"])


def test_counting_tasks_through_the_epochs_fails(judge, monkeypatch):
    def visits(tasks, epochs, sampler):
        return ((step, step, task) for step, _, task in original(tasks, epochs, sampler))

    original = train.visits
    monkeypatch.setattr(train, "visits", visits)
    assert judge(run()).verdict is Verdict.FAIL


def test_an_inner_step_by_the_tasks_own_gradient_alone_fails(judge, monkeypatch):
    def maml_gradient(train_loss, fresh_loss, params, lr_inner, first_order, carried):
        inner, meta = original(train_loss, fresh_loss, params, lr_inner, first_order)
        return (inner if carried is None else train.add(carried, inner)), meta

    original = train.maml_gradient
    monkeypatch.setattr(train, "maml_gradient", maml_gradient)
    report = judge(run())
    assert report["maml_batch4_weights"].verdict is Verdict.FAIL
    assert report["maml_first_order_batch4_weights"].verdict is Verdict.FAIL
    assert report["reptile_batch5_weights"].verdict is not Verdict.FAIL
