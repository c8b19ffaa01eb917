"""The model zoo's script of the first post as a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from repro import luna
from repro.cases.case import Case
from repro.cases.luna import LAYERS, ORIGIN, WAVE, evaluated, fresh, narrowed, read_evaluated, train
from repro.cases.record import Conditions, Quantities, Record, causes_first
from repro.julia import Rng, julia_linrange
from repro.run import Kind, Quantity

TRAINED = ("fomaml", "reptile")
FITS = {"10x32": 32, "5x10": 10}
"""The evaluations that the script ends in, points by updates, and their updates."""


def run_script(case: Case, how: Conditions) -> Quantities:
    """Train by FOMAML, by Reptile, and fine-tune both on few points."""
    model, rng = fresh(case, how)
    device = next(model.parameters()).device
    testx = torch.from_numpy(julia_linrange(-5, 5, 50)).to(device)
    found = _trained("fomaml", model, rng, case, how)
    ten = torch.from_numpy(rng.uniform(-5.0, 5.0, 10)).to(device)
    second, rng = fresh(case, how)
    found |= _trained("reptile", second, rng, case, how)
    five = torch.from_numpy(rng.uniform(0.0, 5.0, 5)).to(device)
    for name, trained in (("fomaml", model), ("reptile", second)):
        for (fit, updates), x in zip(FITS.items(), (ten, five), strict=True):
            result = luna.eval_model(trained, x, testx, WAVE, updates=updates)
            found |= evaluated(f"{name}_{fit}", partial(getattr, result), case.epochs)
    return causes_first(found)


def run_training(case: Case, how: Conditions) -> Quantities:
    """The script without the evaluations it ends in, which are on Float64 data."""
    found: Quantities = {}
    for name in TRAINED:
        found |= _trained(name, *fresh(case, how), case, how)
    return causes_first(found)


def _trained(name: str, model: nn.Module, rng: Rng, case: Case, how: Conditions) -> Quantities:
    evaluations, _ = train(name, model, rng, case, how)
    found = {f"{name}_weights": Quantity.once(luna.flatten(model), Kind.STATE, case.epochs)}
    if evaluations:
        losses = {e.epoch: e.test_losses for e in evaluations}
        found[f"{name}_eval_test_losses"] = Quantity.over(losses, Kind.ROWS)
    return found


def read_training(case: Case, arrays: Mapping[str, np.ndarray]) -> Quantities:
    whole, interval = 50_000, case.eval_interval
    at = np.arange(interval, whole + 1, interval)
    found: Quantities = {}
    for name in TRAINED:
        losses = narrowed(arrays[f"{name}_eval_test_losses"])
        found[f"{name}_weights"] = Quantity.once(
            narrowed(arrays[f"{name}_weights"]), Kind.STATE, whole
        )
        found[f"{name}_eval_test_losses"] = Quantity(at[: len(losses)], losses, Kind.ROWS)
    return causes_first(found)


def read_script(case: Case, arrays: Mapping[str, np.ndarray]) -> Quantities:
    found = read_training(case, arrays)
    for name in TRAINED:
        for fit in FITS:
            found |= read_evaluated(f"{name}_{fit}", arrays, 50_000)
    return causes_first(found)


def ask_script(julia: Any, case: Case) -> Mapping[str, np.ndarray]:
    """The script from a live Julia."""
    answer: Mapping[str, np.ndarray] = julia.zoo_script(
        case.seed, case.epochs, case.eval_interval, generator=case.generator
    )
    return answer


SCRIPT = Record(
    "zoo_script",
    ORIGIN,
    run_script,
    read_script,
    on_request=True,
    live=ask_script,
    at_most={"fomaml_weights": 1e-3, "reptile_weights": 1e-4},
    compiled_part="zoo_training",
    layers=LAYERS,
    single=Case("zoo_script_seed0", "zoo_script", 0, 50_000, 1000),
)
"""Two independent ports' weights after 50,000 iterations were 2.6e-4 and 3.5e-5 from the
original's, hence the largest differences."""

RECORDS = (
    SCRIPT,
    replace(SCRIPT, name="zoo_training", port=run_training, read=read_training,
            compiled_part=None, single=None),
)  # fmt: skip
