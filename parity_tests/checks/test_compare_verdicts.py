"""Every kind of difference between two runs has one verdict."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from repro.checks import NothingToCompare, Verdict, compare
from repro.checks.agreement import difference
from repro.checks.compare import Fault
from repro.run import Quantity, Run

BITWISE, PASS, FAIL = Verdict.PASS_BITWISE, Verdict.PASS, Verdict.FAIL
UNDECIDED = Verdict.UNDECIDED
NAN, INF = np.nan, np.inf
F32, F64, F16 = np.float32, np.float64, np.float16
HUGE = 2**62
OTHER_NAN = np.array([0xFFC00001], np.uint32).view(F32)


def exactly(name, series):
    return np.zeros(1)


def within(allowed):
    return lambda name, series: np.full([1] * series.values.ndim, allowed)


def run(values, dtype=F32, steps=None, name="a", kind="state", **others):
    values = np.asarray(values, dtype)
    steps = np.arange(len(values)) if steps is None else np.asarray(steps)
    anchor = Quantity(np.arange(3), np.ones(3, F32))
    return Run({name: Quantity(steps, values, kind), **others, "anchor": anchor})


def verdict(reference, port, tolerance=exactly, **kwargs):
    return compare(reference, port, tolerance, **kwargs)["a"].verdict


@pytest.mark.parametrize(
    ("reference", "port", "expected"),
    [
        pytest.param([1, 2], [1, 2], BITWISE, id="equal"),
        pytest.param([1, 2], [1, 3], FAIL, id="different"),
        pytest.param([0.0], [-0.0], PASS, id="the two zeros"),
        pytest.param([NAN, 1], [NAN, 1], BITWISE, id="NaN in the same place"),
        pytest.param([NAN, 1], [OTHER_NAN[0], 1], BITWISE, id="NaN of another sign and payload"),
        pytest.param([NAN], [NAN], UNDECIDED, id="NaN alone, beside other names"),
        pytest.param([1, NAN], [NAN, 1], FAIL, id="NaN in another place"),
        pytest.param([NAN], [1], FAIL, id="NaN in the reference alone"),
        pytest.param([1], [NAN], FAIL, id="NaN in the port alone"),
        pytest.param([[INF, -INF, 1]], [[INF, -INF, 1]], BITWISE, id="a mask of infinities"),
        pytest.param([INF, INF], [INF, INF], UNDECIDED, id="an overflow on both sides"),
        pytest.param([INF], [-INF], FAIL, id="opposite infinities"),
        pytest.param([INF], [3e38], FAIL, id="infinity beside the largest number"),
        pytest.param([3e38], [INF], FAIL, id="overflow in the port alone"),
        pytest.param([INF], [NAN], FAIL, id="infinity beside NaN"),
        pytest.param(np.empty((2, 0)), np.empty((2, 0)), BITWISE, id="arrays without elements"),
        pytest.param(np.empty((2, 0)), np.ones((2, 1)), FAIL, id="elements in the port alone"),
        pytest.param(np.ones((2, 3)), np.ones((2, 3, 1)), FAIL, id="one more dimension"),
        pytest.param(np.ones((2, 3)), np.ones((2, 1)), FAIL, id="a shape that would broadcast"),
        pytest.param(np.eye(2)[None], np.eye(2)[None, ::-1], FAIL, id="rows exchanged"),
    ],
)
def test_floating_values(reference, port, expected):
    assert verdict(run(reference), run(port)) is expected
    assert verdict(run(reference, F64), run(np.asarray(port, F64), F64)) is expected


@pytest.mark.parametrize(
    ("reference", "port", "expected", "strictly"),
    [
        pytest.param((F32, 1), (F64, 1), PASS, FAIL, id="wider in the port"),
        pytest.param((F64, 1), (F32, 1), PASS, FAIL, id="narrower in the port"),
        pytest.param((F64, 0.1), (F32, 0.1), FAIL, FAIL, id="narrower, and rounded"),
        pytest.param((F16, 1), (F16, 1), BITWISE, BITWISE, id="half precision"),
        pytest.param((F16, 1), (F16, 1.001), FAIL, FAIL, id="half precision, an ulp off"),
        pytest.param((np.int64, 5), (np.int64, 5), BITWISE, BITWISE, id="integers"),
        pytest.param((np.int64, 5), (np.int32, 5), PASS, PASS, id="integers of two widths"),
        pytest.param((np.uint8, 5), (np.int64, -251), FAIL, FAIL, id="integers that wrapped"),
        pytest.param((np.int64, HUGE), (np.int64, HUGE + 1), FAIL, FAIL, id="beyond 2**53"),
        pytest.param((np.int64, 5), (F64, 5), FAIL, FAIL, id="integer and floating"),
        pytest.param((bool, 1), (bool, 1), BITWISE, BITWISE, id="Bools"),
        pytest.param((bool, 1), (bool, 0), FAIL, FAIL, id="Bools that differ"),
        pytest.param((bool, 1), (np.int64, 1), FAIL, FAIL, id="Bool and integer"),
        pytest.param((np.complex64, 1), (np.complex64, 1), FAIL, FAIL, id="complex, not looked at"),
        pytest.param((np.longdouble, 1), (np.longdouble, 1), FAIL, FAIL, id="extended precision"),
    ],
)
def test_types(reference, port, expected, strictly):
    sides = run([reference[1]], reference[0]), run([port[1]], port[0])
    assert verdict(*sides) is expected
    assert verdict(*sides, strict=True) is strictly


@pytest.mark.parametrize("dtype", [np.int32, bool])
def test_integers_have_no_tolerance(dtype):
    """Catches a port that is one index off and hides in a tolerance for floating values."""
    assert verdict(run([0], dtype), run([1], dtype), within(100.0)) is FAIL


@pytest.mark.parametrize("allowed", [INF, NAN])
def test_a_tolerance_that_cannot_be_exceeded_allows_nothing(allowed):
    assert verdict(run([1, 1]), run([1, 1]), within(allowed)) is BITWISE
    assert verdict(run([1, 1]), run([1, 2]), within(allowed)) is FAIL


def test_within_and_beyond_a_tolerance():
    assert verdict(run([1, 1]), run([1, 1.5]), within(0.5)) is PASS
    assert verdict(run([0.4, 0.4]), run([0.4, 0.5]), within(0.5)) is UNDECIDED, "0 would pass too"
    found = compare(run([1, 1, 1]), run([1, 1.25, 2]), within(0.5))["a"]
    assert (found.verdict, found.first_difference, found.first_excess) == (FAIL, 1, 2)
    assert found.ratio.tolist() == [0, 0.5, 2]


@pytest.mark.parametrize("strict", [False, True])
def test_a_quantity_that_the_port_lacks(strict):
    found = compare(run([1], name="b"), run([1]), exactly, strict=strict)["b"]
    assert found.verdict is FAIL and found.problem.text == "the port does not have it"
    assert found.first_excess == 0


def test_a_quantity_that_only_the_port_has():
    report = compare(run([1], name="b"), run([1], b=Quantity([0], np.ones(1, F32))), exactly)
    assert report.verdict is BITWISE and {c.name for c in report.comparisons} == {"anchor", "b"}
    with_a = run([1], b=Quantity([0], np.ones(1, F32)))
    found = compare(run([1], name="b"), with_a, exactly, strict=True)["a"]
    assert found.verdict is FAIL and found.problem.text == "the reference does not have it"
    assert found.problem.fault is Fault.MISSING


def test_steps_that_the_port_lacks_fail_and_the_others_are_measured():
    """Catches a port that stops early, and one that skips a step."""
    found = compare(run([1, 2, 3]), run([1, 2.5], steps=[0, 1]), within(1.0))["a"]
    assert found.verdict is FAIL and found.problem.text == "the port lacks step 2"
    assert found.absolute.tolist()[:2] == [0, 0.5] and np.isnan(found.absolute[2])
    assert (found.first_difference, found.first_excess) == (1, 2)
    skipped = compare(run([1, 2, 3]), run([1, 3], steps=[0, 2]), exactly)["a"]
    assert skipped.problem.text == "the port lacks step 1" and skipped.ratio.tolist() == [0, INF, 0]


def test_steps_that_only_the_port_has():
    """Catches a port that runs one iteration too many."""
    sides = run([1, 2]), run([1, 2, 3])
    assert verdict(*sides) is BITWISE
    found = compare(*sides, exactly, strict=True)["a"]
    assert found.verdict is FAIL and found.problem.text == "the reference lacks step 2"
    assert found.steps.tolist() == [0, 1, 2] and found.first_excess == 2


def test_no_step_in_common():
    found = compare(run([1, 2]), run([1, 2], steps=[5, 6]), within(1.0), strict=True)["a"]
    assert found.problem.text == "the port lacks step 0, 1; the reference lacks step 5, 6"
    assert found.first_excess == 0


def alone(values, dtype=F32):
    values = np.asarray(values, dtype)
    return Run({"a": Quantity(np.arange(len(values)), values)})


@pytest.mark.parametrize(
    ("reference", "port"),
    [
        pytest.param(Run({}), Run({}), id="empty runs"),
        pytest.param(alone([1]), Run({}), id="an empty port"),
        pytest.param(Run({}), alone([1]), id="an empty reference"),
        pytest.param(alone([]), alone([]), id="quantities without steps"),
        pytest.param(alone([[], []]), alone([[], []]), id="arrays without elements"),
        pytest.param(alone([NAN, NAN]), alone([NAN, NAN]), id="NaN alone"),
        pytest.param(alone([INF]), alone([INF]), id="infinities alone"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_nothing_to_compare_is_no_pass(reference, port, strict):
    with pytest.raises(NothingToCompare):
        compare(reference, port, exactly, strict=strict)


def test_nothing_finite_is_no_excuse_for_a_difference():
    assert compare(alone([NAN]), alone([1]), exactly).verdict is FAIL


def test_order_of_appearance_decides_which_is_first():
    ones, twos = Quantity([1, 2], np.ones(2, F32)), Quantity([1, 2], np.full(2, 2, F32))
    late = Quantity([1, 2], np.array([1, 2], F32))
    reference = Run({"z": ones, "p": ones, "a": ones})
    port = Run({"a": twos, "p": twos, "z": late})
    first = compare(reference, port, exactly).first_excess
    assert first is not None and (first.name, first.first_excess) == ("p", 1)


def test_bit_equal_share_counts_values():
    report = compare(run([1, 1, 1, 1]), run([1, 1, 1, 2]), within(2.0))
    assert report.bit_equal == pytest.approx(6 / 7)


def test_difference_of_large_integers():
    a = np.array([HUGE, HUGE, -1], np.int64)
    b = np.array([HUGE, HUGE + 1, 1], np.int64)
    assert difference(a, b).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("dtype", "small"), [(F32, 1e-40), (F64, 1e-310)])
def test_denormal_numbers_count_where_the_port_flushes_them(dtype, small):
    """Planted: the comparison under the flag as well, to which they are all zero."""
    there, lost = (run([small, 2 * small, 0], dtype), run([0, 0, 0], dtype))
    flushes = torch.set_flush_denormal(True)
    try:
        found = verdict(there, lost)
        still = torch.tensor(2.0**-149).mul(1).item() == 0
    finally:
        torch.set_flush_denormal(False)
    assert found is FAIL and still is flushes


@pytest.mark.parametrize(
    ("reference", "port", "fault", "text"),
    [
        (run([1.0]), run(["x"], "U1"), Fault.TYPE, "Float32 beside texts"),
        (run([1.0]), run([1.0], name="b"), Fault.MISSING, "the port does not have it"),
        (
            run(np.ones((2, 3))),
            run(np.ones((2, 3, 2))),
            Fault.SHAPE,
            "the port's shape is (3, 2), not (3,) (a complex number has a last axis of two)",
        ),
        (
            run(np.ones((2, 3))),
            run(np.ones((2, 4, 2))),
            Fault.SHAPE,
            "the port's shape is (4, 2), not (3,)",
        ),
        (
            run(range(8)),
            run(range(3), steps=[5, 6, 7]),
            Fault.STEPS,
            "the port lacks step 0, 1, 2, 3, 4",
        ),
        (
            run(range(8)),
            run([6, 7], steps=[6, 7]),
            Fault.STEPS,
            "the port lacks step 0, 1, 2, 3, 4 …",
        ),
    ],
)  # fmt: skip
def test_a_fault_has_a_kind_and_words(reference, port, fault, text):
    found = compare(reference, port, exactly)["a"].problem
    assert found.fault is fault and (found.text == text or fault is Fault.TYPE and found.text)


def test_names_are_let_through_each_by_its_own_reason():
    """Catches reasons that are dropped, and one name's that goes to another."""
    sides = (run([1.0], b=Quantity([0], np.ones(1, F32))) for _ in range(2))
    found = compare(*sides, exactly).accepting({"a": "chaos"}, {"b": "known"})
    assert [(found[n].undecided_ok, found[n].accepted) for n in ("a", "b", "anchor")] == [
        ("chaos", None), (None, "known"), (None, None),
    ]  # fmt: skip
    assert found["a"].undecided_ok and found.accepting({})["b"].accepted is None


def test_what_passes_is_true_and_what_fails_is_not():
    for port, holds in ([1.0], True), ([2.0], False):
        report = compare(run([1.0]), run(port), exactly)
        assert bool(report) is bool(report["a"]) is holds
        assert report.worst.name == "a" or holds


def test_what_is_compared_in_part_has_figures_for_every_step():
    """Of the step that the port lacks they are not known, and the kind and the rules stay."""
    asked = []

    def asking(name, series):
        asked.append((name, str(series.kind)))
        return np.full([1] * series.values.ndim, 9.0)

    def blind(name, series):
        asked.append(("blind to", name))
        return series.values > 2

    sides = (
        run([[1.0], [2], [3]], kind="results"),
        run([[1.0], [2.5]], steps=[0, 1], kind="results"),
    )
    found = compare(*sides, asking, blind=blind)["a"]
    assert {("a", "results"), ("blind to", "a")} <= {*asked}
    assert found.furthest.dtype == np.float64
    np.testing.assert_array_equal(found.furthest, [[NAN, NAN], [2, 2.5], [NAN, NAN]])
    assert found.judged.candidates.tolist() == [1, 1, 0] and found.judged.dull.tolist() == [1, 1, 0]
    lacking = compare(run([1.0]), run([1.0], name="b"), exactly)
    assert lacking["a"].judged is None and not lacking["a"].undecided
    assert lacking.bit_equal == 0.75


def test_steps_of_the_port_alone_are_not_among_the_steps():
    found = compare(run([1, 2, 3]), run([2, 3, 4], steps=[1, 2, 3]), exactly)["a"]
    assert found.steps.tolist() == [0, 1, 2]


def test_what_was_judged_of_one_part_is_what_was_judged_of_both():
    judged = compare(run([1.0]), run([1.0]), exactly)["a"]
    not_judged = compare(run([1.0]), run([1.0], name="b"), exactly)["a"]
    for both in (judged + not_judged, not_judged + judged):
        assert both.judged is judged.judged


def test_the_numbers_that_are_furthest_apart_are_floating_ones():
    floats, integers = (
        compare(run([[1, 2], [3, 4]], t), run([[1, 2], [3, 7]], t), exactly)["a"].furthest
        for t in (F32, np.int64)
    )
    np.testing.assert_array_equal(floats, [[NAN, NAN], [4, 7]])
    np.testing.assert_array_equal(integers, np.full((2, 2), NAN))
    assert integers.dtype == np.float64


def test_equal_bits_are_judged_however_wide_the_tolerance():
    assert compare(run([1.0]), run([1.0]), within(9.0))["a"].sharpness.judged_to == 0
    assert compare(run([1.0]), run([1.5]), within(9.0))["a"].sharpness.judged_to is None


def test_a_port_in_float64_beyond_the_references_type_fails():
    """Without a warning of NumPy's besides."""
    assert verdict(run([1.0]), run([1e300], F64), within(9.0)) is FAIL


def test_the_error_lists_what_each_side_has():
    only = Quantity([0], np.ones(1, F32))
    with pytest.raises(NothingToCompare, match="reference has a, c, the port none"):
        compare(Run({"a": only, "c": only}), Run({}), exactly)
