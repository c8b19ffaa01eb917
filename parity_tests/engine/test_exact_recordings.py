"""The exact engine against the recordings: every Float32 quantity, bit for bit.

Catches any change of the order, the rounding or the draws of anything in the engine; that it does
is shown in `test_planted_orders.py`.
"""

from __future__ import annotations

import numpy as np
import pytest
from engine import runs

from repro import engine, luna
from repro.julia import MersenneTwister
from repro.sides import recorded


def test_all_float32_recordings_are_here():
    assert len(runs.FLOAT32) == 29
    blog = {n for n in recorded.names() if "blog" in n}
    assert len(blog) == 1 and not blog & {*runs.FLOAT32}


@pytest.mark.parametrize("name", runs.FLOAT32)
def test_recording_is_equal_bit_for_bit(name):
    assert runs.differences(name, "exact") == {}


@pytest.mark.parametrize("function", ["reptile", pytest.param("fomaml", marks=pytest.mark.slow)])
def test_zoo_script_is_equal_bit_for_bit(function):
    """50,000 meta-iterations: all 4353 weights at the end, all losses on the way."""
    expected = recorded.load("zoo_script_seed0").run()
    rng = MersenneTwister(0)
    model = luna.sine_model(rng)
    found = getattr(engine.exact, function)(model, epochs=50_000, rng=rng)
    weights = expected[f"{function}_weights"].values[-1]
    losses = expected[f"{function}_eval_test_losses"].values
    assert weights.shape == (4353,)
    assert np.array_equal(luna.flatten(model), weights.astype(np.float32))
    assert losses.shape == (50, 33)
    assert np.array_equal(np.stack([e.test_losses for e in found]), losses.astype(np.float32))
