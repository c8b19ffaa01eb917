"""What values are made of: one rule, and every value that Python holds by it."""

from __future__ import annotations

import re
import typing
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
import torch

import repro
from repro.checks import Verdict
from repro.run import Run, StepError, arrays, collect, run_of, values

PROJECT = Path(__file__).parents[2]
JULIA = PROJECT / "repro/sides/julia/user/src/values.jl"


def rule(text: str) -> str:
    """The rule's sentences, however they are wrapped and marked."""
    (found,) = re.findall(r"\* Numbers, and arrays.*?refused by name and step\.", text, re.S)
    return " ".join(re.sub(r"^# ", "", found, flags=re.M).split())


def test_one_rule_is_stated_for_both_languages_and_for_their_users():
    """Catches a rule that was changed in one language."""
    page = (PROJECT / "docs/port-your-own.md").read_text()
    stated = rule(values.__doc__)
    assert stated == rule(JULIA.read_text()) == rule(page)


@dataclass
class Dense:
    weight: object
    activation: object = np.tanh
    width: type = np.float32


class Moments(typing.NamedTuple):
    mu: object
    nu: object


class Bfloat16:
    """An array of ml_dtypes' bfloat16, as JAX has them."""

    shape = (2,)

    def __array__(self, dtype=None, copy=None):
        return Stored(np.array([1.5, -2], np.float32))


class Stored(np.ndarray):
    def __new__(cls, values):
        return np.asarray(values).view(cls)

    @property
    def dtype(self):
        return type("dtype", (), {"name": "bfloat16", "kind": "V", "itemsize": 2})()


def trained():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Tanh())
    adam = torch.optim.Adam(model.parameters(), lr=0.25)
    model(torch.ones(2)).sum().backward()
    adam.step()
    return model, adam


def test_modules_and_optimisers_are_their_state_dicts():
    model, adam = trained()
    found = arrays({"model": model, "adam": adam}, "step 0")
    assert list(found)[:2] == ["model.0.weight", "model.0.bias"]
    assert found["adam.state.1.exp_avg"].shape == (1,)
    assert found["adam.param_groups.1.lr"] == 0.25 and "adam.param_groups.1.foreach" not in found
    same = arrays({"model": model.state_dict(), "adam": adam.state_dict()}, "step 0")
    assert list(same) == list(found)


T = torch.tensor
VALUES = [
    ("list of arrays", [np.ones(2), np.ones(3)], {"v.1": [1, 1], "v.2": [1, 1, 1]}),
    ("list of numbers", [1, 2.5], {"v": [1, 2.5]}),
    ("list of losses", [T(1.0, requires_grad=True), T(2.0)], {"v": [1, 2]}),
    ("nested", {"a": [{"b": 1}, (2, 3)]}, {"v.a.1.b": 1, "v.a.2": [2, 3]}),
    ("unlike", ("a", 1, None), {"v.1": "a", "v.2": 1}),
    ("dataclass", Dense(np.ones(1)), {"v.weight": [1]}),
    ("named tuple", Moments([1.0], Moments(2, 3)), {"v.mu": [1], "v.nu.mu": 2, "v.nu.nu": 3}),
    ("objects", np.array([[{"q": 1}], [2]], object), {"v.1.1.q": 1, "v.2.1": 2}),
    ("records", np.zeros(1, [("p", float), ("q", int)]), {"v.p": [0], "v.q": [0]}),
    ("SciPy's sparse", scipy.sparse.csr_matrix(np.eye(2)), {"v": np.eye(2)}),
    ("torch's sparse", torch.eye(2).to_sparse(), {"v": np.eye(2, dtype=np.float32)}),
    ("conjugate view", T([1 + 2j]).conj(), {"v": [1 - 2j]}),
    ("bfloat16 of torch", T([1.5, -2]).bfloat16(), {"v": np.float32([1.5, -2])}),
    ("bfloat16 of JAX", Bfloat16(), {"v": np.float32([1.5, -2])}),
    ("half", np.float16(0.1), {"v": np.float16(0.1)}),
    ("complex", np.complex64(1j), {"v": np.complex64(1j)}),
    ("UInt64", 2**64 - 1, {"v": np.uint64(2**64 - 1)}),
    ("above 64 bits", [2**64, -1], {"v": ["18446744073709551616", "-1"]}),
    ("the least above", 2**64, {"v": "18446744073709551616"}),
    ("above and below", [2**63, -1], {"v": ["9223372036854775808", "-1"]}),
    ("below 64 bits", -(2**63) - 1, {"v": "-9223372036854775809"}),
    ("the least of 64 bits", [-(2**63)], {"v": np.array([-(2**63)])}),
    ("texts", ["relu", "a"], {"v": ["relu", "a"]}),
    ("texts of any length", np.array(["relu", "a"], "T"), {"v": np.array(["relu", "a"])}),
    ("date", date(2020, 1, 2), {"v": "2020-01-02"}),
    ("time", datetime(2020, 1, 2, 0, 0, 0, 500000), {"v": "2020-01-02T00:00:00.5"}),
    ("a round second", datetime(2020, 1, 2, 8, 0, 30), {"v": "2020-01-02T08:00:30"}),
    (
        "a zone",
        datetime(2020, 1, 2, 8, 0, 0, 500000, timezone.utc),
        {"v": "2020-01-02T08:00:00.5+00:00"},
    ),
    ("times", np.array(["2020-01-02"], "M8[ns]"), {"v": ["2020-01-02T00:00:00"]}),
    ("nothing", None, {}),
    ("nothing yet", [], {"v": np.zeros(0)}),
    ("no objects", np.zeros((2, 0), object), {"v": np.zeros((2, 0))}),
    ("below zero", [-(2**40), 5], {"v": np.array([-(2**40), 5])}),
]


@pytest.mark.parametrize(("value", "expected"), [pytest.param(*v[1:], id=v[0]) for v in VALUES])
def test_a_value_s_arrays_and_their_names(value, expected):
    found = arrays({"v": value}, "step 0")
    assert list(found) == list(expected)
    for name, a in expected.items():
        assert found[name].dtype.kind == np.asarray(a).dtype.kind or isinstance(a, list)
        assert found[name].shape == np.shape(a) and np.all(found[name] == np.asarray(a))
        if isinstance(a, np.ndarray | np.generic):
            assert found[name].dtype == a.dtype


endless: list = ["x"]
endless.append(endless)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Fraction(1, 2), "'v' in step 3 of the port is of type Fraction: yield float(x)"),
        ({"a": [Fraction(1, 2)]}, "'v.a' in step 3 of the port is of type Fraction"),
        (timedelta(1), "yield x.total_seconds()"),
        (np.longdouble(1), "float128: yield x.astype(numpy.float64)"),
        ({1, 2}, "is of type set: yield numbers or texts"),
        (np.ma.array([1], mask=[1]), "it is masked; `x.filled(numpy.nan)` is not"),
        ([np.ma.masked, 1.0], "it is masked; `x.filled(numpy.nan)` is not"),
        (np.tanh, "is of type ufunc"),
        (endless, "in step 3 of the port has parts within parts without end"),
        ({"a.b": 1, "a": {"b": 2}}, "two values in step 3 of the port are called 'v.a.b'"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_name_and_step(value, said):
    with pytest.raises(StepError) as raised:
        arrays({"v": value}, "step 3 of the port")
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_parts_within_parts_are_taken_as_deep_as_is_said():
    value: object = 1.0
    for _ in range(values.DEEPEST):
        value = {"p": value}
    assert list(arrays({"v": value}, "step 0")) == ["v" + values.DEEPEST * ".p"]
    with pytest.raises(StepError, match="without end"):
        arrays({"v": {"p": value}}, "step 0")


def test_integers_of_any_width_are_one_quantity():
    """Catches UInt64 and Int64 stacked by NumPy, to floating numbers."""
    run = run_of([{"n": np.int32(3)}, {"n": np.int64(4)}, {"n": np.uint64(2**63)}])
    assert list(run.quantities) == ["n"] and run["n"].values.tolist() == [3, 4, 2**63]
    assert run["n"].values.dtype == np.uint64
    run = run_of([{"n": np.int64(-4)}, {"n": np.uint64(2**63)}])
    assert list(run.quantities) == ["n", "n as uint64[]"]


def test_texts_of_any_length_are_one_quantity_and_are_kept(tmp_path):
    repro.record([{"t": "a"}, {"t": "relu"}, {"t": "b"}], tmp_path / "run.npz")
    assert Run.load(tmp_path / "run.npz")["t"].values.tolist() == ["a", "relu", "b"]


def test_texts_are_equal_or_not():
    right = [{"t": ["relu", "b"], "x": 1.0}, {"t": ["tanh", "c"], "x": 1.0}]
    assert repro.check(right, right).verdict is Verdict.PASS_BITWISE
    wrong = [right[0], {"t": ["tanh", "d"], "x": 1.0}]
    result = repro.check(right, wrong)
    assert (result.first.step, result.first.name) == (1, "t")
    assert "the reference has 'c', the port 'd' at [1] of shape (2,)" in result.message
    result = repro.check(right, [{"t": [1, 2], "x": 1.0}] * 2)
    assert "the port's type is int64, not text" in result.message


def test_integers_beyond_64_bits_part_where_they_leave_them():
    def counting(wrap):
        h = 7
        for _ in range(30):
            h = 31 * h
            yield {"h": (h + 2**63) % 2**64 - 2**63 if wrap else h}

    result = repro.check(lambda: counting(True), lambda: counting(False))
    assert (result.first.step, result.first.name) == (12, "h")
    assert "an integer beyond 64 bits, there, the reference integer[]" in result.message


H = np.array([[0.3, 0.1j], [-0.1j, 0.7]])


def schroedinger():
    psi = np.array([1, 0.5j])
    yield {"psi": psi}
    for _ in range(4):
        psi = psi - 0.05j * (H @ psi)
        yield {"rho": np.outer(psi, psi.conj()), "energy": (psi.conj() @ H @ psi).real, "psi": psi}


@pytest.mark.parametrize(("wrong", "first"), [(False, None), (True, "rho")])
def test_complex_stays_complex_to_the_step(wrong, first, tmp_path):
    def step(state, draws):
        psi = state["psi"] - 0.05j * (H.T.conj() @ state["psi"])
        bra = psi if wrong else psi.conj()
        return {"rho": np.outer(psi, bra), "energy": (bra @ H @ psi).real, "psi": psi}

    repro.record(schroedinger, tmp_path / "run.npz")
    for reference in (schroedinger, tmp_path / "run.npz"):
        result = repro.check(reference, step, resynchronise=True)
        assert (result.first and result.first.name) == first, result.message


def test_a_list_of_state_dicts_that_share_storage_is_seen():
    """Catches a port whose last weights stand in every step, without a word."""

    def run(keep):
        model, adam = trained()
        for _ in range(3):
            adam.step()
            yield keep(model.state_dict())

    def copies(found):
        return {name: a.clone() for name, a in found.items()}

    right, shared = list(run(copies)), list(run(dict))
    result = repro.check(right, shared)
    assert result.first.step == 0
    assert "`0.weight`, `0.bias`: one and the same array in several steps" in result.message
    assert "its last value alone was compared" in repro.check(shared, shared).message
    assert repro.check(right, run(dict)), "yielded one by one they are copied in time"


def test_a_list_that_stands_in_every_step_is_seen():
    w, steps = [0.0], []
    for _ in range(2):
        w[0] += 1
        steps.append({"w": w})
    assert collect(steps).shared == ("w",)
    assert values.address(SimpleNamespace(data_ptr=lambda: 1)) is None, "it is no tensor"


def test_a_constant_is_not_suspected_of_another_s_failure():
    data = np.ones(2)
    right = [{"data": data, "w": float(i)} for i in range(3)]
    wrong = [{"data": data, "w": 2.0 * i} for i in range(3)]
    result = repro.check(right, wrong)
    assert result.first.name == "w" and "one and the same" not in result.message
