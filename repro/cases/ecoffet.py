"""The second post's notebook, at the size of its recording, as a case."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import nn

from repro import ecoffet
from repro.cases.case import Case
from repro.cases.record import NUDGES, Conditions, Origin, Quantities, Record, Widened, causes_first
from repro.checks import nudged
from repro.ecoffet.notebook import METHODS
from repro.run import Kind, Quantity

ORIGIN = Origin(
    "ecoffet",
    "A. Ecoffet's reproduction of MAML and Reptile, 2018",
    {
        "program": "PyTorch 2.13",
        "threads": "1",
        "random numbers": "MersenneTwister (Python's, NumPy's and torch's)",
    },
    "Python's, NumPy's and torch's",
)

DRAWN = (
    "train_tasks",
    "test_tasks",
    "one_sided",
    "train_x",
    "test_train_x",
    "one_sided_train_x",
)
"""What NumPy draws. What torch draws is no draw here: it scales the numbers with or without a
fused multiply-add, as the processor has it."""


UNRECORDED, AGAIN = "random_init", "random_weights0"
"""The same numbers: the untrained network's, which are recorded under the second name."""


def run_notebook(case: Case, how: Conditions) -> Quantities:
    """The notebook, small: every model's initial weights are moved by a nudge."""

    def prepare(model: nn.Module) -> None:
        if how.nudge is not None:
            weights = nudged(ecoffet.flatten(model), how.nudge.seed, np.float32)
            ecoffet.unflatten(model, weights)

    def tick() -> None:
        how.tick(1)

    arrays = ecoffet.notebook_small(
        prepare=prepare, device=how.device, dtype=how.dtype, tick=tick, n_train=case.epochs
    )
    return read_notebook(case, arrays)


def read_notebook(case: Case, arrays: Mapping[str, np.ndarray]) -> Quantities:
    """What training made stands at the last step, the rest at 0; of the methods that there are."""
    found = {name: Quantity.once(arrays[name], Kind.DRAW) for name in DRAWN}
    for method in METHODS:
        trained = Kind.RESULT if method == "random" else Kind.STATE
        kinds = {"init": Kind.RESULT, "weights": trained, "test_losses": Kind.ROWS}
        for part, kind in kinds.items():
            step = 0 if kind is Kind.RESULT else case.epochs
            name = f"{method}_{part}"
            if name in arrays and name != UNRECORDED:
                found[name] = Quantity.once(arrays[name], kind, step)
    if AGAIN in arrays:
        found[AGAIN] = Quantity.once(arrays[AGAIN], Kind.RESULT)
    return causes_first(found)


RECORDS = (
    Record(
        "ecoffet_notebook",
        ORIGIN,
        run_notebook,
        read_notebook,
        engines=("eager",),
        perturbations=(*NUDGES, Widened()),
        layers=(80, 1640, 41),
        single=Case("ecoffet_notebook_small", "ecoffet_notebook", 0, 500),
    ),
)
"""Moving the initial weights of a relu network once does not show how far rounding in every step
carries: it can push a unit over its kink, and that happens or not. Hence the run in Float64, too.
"""
