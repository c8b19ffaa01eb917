"""The engines' optimisers held to what the original's own gave, Float32, bit for bit.

Catches another order or another rounding in a rule, and state that a step does not move on. The
recorded elements are repeated over all weights, so that no loop ends early unseen.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from flux.flux_optimisers import OURS, RECORDED, start

from repro.engine import EXACT, FAST
from repro.engine.handover import OptimiserState, aligned
from repro.engine.network import SIZE
from repro.engine.optimisers import RULES, reset, update
from repro.flux import OPTIMISERS, parse_optimiser
from repro.luna import PARAMETERS


def over_all_weights(values: np.ndarray) -> np.ndarray:
    vector = aligned(SIZE)
    vector[:] = np.resize(values, SIZE)
    return vector


def compiled(text: str):
    weights = [torch.zeros(shape) for shape in PARAMETERS.values()]
    return OptimiserState(parse_optimiser(text), weights).compiled


def after(opt, arithmetic, gradients) -> np.ndarray:
    w = over_all_weights(start("Float32"))
    for g in gradients:
        update(arithmetic, opt, w, over_all_weights(g))
    return w


def test_the_engines_know_every_optimiser():
    assert {*RULES} == {*OPTIMISERS.values()}
    assert sorted(RULES.values()) == [*range(len(RULES))]


@pytest.mark.parametrize("arithmetic", [EXACT, FAST], ids=["exact", "fast"])
@pytest.mark.parametrize("text", OURS)
def test_a_hundred_steps_end_where_the_originals_do(text, arithmetic):
    x = over_all_weights(RECORDED[f"{text} Float32 x"])
    opt = compiled(text)
    assert np.array_equal(after(opt, arithmetic, RECORDED["gradients Float32"]), x)
    reset(opt)
    assert np.array_equal(after(opt, arithmetic, RECORDED["gradients Float32"]), x), "not reset"
