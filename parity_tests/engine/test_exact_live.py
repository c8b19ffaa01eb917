"""The exact engine beside a live `julia_ref`: what nobody recorded, bit for bit.

Both are our code: this is consistency, and as good as parity only where `julia_ref` is itself held
to recordings of the original. Of RMSProp and Nesterov the single steps are, whole runs are not.
"""

from __future__ import annotations

import pytest
from engine import runs

from repro.sides.choosing import live_case
from repro.sides.live import Live
from repro.sides.port import Port

pytestmark = pytest.mark.julia

UNRECORDED = [
    ("fomaml", 11, {"n_tasks": "5", "train_batch_size": "7", "eval_batch_size": "4"}),
    ("fomaml", 2**35 + 1, {"meta_opt": "ADAM(0.002)", "inner_opt": "Momentum(0.004, 0.8)"}),
    ("fomaml", 13, {"inner_opt": "Nesterov(0.002, 0.8)", "meta_opt": "Nesterov(0.001)"}),
    ("reptile", 77, {"train_batch_size": "19", "inner_opt": "Descent(0.013)"}),
    ("reptile", 12, {"inner_opt": "RMSProp(0.002, 0.8)", "meta_opt": "RMSProp(0.01)"}),
    ("transfer_learn", 123456, {"opt": "Momentum(0.003, 0.95)", "train_batch_size": "33"}),
]
MORE = [
    ("reptile", 3, {"meta_opt": "ADAM(0.002)", "inner_opt": "ADAM(0.003)"}),
    ("reptile", 8, {"train_batch_size": "1", "meta_opt": "Momentum(0.05, 0.7)"}),
    ("transfer_learn", 9, {"opt": "ADAM(0.004)", "train_batch_size": "70", "eval_batch_size": "2"}),
    ("transfer_learn", 10, {"train_batch_size": "28", "eval_batch_size": "31"}),
]
"""Batch sizes and optimisers that `test_primitives.py` and the recordings hold as well."""


@pytest.mark.parametrize(
    ("function", "seed", "settings"),
    [*UNRECORDED, *(pytest.param(*more, marks=pytest.mark.slow) for more in MORE)],
)
def test_unrecorded_seed_is_equal_bit_for_bit(function, seed, settings, live_julia):
    case = live_case(function, seed, 60, settings)
    expected = Live(live_julia).run(case)
    assert runs.compared(expected, Port("exact").run(case)) == {}
