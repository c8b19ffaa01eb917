"""Where two runs part in Float32: a sample that lies on the two sides of one relu's kink.

Until then the runs differ by roundings. A unit whose pre-activation is a rounding away from zero
can be on in one run and off in the other; the two gradients then differ by that sample's whole
share, and Adam makes large steps of small differences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from repro.jang.maml import inner_update
from repro.jang.net import Params
from repro.jang.tasks import Points


@dataclass(frozen=True)
class Crossing:
    """One sample on the two sides of one unit's kink.

    Attributes:
        task, sample: which, counted from 1.
        points: `"training"` or `"validation"`, the latter at the adapted weights.
        layer, unit: which relu; layers count from 0 like the weights', units from 0.
        ours, theirs: the pre-activations of the two runs.
    """

    task: int
    points: str
    sample: int
    layer: int
    unit: int
    ours: float
    theirs: float

    def __str__(self) -> str:
        return (
            f"task {self.task}, {self.points} sample {self.sample}, layer {self.layer}, "
            f"unit {self.unit}: {self.ours:+.3g} here, {self.theirs:+.3g} there"
        )


def pre_activations(params: Params, inputs: Tensor) -> list[Tensor]:
    """What the two relus get, (n, 40) each, for inputs (n, 1)."""
    first = inputs @ params["layers.0.weight"] + params["layers.0.bias"]
    second = torch.relu(first) @ params["layers.1.weight"] + params["layers.1.bias"]
    return [first, second]


def crossings(ours: Params, theirs: Params, batch: Points) -> Iterator[Crossing]:
    """The samples of an iteration's batch at which the two runs' relus disagree.

    Args:
        ours, theirs: the weights before the iteration.
        batch: training x and y, validation x and y, (tasks, n, 1) each.
    """
    for task, (x1, y1, x2, _) in enumerate(zip(*batch, strict=True), start=1):
        adapted = [inner_update(p, x1, y1) for p in (ours, theirs)]
        for points, x, pair in (("training", x1, [ours, theirs]), ("validation", x2, adapted)):
            both = [pre_activations(p, x) for p in pair]
            for layer, (a, b) in enumerate(zip(*both, strict=True)):
                for sample, unit in ((a > 0) != (b > 0)).nonzero().tolist():
                    values = a[sample, unit].item(), b[sample, unit].item()
                    yield Crossing(task, points, sample + 1, layer, unit, *values)
