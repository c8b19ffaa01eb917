"""julia_range and julia_linrange against the elements that Julia 1.5.3 gives."""

from __future__ import annotations

import hashlib
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from repro.julia import julia_linrange, julia_range
from repro.sides.julia.find import find_julia

HERE = Path(__file__).parent
RECORDED = (HERE / "ranges_1.5.3.txt").read_text().splitlines()


def differing(function: Callable[[int, int, int], np.ndarray], column: int, lines: list[str]):
    """The lines where the elements' digest is not Julia's."""
    return [
        line for line in lines if _digest(function, line) != line.split(" = ")[1].split()[column]
    ]


def _digest(function: Callable[[int, int, int], np.ndarray], line: str) -> str:
    start, stop, length = map(int, line.split(" = ")[0].split())
    return hashlib.sha256(function(start, stop, length).tobytes()).hexdigest()[:16]


def test_the_recording_holds_what_the_original_uses():
    assert len(RECORDED) > 300
    assert any(line.startswith("-5 5 50 = ") for line in RECORDED)


def test_range():
    assert differing(julia_range, 0, RECORDED) == []


def test_linrange():
    assert differing(julia_linrange, 1, RECORDED) == []


def float32_range(start: int, stop: int, length: int) -> np.ndarray:
    return julia_range(start, stop, length).astype(np.float32).astype(np.float64)


def fused_linrange(start: int, stop: int, length: int) -> np.ndarray:
    return start + np.arange(length) / (length - 1) * (stop - start)


@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("wrong", [np.linspace, float32_range, fused_linrange])
def test_a_wrong_range_is_caught(wrong, column):
    assert differing(wrong, column, RECORDED)


def test_the_two_are_not_interchangeable():
    assert differing(julia_linrange, 0, RECORDED) and differing(julia_range, 1, RECORDED)


def test_the_originals_points():
    points, line = julia_range(-5, 5, 50), julia_linrange(-5, 5, 50)
    assert (points != line).sum() == 38
    assert np.array_equal(points.astype(np.float32), line.astype(np.float32))


@pytest.mark.parametrize("function", [julia_range, julia_linrange])
def test_one_point_is_no_range(function):
    with pytest.raises(ValueError, match="ask for 2 or more"):
        function(0, 1, 1)


def test_ends_between_whole_numbers_are_refused():
    with pytest.raises(ValueError, match="give whole numbers"):
        julia_range(0.1, 1, 5)


@pytest.mark.julia
def test_fresh_ranges_agree_with_a_live_julia():
    dice = random.Random("live")
    cases = [
        f"{dice.randint(-999, 0)} {dice.randint(1, 999)} {dice.randint(2, 500)}"
        for _ in range(1000)
    ]
    julia = find_julia()
    answers = subprocess.run(
        julia.command("--startup-file=no", str(HERE / "ranges.jl")),
        input="\n".join(cases) + "\n",
        env=julia.environ(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert [line.split(" = ")[0] for line in answers] == cases
    assert differing(julia_range, 0, answers) == []
    assert differing(julia_linrange, 1, answers) == []
