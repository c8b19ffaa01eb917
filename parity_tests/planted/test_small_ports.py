"""Faults in small ports are found, named and described; right ports raise nothing: a sample by
default, all of it where time allows (`python -m planted.small_ports` prints the figures)."""

from __future__ import annotations

import numpy as np
import pytest
from planted.small_ports import PORTS, faults, right, right_runs, told


def shares(found):
    n = len(found)
    pattern = sum(f.described and f.planted is not None for f in found)
    return sum(f.found for f in found) / n, sum(f.named for f in found) / n, pattern / n


def held(found):
    detected, named, pattern = shares(found)
    missed = [f.label for f in found if not f.described]
    assert detected >= 0.95 and named >= 0.9 and pattern >= 0.5, (detected, named, pattern, missed)
    wrong = [f.label for f in found if f.claimed not in (None, f.planted)]
    assert len(wrong) <= 0.02 * len(found), wrong


def test_there_are_enough_of_them():
    kinds = {fault[4] for _, fault in faults()} - {None}
    assert len(PORTS) >= 12 and len([*faults()]) >= 60 and len(kinds) == 9


def test_a_quarter_of_the_faults_is_found_named_and_described():
    """Catches a tolerance that swallows faults, and a pattern that is not the planted one."""
    held([told(*fault) for fault in [*faults()][::4]])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_faults_are_found_named_and_described(dtype, seed):
    held([told(*fault, dtype, seed) for fault in faults()])


def test_right_ports_raise_no_alarm_and_look_like_nothing():
    """Catches a pattern seen in rounding: each port is also held to equal bits."""
    assert [problem for run in right_runs(28) for problem in right(*run)] == []


@pytest.mark.slow
def test_two_thousand_right_ports_raise_no_alarm_and_look_like_nothing():
    assert [problem for run in right_runs(2000) for problem in right(*run)] == []
