"""Two runs beside each other: what ends in which verdict, and how operations round."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from repro.checks import Verdict, Way, compare
from repro.checks.compare import Report
from repro.checks.measured import Measured
from repro.checks.pair import Divergence, Pair, Rounding
from repro.run import Quantity, Run


def run(broke_off=None, shared=(), **values):
    found = {n: Quantity(np.arange(len(v)), np.array(v)) for n, v in values.items()}
    return Run(found, broke_off=broke_off, shared=shared)


def within(name, reference):
    return np.full(reference.values.shape, 0.5)


def pair(reference, port, **others):
    report = compare(reference, port, within, strict=True)
    return Pair(Way.OWN, reference, port, report, "half", tolerance=within, **others)


ONE = run(a=[1.0, 2.0], b=[1.0, 1.0])


def test_the_report_s_verdict_is_the_pair_s():
    assert pair(ONE, ONE).verdict is Verdict.PASS_BITWISE and pair(ONE, ONE).problem is None
    found = pair(ONE, run(a=[1.0, 2.75], b=[2.0, 1.0]))
    assert found.verdict is Verdict.FAIL and found.first_excess.name == "b"
    assert [c.name for c in found.comparisons] == ["a", "b"] and found.measured is None
    lacking = replace(found, report=None)
    assert lacking.verdict is Verdict.ERROR and lacking.comparisons == ()
    assert lacking.first_excess is None
    measured = Measured(ONE, lambda seed, steps=None: ONE)
    assert replace(found, tolerance=measured).measured is measured
    unmeasured = replace(pair(ONE, ONE), unmeasured="it does not repeat itself")
    assert unmeasured.verdict is Verdict.ERROR and unmeasured.problem == "it does not repeat itself"


@pytest.mark.parametrize(
    ("left", "right", "verdict", "said"),
    [
        (None, "Inf", Verdict.FAIL, "the port broke off after step 1: Inf"),
        ("Inf", None, Verdict.ERROR, "the reference broke off after step 1: Inf"),
        ("NaN", "Inf", Verdict.ERROR, "the reference broke off after step 1: NaN"),
    ],
)
def test_who_breaks_off_alone_fails_as_a_port_and_is_no_reference(left, right, verdict, said):
    sides = replace(ONE, broke_off=left), replace(ONE, broke_off=right)
    found = replace(pair(ONE, ONE), reference=sides[0], port=sides[1])
    assert found.verdict is verdict and found.problem.startswith(said)
    empty = replace(found, reference=run(left), port=run(right))
    assert "broke off before its first step" in empty.problem


def test_names_that_are_shared_are_those_of_both():
    sides = replace(ONE, shared=("a",)), replace(ONE, shared=("b",))
    assert replace(pair(ONE, ONE), reference=sides[0], port=sides[1]).shared == ("a", "b")


def test_operations_round_as_the_numbers_that_they_computed():
    reference = run(a=np.ones((2, 4)), b=np.ones((1, 4)), c=np.ones((1, 4)))
    port = run(
        a=np.array([[1, 1, 1, 1.25], [1, 1, 1, 1]]), b=np.array([[1, 1, 1 + 2.0**-52, 0.75]]),
        c=np.ones((1, 4)),
    )  # fmt: skip
    found = pair(reference, port)
    kinds = {"a": "sum", "b": "sum", "c": None}
    named = tuple(replace(c, operation=kinds[c.name]) for c in found.comparisons)
    rounding = replace(found, report=Report(named)).rounding
    assert rounding == {"sum": Rounding(12, 9, 2.0**51, 0.5, (1.0, 0.75))}
    exact = replace(named[2], operation="sum")
    assert Rounding.of([exact]) == Rounding(4, 4, 0.0, 0.0)
    lacking = replace(named[0], ulp=np.array([3.0, np.nan]))
    assert Rounding.of([lacking]) == Rounding(8, 7, 3.0, 0.5, (1.0, 1.25))


def test_what_is_wrong_in_itself():
    assert [Divergence(0, "a", way).resynchronised for way in Way] == [True, True, False]
    assert [str(way) for way in Way] == ["operation by operation", "resynchronised", "own run"]


def test_of_two_kinds_the_first_that_is_furthest_apart_is_shown():
    one, same, less = (Rounding(1, 0, ulp, 0.1, apart) for ulp, apart in
                       [(2.0, (1.0, 2.0)), (2.0, (3.0, 4.0)), (1.0, (5.0, 6.0))])  # fmt: skip
    assert (one + same).apart == (one + less).apart == (less + one).apart == (1.0, 2.0)


def test_nan_is_infinitely_far_and_what_was_not_compared_no_ulp():
    found = compare(run(a=[1.0, 2.0]), run(a=[np.nan, 2.0]), within)["a"]
    assert Rounding.of([found]).ulp == np.inf
    lacking = compare(run(a=[1.0], b=[1.0]), run(b=[1.0]), within)["a"]
    assert Rounding.of([lacking]) == Rounding(1, 0, 0.0, np.inf)


def test_a_quantity_without_steps_rounds_nothing():
    """Catches a largest difference, or its place, that is looked for among none."""
    sides = run(a=np.empty(0), b=[1.0])
    assert Rounding.of([compare(sides, sides, within)["a"]]) == Rounding(0, 0, 0.0, 0.0)
