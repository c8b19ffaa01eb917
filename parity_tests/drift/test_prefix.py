"""Along a baseline's operations: a port's end, a group of results, what fusing may do; a matrix."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from repro.cases.luna_rounding import fusing, pre_activation
from repro.drift import matrix, take
from repro.drift.baseline import write
from repro.drift.prefix import Keeping, follow_prefix
from repro.drift.taken import Control
from repro.sides import recorded
from repro.trace import at_step, listening, note

ONES = np.ones(2, np.float32)


class OneMillionth:
    """As many bounds as the operation has results, whatever was handed over."""

    words = "a millionth"

    def __init__(self) -> None:
        self.results = {"y": 1, "gradient": 2}

    def bounds(self, noted, expected):
        return [1e-6] * self.results[noted[0].operation]


def port(steps: int = 3, second: str = "b", shape: int = 2):
    def run():
        for i in range(1, steps + 1):
            at_step(i)
            note("y", ONES.copy())
            note("gradient", {"W": ONES.copy(), second: np.ones(shape, np.float32)})

    return run


@pytest.fixture
def prefix():
    keeping = Keeping(OneMillionth(), 10_000)
    with listening(keeping):
        port()()
    return keeping.finished()


def test_the_same_passes(prefix):
    assert follow_prefix(port(), prefix, OneMillionth()).report


def test_a_port_that_ends_early_does_not(prefix):
    """Its names come again in every step."""
    assert not follow_prefix(port(steps=2), prefix, OneMillionth()).report


def test_what_is_kept_ends_before_its_allowance():
    """What decides how large a baseline is."""
    keeping = Keeping(OneMillionth(), 50)  # bytes: 8 for each `y`, 16 for each `gradient`
    with listening(keeping):
        port()()
    assert sum(a.nbytes for a in keeping.finished().values.values()) == 48
    assert len(keeping.finished().names) == 6


@pytest.mark.parametrize("other", [{"second": "bias"}, {"shape": 3}])
def test_another_result_of_a_group_fails_by_name(prefix, other):
    report = follow_prefix(port(**other), prefix, OneMillionth()).report
    assert {c.name for c in report.comparisons if not c} & {"gradient.b", "gradient.bias"}


def layer(k: int = 64):
    rng = np.random.default_rng(0)
    W, x = (0.01 * rng.normal(size=s).astype(np.float32) for s in ((4, k), (k, 1)))
    b = (1 + rng.random((4, 1))).astype(np.float32)
    return W, x, b, (W @ x + b).astype(np.float32)


def test_sums_that_begin_with_the_bias_are_within():
    """A fused product and sum rounds once, here from Float64, where a product of two Float32 is
    exact; a bound without the bias in every sum is too tight for it."""
    W, x, b, pre = layer()
    fused = b.copy()
    for i in range(W.shape[1]):
        fused = (fused.astype(float) + W[:, i : i + 1].astype(float) * x[i]).astype(np.float32)
    off = abs(fused.astype(float) - pre)
    assert (off <= pre_activation(W, x, pre) + fusing(W, x, pre)).all()
    products = np.abs(W).astype(float) @ np.abs(x)
    assert (off > pre_activation(W, x, pre) + 2.0**-24 * products + np.spacing(pre)).any()


def test_one_product_with_ten_bits_is_beyond():
    """TensorFloat-32, where the bias does not hide it."""
    W, x, b, _ = layer()
    W, x = 100 * W, 100 * x
    pre = (W @ x + b).astype(np.float32)
    short = [(a.view(np.int32) & ~0x1FFF).view(np.float32) for a in (W, x)]
    off = abs((short[0] @ short[1] + b) - pre)
    assert (off > 4 * (pre_activation(W, x, pre) + fusing(W, x, pre))).any()


def test_a_cell_that_crashes_is_not_run(tmp_path, monkeypatch):
    """Catches a status below 0 that counts as a pass, and a report that was never written."""
    case = recorded.load("jax_fit_float32_seed0").case.upto(1)
    taken = take(case, control=Control(not_run="not wanted"))

    def run(settings, words):
        write(Path(words[words.index("--keep") + 1 if "--keep" in words else 1]), [],
              [(case, taken)], [])  # fmt: skip
        return subprocess.CompletedProcess(words, -11 if words[0] == "check" else 0, "", "segfault")

    monkeypatch.setattr(matrix, "_run", run)
    for i in range(2):
        (tmp_path / str(i)).mkdir()
    first, second = matrix.matrix([{"python": "a"}, {"python": "b"}], [], tmp_path)
    assert not first.failed and second.grade == "not run" and second.failed == "segfault"


def cells(bits):
    """Every combination of A and B, each 1 or 2, with such bits of one case."""
    over = matrix.combinations([], ["A=1,2", "B=1,2"])
    return [matrix.Cell(one, wholes={"case": bits(one["A"], one["B"])}) for one in over]


def test_the_setting_that_does_it_alone_is_named():
    assert matrix.neighbours(cells(lambda a, b: a)) == [
        "B: 1 -> 2 alone changes no bit",
        "A: 1 -> 2 alone changes bits of case",
    ]


def test_and_beside_which_others():
    """B matters where A is 2. Catches one sentence over all, which says so of A = 1 too."""
    found = matrix.neighbours(cells(lambda a, b: a + b if a == "2" else a))
    assert found[:2] == [
        "B: 1 -> 2 alone changes no bit, beside A=1",
        "B: 1 -> 2 alone changes bits of case, beside A=2",
    ]
