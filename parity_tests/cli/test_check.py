"""`repro check`: sides by name, verdicts as exit statuses, and what is refused in one line."""

from __future__ import annotations

import json
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from repro.cli import main
from repro.cli.console import waiting
from repro.run import Run, record

PORT = """
import sys
import numpy as np
from beside import rate

def train(seed=1, steps=3):
    w = np.full(2, seed, np.float32)
    yield {"w": w}
    for i in range(steps):
        x = np.float32([i, 1])
        w = w - np.float32(rate) * x
        yield {"x": x, "w": w}

def step(state, draws, rate=rate):
    return {"w": state["w"] - np.float32(rate) * draws["x"]}

def close():
    for step in train():
        yield {name: a * np.float64(1 + 1e-6) for name, a in step.items()}

def ends(status=0):
    yield {"w": np.ones(2)}
    sys.exit(status)

def wrong_key(state, draws):
    return {"w": state["W"]}

number = 3
"""


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """`cli(*arguments)`: status, output and errors of the command in a folder with `port.py`."""
    (tmp_path / "port.py").write_text(PORT)
    (tmp_path / "beside.py").write_text("rate = 0.1\n")
    (tmp_path / "broken.py").write_text("x = 1\n1 / 0\n")
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(0)\n")
    (tmp_path / "model.jl").write_text("train(seed) = [(w = Float32[seed, seed],)]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = {*sys.modules}

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["repro", "check", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return end.value.code, captured.out, captured.err

    yield run
    for name in {"port", "beside"} - before:
        sys.modules.pop(name, None)


def test_a_right_port_passes_and_a_wrong_one_fails(cli):
    status, out, _ = cli("port.py:train", "port.py:train(1, steps=3)")
    assert status == 0 and out.startswith("PASS_BITWISE")
    status, out, _ = cli("port.py:train(1)", "port.py:train(seed=2)")
    assert status == 1 and out.startswith("FAIL: `w` in step 0 is where the port parts")
    assert "first wrong: `w` in step 0" in out


def test_a_step_is_resynchronised(cli):
    options = ("--resynchronise", "--draws", "x", "--state", "w")
    assert cli("port.py:train(1)", "port.py:step", *options)[0] == 0
    status, out, _ = cli("port.py:train(1)", "port.py:step(rate=0.2)", *options)
    assert status == 1 and "step 1 started from the reference's own state" in out


def test_reports_and_saved_runs(cli, tmp_path):
    status, out, _ = cli(
        "port.py:train(1)", "port.py:train(2)", "--json", "all/check.json", "--html", "page",
        "--junit", "all/check.xml", "--save", "runs",
    )  # fmt: skip
    document = json.loads((tmp_path / "all/check.json").read_text())
    (case,) = document["cases"]
    assert status == 1 and case["case"] == "port.py:train(1) | port.py:train(2)"
    assert document["verdict"] == "FAIL" and case["first_wrong"] == {"step": 0, "name": "w"}
    page = (tmp_path / "page/index.html").read_text()
    assert "port.py:train(2)" in page and "first wrong: `w` in step 0" in page
    failure = ElementTree.parse(tmp_path / "all/check.xml").find(".//failure")
    assert failure is not None and "first wrong" in failure.text
    assert list(Run.load(tmp_path / "runs/port.npz").quantities) == ["x", "w"]
    assert cli("runs", "port.py:train(2)")[0] == 1  # a folder is the reference where it is first
    assert cli("port.py:train(2)", "runs")[0] == 0
    assert cli("runs/port.npz", "port.py:train(2)", "--json", "-")[1].startswith("{")


def test_the_options_reach_the_check(cli):
    budget = ("--ulps", "100", "--because", "a product")
    assert cli("port.py:train", "port.py:close", *budget, "--no-strict")[0] == 0
    assert cli("port.py:train", "port.py:close", *budget)[0] == 1  # Float64 beside Float32
    assert cli("port.py:train", "port.py:close", "--bitwise", "--no-strict")[0] == 1
    assert cli("port.py:train(1)", "port.py:train(2)", "--names", "x")[0] == 0


def test_what_a_side_prints_is_not_among_the_figures(cli, tmp_path):
    """Catches JSON on standard output that no reader takes."""
    text = "print('loaded')\ndef train():\n    print('training')\n    yield {'w': 1.0}\n"
    (tmp_path / "chatty.py").write_text(text)
    status, out, errors = cli("chatty.py:train", "chatty.py:train", "--json", "-")
    assert status == 0 and json.loads(out) and "loaded" in errors and "training" in errors


def test_what_cannot_be_run_is_status_2(cli, tmp_path):
    status, out, _ = cli("model.jl:train(1)", "port.py:train", "--julia-exe", "no-julia")
    assert status == 2 and out.startswith("NOT_RUN") and "repro julia install" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gone.jl:train(1)", "x.npz"], "gone.jl is not there: check the path"),
        (["port.py:train", "gone.npz"], "gone.npz does not exist"),
        (["port.py:train", "port.py"], "'port.py' names no side: give FILE.jl:FUNCTION"),
        (["port.py:train", "."], ". holds no port.npz"),
        (["port.py:gone", "port.py:train"], "port.py has no gone: choose train, step, close"),
        (["port.py:train", "port.py:ends"], "port.py, line 23, ended the check: SystemExit: 0"),
        (["port.py:ends(1)", "port.py:train"], "port.py, line 23, ended the check: SystemExit: 1"),
        (
            ["port.py:train", "port.py:wrong_key", "--resynchronise", "--draws", "x"],
            "the port asks for state['W'], but is given w",
        ),
        (["port.py:step", "port.py:train"], "the reference takes (state, draws, rate="),
        (["port.py:train(1, 2, 3)", "port.py:train"], "too many positional arguments. Give"),
        (["exits.py:x", "port.py:train"], "exits.py cannot be imported: SystemExit: 0, line 2"),
        (["port.py:number(1)", "port.py:train"], "is a int, which takes no arguments"),
        (["broken.py:x", "port.py:train"], "ZeroDivisionError: division by zero, line 2"),
        (["model.jl:train(rand())", "port.py:train"], "are no literals"),
        (["port.py:train(__import__('os'))", "port.py:train"], "nothing is evaluated"),
        (["port.py:train(1) + f(2)", "port.py:train"], "are no literals"),
        (["port.py:train(1), f(2)", "port.py:train"], "are no literals"),
        (["port.py:train(**{})", "port.py:train"], "are no literals"),
        (["port.py:train", "port.py:train", "--ulps", "3"], "a budget needs its derivation"),
        (["port.py:train", "port.py:train", "--because", "x"], "add --ulps N"),
        (["port.py:train", "port.py:train", "--bitwise", "--ulps", "1"], "two tolerances"),
        (["port.py:train", "port.py:train", "--draws", "x"], "resynchron"),
        (["port.py:train", "port.py:step", "--resynchronise"], "asks for draws['x'], but is given"),
        (["port.py:train", "port.py:train", "--undecided-ok", "w"], "say why w may be undecided"),
        (["model.jl:train(julia=1)", "port.py:train"], "julia is ours, not the function's"),
    ],
)
def test_bad_input_is_one_line(cli, arguments, says):
    status, out, errors = cli(*arguments)
    assert status == 2 and out == ""
    assert errors.startswith("repro: ") and errors.count("\n") == 1 and says in errors


def test_what_is_not_foreseen_is_no_failed_check(cli, monkeypatch):
    """Catches a crash of our own with the status of a port that is wrong."""
    monkeypatch.setattr("repro.checks.check", lambda *_, **__: 1 / 0)
    status, _, errors = cli("port.py:train", "port.py:train")
    assert status == 2 and "ZeroDivisionError" in errors


PLACES = [("--json", "port.py/x"), ("--html", "port.py"), ("--junit", "."), ("--save", "port.py")]


@pytest.mark.parametrize("place", PLACES)
def test_places_that_cannot_be_written_are_found_before_anything_runs(cli, tmp_path, place):
    (tmp_path / "runs.py").write_text("open('it ran', 'x')\ntrain = []\n")
    status, _, errors = cli("runs.py:train", "runs.py:train", *place)
    assert status == 2 and "cannot be written" in errors and not (tmp_path / "it ran").exists()


@pytest.mark.parametrize(
    ("place", "lost"),
    [
        (("--reproduction", "."), "reference.npz"),
        (("--save", "."), "reference.npz"),
        (("--json", "./port.py"), "port.py"),
        (("--junit", "reference.npz"), "reference.npz"),
    ],
)
def test_no_result_replaces_what_was_compared(cli, tmp_path, place, lost):
    """Catches a recording that is replaced by the one step that was wrong."""
    record([{"w": np.ones(2, np.float32)}], tmp_path / "reference.npz")
    before = (tmp_path / lost).read_bytes()
    status, _, errors = cli("reference.npz", "port.py:train", *place)
    assert status == 2 and f"would replace {lost}: name another place" in errors
    assert (tmp_path / lost).read_bytes() == before


@pytest.mark.julia
@pytest.mark.filterwarnings("default::repro.sides.julia.reference.JuliaRetryWarning")
def test_a_julia_reference(julia, cli, tmp_path):
    record([{"w": np.full(2, 7, np.float32)}], tmp_path / "kept.npz")
    assert cli("model.jl:train(7)", "kept.npz", "--julia-exe", str(julia.executable))[0] == 0
    assert cli("model.jl:train(8)", "kept.npz", "--julia-exe", str(julia.executable))[0] == 1


def test_long_work_is_spoken_of_and_short_work_is_not(capsys):
    import time

    with waiting("check", after=5):
        pass
    with waiting("check", after=0.01, between=5):
        time.sleep(0.2)
    assert capsys.readouterr().err == "check: running, 0 s\n"


def test_what_is_ours_is_not_blamed_on_a_side(cli, monkeypatch):
    def broken(*_, **__):
        raise IndexError

    monkeypatch.setattr("repro.checks.check", broken)
    status, _, errors = cli("port.py:train(1)", "port.py:train(1)")
    assert status == 2 and errors.endswith("IndexError\n") and "ended the check" not in errors


def test_a_page_is_said_where_it_is(cli):
    errors = cli("port.py:train(1)", "port.py:train(1)", "--html", "page")[2]
    assert errors == "page: page/index.html\n"
