"""How long the second post's computation takes: one at a time, at once, and compiled.

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
from repro.engine import fast

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


def at_once(by, method: str, tasks) -> float:
    weights = np.stack([ecoffet.flatten(ecoffet.SineModel()) for _ in range(MODELS)])
    plan = batched.plan(tasks, MODELS, 1, fresh=method != "reptile")
    return seconds(lambda: experiment.trainer(method, by)(weights, plan))


AT_ONCE = {"batched torch": batched, "compiled": fast}


def training(n: int) -> list[float]:
    """Every way, for 5 models of each method over 4 epochs of 10,000 tasks."""
    tasks = experiment.draw(n, 0).train
    visits = EPOCHS * TRAIN_TASKS / n
    totals = []
    for method in METHODS:
        single = one_at_a_time(method, tasks)
        both = [at_once(by, method, tasks) for by in AT_ONCE.values()]
        said = [
            f"{1e3 * s / n / MODELS:.4f} ms {name}" for name, s in zip(AT_ONCE, both, strict=True)
        ]
        print(f"{method}, a task and model: {1e3 * single / n:.2f} ms alone, {', '.join(said)}")
        totals.append([MODELS * visits * single, *(visits * s for s in both)])
    return [sum(of_one) for of_one in zip(*totals, strict=True)]


def evaluation(n: int) -> list[float]:
    """Every way, for all learning curves."""
    model, tests = ecoffet.SineModel(), experiment.draw(1, CHUNK).test
    few, weights = tests[: max(n // 20, 2)], ecoffet.flatten(model)[None]
    single = seconds(lambda: [ecoffet.eval_sine_test(model, t, range(11)) for t in few])
    ways = [single / 10 / len(few)]
    for by in AT_ONCE.values():
        ways.append(seconds(lambda by=by: by.finetune(weights, tests, 20)) / 20 / CHUNK)
    print(f"evaluation, a step: {', '.join(f'{1e3 * way:.4f} ms' for way in ways)}")
    steps = TEST_TASKS * sum(STEPS[m] * (MODELS if m in METHODS else 1) for m in STEPS)
    return [steps * way for way in ways]


if __name__ == "__main__":
    torch.set_num_threads(1)
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with notebook_state():
        seed_all(0)
        for _ in range(2):  # the first round warms up
            trained, evaluated = training(size), evaluation(size)
    for what, found in {"training": trained, "evaluation": evaluated}.items():
        ways = zip(("one at a time", *AT_ONCE), found, strict=True)
        print(f"{what}: {', '.join(f'{way} {s / 60:.2f} minutes' for way, s in ways)}")
