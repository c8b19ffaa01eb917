"""What of a training is compared over many seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from repro.cases.record import Quantities, Watched
from repro.checks.ensembles import Summary
from repro.run import Kind, Quantity

UPDATES = (0, 1, 10, 32)
"""Fine-tuning steps after which an evaluation's loss is kept."""

NORM = "norm of the weights"


def condensed(layers: tuple[int, ...], epochs: int = 5000, **how: Any) -> Watched:
    """Losses at the evaluations after some updates, and norms of the weights, all and by layer.

    Args:
        layers: how many weights each layer has.
        epochs: iterations.
        how: the rest of a :class:`Watched`.
    """

    def keep(quantities: Quantities) -> Quantities:
        norms, losses = quantities.get("weights"), quantities.get("test_losses")
        return {**_norms(norms, layers), **_losses(losses)}

    late = [Summary(_loss(k)) for k in UPDATES[:3]]
    return Watched(keep, (*late, Summary(NORM, late=0)), epochs, **how)


def _loss(updates: int) -> str:
    return f"loss after {updates} update{'' if updates == 1 else 's'}"


def _losses(found: Quantity | None) -> Quantities:
    if found is None:
        return {}
    return {_loss(k): Quantity(found.steps, found.values[:, k], Kind.RESULT) for k in UPDATES}


def _norms(found: Quantity | None, layers: tuple[int, ...]) -> Quantities:
    if found is None:
        return {}
    parts = np.split(found.values, np.cumsum(layers)[:-1], axis=1)
    named = {f"norm of layer {i}": part for i, part in enumerate(parts, 1)} | {NORM: found.values}
    return {
        name: Quantity(found.steps, np.linalg.norm(part, axis=1).astype(np.float32), Kind.RESULT)
        for name, part in named.items()
    }
