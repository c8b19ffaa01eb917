"""A function in a user's Julia file as a reference."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

import repro
from repro.checks import Verdict
from repro.errors import ReproError
from repro.julia import default_rng
from repro.sides.julia.function import JuliaFunction
from repro.sides.julia.worker import JuliaError

FILE = Path(__file__).with_name("functions.jl")
F32 = np.float32


@pytest.fixture
def call(julia):
    """`call(name, *arguments)`: a function of functions.jl in a live Julia."""
    return lambda name, *arguments, **keywords: JuliaFunction(
        FILE, name, *arguments, julia=julia, **keywords
    )


def expected_in_place():
    w = np.array([0.5, -1], F32)
    yield {"W": w}
    for i in (1, 2):
        w = w + F32(1)
        yield {
            "half": w / F32(2),
            "k": 40 + i,
            "odd": i == 1,
            "total": w.sum(),
            "mask": w > 1.5,
            "transposed": np.arange(1, 7).reshape(3, 2),
            "W": w,
        }
    yield {"length": 5}


@pytest.fixture(scope="module")
def living(julia):
    worker = JuliaFunction(FILE, "drawn", julia=julia)._start(julia)
    yield worker
    worker.close()


@pytest.fixture
def one_julia(living, monkeypatch):
    """One process for functions that fail, which it survives: each start takes two seconds."""
    monkeypatch.setattr(living, "close", lambda: None)
    monkeypatch.setattr(JuliaFunction, "_start", lambda self, julia: living)


@pytest.mark.julia
@pytest.mark.filterwarnings("default::repro.sides.julia.reference.JuliaRetryWarning")
def test_values_shapes_types_and_order_arrive(call, capsys):
    """Arrays that Julia changes in place after yielding them arrive as they were yielded."""
    reference = call("in_place", 40, "seven", n=2, start=np.array([0.5, -1], F32))
    result = repro.check(reference, expected_in_place)
    assert result.verdict is Verdict.PASS_BITWISE, result.message
    assert capsys.readouterr().out == "what it prints goes nowhere near the numbers\n"
    found = result.own.reference
    names = ["half", "k", "odd", "total", "mask", "transposed", "W", "length"]
    assert list(found.quantities) == names
    assert found.provenance.sha256 == hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert found.provenance.source == "functions.jl: in_place"
    assert not any(str(FILE.parent) in str(v) for v in found.provenance.as_dict().values())


@pytest.mark.julia
@pytest.mark.filterwarnings("default::repro.sides.julia.reference.JuliaRetryWarning")
def test_a_list_that_shares_an_array_is_told_of_it(call):
    right = [{"w": np.full(2, 1 - 0.25 * i), "x": np.ones(1)} for i in (1, 2, 3)]
    result = repro.check(call("shared"), right)
    assert (result.first.step, result.first.name) == (0, "w")
    assert "note: `w`: one and the same array in several steps" in result.message


@pytest.mark.julia
@pytest.mark.usefixtures("one_julia")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unordered", "has no order of names: yield a named tuple"),
        ("breaks_off", "functions.jl:27"),
        ("absent", "functions.jl defines no absent"),
        ("fails_inside", "the learning rate is negative"),
        ("twice", "step 1 has two arrays called b: yield one of them"),
    ],
)
def test_julia_s_errors_arrive_with_the_line(call, name, said, capsys):
    with pytest.raises(JuliaError) as raised:
        repro.check(call(name), [{"a": 1.0}])
    assert name != "fails_inside" or "the rate is -1" in capsys.readouterr().out
    assert said in str(raised.value) and "worker.jl" not in str(raised.value)
    assert "TaskFailedException" not in str(raised.value), "the cause alone tells what to mend"
    assert "try it in Julia: include(" in str(raised.value).splitlines()[-1]


@pytest.mark.julia
@pytest.mark.usefixtures("one_julia")
def test_a_package_that_is_not_there_is_said_in_a_line(call):
    with pytest.raises(JuliaError) as raised:
        repro.check(call("needs_a_package"), [{"a": 1.0}])
    assert "\n" not in str(raised.value)
    assert "functions.jl uses NotAPackage, which is not installed" in str(raised.value)
    assert "project=FOLDER" in str(raised.value) and 'Pkg.add("NotAPackage")' in str(raised.value)


@pytest.mark.parametrize("project", ["no/such/folder", "."])
def test_a_project_that_does_not_exist_is_said_before_julia_is_looked_for(
    monkeypatch, tmp_path, project
):
    monkeypatch.setenv("REPRO_JULIA", os.devnull)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReproError, match=f"project={project} has no Project.toml: name the folder"):
        repro.check(JuliaFunction(FILE, "shared", project=project), [{"a": 1.0}])


@pytest.mark.julia
def test_the_default_generator_of_a_function_starts_somewhere_known(call, julia):
    first = repro.collect(call("drawn"))["first"].values[0]
    assert first == default_rng(0, julia=julia.version).rand()


@pytest.mark.julia
@pytest.mark.slow
def test_a_crash_is_tried_once_more_and_said(call, tmp_path):
    from repro.sides.julia.reference import JuliaRetryWarning

    with pytest.warns(JuliaRetryWarning, match="SIGABRT"):
        assert repro.check(call("crash_once", str(tmp_path / "marker")), [{"a": 1.0}])


def test_a_missing_file_is_said_before_julia_is_looked_for(monkeypatch):
    monkeypatch.setenv("REPRO_JULIA", os.devnull)
    with pytest.raises(ReproError, match="gone.jl cannot be read .*: check the path"):
        repro.check(JuliaFunction("gone.jl", "run"), [{"a": 1.0}])


def test_without_julia_nothing_is_run_and_nothing_passes(monkeypatch, tmp_path):
    monkeypatch.setenv("REPRO_JULIA", str(tmp_path / "no-julia"))
    result = repro.check(JuliaFunction(FILE, "unordered"), [{"a": 1.0}])
    assert result.verdict is Verdict.NOT_RUN and not result
    assert "repro julia install" in result.message and result.save(tmp_path) == []
