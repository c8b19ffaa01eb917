"""Julia inside this process. Every start is in a process of its own: one holds one Julia."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sides import version_says

from repro.sides.julia import juliacall_bridge
from repro.sides.julia.find import BLAS_PINS, CHOOSE_IT, CPU_TARGET, Julia
from repro.sides.julia.juliacall_bridge import JuliacallUnavailable
from repro.sides.julia.worker import Worker

HERE = Path(__file__).parent
OLD = Julia(Path("/nowhere/julia"), "1.5.3", "made up")
NEW = Julia(Path("/nowhere/julia"), "1.10.4", "made up")


def python(
    script: Sequence[str], *arguments: str, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a Python of its own, in which every warning is an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", *script, *arguments],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def sessions(
    julia: Julia, juliacall_variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, Any]]:
    """`sessions(order)`: what juliacall_session.py saw with that argument; one run each."""

    @functools.cache
    def run(order: str) -> dict[str, Any]:
        results = tmp_path_factory.mktemp(order) / "results.npz"
        env = {**juliacall_variables, "REPRO_JULIA": str(julia.executable)}
        done = python([str(HERE / "juliacall_session.py"), order, str(results)], env=env)
        assert done.returncode == 0, done.stderr
        with np.load(results) as file:
            seen = {name: file[name] if file[name].ndim else file[name].item() for name in file}
        return {**seen, "order": order, "printed": done.stdout + done.stderr}

    return run


@pytest.fixture(params=["torch-first", "torch-later"])
def either(request: pytest.FixtureRequest, sessions: Any) -> dict[str, Any]:
    """Both orders of importing torch and starting Julia, one after the other."""
    return sessions(request.param)


@pytest.fixture
def session(sessions: Any) -> dict[str, Any]:
    """The one in which our package was asked as well."""
    return sessions("torch-first")


LIVE = pytest.param("live", marks=[pytest.mark.julia, pytest.mark.slow])


@pytest.fixture(params=[LIVE, "replayed"])
def told(request: pytest.FixtureRequest) -> tuple[Julia, dict[str, Any]]:
    """What our package told inside a live Julia, and what a 1.10.8 told, replayed."""
    if request.param == "live":
        return request.getfixturevalue("julia"), request.getfixturevalue("session")
    julia = request.getfixturevalue("replayed_julia")
    worker = Worker(julia.command(), julia.environ(), HERE.parents[1] / "julia_ref")
    try:
        return julia, version_says.told_by(worker, julia.version)
    finally:
        worker.close()


@pytest.mark.julia
@pytest.mark.slow
def test_starts_silently_before_and_after_torch(either):
    assert either["torch_imported_first"] is (either["order"] == "torch-first")
    assert either["printed"] == ""


@pytest.mark.julia
@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_go_into_julia_without_a_copy(either, dtype):
    assert either[f"in.{dtype}.eltype"] == dtype.title()
    assert either[f"in.{dtype}.sum"] == 1.5 - 2.25 + 3.125
    assert either[f"in.{dtype}.written"].tolist() == [1.5, 42, 3.125]
    assert either[f"in.{dtype}.torch_sum"] == 4.0
    assert either[f"in.{dtype}.torch_written"].tolist() == [1.5, 42]


@pytest.mark.julia
@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_come_back_without_a_copy(either, dtype):
    values = either[f"out.{dtype}.values"]
    assert values.dtype == dtype
    assert values.tolist() == [[11, 12], [21, 22], [31, 32]]
    in_julia, in_numpy, in_torch = either[f"out.{dtype}.addresses"]
    assert in_julia == in_numpy == in_torch
    assert either[f"out.{dtype}.read_back"] == -7
    # What a copy would show, so that the equality above means something.
    assert either[f"out.{dtype}.copy_address"] != in_julia


@pytest.mark.julia
@pytest.mark.slow
def test_arrays_outlive_what_made_them(either):
    assert either["outlives_collection"]


@pytest.mark.julia
@pytest.mark.slow
def test_pins_stay_in_julia(session):
    assert set(session["pins_left_behind"].split()) <= set(os.environ)


def test_pins_hold_in_julia(told):
    """The kernels are asked of OpenBLAS itself: what BLAS says of its settings has no kernel in it
    from 1.7 on."""
    julia, session = told
    assert session["about.threads"] == 1
    if julia.pinned:
        assert session["about.cpu_target"] == CPU_TARGET
        assert session["about.blas_kernels"] == BLAS_PINS["OPENBLAS_CORETYPE"]


def test_draws_are_those_of_the_version(told):
    """Catches a number of 1.5's that is held against every Julia."""
    julia, session = told
    assert session["about.default_generator"] == julia.default_generator
    assert session["draws"].tolist() == version_says.expected_draws(julia.version)


def test_a_run_equals_the_recording_bit_for_bit(told, not_run):
    julia, session = told
    expected = version_says.expected_run(julia.version)
    if expected is None or not julia.pinned:
        not_run(f"no run of Julia {julia.version} under the pins is recorded: {CHOOSE_IT}")
    for name, values in expected.items():
        found = session[f"run.{name}"]
        assert found.dtype == values.dtype == np.float32
        assert found.tobytes() == values.tobytes(), name
        # One last bit in one number would be seen.
        moved = found.copy()
        moved.flat[-1] = np.nextafter(moved.flat[-1], np.float32(np.inf))
        assert moved.tobytes() != values.tobytes()


@pytest.mark.julia
@pytest.mark.slow
def test_both_ways_give_the_same_bits_and_types(session, julia):
    source = HERE.parents[1] / "julia_ref"
    worker = Worker(julia.command(), julia.environ(), source)
    try:
        answer = worker.ask(version_says.run_request(julia.version), 120)
    finally:
        worker.close()
    inside = {name[4:]: value for name, value in session.items() if name.startswith("run.")}
    assert list(inside) == list(answer)
    for name, value in answer.items():
        assert np.asarray(inside[name]).dtype == np.asarray(value).dtype, name
        assert np.array_equal(inside[name], value), name


@pytest.mark.julia
@pytest.mark.slow
def test_an_error_in_julia_is_an_exception_with_julias_words(session):
    assert "no operation is called no such thing" in session["error"]
    assert "handle.jl" in session["error.backtrace"]


@pytest.mark.julia
@pytest.mark.slow
@pytest.mark.parametrize("call", ["ask", "start"])
def test_another_thread_is_refused_and_harmless(session, julia, call):
    message = session[f"thread.{call}"]
    assert "main thread only" in message and "another" in message and "--julia worker" in message
    assert session["after_thread"].tolist() == version_says.expected_draws(julia.version)


@pytest.mark.julia
@pytest.mark.slow
def test_exceptions_in_torch_stay_exceptions(either):
    assert "cannot be multiplied" in either["torch_error"]


UNGUARDED = """
from repro.sides.julia.find import find_julia
from repro.sides.julia import juliacall_bridge
juliacall_bridge._keep_the_unwinder = lambda: None
juliacall_bridge.start(find_julia())
import torch
try:
    torch.ones(2, 3) @ torch.ones(2, 3)
except RuntimeError:
    print("survived")
"""


@pytest.mark.julia
@pytest.mark.slow
def test_the_guard_of_the_unwinder_is_what_saves_them(julia, juliacall_variables):
    """Without it libunwind catches torch's exceptions, and Python is aborted."""
    if not julia.preload:
        pytest.skip("NOT RUN: this Julia was not unpacked by `repro julia install`")
    done = python(
        ["-c", UNGUARDED], env={**juliacall_variables, "REPRO_JULIA": str(julia.executable)}
    )
    assert done.returncode < 0 and "survived" not in done.stdout


@pytest.mark.julia
@pytest.mark.slow
def test_interrupts_stay_pythons(either):
    assert either["interrupted"]


START_TWICE = """
import sys
from pathlib import Path
from repro.sides.julia.find import Julia
from repro.sides.julia.juliacall_bridge import JuliacallUnavailable, start
for _ in range(2):
    try:
        start(Julia(Path(sys.argv[1]), "1.5.3", "given"))
    except JuliacallUnavailable as problem:
        print(problem, end="\\n====\\n")
"""


def refusals(variables: Mapping[str, str], executable: str) -> list[str]:
    """The messages of two attempts to start in one process, which has to survive both."""
    done = python(["-c", START_TWICE], executable, env=variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n====\n")[:-1]


def test_a_program_that_prints_rubbish(fake_julia):
    program = fake_julia("echo 'Segmentation fault (core dumped)'")
    variables = {"PYTHON_JULIACALL_EXE": program, "PYTHON_JULIACALL_PROJECT": str(HERE)}
    first, second = refusals(variables, program)
    assert "juliacall did not start" in first and "--julia worker" in first
    assert second == first


def test_a_program_that_fails_is_quoted(fake_julia):
    program = fake_julia("echo 'sysimage is broken' >&2; exit 3")
    variables = {"PYTHON_JULIACALL_EXE": program, "PYTHON_JULIACALL_PROJECT": str(HERE)}
    assert "sysimage is broken" in refusals(variables, program)[0]


@pytest.mark.julia
def test_an_environment_without_pythoncall(julia, tmp_path):
    (tmp_path / "Project.toml").write_text("[deps]\n")
    program = str(julia.executable)
    variables = {"PYTHON_JULIACALL_EXE": program, "PYTHON_JULIACALL_PROJECT": str(tmp_path)}
    script = START_TWICE.replace('Julia(Path(sys.argv[1]), "1.5.3", "given")', "find_julia()")
    script = script.replace("import Julia\n", "import find_julia\n")
    done = python(["-c", script], env={**variables, "REPRO_JULIA": program})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("juliacall did not start") == 2


def test_one_of_juliacalls_two_variables_is_not_enough(fake_julia):
    program = fake_julia("echo julia version 1.5.3")
    assert "PROJECT" in refusals({"PYTHON_JULIACALL_EXE": program}, program)[0]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Callable[[Julia], dict[str, str]]:
    """juliacall's settings in a process where nobody has set or started anything."""
    for name in list(os.environ):
        if name.startswith(("PYTHON_JULIA", "JULIA_NUM_THREADS")):
            monkeypatch.delenv(name)
    monkeypatch.delitem(sys.modules, "juliacall", raising=False)
    return juliacall_bridge._settings


def test_threads_and_signals_are_set_where_the_user_has_set_none(settings):
    assert settings(NEW) == {
        "PYTHON_JULIACALL_THREADS": "1",
        "PYTHON_JULIACALL_HANDLE_SIGNALS": "no",
        "PYTHON_JULIAPKG_EXE": "/nowhere/julia",
    }


@pytest.mark.parametrize(
    ("variable", "value", "left_alone"),
    [
        ("PYTHON_JULIACALL_THREADS", "4", "PYTHON_JULIACALL_THREADS"),
        ("JULIA_NUM_THREADS", "4", "PYTHON_JULIACALL_THREADS"),
        ("PYTHON_JULIACALL_HANDLE_SIGNALS", "yes", "PYTHON_JULIACALL_HANDLE_SIGNALS"),
    ],
)
def test_what_the_user_has_set_stays(settings, monkeypatch, variable, value, left_alone):
    monkeypatch.setenv(variable, value)
    assert left_alone not in settings(NEW)


def test_command_line_options_count_as_set(settings, monkeypatch):
    monkeypatch.setitem(sys._xoptions, "juliacall-threads", "2")
    assert "PYTHON_JULIACALL_THREADS" not in settings(NEW)


def test_an_old_julia_that_nobody_set_up(settings):
    with pytest.raises(JuliacallUnavailable, match=r"not set up for Julia 1\.5\.3.*setup\.py"):
        settings(OLD)


def test_set_up_for_another_julia(settings, monkeypatch):
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", "/elsewhere/julia")
    with pytest.raises(JuliacallUnavailable, match="/elsewhere/julia.*REPRO_JULIA"):
        settings(OLD)


def test_juliacall_imported_by_other_code(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "juliacall", SimpleNamespace())
    with pytest.raises(JuliacallUnavailable, match="other code imported juliacall"):
        settings(NEW)


def test_juliacall_not_installed(settings, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(JuliacallUnavailable, match="pip install juliacall"):
        settings(NEW)


def test_a_second_julia_in_one_process(monkeypatch):
    monkeypatch.setattr(juliacall_bridge, "_started", (NEW, SimpleNamespace()))
    other = Julia(Path("/elsewhere/julia"), "1.5.3", "made up")
    with pytest.raises(JuliacallUnavailable, match="cannot run /elsewhere/julia as well"):
        juliacall_bridge.start(other)


def test_another_thread_is_refused_before_anything_starts():
    problems = []

    def attempt():
        try:
            juliacall_bridge.start(OLD)
        except JuliacallUnavailable as problem:
            problems.append(str(problem))

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert len(problems) == 1 and "main thread only" in problems[0]
