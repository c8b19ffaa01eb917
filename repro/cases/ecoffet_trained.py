"""The second post's trainings at full size, one network a seed: what many seeds are compared of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from threading import Lock

import numpy as np

from repro.cases.case import Case, CaseError
from repro.cases.ecoffet import ORIGIN
from repro.cases.record import Conditions, Quantities, Record, Together
from repro.cases.watched import UPDATES, condensed
from repro.checks import nudged
from repro.ecoffet import SineWaveTask, batched, experiment
from repro.ecoffet.batched import Plan
from repro.ecoffet.notebook import notebook_state, seed_all
from repro.run import Kind, Quantity

LAYERS = (80, 1640, 41)
TEST_TASKS = 100
"""Of each seed's own, over which its losses are averaged."""

VISITS = {"transfer": 10_000, "maml": 10_000, "maml_first_order": 10_000, "reptile": 40_000}
"""By method, how many tasks a network is trained on: each of 10,000 once, Reptile's four times. The
post trains MAML's four times, too, which in torch costs minutes more."""

TOGETHER = 64
"""Networks in a stack: a step of 64 costs about three times as much as a step of one."""

_DRAWING = Lock()
"""The notebook's generators are the process's own: one thread draws at a time."""


def _draw(
    method: str, case: Case, how: Conditions
) -> tuple[np.ndarray, Plan, Sequence[SineWaveTask]]:
    """A seed's untrained network (1761,), what it visits, and its test tasks."""
    tasks, epochs = _size(case)
    with _DRAWING:
        world = experiment.draw(tasks, TEST_TASKS, case.seed)
        (weights,) = experiment.initial(method, 1, case.seed)
        with notebook_state():
            seed_all(experiment.seed_for(method, case.seed))
            plan = experiment.plan(method, world, 1, epochs)
    nudge = how.nudge
    return weights if nudge is None else nudged(weights, nudge.seed, np.float32), plan, world.test


def _size(case: Case) -> tuple[int, int]:
    """How many training tasks, and how often each is visited.

    Raises:
        CaseError: another generator than the post's, or the tasks cannot all be visited alike.
    """
    if case.generator != "MersenneTwister":
        raise CaseError(
            f"{case.function} draws from Python's, NumPy's and torch's generators, as the post "
            "does: leave out --generator"
        )
    tasks = min(case.epochs, experiment.TRAIN_TASKS)
    if case.epochs % tasks:
        raise CaseError(
            f"{case.epochs} iterations do not visit all of {tasks} tasks alike: give up to {tasks},"
            " or a multiple"
        )
    return tasks, case.epochs // tasks


def run_all(method: str, cases: Sequence[Case], how: Conditions) -> list[Quantities]:
    """A network for each case, all of one length, trained as a stack and tested by itself."""
    from repro.engine import fast  # compiles for seconds

    by = fast if how.engine == "fast" else batched
    start, plans, tested = zip(*(_draw(method, case, how) for case in cases), strict=True)
    plan = Plan.beside(plans).to(how.device, how.dtype)
    weights = np.stack(start).astype(plan.x.cpu().numpy().dtype)
    trained = experiment.trainer(method, by)(weights, plan)
    how.tick(sum(case.epochs for case in cases))
    return [
        _tested(case, w, by.finetune(w[None], tasks, max(UPDATES), device=how.device))
        for case, w, tasks in zip(cases, trained, tested, strict=True)
    ]


def _tested(case: Case, weights: np.ndarray, losses: np.ndarray) -> Quantities:
    """The weights, and the mean over the test tasks after every fine-tuning step."""
    mean = losses[0].mean(axis=0, dtype=np.float64).astype(np.float32)
    return {
        "weights": Quantity.once(weights, Kind.STATE, case.epochs),
        "test_losses": Quantity.once(mean, Kind.ROWS, case.epochs),
    }


def run_one(method: str, case: Case, how: Conditions) -> Quantities:
    """One network."""
    (found,) = run_all(method, [case], how)
    return found


def _unread(case: Case, arrays: Mapping[str, np.ndarray]) -> Quantities:
    raise CaseError(f"{case.function} is not recorded: compare many seeds, repro ensemble")


RECORDS = tuple(
    Record(
        f"ecoffet_{method}",
        ORIGIN,
        partial(run_one, method),
        _unread,
        engines=("eager", "fast"),
        perturbations=(),
        layers=LAYERS,
        watched=condensed(
            LAYERS, visits, evaluations=1, seeds=64, original="eager",
            together=Together(partial(run_all, method), TOGETHER),
        ),
    )
    for method, visits in VISITS.items()
)  # fmt: skip
