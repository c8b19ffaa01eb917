"""`pytest --parity-drift`: the port of every call of the fixture against its earlier self."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

TEST = """
import numpy as np

def step(state, draws):
    e = (draws["x"] @ state["w"]) * np.float32({ulp})
    return {{"e": e, "w": state["w"] - np.float32({rate}) * {loss}}}

def reference():
    rng = np.random.default_rng(0)
    w = np.ones(3, np.float32)
    yield {{"w": w}}
    for _ in range(4):
        x = rng.normal(size=(4, 3)).astype(np.float32)
        e = x @ w
        w = w - np.float32(0.1) * e.sum()
        yield {{"x": x, "e": e, "w": w}}

def test_port(parity):
    parity(reference, step, resynchronise=True, draws=["x"])
"""


@pytest.mark.slow
def test_recorded_then_same_then_rounding_then_changed(pytester):
    def run(**parts):
        usual = {"rate": "0.1", "loss": "e.sum()", "ulp": "1"}
        pytester.makepyfile(test_it=TEST.format(**usual | parts))
        options = ["-p", "no:benchmark", "-p", "no:cacheprovider", "--parity-drift=kept", "-rs"]
        return pytester.runpytest_subprocess(*options)

    first = run()
    first.assert_outcomes(skipped=1)  # it was compared with nothing
    first.stdout.fnmatch_lines(["*NOT RUN: recorded *test_port.1.npz*"])
    again = run()
    again.assert_outcomes(passed=1)
    again.stdout.fnmatch_lines(["*test_port: same bits: every bit is equal"])
    otherwise = run(ulp="1 + 2**-23")  # the next number
    otherwise.assert_outcomes(passed=1)
    otherwise.stdout.fnmatch_lines(["*test_port: rounding: first differs: `e`*"])
    changed = run(rate="0.1001")
    changed.assert_outcomes(failed=1)
    changed.stdout.fnmatch_lines(["*changed: `w` in step 1 is beyond its bound*"])
