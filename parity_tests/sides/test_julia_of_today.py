"""A Julia of today as the reference: what a live 1.10.8 answered, replayed."""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from repro.checks import Verdict
from repro.cli import app
from repro.errors import ReproError
from repro.reports import Outcome
from repro.reports.facts import facts
from repro.sides import recorded
from repro.sides.choosing import live_case
from repro.sides.julia.find import Julia
from repro.sides.julia.function import JuliaFunction
from repro.sides.julia.reference import JuliaReference
from repro.sides.julia.worker import JuliaError
from repro.sides.live import Live
from repro.sides.parity import parity

HERE = Path(__file__).parent
RECORDED = HERE / "julia_1.10.8"
NAMES = ("fomaml", "reptile", "transfer_learn", "transfer_learn_blog")


@pytest.fixture
def julia(replayed_julia) -> Julia:
    return replayed_julia


@pytest.fixture
def live(julia):
    with JuliaReference("worker", julia, start_seconds=60) as reference:
        yield Live(reference)


def weighed(case):
    """The case with the weights that were recorded of it."""
    epochs = recorded.load(f"{case.function}_seed3", RECORDED).case.weight_epochs
    return replace(case, weight_epochs=tuple(e for e in epochs if e <= case.epochs))


def of_recorded(function: str, epochs: int, generator: str):
    """A case as long as the replayed answers are cut, held to no more than they hold."""
    case = live_case(function, 3, epochs, {}, generator)
    return replace(weighed(case), lacks=("next_rand",))


@pytest.mark.parametrize("function", NAMES)
def test_both_sides_draw_from_the_generator_that_this_julia_starts(live, function):
    """Catches a port that goes on drawing from MersenneTwister, and FAILs at every draw."""
    assert live.generator == "Xoshiro"
    case = of_recorded(function, 3, live.generator)
    found = parity(case, live)
    assert found.verdict is Verdict.PASS, found
    assert found.own.report["init_weights"].verdict is Verdict.PASS_BITWISE
    assert found.own.report["eval_x"].verdict is Verdict.PASS_BITWISE
    assert found.own.reference.provenance.generator == "Xoshiro(3) of Julia 1.10.8"
    assert found.own.port.provenance.generator == "Xoshiro(3)"
    (said,) = facts([Outcome(case, found)], {})
    (numbers,) = (s for s in said.settings if s.name == "random numbers")
    assert numbers.reference.startswith("Xoshiro(3) of Julia 1.10.8")
    assert numbers.port.startswith("Xoshiro")


def test_another_generator_on_one_side_is_one_line_before_anything_is_compared(live):
    case = of_recorded("fomaml", 3, "Xoshiro")

    class Elsewhere:
        name, rule = "elsewhere", live.rule

        def run(self, case):
            return live.run(replace(case, generator="Xoshiro"))

    with pytest.raises(ReproError, match=r"draws from Xoshiro\(3\).*--generator"):
        parity(replace(case, generator="MersenneTwister"), Elsewhere())


@pytest.mark.slow
def test_the_command_takes_a_folder_of_recordings_and_their_generator():
    """The whole recordings of 1.10.8, 60 iterations each, through the same door as the shipped."""
    done = CliRunner().invoke(app, ["parity", "--reference", str(RECORDED)])
    assert done.exit_code == 0 and "4 of 4 cases pass" in done.stdout


@pytest.mark.parametrize("name", [f"{name}_seed3" for name in NAMES])
def test_recordings_carry_their_generator(name):
    assert recorded.load(name, RECORDED).case.generator == "Xoshiro"


def test_a_recording_that_is_written_carries_its_generator(live, tmp_path):
    case = replace(of_recorded("reptile", 60, "Xoshiro"), name="kept", lacks=())
    recorded.save(case, live.run(case), tmp_path)
    assert recorded.load("kept", tmp_path).case.generator == "Xoshiro"


def test_the_compiled_engines_refuse_the_generator_and_the_rule_is_measured_without_them(live):
    """Catches a rule that asks the exact engine and takes the whole command down."""
    from repro.sides.port import Port

    case = of_recorded("reptile", 2, "Xoshiro")
    found = parity(case, live, Port("exact"))
    assert found.verdict is Verdict.NOT_RUN and "MersenneTwister" in found.message
    assert parity(case, live)


@pytest.mark.parametrize(
    ("kernels", "said"), [("Haswell", "verified"), ("Zen", "unverified: BLAS runs Zen kernels")]
)
def test_the_pinned_kernels_are_asked_for_and_not_believed(julia, kernels, said):
    environment = {**julia.environment, "REPLAY_KERNELS": kernels}
    with JuliaReference("worker", replace(julia, environment=environment)) as reference:
        assert reference.about()["pins"] == said


@pytest.mark.parametrize(
    ("asked", "generator"), [((), "Xoshiro"), (("--generator", "mersenne"), "MersenneTwister")]
)
def test_the_command_asks_for_the_generator_of_the_julia_that_answers(
    julia, monkeypatch, asked, generator
):
    """Catches a command that keeps to MersenneTwister, whatever answers, or ignores the option."""
    monkeypatch.setenv("REPRO_JULIA", str(julia.executable))
    monkeypatch.setenv("PYTHONPATH", str(HERE.parents[1]))
    seen = []
    command = importlib.import_module("repro.cli.parity")
    monkeypatch.setattr(command, "_run", lambda cases, *_: seen.extend(cases) or [])
    CliRunner().invoke(app, ["parity", "--reference", "julia", "--case", "reptile", *asked])
    assert [case.generator for case in seen] == [generator]


def test_the_exact_engine_says_whose_bits_it_has(julia, monkeypatch):
    monkeypatch.setenv("REPRO_JULIA", str(julia.executable))
    monkeypatch.setattr(importlib.import_module("repro.cli.parity"), "_run", lambda *_: [])
    command = ["parity", "--reference", "julia", "--generator", "mersenne", "--engine"]
    said = "has the bits of Julia 1.5.3 alone: of 1.10.8 it is held to the tolerance"
    assert said in CliRunner().invoke(app, [*command, "exact"]).stderr.replace("\n", " ")
    assert "bits" not in CliRunner().invoke(app, [*command, "fast"]).stderr


@pytest.mark.parametrize(
    "module", ["repro.sides.record_check", "planted.localised", "planted.false_alarms"]
)
def test_what_is_claimed_for_1_5_3_alone_refuses_another_by_name(
    julia, monkeypatch, capsys, tmp_path, module
):
    """Catches a table of planted faults that is written anew beside a Julia it is not true of."""
    monkeypatch.setenv("REPRO_JULIA", str(julia.executable))
    monkeypatch.setattr(sys, "argv", [module])
    assert importlib.import_module(module).main() == 2
    said = capsys.readouterr().err
    assert said.startswith("NOT RUN") and "is Julia 1.10.8, and 1.5.3 is wanted" in said


def test_doctor_names_the_julia(julia, monkeypatch):
    monkeypatch.setenv("REPRO_JULIA", str(julia.executable))
    found = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)["julia"]
    assert found == "1.10.8, named by REPRO_JULIA, pinned, Xoshiro"


FAILURE = """the learning rate is negative
Stacktrace:
  [1] error(s::String)
    @ Base ./error.jl:35
  [2] descend(rate::Float64)
    @ Main /home/me/model.jl:12
  [3] {first}
  [4] collect_arrays(steps::Channel{Any})
    @ UserFunction {ours}/src/worker.jl:77
"""


@pytest.mark.parametrize(
    "first",
    [
        "#invokelatest#2\n    @ ./essentials.jl:892 [inlined]",
        "named_arrays(steps::Channel{Any})\n    @ UserFunction {ours}/src/worker.jl:55",
    ],
    ids=["Julia's own", "ours"],
)
def test_a_failure_shows_julias_words_and_none_of_our_frames(first):
    """Frames take two lines from 1.6 on; cutting between them leaves half of one of ours."""
    from repro.sides.julia.function import SOURCE

    trace = FAILURE.replace("{first}", first).replace("{ours}", str(SOURCE))
    problem = JuliaError("x", backtrace=trace)
    said = JuliaFunction("model.jl", "train")._failure(problem)
    assert "model.jl:12" in said and "the learning rate is negative" in said
    assert "invokelatest" not in said and "worker.jl" not in said and "[3]" not in said


def test_a_frame_is_short_whatever_the_types_of_its_arguments():
    state = 'NamedTuple{(Symbol("conv.weight"), :b),Tuple{Array{Float32,3},Array{Float32,1}}}'
    trace = f" [1] step(::{state}; rate::Float32) at /home/me/model.jl:27"
    problem = JuliaError("x", backtrace=f"{{kept}} not defined\nStacktrace:\n{trace}")
    said = JuliaFunction("model.jl", "step")._failure(problem)
    assert "[1] step(::NamedTuple; rate::Float32) at /home/me/model.jl:27" in said
    assert "{kept}" in said


def test_status_changes_nothing(julia, tmp_path):
    import subprocess

    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "REPRO_JULIA": str(julia.executable)}
    for name in ("XDG_CACHE_HOME", "JULIA_DEPOT_PATH"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-m", "repro", "julia", "status"],
        env=environment, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0 and "1.10.8" in done.stdout and "Xoshiro" in done.stdout
    assert list(home.rglob("*")) == []
