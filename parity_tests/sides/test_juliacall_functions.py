"""A user's own functions inside this process, in the environment that `make juliacall` made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from juliacall_env import setup

from repro import JuliaFunction
from repro.sides.julia import juliacall_bridge
from repro.sides.julia.find import Julia
from repro.sides.julia.worker import JuliaError

HERE = Path(__file__).parent
OLD = Julia(Path("/nowhere/julia"), "1.5.3", "made up")

SCRIPT = """
import sys
import numpy as np
import repro
from repro import JuliaFunction
from repro.sides.julia.worker import JuliaError

file = sys.argv[1]
outside = JuliaFunction(file, "in_place", 40, "seven", n=2, start=np.float32([0.5, -1]))
inside = JuliaFunction(
    file, "in_place", 40, "seven", way="juliacall", n=2, start=np.float32([0.5, -1])
)
result = repro.check(outside, inside(), tolerance=repro.Bitwise())
assert result.verdict is repro.Verdict.PASS_BITWISE, result
assert inside().provenance.texts == outside().provenance.texts, inside().provenance
assert inside().provenance.asked == outside().provenance.asked

try:
    JuliaFunction(file, "breaks_off", way="juliacall")()
except JuliaError as problem:
    assert "functions.jl:27" in str(problem), problem
else:
    raise AssertionError("no error arrived")

steps = sys.argv[2]
train = JuliaFunction(steps, "train", 1, way="juliacall")
given = {"resynchronise": True, "draws": ("x", "y")}
right = repro.check(train, JuliaFunction(steps, "step", way="juliacall"), **given)
assert right.verdict is repro.Verdict.PASS_BITWISE, right
wrong = repro.check(train, JuliaFunction(steps, "step", way="juliacall", fault="ascent"), **given)
assert (wrong.first.name, wrong.first.step) == ("W", 1), wrong
print("done")
"""


@pytest.mark.julia
@pytest.mark.slow
def test_own_functions_run_inside_without_two_variables(julia, juliacall_variables, not_run):
    if not setup.is_set_up(julia):
        not_run(f"make juliacall has made no environment for Julia {julia.version}")
    environment = {n: v for n, v in os.environ.items() if not n.startswith("PYTHON_JULIA")}
    files = [HERE.parent / "checks" / name for name in ("functions.jl", "steps.jl")]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, files)], capture_output=True, text=True,
        env={**environment, "REPRO_JULIA": str(julia.executable)}, cwd=HERE.parents[1],
    )  # fmt: skip
    assert done.returncode == 0 and done.stdout.endswith("done\n"), done.stdout + done.stderr


@pytest.fixture
def made(tmp_path, monkeypatch):
    """`made(stamp)`: what juliacall is started with beside an environment with that stamp."""
    for name in [n for n in os.environ if n.startswith("PYTHON_JULIA")]:
        monkeypatch.delenv(name)
    monkeypatch.delitem(sys.modules, "juliacall", raising=False)
    monkeypatch.setattr(juliacall_bridge, "default_folder", lambda: tmp_path)
    (tmp_path / "juliacall").mkdir()

    def settings(stamp: object) -> dict[str, str]:
        (tmp_path / "juliacall" / "stamp.json").write_text(json.dumps(stamp))
        return juliacall_bridge._settings(OLD)

    return settings


FITS = {"julia": "/nowhere/julia", "juliacall": juliacall_bridge.version("juliacall")}


def test_the_environment_that_was_made_is_found(made, tmp_path):
    found = made(FITS)
    assert found["PYTHON_JULIACALL_EXE"] == "/nowhere/julia"
    assert found["PYTHON_JULIACALL_PROJECT"] == str(tmp_path / "juliacall")


@pytest.mark.parametrize(
    "stamp", [{**FITS, "julia": "/elsewhere/julia"}, {**FITS, "juliacall": "0.0.1"}, {}, [], "x"]
)
def test_one_that_was_made_for_something_else_is_not(made, stamp):
    with pytest.raises(juliacall_bridge.JuliacallUnavailable, match="make juliacall"):
        made(stamp)


def test_what_cannot_be_had_inside_is_said_at_once():
    with pytest.raises(JuliaError, match="choose worker or juliacall"):
        JuliaFunction("model.jl", "train", way="inside")
    with pytest.raises(JuliaError, match="cannot take a project= as well: leave way= out"):
        JuliaFunction("model.jl", "train", way="juliacall", project="env")
