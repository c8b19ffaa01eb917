"""`first_excess`: of one step's arrays, the first beyond its budget."""

from __future__ import annotations

import numpy as np
import pytest

from repro.checks import NothingToCompare, first_excess

F32 = np.float32
STEP = {
    "x": np.arange(6, dtype=F32).reshape(2, 3),
    "loss": F32(2),
    "index": np.array([3, 1, 2]),
    "w": np.array([1e-6, -1.5], F32),
}


def moved(name, ulps):
    a = np.array(STEP[name])
    a.flat[a.size - 1] += F32(ulps) * np.spacing(np.abs(a).max())
    return {**STEP, name: a}


def test_equal_arrays_exceed_no_budget():
    assert first_excess(STEP, dict(STEP), lambda name, a: 0) is None


@pytest.mark.parametrize("name", ["x", "loss", "w"])
def test_a_budget_is_kept_to_the_ulp(name):
    port = moved(name, 3)
    assert first_excess(STEP, port, lambda n, a: 3) is None
    found = first_excess(STEP, port, lambda n, a: 2)
    assert found is not None and (found.name, found.ulp, found.budget) == (name, 3, 2)
    assert found.port == np.asarray(port[name])[found.index]


def test_an_ulp_is_the_largest_value_s():
    """What cancels to 1e-6 beside 1.5 may keep the rounding of terms like 1.5."""
    port = {**STEP, "w": STEP["w"] + np.array([1e-7, 0], F32)}
    found = first_excess(STEP, port, lambda n, a: 0.5)
    assert found is not None and found.index == (0,) and 0.5 < found.ulp < 1


def test_the_first_in_the_reference_s_order_is_named():
    port = {**moved("w", 9), "loss": F32(3)}
    found = first_excess(STEP, dict(reversed(port.items())), lambda n, a: 1)
    assert found is not None and found.name == "loss"
    assert str(found) == "`loss` (4.19e+06 ulp, budget 1)"


def test_integers_must_be_equal_whatever_the_budget():
    found = first_excess(STEP, {**STEP, "index": np.array([3, 2, 1])}, lambda n, a: 1e9)
    assert found is not None and (found.name, found.budget) == ("index", 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": None}, "`x`: the port does not have it"),
        ({"more": F32(1)}, "`more`: the reference does not have it"),
        ({"loss": np.float64(2)}, "`loss`: the port's type is float64, not float32"),
        ({"w": np.ones((2, 1), F32)}, "`w`: the port's shape is (2, 1), not (2,)"),
    ],
)
def test_what_cannot_be_compared_is_an_excess(change, said):
    port = {name: a for name, a in {**STEP, **change}.items() if a is not None}
    assert str(first_excess(STEP, port, lambda n, a: 1)) == said


def test_nothing_in_common_is_an_error():
    with pytest.raises(NothingToCompare):
        first_excess(STEP, {"other": F32(1)}, lambda n, a: 1)
