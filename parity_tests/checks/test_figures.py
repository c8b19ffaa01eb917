"""Every figure of a comparison, where a slip would read as agreement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from repro.checks import Verdict, compare
from repro.checks.agreement import difference, equal_bits, mismatch, ulp_of
from repro.checks.compare import Comparison, Fault, Problem, Report
from repro.checks.judged import Judged
from repro.checks.verdict import worst
from repro.run import Kind, Quantity, Run

F32, NAN, INF = np.float32, np.nan, np.inf


def run(**values):
    return Run({n: Quantity(np.arange(len(v)), np.asarray(v)) for n, v in values.items()})


def made(ratio, name="a", **others):
    ratio = np.array(ratio, float)
    figures = dict.fromkeys(("equal", "absolute", "ulp", "allowed"), np.ones(len(ratio)))
    return Comparison(name, np.arange(3, 3 + len(ratio)), 1, ratio=ratio, **(figures | others))


def within(allowed):
    return lambda name, q: np.broadcast_to(np.asarray(allowed, float), q.values.shape)


def test_a_step_without_figures_exceeds():
    """Catches a NaN that is not above 1, and so not an excess."""
    found = made([0.5, NAN, 1.0])
    assert found.differs and found.verdict is Verdict.FAIL
    assert found.excess.tolist() == [4] and found.first_excess == 4
    assert not made([0.5, 1.0]).differs and made([0.5, 1.0]).first_excess is None


@pytest.mark.parametrize("order", [1, -1])
def test_a_problem_is_the_worst_whatever_the_others_ratio(order):
    """Catches a missing quantity that has no steps, and so no ratio, behind one that is far off."""
    missing = made([], "gone", problem=Problem(Fault.MISSING, "the port does not have it"))
    accepted = made([9e9], "known", accepted="it is known")
    report = Report((missing, made([1e9], "far"), accepted)[::order])
    assert report.worst.name == "gone" and report.verdict is Verdict.FAIL
    assert Report((accepted, made([0.1], "near"))[::order]).worst.name == "near"
    assert Report((made([0.1], "near"), made([0.2], "nearer"))[::order]).worst.name == "nearer"


def test_the_share_of_equal_values_counts_each_once():
    """Catches a mean of means, where a quantity of many values counts as one of a single."""
    large = replace(made([0, 0]), count=3, equal=np.array([1.0, 1 / 3]))
    small = replace(made([0]), equal=np.array([0.0]))
    assert Report((large, small)).bit_equal == pytest.approx(4 / 7)
    empty = made([])
    assert Report((empty,)).bit_equal == 1 == Report(()).bit_equal
    assert Report((empty, small)).bit_equal == 0


def test_the_first_difference_and_the_first_excess_are_the_earliest_steps():
    """Catches the first in order in the place of the earliest, and one without steps as it."""
    late, early = made([0, 0, 2], "late"), made([0, 2, 2], "early")
    same = replace(made([0, 2, 2], "same"), equal=np.zeros(3))
    gone = made([], "gone", problem=Problem(Fault.MISSING, "it is not there"))
    report = Report((gone, late, early, same))
    assert report.first_excess.name == "early" and Report((gone, late)).first_excess.name == "late"
    assert Report((gone,)).first_excess.name == "gone" and Report(()).first_excess is None
    assert report.first_difference.name == "same" and Report((late,)).first_difference is None
    assert report["late"] is late and [c.name for c in report.comparisons if not c][0] == "gone"


def test_undecided_is_more_than_half():
    def judged(dull, missing):
        none = np.zeros(1)
        return Judged(np.array([4.0]), np.array([dull]), np.array([missing]), none, none)

    half, most = (
        replace(made([0.5]), judged=judged(2.0, 0)),
        replace(made([0.5]), judged=judged(3.0, 0)),
    )
    half, most = (replace(c, equal=np.array([0.5])) for c in (half, most))
    assert (half.verdict, most.verdict) == (Verdict.PASS, Verdict.UNDECIDED)
    assert replace(most, undecided_ok="chaos").verdict is Verdict.PASS
    assert replace(most, equal=np.ones(1)).verdict is Verdict.PASS_BITWISE
    lost = replace(made([0.0]), judged=judged(3.0, 3.0))
    assert lost.undecided and lost.verdict is Verdict.UNDECIDED
    assert replace(lost, undecided_ok="chaos").verdict is Verdict.PASS, "no bit of it was judged"
    assert replace(made([2.0]), accepted="known").verdict is Verdict.PASS
    assert made([0.0]).sharpness is None and half.sharpness is not None
    assert not replace(made([0.0]), same_dtype=False).bitwise


def test_steps_that_are_not_there_are_not_equal():
    reference, port = run(a=F32([1, 2, 3])), run(a=F32([1, 2]))
    found = compare(reference, port, within(1.0))["a"]
    assert found.equal.tolist() == [1, 1, 0] and found.first_difference == 2
    assert np.isnan(found.ulp[2]) and np.isnan(found.allowed[2]) and found.ratio[2] == INF
    assert found.problem.fault is Fault.STEPS and not found.bitwise
    assert Report((found,)).bit_equal == pytest.approx(2 / 3)
    gone = compare(run(a=F32([1, 2]), b=F32([1, 2])), run(a=F32([1, 2])), within(1.0))["b"]
    assert gone.equal.tolist() == [0, 0] and gone.problem.fault is Fault.MISSING


def test_the_tolerance_shown_is_that_of_the_place_closest_to_it():
    """Catches the first column's, and the largest."""
    allowed = [[4.0, 1.0, 8.0], [4.0, 16.0, 8.0]]
    port = F32([[101, 102, 101], [101, 101, 109]])
    found = compare(run(a=np.full((2, 3), F32(100))), run(a=port), within(allowed))["a"]
    assert found.allowed.tolist() == [1.0, 8.0] and found.ratio.tolist() == [2.0, 1.125]
    assert found.absolute.tolist() == [2.0, 9.0] and found.worst_ratio == 2.0
    assert found.ulp.tolist() == [2 * 2**17, 9 * 2**17] and found.count == 3
    assert found.excess.tolist() == [0, 1] and found.finite == 6


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_ulps_are_counted_across_zero_and_in_the_reference_s_type(dtype):
    """Catches negative numbers that are counted from the wrong end, and two types' bits that are
    laid beside each other."""
    tiny = np.finfo(dtype).smallest_subnormal
    a = np.array([[-3 * tiny], [-2.0], [2.0], [1.0], [-0.0]], dtype)
    b = np.array([[2 * tiny], [np.nextafter(dtype(-2), dtype(0))], [-2.0], [1.0], [0.0]], dtype)
    two = int(np.array([2], dtype).view(f"i{dtype().itemsize}")[0])
    for other in {dtype, np.float64}:
        found = compare(run(a=a), run(a=b.astype(other)), within(0.0))["a"]
        assert found.ulp.tolist() == [5, 1, pytest.approx(2 * two, rel=1e-15), 0, 0]
        assert found.same_dtype is (other is dtype)
        assert found.equal.tolist() == [0, 0, 0, 1, 0]


def test_a_nan_beside_a_number_is_no_agreement():
    """Catches one NaN that counts as equal, in either side."""
    a, b = np.array([1.0, NAN, NAN, INF, INF]), np.array([NAN, 1.0, NAN, -INF, INF])
    assert difference(a, b).tolist() == [INF, INF, 0, INF, 0]
    found = compare(run(a=a), run(a=b), within(1e300))["a"]
    assert found.equal.tolist() == [0, 0, 1, 0, 1]
    assert found.ratio.tolist() == [INF, INF, 0, INF, 0] and found.ulp[:2].tolist() == [INF, INF]


def test_texts_and_whole_numbers_are_apart_by_one_at_least():
    assert difference(np.array(["a", "b"]), np.array(["a", "c"])).tolist() == [0, 1]
    assert difference(np.array([1.7e308]), np.array([-1.7e308])).tolist() == [INF]
    big = np.array([2**62, -(2**62)])
    assert difference(big, big + 1).tolist() == [1, 1]
    assert difference(np.array([1.5, 1]), np.array([1, 1])).tolist() == [0.5, 0]
    assert difference(np.array([1, 1]), np.array([1.5, 1])).tolist() == [0.5, 0]
    assert difference(np.array([3e38], F32), np.array([-3e38], F32)).tolist() == [
        float(F32(3e38)) + float(F32(3e38))
    ]


def test_texts_are_held_place_by_place():
    a, b = np.array([["x", "y"], ["z", "w"]]), np.array([["x", "y"], ["z", "longer"]])
    found = compare(run(a=a), run(a=b), within(9.0))["a"]
    assert found.equal.tolist() == [1, 0.5] and found.ratio.tolist() == [0, INF]
    assert found.absolute.tolist() == found.ulp.tolist() == [0, 1] and found.verdict is Verdict.FAIL
    assert (
        compare(run(a=a), run(a=a.astype("U99")), within(0.0))["a"].verdict is Verdict.PASS_BITWISE
    )


def test_whole_numbers_as_far_apart_as_can_be():
    """Catches a distance that leaves Int64, and numbers that are one beyond 2^53."""
    a, b = (
        np.array([[0], [2**63], [7]], np.uint64),
        np.array([[2**64 - 1], [2**63 + 1], [7]], np.uint64),
    )
    found = compare(run(a=a), run(a=b), within(9.0))["a"]
    assert found.absolute.tolist() == [2.0**64, 1, 0] and found.ulp.tolist() == [2.0**62, 1, 0]
    assert found.ratio.tolist() == [INF, INF, 0] and found.equal.tolist() == [0, 0, 1]
    assert found.allowed.tolist() == [0, 0, 0] and found.finite == 3
    zero = compare(run(a=np.array([0, 5])), run(a=np.array([0, 5])), within(0.0))["a"]
    assert zero.judged.candidates.tolist() == [0, 1] and zero.verdict is Verdict.PASS_BITWISE


def test_bits_are_equal_of_one_type_and_one_shape_alone():
    """Catches lengths that differ, broadcasting, -0.0 beside 0.0, and one NaN for another."""
    one = F32([1, NAN])
    assert equal_bits(one, one.copy()) and equal_bits(np.array("ab"), np.array("ab"))
    other = one.copy()
    other.view(np.uint32)[1] ^= 1
    for changed in (other, one[:1], one[None], one.astype(float), one.view(np.int32), F32([1, 1])):
        assert not equal_bits(one, changed)
    assert not equal_bits(F32([0.0]), F32([-0.0])) and not equal_bits(F32([1]), F32([1, 1]))
    assert not equal_bits(np.array([1, 2j]), np.array([1, 3j]))
    assert equal_bits(np.array([1, 2j]), np.array([1, 2j]))
    assert equal_bits(np.arange(6).reshape(2, 3).T[::2], np.arange(6).reshape(2, 3).T[::2].copy())


def test_infinities_set_no_ulp():
    found = ulp_of(np.array([1.0, -2.0, INF, -INF, NAN, 0.0]), np.dtype(F32))
    tiny = 2.0**-149
    assert found.tolist() == [2.0**-23, 2.0**-22, tiny, tiny, tiny, tiny]
    assert found.dtype == np.float64


def test_what_is_not_compared_is_said_of_either_side():
    f4, f8, i8, u1, c8, b1, text, wide = map(
        np.dtype, ("f4", "f8", "i8", "u1", "c8", "b1", "U9", np.longdouble)
    )
    assert mismatch(f4, f8) is None and mismatch(i8, u1) is None and mismatch(text, text) is None
    assert mismatch(f4, f8, strict=True) == "the port's type is float64, not float32"
    assert mismatch(i8, u1, strict=True) is None
    assert mismatch(text, f4) == "the port's type is float32, not text"
    assert mismatch(b1, i8, who="its") == "its type is int64, not bool"
    for odd in (c8, wide, np.dtype("O")):
        for pair in ((odd, f4), (f4, odd)):
            assert f"values of type {odd} are not compared" in mismatch(*pair)


def test_later_steps_are_added_to_earlier_ones():
    first, last = (
        compare(run(a=np.ones(2)), run(a=np.array(v)), within(t))["a"]
        for v, t in (([1, 1.5], 2.0), ([3.0, 1], 1.0))
    )
    found = first + last
    assert found.ratio.tolist() == [0, 0.25, 2, 0] and found.absolute.tolist() == [0, 0.5, 2, 0]
    assert found.allowed.tolist() == [2, 2, 1, 1] and found.equal.tolist() == [1, 0, 0, 1]
    assert found.finite == 4 and len(found.steps) == len(found.ulp) == 4
    assert len(found.judged.candidates) == 4 and found.same_dtype and found.problem is None
    narrow = compare(run(a=np.ones(2)), run(a=np.ones(2, F32)), within(1.0))["a"]
    assert not (first + narrow).same_dtype and not (narrow + first).same_dtype
    short = compare(run(a=np.ones(2)), run(a=np.ones(1)), within(1.0))["a"]
    assert (first + short).problem == (short + first).problem == short.problem is not None


def test_some_steps_are_held_to_another_tolerance():
    whole, part = run(a=np.ones((3, 1))), np.array([[1.0], [2.0], [3.0]])
    first = compare(whole, run(a=part), within(0.5))["a"]
    later = Quantity([2], np.ones((1, 1))), Quantity([2], part[2:])
    anew = compare(Run({"a": later[0]}), Run({"a": later[1]}), within(4.0))["a"]
    found = first.amended(anew)
    assert found.ratio.tolist() == [0, 2, 0.5] and found.allowed.tolist() == [0.5, 0.5, 4]
    assert found.judged.dull.tolist() == [0, 0, 1] and first.ratio.tolist() == [0, 2, 4]


def test_where_nothing_is_known_nothing_is_judged():
    def blind(name, q):
        return np.full(q.values.shape, name == "a")

    one = run(a=np.ones(2), b=np.ones(2))
    found = compare(one, run(a=np.full(2, 1.25), b=np.full(2, 1.25)), within(0.5), blind=blind)
    assert (found["a"].verdict, found["b"].verdict) == (Verdict.UNDECIDED, Verdict.PASS)


def test_parts_of_complex_numbers_are_named_where_shapes_differ():
    said = compare(run(a=np.ones((1, 3)), b=np.ones(1)), run(a=np.ones((1, 3, 2)), b=np.ones(1)),
                   within(1.0))["a"].problem  # fmt: skip
    assert said.fault is Fault.SHAPE and str(said).endswith(
        "(a complex number has a last axis of two)"
    )
    said = compare(run(a=np.ones((1, 3)), b=np.ones(1)), run(a=np.ones((1, 3, 3)), b=np.ones(1)),
                   within(1.0))["a"].problem  # fmt: skip
    assert str(said) == "the port's shape is (3, 3), not (3,)"


def test_the_severest_verdict_holds():
    order = ["PASS_BITWISE", "PASS", "NOT_RUN", "UNDECIDED", "FAIL", "ERROR"]
    for i, name in enumerate(order):
        assert worst(map(Verdict, order[: i + 1])) is worst(map(Verdict, order[i::-1]))
        assert worst([Verdict(name), Verdict.PASS_BITWISE]) is Verdict(name)
        assert bool(Verdict(name)) is (i < 2) and str(Verdict(name)) == name
    assert worst([]) is Verdict.ERROR


def test_draws_differ_by_nothing():
    """A kind does not loosen what a tolerance says: it is the rule's to read it."""
    a = Run({"a": Quantity([0], F32([[1, 2]]), Kind.DRAW)})
    b = Run({"a": Quantity([0], F32([[1, 2.5]]), Kind.DRAW)})
    assert compare(a, b, within(0.0))["a"].first_excess == 0
