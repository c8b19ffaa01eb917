"""The port's side of notebook_batches.npz: meta-batches above one, other rates, several epochs."""

from __future__ import annotations

import random

import numpy as np
import torch
from record_notebook import FITS, RUNS, SEED, TEST_TASKS, TRAIN_TASKS

from repro import ecoffet
from repro.ecoffet.notebook import notebook_state, seed_all


def port_run(names=tuple(RUNS), prepare=None) -> dict[str, np.ndarray]:
    """What ``record_notebook.record`` gives, from the port; ``prepare(model)`` before training."""
    arrays = {}
    for run in names:
        function, args, kwargs = RUNS[run]
        with notebook_state():
            seed_all(SEED)
            tasks = [ecoffet.SineWaveTask() for _ in range(TRAIN_TASKS)]
            tests = [ecoffet.SineWaveTask() for _ in range(TEST_TASKS)]
            model = ecoffet.SineModel()
            if prepare is not None:
                prepare(model)
            getattr(ecoffet, function)(model, *args, **kwargs, tasks=tasks)
            arrays[f"{run}_weights"] = ecoffet.flatten(model)
            losses = [[f.loss for f in ecoffet.eval_sine_test(model, t, FITS, 0.02)] for t in tests]
            arrays[f"{run}_test_losses"] = np.array(losses, dtype=np.float32)
            following = [random.random(), np.random.rand(), torch.rand(()).item()]
            arrays[f"{run}_next"] = np.array(following)
    return arrays
