"""What the port notes: the reference's names, and values out of the transforms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from repro import jang
from repro.jang.net import NAMES
from repro.trace import Noted, listening

DRAWN = ["amplitude", "phase", "x1", "y1", "x2", "y2"]


def noted(part: str, dtype: torch.dtype = torch.float64) -> dict[str, np.ndarray]:
    """All that one iteration notes, from the notebook's own start."""
    found: dict[str, np.ndarray] = {}

    class Listens:
        def step(self, number: int) -> None:
            assert list(found) == [f"init.{name}" for name in NAMES], "the initial weights"
            found.clear()

        def values(self, noted: list[Noted]) -> None:
            for each in noted:
                assert each.name not in found, f"{each.name} is noted twice"
                found[each.name] = np.asarray(each.value)

    params = jang.net_init(dtype=dtype)
    rng = np.random.RandomState(0) if part == "single" else jang.batched_stream(0)
    with listening(Listens()):
        {"single": jang.train_single, "batched": jang.train_batched}[part](params, rng, 1)
    return found


def expected(tasks: int) -> set[str]:
    names = {f"{kind}.{name}" for kind in ("grad", "m", "v", "weights") for name in NAMES}
    for i in range(1, tasks + 1):
        names |= {f"task{i}.{name}" for name in [*DRAWN, "loss"]}
        names |= {f"task{i}.{k}.{n}" for k in ("inner.grad", "adapted") for n in NAMES}
    return names | {"loss"}


@pytest.mark.parametrize(("part", "tasks"), [("single", 1), ("batched", 4)])
def test_names(part, tasks):
    assert noted(part).keys() == expected(tasks)


def test_a_batchs_values_are_each_tasks_own():
    found = noted("batched")
    params = jang.net_init(dtype=torch.float64)
    for i in range(1, 5):
        points = [torch.from_numpy(found[f"task{i}.{name}"]) for name in ("x1", "y1", "x2", "y2")]
        adapted = jang.inner_update(params, *points[:2])
        told = found[f"task{i}.adapted.layers.1.weight"]
        assert np.abs(adapted["layers.1.weight"].numpy() - told).max() < 1e-15
        assert abs(jang.maml_loss(params, *points).item() - found[f"task{i}.loss"]) < 1e-15
