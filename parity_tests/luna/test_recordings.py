"""The ports against whole recordings: the figures that the README and the notes state."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from repro.cases import record_of
from repro.checks import Pair, Verdict
from repro.sides import recorded
from repro.sides.parity import parity
from repro.sides.port import Port
from repro.sides.recorded import Recorded

LUNA = [n for n in recorded.names() if record_of(recorded.load(n).case).live is not None]
LUNA.remove("zoo_script_seed0")
LONG = [n for n in LUNA if n.endswith("_long")]
DENSE = [n for n in LUNA if n not in LONG]
GOOD = (Verdict.PASS, Verdict.PASS_BITWISE)
TRAINING = [n for n in DENSE if not n.startswith("eval_model")]
QUICK = ("fomaml_seed2_inner_adam", "reptile_seed2_batch50", "transfer_learn_seed2_adam")
"""One whole recording of each algorithm; the others are held for 20 iterations, and whole in the
slow suite."""
PARTS = [n for n in DENSE if n not in QUICK]
WHOLE = [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in PARTS)]


@cache
def result(name: str, epochs: int | None = None) -> Pair:
    torch.set_num_threads(1)
    case = recorded.load(name).case
    return parity(case if epochs is None else case.upto(epochs), Recorded()).own


@pytest.mark.parametrize("name", WHOLE)
def test_whole_recording_passes_within_its_envelope(name):
    assert result(name).verdict in GOOD, result(name).report


@pytest.mark.parametrize("name", PARTS)
def test_the_beginning_of_a_recording_passes_within_its_envelope(name):
    assert result(name, 20).verdict in GOOD, result(name, 20).report


@pytest.mark.parametrize(
    "name", [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in PARTS if n in TRAINING)]
)
def test_initial_weights_and_next_draw_are_equal_bit_for_bit(name):
    """Catches any port that draws in another order, or one number more or less."""
    report = result(name).report
    assert report["init_weights"].verdict is Verdict.PASS_BITWISE
    assert report["next_rand"].verdict is Verdict.PASS_BITWISE
    assert report["eval_x"].verdict is Verdict.PASS_BITWISE


@pytest.mark.parametrize("seed", [0, 1, 42])
@pytest.mark.parametrize("function", ["fomaml", "reptile", "transfer_learn"])
def test_share_of_equal_weights_after_one_iteration(function, seed):
    """Catches last-bit faults that no envelope can: a Float32 learning rate, a fused bias."""
    share = result(f"{function}_seed{seed}_dense", 20).report["weights"].equal[0]
    at_seed_0 = 0.97 if function == "fomaml" else 0.98
    assert share >= (at_seed_0 if seed == 0 else 0.94)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in TRAINING if n.endswith("dense")])
def test_weights_after_300_iterations(name):
    assert result(name).report["weights"].absolute.max() <= 1e-6


def test_the_posts_transfer_learning_is_equal_bit_for_bit():
    """In Float64 data every gradient rounds to the original's Float32 value."""
    report = result("transfer_learn_blog_seed0_dense", 20).report
    assert report["weights"].verdict is Verdict.PASS_BITWISE


def test_float64_run_passes_but_never_bitwise():
    case = recorded.load("transfer_learn_seed0_dense").case.upto(5)
    in_float64 = parity(case, Recorded(), Port(dtype=torch.float64)).own
    assert in_float64.verdict is Verdict.PASS
    assert in_float64.report["init_weights"].verdict is Verdict.PASS


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_long_recording_passes_within_its_envelope(name):
    assert result(name).verdict in GOOD, result(name).report


@pytest.mark.slow
def test_zoo_script():
    """50,000 iterations of FOMAML and of Reptile, and the evaluations after them."""
    found = result("zoo_script_seed0")
    assert found.verdict in GOOD, found.report
    assert found.report["fomaml_weights"].absolute.max() <= 1e-3
    assert found.report["reptile_weights"].absolute.max() <= 1e-4
    for name in ("fomaml_10x32_x", "fomaml_5x10_x", "reptile_10x32_x", "reptile_5x10_x"):
        assert np.all(found.report[name].equal == 1)
