"""How much networks differ, and what the notebook's peculiarity does: the table of docs/ecoffet.md.

    OMP_NUM_THREADS=1 python parity_tests/ecoffet/thirty_models.py [MODELS]

With 30 models, the default, it takes some twenty minutes of one core. The first five networks
of each method are those of the figures.
"""

from __future__ import annotations

import sys

import numpy as np
import torch

from repro.ecoffet import experiment

ROWS = (
    ("maml", True),
    ("maml", False),
    ("maml_first_order", True),
    ("maml_first_order", False),
    ("reptile", True),
)
STEPS = (0, 1, 10)


def main(models: int) -> None:
    tasks = experiment.draw().test
    random = experiment.test_losses(experiment.train("random"), tasks, 10)[0].mean(0)
    print("untrained", *(f"{random[step]:.2f}" for step in STEPS))
    for method, peculiar in ROWS:
        weights = experiment.train(method, models=models, peculiar=peculiar)
        losses = experiment.test_losses(weights, tasks, 10).mean(1)
        medians = np.median(losses[:, STEPS], axis=0)
        below = int((losses[:, 10] < random[10] / 5).sum())
        print(
            method,
            "notebook" if peculiar else "published",
            *(f"{loss:.2f}" for loss in medians),
            f"mean after 10: {losses[:, 10].mean():.2f}",
            f"mean of the first five: {losses[:5, 10].mean():.2f}",
            f"below a fifth: {below} of {models}",
            flush=True,
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
