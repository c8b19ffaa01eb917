"""How long the second post's computation takes, one model and task at a time and at once.

    OMP_NUM_THREADS=1 python parity_tests/ecoffet/time_ecoffet.py [TASKS]

Each part is measured on TASKS tasks (200) and multiplied up to the post's size. Seconds are the
process's own on one core: what else the machine does at the time hardly matters.
"""

from __future__ import annotations

import sys
from time import process_time

import numpy as np
import torch

from repro import ecoffet
from repro.ecoffet import batched, experiment
from repro.ecoffet.experiment import EPOCHS, MODELS, TEST_TASKS, TRAIN_TASKS
from repro.ecoffet.notebook import notebook_state, seed_all

METHODS = ("maml", "maml_first_order", "reptile")
STEPS = {"transfer": 99, "random": 99, **dict.fromkeys(METHODS, 31)}
CHUNK = 100
"""Tasks that ``batched.finetune`` works on together: fewer would not show its speed."""


def seconds(work) -> float:
    start = process_time()
    work()
    return process_time() - start


def one_at_a_time(method: str, tasks) -> float:
    model = ecoffet.SineModel()
    if method == "reptile":
        return seconds(lambda: ecoffet.reptile_sine(model, 1, k=3, batch_size=1, tasks=tasks))
    first = method == "maml_first_order"
    return seconds(lambda: ecoffet.maml_sine(model, 1, first_order=first, tasks=tasks))


def at_once(method: str, tasks) -> float:
    weights = np.stack([ecoffet.flatten(ecoffet.SineModel()) for _ in range(MODELS)])
    plan = batched.plan(tasks, MODELS, 1, fresh=method != "reptile")
    if method == "reptile":
        return seconds(lambda: batched.reptile_sine(weights, plan, k=3))
    first = method == "maml_first_order"
    return seconds(lambda: batched.maml_sine(weights, plan, first_order=first))


def training(n: int) -> tuple[float, float]:
    """Both ways, for 5 models of each method over 4 epochs of 10,000 tasks."""
    tasks = experiment.draw(n, 0).train
    visits = EPOCHS * TRAIN_TASKS / n
    totals = [0.0, 0.0]
    for method in METHODS:
        single, batch = one_at_a_time(method, tasks), at_once(method, tasks)
        print(
            f"{method}: {1e3 * single / n:.2f} ms a task and model one at a time, "
            f"{1e3 * batch / n:.2f} ms a task for {MODELS} models at once"
        )
        totals[0] += MODELS * visits * single
        totals[1] += visits * batch
    return totals[0], totals[1]


def evaluation(n: int) -> tuple[float, float]:
    """Both ways, for all learning curves."""
    model, tests = ecoffet.SineModel(), experiment.draw(1, CHUNK).test
    few = tests[: max(n // 20, 2)]
    single = seconds(lambda: [ecoffet.eval_sine_test(model, t, range(11)) for t in few])
    single /= 10 * len(few)
    batch = seconds(lambda: batched.finetune(ecoffet.flatten(model)[None], tests, 20)) / 20 / CHUNK
    print(f"evaluation: {1e3 * single:.3f} ms a step one at a time, {1e3 * batch:.3f} ms at once")
    steps = TEST_TASKS * sum(STEPS[m] * (MODELS if m in METHODS else 1) for m in STEPS)
    return steps * single, steps * batch


if __name__ == "__main__":
    torch.set_num_threads(1)
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with notebook_state():
        seed_all(0)
        for _ in range(2):  # the first round warms up
            trained, evaluated = training(size), evaluation(size)
    for name, (slow, fast) in {"training": trained, "evaluation": evaluated}.items():
        print(f"{name}: {slow / 60:.1f} minutes one at a time, {fast / 60:.1f} minutes at once")
