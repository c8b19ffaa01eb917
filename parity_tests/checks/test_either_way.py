"""Reference and port are roles: Julia functions as the port's steps, beside Python and Julia."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import torch

import repro
from repro import JuliaFunction, Verdict
from repro.sides.julia.worker import JuliaError
from repro.trace import note

FILE = Path(__file__).with_name("steps.jl")
GIVEN = {"resynchronise": True, "draws": ("x", "y")}

pytestmark = [
    pytest.mark.julia,
    pytest.mark.filterwarnings("default::repro.sides.julia.reference.JuliaRetryWarning"),
]


def reference(matmul=torch.matmul, seed=4, features=3, points=16):
    generator = torch.Generator().manual_seed(seed)
    W = torch.randn(1, features, generator=generator)
    b, v = torch.zeros(1), torch.zeros(1, features)
    yield {"W": W, "b": b, "v": v}
    for i in range(1, 7):
        x = torch.randn(features, 5 if i % 3 == 0 else points, generator=generator)
        y = (x[:1] > 0.3).float()
        z = matmul(W, x) + b
        p = torch.sigmoid(z)
        d = (p - y) / y.numel()
        dW, db = matmul(d, x.T), d.sum(1)
        v = 0.9 * v + 0.2 * dW
        W, b = W - v, b - 0.2 * db
        yield {"x": x, "y": y, "z": z, "p": p, "d": d, "dW": dW, "db": db, "v": v, "W": W, "b": b}


def in_float64(a, b):
    return (a.double() @ b.double()).float()


@pytest.fixture(scope="module")
def living(julia):
    """One Julia for all steps of this module, asked with other keywords each time."""
    function = JuliaFunction(FILE, "step", julia=julia)

    def step(name="step", **keywords):
        function.function, function.keywords = name, keywords
        return function

    return step


@pytest.mark.parametrize("matmul", [torch.matmul, in_float64])
def test_a_right_julia_port_passes_beside_torch(living, matmul):
    result = repro.check(lambda: reference(matmul), living(), **GIVEN)
    assert result.verdict is Verdict.PASS, result.message
    assert result.own.verdict is result.resynchronised.verdict is Verdict.PASS


def reversed_sums(a, b):
    return a.flip(-1) @ b.flip(0)


@pytest.mark.slow
@pytest.mark.parametrize("noting", [True, False])
def test_false_alarms_are_counted(living, noting):
    """600 right ports each: what a step notes raises none; without, what cancels inside of it may,
    and then the message says what it can be. The figures stand in docs/port-to-julia.md."""
    alarms = []
    for matmul in (in_float64, reversed_sums):
        for seed in range(300):
            run = functools.partial(reference, matmul, seed, [3, 30, 200][seed % 3], 64)
            found = repro.check(run, living(noting=noting), **GIVEN)
            alarms += [] if found else [found]
    print(f"\nnoting {noting}: {len(alarms)} of 600 right ports not passed")
    assert len(alarms) <= (0 if noting else 15)
    assert all("this may be rounding inside the step" in a.message for a in alarms)


FAULTS = [
    ("bias", "z", 2),
    ("order", "z", 1),
    ("tanh", "p", 1),
    ("sign", "d", 1),
    ("size", "d", 3),
    ("transposed", "dW", 1),
    ("momentum", "v", 2),
    ("ascent", "W", 1),
    ("rate", "b", 1),
]


@pytest.mark.parametrize(("fault", "name", "step"), FAULTS, ids=[f[0] for f in FAULTS])
def test_a_fault_in_the_julia_port_is_named(living, fault, name, step):
    result = repro.check(reference, living(fault=fault), **GIVEN)
    assert (result.first.name, result.first.step) == (name, step), result.message
    assert result.first.resynchronised


def test_what_is_noted_is_judged_and_replaced(living):
    """Catches a noted value that is returned as well, and is the reference's by then."""
    found = repro.check(reference, living(fault="tanh"), **GIVEN).resynchronised.report
    assert found["p"].verdict is Verdict.FAIL
    assert all(found[name].verdict for name in ("d", "dW", "W")), "they came from the right p"


def test_the_same_in_a_python_port():
    def step(state, draws):
        s = draws["x"] + np.float32(0.001)
        note("s", s)
        return {"s": s, "w": s * 2}

    steps = [{"w": np.zeros(2, np.float32)}]
    steps += [{"x": x, "s": x, "w": x * 2} for x in np.random.rand(3, 2).astype(np.float32)]
    result = repro.check(steps, step, resynchronise=True, draws=("x",))
    assert result.first is not None and result.first.name == "s"
    assert result.first.resynchronised


def cancelling():
    """What cancels inside the step, where the reference rounds once: right, and far apart."""
    yield {"w": np.zeros(4, np.float32)}
    for i in range(1, 4):
        x = np.float32([0.1, 0.05, 0.2, 0.07]) * i
        s = np.nextafter(x**2 + np.float32(1), np.float32(2), dtype=np.float32)
        yield {"x": x, "s": s, "w": (s - np.float32(1)) * np.float32(1e3)}


def test_the_message_says_what_a_tolerance_knows_nothing_of(living):
    options = {"resynchronise": True, "draws": ("x",), "names": None}
    hidden = [{n: a for n, a in step.items() if n != "s"} for step in cancelling()]
    result = repro.check(hidden, living("cancels"), strict=False, **options)
    assert result.first.name == "w" and not result
    assert "inside cancels operations stay as they are" in result.message
    assert "a tolerance may be too tight, never too wide" in result.message
    assert "this may be rounding inside the step" in result.message
    noted = repro.check(cancelling(), living("cancels", noting=True), **options)
    assert noted.verdict is Verdict.PASS, noted.message


def test_an_error_in_a_step_has_julias_words_and_the_line(living):
    with pytest.raises(JuliaError, match=r"no gradient for a sum[\s\S]*steps.jl:\d+"):
        repro.check(reference, living("fails"), **GIVEN)
    assert repro.check(reference, living(), **GIVEN)


def test_julia_beside_julia_of_another_version_and_environment(julia, tmp_path, monkeypatch):
    """Two executables, two projects, and a package that is not the same in them."""
    log = tmp_path / "asked"
    other = tmp_path / "julia"
    other.write_text(
        f'#!/bin/sh\ncase "$*" in *--version*) echo "julia version 1.10.8"; exit;; esac\n'
        f'echo "$*" >> {log}\nexec {julia.executable} "$@"\n'
    )
    other.chmod(0o755)
    depot = julia.environment.get("JULIA_DEPOT_PATH")
    if depot is not None:
        monkeypatch.setenv("JULIA_DEPOT_PATH", depot)
    uuid = "3aafd1d2-7a42-4d6f-9a02-56e3a2d7b2a4"
    for project, gain in (("old", "2f0"), ("new", "2.001f0")):
        (tmp_path / project / "src").mkdir(parents=True)
        named = f'name = "Gain"\nuuid = "{uuid}"\nversion = "0.1.0"\n'
        (tmp_path / project / "Project.toml").write_text(named)
        (tmp_path / project / "src" / "Gain.jl").write_text(
            f"__precompile__(false)\nmodule Gain\ngain(x) = {gain} .* x\nend\n"
        )
    (tmp_path / "model.jl").write_text(
        "using Gain\n"
        "step(state, draws) = (w = state.w .+ draws.x, g = Gain.gain(state.w))\n"
        "train() = [(w = Float32[1, 2],), (x = Float32[3, 4], w = Float32[4, 6], "
        "g = Gain.gain(Float32[1, 2]))]\n"
    )

    def side(function, project, executable):
        folder = tmp_path / project
        return JuliaFunction(tmp_path / "model.jl", function, project=folder, julia=executable)

    sides = side("train", "old", julia), side("step", "new", other)
    result = repro.check(*sides, resynchronise=True, draws=("x",))
    assert (result.first.name, result.first.step) == ("g", 1), result.message
    assert result.own.report["w"].verdict is Verdict.PASS_BITWISE
    assert f"--project={tmp_path / 'new'}" in log.read_text()


def test_python_beside_python():
    steps = list(reference())
    steps[4]["dW"] = -steps[4]["dW"]
    assert repro.check(reference, reference).verdict is Verdict.PASS_BITWISE
    assert repro.check(reference, steps).first.name == "dW"
