"""A part of the calibration by default, all of it where time allows."""

from __future__ import annotations

import numpy as np
import pytest
from calibration.limits import limit
from calibration.live import verdicts as live_verdicts
from calibration.right import ASIDE, FAMILIES, ZERO_IN_THEORY, held, less_exact
from calibration.wrong import catalogue
from calibration.wrong import held as wrong_held

from repro.checks import Verdict

pytestmark = pytest.mark.filterwarnings("ignore")

SMALL = 100
"""Terms, in the default suite."""


def verdicts(seeds, largest, among=FAMILIES):
    """Of all comparisons but those in which nothing but rounding is left, or whose reference has
    lost what the port keeps."""
    for name in among:
        for one in held([name], seeds, largest):
            for c in one.report.comparisons:
                known = ZERO_IN_THEORY.get(name) == c.name or less_exact(one, c.name)
                if c.name != "step" and not known:
                    yield c.verdict, f"{one} `{c.name}` {c.worst_ratio:.2f}"


def held_to(found):
    failing = [where for verdict, where in found if verdict is Verdict.FAIL]
    open_ = [where for verdict, where in found if verdict is Verdict.UNDECIDED]
    assert not failing and len(open_) <= 0.005 * len(found), (failing, open_)


def test_right_pairs_of_all_families_pass():
    """Catches noise that is smaller than what two right implementations differ by."""
    found = list(verdicts([20], SMALL))
    assert len(found) > 2000
    held_to(found)


@pytest.mark.slow
def test_ten_thousand_right_comparisons_pass():
    found = list(verdicts([0, 1], 100_000))
    assert len(found) >= 10_000
    held_to(found)


@pytest.mark.slow
def test_right_pairs_of_families_kept_aside_pass():
    """Catches a rule that was fitted to the families it was derived from."""
    found = list(verdicts([0, 1, 2], 10_000, ASIDE))
    assert len(found) > 3000
    held_to(found)


@pytest.mark.slow
@pytest.mark.julia
def test_right_ports_pass_beside_a_live_julia(julia):
    """Catches an order of summation, a library function or a factorisation of Julia's that the
    noise does not reach."""
    found = list(live_verdicts(julia=julia))
    assert len(found) > 100
    held_to(found)


def missed(width, every=1, among=FAMILIES):
    found = [(p, wrong_held(p, width)) for p in list(catalogue(among))[::every]]
    made = [(planted, report) for planted, report in found if report is not None]
    return len(made), [str(planted) for planted, report in made if report]


@pytest.mark.parametrize(("width", "share"), [("8", 0.97), ("4", 0.85)])
def test_an_eighth_of_the_wrong_ports_do_not_pass(width, share):
    """Catches a tolerance wider than what users get wrong."""
    made, passing = missed(width, every=8)
    assert made > 50 and len(passing) <= (1 - share) * made, passing


@pytest.mark.slow
@pytest.mark.parametrize(("width", "share"), [("8", 0.97), ("4", 0.85)])
def test_the_wrong_ports_do_not_pass(width, share):
    made, passing = missed(width)
    assert made >= 200 and len(passing) <= (1 - share) * made, passing


@pytest.mark.slow
@pytest.mark.parametrize(("width", "share"), [("8", 0.97), ("4", 0.85)])
def test_the_wrong_ports_of_families_kept_aside_do_not_pass(width, share):
    made, passing = missed(width, among=ASIDE)
    assert made >= 150 and len(passing) <= (1 - share) * made, passing


@pytest.mark.parametrize(
    ("name", "place", "single", "double"),
    [
        ("exp", "all", -18, -47),
        ("exp", "one element", -16, -45),
        ("sum of 10,000", "all", -14, -43),
        ("softmax of 100", "all", -17, -46),
        ("softmax of 100", "one element", -15, -44),
        ("scores beside a mask of -1e9", "all", -20, -48),
        ("scores beside a mask of -1e9", "one element", -18, -24),
    ],
)
def test_a_sample_of_the_detection_limits_holds(name, place, single, double):
    """Catches a tolerance that is made wider anywhere, and one that a mask makes wider."""
    assert limit(name, np.dtype("f4"), place, [0]) <= 2.0**single
    assert limit(name, np.dtype("f8"), place, [0]) <= 2.0**double
