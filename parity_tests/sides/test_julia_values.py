"""Whatever Julia holds arrives, under the names that the same has in Python."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
import torch

import repro
from repro import JuliaFunction, Symbol
from repro.checks import Bitwise, Verdict
from repro.run import Run

pytestmark = [
    pytest.mark.julia,
    pytest.mark.filterwarnings("default::repro.sides.julia.reference.JuliaRetryWarning"),
]

F32 = np.float32
LAYERS = [
    {"weight": F32([[1, 2], [3, 4]]), "bias": F32([0.5, -0.5]), "σ": np.tanh},
    np.tanh,
    {"weight": np.ones((2, 2)), "bias": None, "σ": {"x": 2.0}},
]


def held():
    eye = np.diag([1.0, 2.0])
    return {
        **{"rule": True, "pair": (1, "b", [2.5]), "none": True, "z": 2j, "names": ["x", "yy"]},
        **{"model": {"layers": LAYERS}, "half": np.float16([0.1, 2])},
        **{"complex": np.complex64([1j, 2]), "whole": 1 + 2j, "above": 2**64 - 1},
        **{"unsigned": np.uint64([1, 2]), "narrow": 3, "losses": [1, torch.tensor(2.5).double()]},
        **{"none_yet": [], "matrix": np.array([[1, 2], [3, 4]]), "numbers": (1, 2.5)},
        **{"nested": {"a": 1, "b": {"c": [1.0]}}, "dict": {"x": [2], "y": 1}},
        **{"tuple": ([1], [2, 3], None), "arrays": [np.ones(1), [2.0, 3.0]]},
        **{"table.1": {"1": [1], "2": [2]}, "pairs": {"b": 1, "a": 2}, "unlike": ["a", 1, None]},
        **{"range": range(1, 4), "linear": [0, 0.5, 1], "transposed": np.array([[1, 3], [2, 4]])},
        **{"seen": [2, 3], "sparse": eye, "diagonal": eye, "symmetric": np.array([[1, 2], [2, 4]])},
        **{"nothing_there": None, "symbol": "relu", "texts": ["a", "bc"], "date": date(2020, 1, 2)},
        **{"times": [datetime(2020, 1, 2, 0, 0, 0, 500000)], "big": 2**70, "small_big": 5},
        "brain": torch.tensor([1.5]).bfloat16(),
    }


@pytest.fixture(scope="module")
def everything(julia) -> Run:
    """All steps of values.jl, of one start of Julia."""
    arguments = (Symbol("decay"), (1, "b", (2.5,)), None)
    keywords = {"z": 2j, "names": ["x", "yy"]}
    file = Path(__file__).with_name("values.jl")
    return repro.collect(JuliaFunction(file, "everything", *arguments, julia=julia, **keywords))


def test_what_julia_holds_arrives_as_what_python_holds(everything):
    """Names, shapes, types and bits; a Symbol, nothing, a tuple, complex numbers and texts went
    there."""
    result = repro.check(everything.upto(0), [held()], tolerance=Bitwise())
    assert result.verdict is Verdict.PASS_BITWISE, result.message
    first = list(everything.upto(0).quantities)
    assert first[:4] == ["rule", "pair.1", "pair.2", "pair.3"]
    assert "model.layers.3.σ.x" in first and "model.layers.3.bias" not in first
    assert everything["above"].values.dtype == np.uint64
    assert everything["half"].values.dtype == np.float16


@pytest.mark.parametrize("wrong", ["above", "half", "symbol", "date", "times", "brain", "pair"])
def test_what_is_another_is_found(everything, wrong):
    port = held()
    change = {"above": 2**64 - 2, "half": np.float16([0.1, 2.002]), "pair": (1, "c", [2.5])}
    port[wrong] = change.get(wrong, held()["brain"] * 1.01 if wrong == "brain" else "tanh")
    if wrong == "times":
        port[wrong] = [datetime(2020, 1, 2, 0, 0, 0, 500001)]
    result = repro.check(everything.upto(0), [port], tolerance=Bitwise())
    assert result.first.name in (wrong, f"{wrong}.2"), result.message


def test_views_and_parts_that_share_memory_are_seen(everything):
    shared = everything["shared"].values[0].tolist()
    assert shared == ["constant", "layers.1", "layers.2", "seen", "w"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing", "missing.2 in step 1 is of type Missing: yield coalesce.(x, NaN)"),
        ("rational", "rational in step 1 is of type Rational{Int64}: yield Float64.(x)"),
        ("digits", "digits in step 1 is of type BigFloat: yield Float64.(x)"),
        ("generator", "yield what it draws"),
        ("set", "is of type Set{Int64}: yield sort(collect(x))"),
        ("task", "task in step 1 is of type Task: yield numbers, arrays or texts made of it"),
        ("inside", "inside.a in step 1 is of type Rational{Int64}: yield Float64.(x)"),
        ("callable", "callable in step 1 is of type typeof(tanh): yield numbers"),
        ("endless", "has parts within parts without end: yield arrays"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_name_and_step(everything, name, said):
    text = everything[f"refused.{name}"].values[0]
    assert said in str(text) and "\n" not in str(text)
