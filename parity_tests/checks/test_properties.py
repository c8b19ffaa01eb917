"""What holds of any two arrays: made up by hypothesis, not by who wrote the code."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

import repro
from repro.checks import NothingToCompare, Verdict, compare
from repro.checks.agreement import difference, equal_bits
from repro.run import Quantity, Run

WIDTHS = [np.float16, np.float32, np.float64]
DTYPES = st.sampled_from([np.dtype(t) for t in (*WIDTHS, np.int64, np.uint8, bool)])


@st.composite
def two(draw, dtypes=DTYPES, **options):
    """Two arrays of one type and shape, a row each step, often alike in some places."""
    dtype = draw(dtypes)
    shape = draw(arrays_of.array_shapes(min_dims=1, max_dims=3, max_side=4))
    a, b = (draw(arrays_of.arrays(dtype, shape)) for _ in range(2))
    keep = draw(arrays_of.arrays(bool, shape))
    return a, np.where(keep, a, b)


def one(a, name="a", **others):
    return Run({name: Quantity(np.arange(len(a)), a), **others})


def within(allowed):
    return lambda name, q: np.full(q.values.shape, float(allowed))


def verdict(a, b, allowed=0.0):
    try:
        return compare(one(a), one(b), within(allowed)).verdict
    except NothingToCompare:
        return Verdict.ERROR


@given(two())
def test_every_array_agrees_with_itself(pair):
    a, _ = pair
    finite = bool(np.isfinite(a).any())
    found = verdict(a, a.copy())
    assert found in ((Verdict.PASS_BITWISE, Verdict.UNDECIDED) if finite else (Verdict.ERROR,))
    assert equal_bits(a, a.copy()) and not difference(a, a).any()


@given(two(), st.floats(0, 1e9), st.floats(1, 1e9))
def test_a_wider_tolerance_fails_no_more(pair, allowed, wider):
    """Monotone: what exceeds the wider one exceeds the narrower one, in the same steps."""
    narrow, wide = (compare_all(*pair, t) for t in (allowed, allowed * wider + wider))
    assert set(wide.excess) <= set(narrow.excess)
    assert np.all(wide.ratio <= narrow.ratio)
    assert np.array_equal(wide.equal, narrow.equal) and np.array_equal(wide.ulp, narrow.ulp)


def compare_all(a, b, allowed):
    anchor = {"anchor": Quantity([0], np.ones(1))}
    return compare(one(a, **anchor), one(b, **anchor), within(allowed))["a"]


@given(two())
def test_both_sides_are_alike(pair):
    """Symmetric, but for the size that a difference is seen beside."""
    a, b = pair
    here, there = compare_all(a, b, 0.5), compare_all(b, a, 0.5)
    for figure in ("equal", "absolute", "ulp", "ratio"):
        assert np.array_equal(getattr(here, figure), getattr(there, figure)), figure


@given(two(), st.permutations("bcde"))
def test_the_order_of_names_is_no_matter(pair, names):
    runs = [
        [Run({n: Quantity(np.arange(len(x)), x) for n in order}) for x in pair]
        for order in ("bcde", names)
    ]
    try:
        first, second = (compare(*sides, within(0.0)) for sides in runs)
    except NothingToCompare:
        return
    assert first.verdict is second.verdict
    assert {c.name: c.verdict for c in first.comparisons} == {
        c.name: c.verdict for c in second.comparisons
    }


@given(two(), st.sampled_from(["name", "step", "shape", "kind"]))
def test_what_was_not_seen_is_not_passed(pair, lacking):
    a, _ = pair
    port = {
        "name": lambda: Run({"b": Quantity([0], np.ones(1))}),
        "step": lambda: Run({"a": Quantity(np.arange(1, len(a)), a[1:])}),
        "shape": lambda: one(a[..., None]),
        "kind": lambda: one(a.astype("U9")),
    }[lacking]()
    reference = one(a, b=Quantity([0], np.ones(1)))
    found = compare(reference, Run({"b": Quantity([0], np.ones(1))} | port.quantities), within(9e9))
    assert found["a"].verdict is Verdict.FAIL and not found


@given(two(st.sampled_from([np.dtype(t) for t in WIDTHS])))
def test_a_changed_number_is_seen(pair):
    """Whatever is not one number, or both NaN, fails where nothing may differ."""
    a, b = pair
    alike = np.all((a == b) | (np.isnan(a) & np.isnan(b)))
    assert (verdict(a, b) is Verdict.FAIL) is not alike


SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0]


@pytest.mark.parametrize("dtype", WIDTHS)
@given(data=st.data())
def test_ulps_are_steps_of_nextafter(dtype, data):
    """Over signs, zeros, subnormals, the largest numbers and infinities; of Float64 by Python's."""
    following = math.nextafter if dtype is np.float64 else np.nextafter
    width = np.dtype(dtype).itemsize * 8
    tiny = [float(np.finfo(dtype).smallest_subnormal), float(np.finfo(dtype).tiny)]
    some = st.floats(width=width) | st.sampled_from([*SPECIAL, *tiny, float(np.finfo(dtype).max)])
    start = dtype(data.draw(some))
    steps = data.draw(st.integers(0, 6))
    towards = dtype(data.draw(st.sampled_from([math.inf, -math.inf, 0.0])))
    end, taken = start, 0
    for _ in range(steps):
        with np.errstate(over="ignore", under="ignore"):
            end, before = dtype(following(end, towards)), end
        taken += bool(end != before)
    assume(not np.isnan(start))
    found = compare_all(np.array([[start]]), np.array([[end]]), 0.0)
    assert found.ulp.tolist() == [taken]


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(FINITE, FINITE)
def test_the_absolute_difference_is_the_exact_one_rounded(x, y):
    exact = abs(Fraction(x) - Fraction(y))
    assume(exact <= Fraction(np.finfo(float).max))
    assert difference(np.array([x]), np.array([y]))[0] == float(exact)


@given(st.lists(st.integers(0, 2**63 - 4), min_size=1, max_size=4), st.integers(-3, 3))
def test_unequal_integers_are_never_equal(numbers, off):
    a = np.array(numbers)
    b = a + off
    assert (difference(a, b) == 0).all() == (off == 0) and (difference(a, b) == 0).any() == (
        off == 0
    )


@given(two(), st.integers(0, 3))
def test_two_parts_are_the_whole(pair, cut):
    """Steps compared in two parts are as in one."""
    a, b = pair
    cut = min(cut, len(a))
    assume(0 < cut < len(a))
    whole = compare_all(a, b, 0.5)
    first, last = compare_all(a[:cut], b[:cut], 0.5), compare_all(a[cut:], b[cut:], 0.5)
    both = first + last
    for figure in ("equal", "absolute", "ulp", "ratio", "allowed", "furthest"):
        one, other = getattr(whole, figure), getattr(both, figure)
        assert np.array_equal(one, other, equal_nan=True), figure
    assert whole.finite == both.finite and whole.bitwise == both.bitwise


@given(two(st.sampled_from([np.dtype(t) for t in WIDTHS])))
def test_a_check_ends_in_a_verdict_whatever_the_numbers(pair):
    a, b = pair
    found = repro.check([{"x": r, "y": 1.0} for r in a], [{"x": r, "y": 1.0} for r in b])
    assert found.verdict is not Verdict.ERROR and found.message.startswith(str(found.verdict))
    assert str(found.table)
