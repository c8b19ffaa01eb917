"""Train the first network of each method at the post's full size by the eager port, and record it.

    OMP_NUM_THREADS=1 python parity_tests/ecoffet/record_full_size.py

10,000 tasks, four epochs; some five minutes of one core. Kept are weights and Adam's moments after
every 4,000th task, and the weights 100 tasks later. The eager port stands for the notebook because,
and as far as, it equals it bit for bit on the recorded runs (`test_ecoffet_bitwise.py`).
"""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from repro import ecoffet
from repro.ecoffet import experiment, train
from repro.ecoffet.notebook import notebook_state, seed_all

FILE = Path(__file__).with_name("full_size.npz")
METHODS = ("maml", "maml_first_order", "reptile")
EVERY, THEN = 4000, 100


def recorded(method: str) -> dict[str, np.ndarray]:
    """`at` (n,), `weights`, `first`, `second` (n, 1761) there, and `then` (n, 1761)."""
    made: list[torch.optim.Adam] = []

    def adam(*args, **kwargs):
        made.append(torch.optim.Adam(*args, **kwargs))
        return made[0]

    at, rows = [], {name: [] for name in ("weights", "first", "second", "then")}

    def observe(step, model):
        if step % EVERY == 0 and step + THEN <= experiment.TRAIN_TASKS * experiment.EPOCHS:
            state = [made[0].state[p] for p in model.parameters()]
            at.append(step)
            rows["weights"].append(ecoffet.flatten(model))
            for name, part in (("first", "exp_avg"), ("second", "exp_avg_sq")):
                rows[name].append(np.concatenate([s[part].numpy().ravel() for s in state]))
        if step > EVERY and step % EVERY == THEN:
            rows["then"].append(ecoffet.flatten(model))

    world = experiment.draw()
    model = ecoffet.SineModel()
    ecoffet.unflatten(model, experiment.initial(method)[0])
    arguments = {"tasks": world.train, "observe": observe}
    with notebook_state(), patch.object(train, "Adam", adam):
        seed_all(experiment.seed_for(method))
        if method == "reptile":
            ecoffet.reptile_sine(model, experiment.EPOCHS, k=3, batch_size=1, **arguments)
        else:
            first_order = method == "maml_first_order"
            ecoffet.maml_sine(model, experiment.EPOCHS, first_order=first_order, **arguments)
    return {"at": np.array(at)} | {name: np.stack(values) for name, values in rows.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = {f"{m}_{name}": v for m in METHODS for name, v in recorded(m).items()}
    np.savez_compressed(FILE, **found)
