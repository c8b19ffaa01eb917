"""`parity.ensembles`, in a test suite of its own."""

from __future__ import annotations

import sys

import pytest

pytest_plugins = ["pytester"]

SUITE = """
import numpy as np

def original(seed, factor=1.0):
    level = np.random.default_rng(seed).normal()
    return [{"loss": factor * np.exp(level) / (1 + t)} for t in range(4)]

def wrong(seed):
    return original(seed, 1.3)

def test_right(parity):
    assert parity.ensembles(original, original, seeds=range(12))

def test_wrong(parity):
    parity.ensembles(original, wrong, seeds=range(12))

def test_nothing_in_common(parity):
    parity.ensembles(original, lambda seed: {"lost": 1.0}, seeds=range(12))
"""


def test_equivalent_passes_and_the_rest_fails_with_the_reason(pytester: pytest.Pytester):
    pytester.makepyfile(test_it=SUITE)
    sys.modules.pop("test_it", None)
    result = pytester.runpytest_inprocess("-p", "repro.pytest_plugin", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "DIFFERENT: 12 pairs of the same seed*",
            "they part first in loss @ 0*",
            "Run again: pytest test_it.py::test_wrong*",
            "*no name at a common step*",
        ]
    )
