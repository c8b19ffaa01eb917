"""The optimisers of our Julia package held to what the original's own gave, bit for bit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from flux.flux_optimisers import OURS, RECORDED, start

from repro.flux import parse_optimiser
from repro.folders import shipped
from repro.sides.julia.find import Julia

pytestmark = pytest.mark.julia
TYPES = ("Float32", "Float64")


def requests() -> list[str]:
    """Every recorded optimiser as its name and its numbers, one after the other."""
    numbers = [parse_optimiser(text).numbers() for text in OURS]
    return [
        f"{t.split('(')[0]}({','.join(map(repr, n))})" for t, n in zip(OURS, numbers, strict=True)
    ]


def test_a_hundred_steps_are_the_originals_bit_for_bit(julia: Julia):
    given = b"".join(
        start(kind).tobytes() + RECORDED[f"gradients {kind}"].tobytes()
        for kind in TYPES
        for _ in OURS
    )
    script = Path(__file__).with_name("optimisers.jl")
    package = shipped("julia_ref") / "src" / "JuliaRef.jl"
    command = [*map(str, julia.command()), str(script), str(package), *requests()]
    done = subprocess.run(
        command, env=julia.environ(), input=given, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()
    answer = done.stdout
    for kind in TYPES:
        size = 12 * np.dtype(kind.lower()).itemsize
        for text in OURS:
            own, answer = answer[: 101 * size], answer[101 * size :]
            found = np.frombuffer(own, kind.lower()).reshape(101, 12)
            assert np.array_equal(found[:100], RECORDED[f"{text} {kind} steps"]), (text, kind)
            assert np.array_equal(found[100], RECORDED[f"{text} {kind} x"]), (text, kind)
    assert answer == b""
