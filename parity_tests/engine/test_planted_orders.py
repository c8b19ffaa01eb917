"""One changed order or rounding in the exact engine: the bitwise comparison sees each."""

from __future__ import annotations

import numpy as np
import pytest
from engine import runs
from engine.planted_orders import LOSS_ONLY, PLANTED

from repro import luna
from repro.engine import ENGINES, EXACT, Arithmetic, Engine, loops
from repro.engine.handover import Draws, OptimiserState, Weights, aligned
from repro.engine.network import room_for
from repro.flux import Descent
from repro.julia import MersenneTwister
from repro.sides import recorded

LIMIT = 300


def first_different_weights(arithmetic: Arithmetic) -> int | None:
    """The first recorded iteration of `transfer_learn` at which a weight differs.

    Evaluations only draw: they leave no trace in the weights, and take time to compile.
    """
    recording = recorded.load("transfer_learn_seed0_dense")
    expected = recording.run(recording.case)["weights"].upto(LIMIT)
    assert recording.case.eval_interval == 1 and expected.steps[-1] == LIMIT
    rng = MersenneTwister(recording.case.seed)
    model = luna.sine_model(rng)
    weights, draws = Weights(model), Draws(rng)
    opt = OptimiserState(Descent(0.01), list(model.parameters())).compiled
    room, x = aligned(room_for(50)), np.empty(10, np.float32)
    for epoch in range(1, LIMIT + 1):
        args = (arithmetic, weights.vector, opt, draws.compiled, 1, 50, room)
        assert np.isfinite(loops.transfer_learn(*args))
        loops.draw_evaluation(draws.compiled, x)
        at = np.flatnonzero(expected.steps == epoch)
        if at.size and not np.array_equal(weights.vector, expected.values[at[0]]):
            return epoch
    return None


def test_nothing_planted_nothing_found():
    assert first_different_weights(EXACT) is None


@pytest.mark.slow  # each compiles for seconds
@pytest.mark.parametrize("name", PLANTED)
def test_planted_order_is_seen(name):
    found = first_different_weights(PLANTED[name])
    assert found is not None, f"{name}: not seen within {LIMIT} iterations"
    print(f"{name}: seen after {found} iterations")


@pytest.mark.slow
def test_order_of_the_losses_sum_is_seen(monkeypatch):
    monkeypatch.setitem(ENGINES, "planted", Engine("planted", LOSS_ONLY))
    found = runs.differences("fomaml_seed0_dense", "planted", epochs=10)
    assert set(found) == {"test_losses"}
