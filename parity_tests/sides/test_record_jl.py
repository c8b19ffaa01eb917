"""Recordings made by Julia alone: read, held against a port, and refused where they are damaged."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import repro
from repro import JuliaFunction, Verdict
from repro.cli import main
from repro.run import RunError, digest, load, outdated

HERE = Path(__file__).parent
RECORD = HERE.parents[1] / "julia_ref" / "Record.jl"

PAGE = HERE.parents[1] / "docs" / "port-your-own.md"

SCRIPT = """
include("record.jl")
include("Record.jl")
Record.record("train.npz", "steps.jl", "train", 3; steps = 4)
x = Float32[1 2 3; 4 5 6]
Record.save("values.npz", [
    (a = x, t = x', n = Int32(7), yes = true, mask = x .> 2.5, s = 0.1, r = 1:3, e = zeros(0, 2)),
    ["a" => 2x, "größe" => view(x, :, 2)]])
for steps in ([], [Dict("a" => 1)], [(a = "text",)], [(a = 1.0,), ["a" => 1, "a" => 2]])
    try
        Record.save("never.npz", steps)
    catch problem
        println(sprint(showerror, problem))
    end
end
"""


@pytest.fixture(scope="module")
def made(julia, tmp_path_factory) -> Path:
    """A folder with what a Julia without any Python on its path has recorded."""
    folder = tmp_path_factory.mktemp("recorded")
    shutil.copy(RECORD, folder)
    shutil.copy(HERE.parent / "checks" / "steps.jl", folder)
    for name in ("logistic.jl", "record.jl"):
        (text,) = re.findall(rf"^```julia {name}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
        (folder / name).write_text(text)
    system = {"PATH": "/usr/bin:/bin", "HOME": str(folder)} if julia.preload else {}
    command = julia.command("-e", SCRIPT)
    done = subprocess.run(
        command, cwd=folder, env={**julia.environment, **system}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (folder / "said").write_text(done.stdout)
    return folder


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def step(state, draws, rate=0.2):
    rate = np.float32(rate)
    W, b, v = state["W"], state["b"], state["v"]
    x, y = draws["x"], draws["y"]
    z = W @ x + b
    p = sigmoid(z)
    d = (p - y) / np.float32(y.size)
    dW, db = d @ x.T, d.sum(axis=1)
    v = np.float32(0.9) * v + rate * dW
    return {"z": z, "p": p, "d": d, "dW": dW, "db": db, "v": v, "W": W - v, "b": b - rate * db}


def wrong(state, draws):
    return step(state, draws, 0.2001)


GIVEN = {"resynchronise": True, "draws": ("x", "y")}


@pytest.mark.julia
def test_a_port_is_held_against_it(made):
    result = repro.check(made / "train.npz", step, **GIVEN)
    assert result.verdict is Verdict.PASS, result.message
    found = repro.check(made / "train.npz", wrong, **GIVEN)
    assert (found.first.name, found.first.step) == ("v", 1)


@pytest.mark.julia
@pytest.mark.filterwarnings("default::repro.sides.julia.reference.JuliaRetryWarning")
def test_it_is_what_python_records_and_knows_what_it_was_made_of(made, julia):
    train = JuliaFunction(made / "steps.jl", "train", 3, steps=4, julia=julia)
    recorded, run = load(made / "train.npz"), train()
    assert list(recorded.quantities) == list(run.quantities)
    assert repro.check(run, recorded).verdict is Verdict.PASS_BITWISE
    assert outdated(recorded, train) is None
    other = JuliaFunction(made / "steps.jl", "train", 4, steps=4, julia=julia)
    assert outdated(recorded, other) == "arguments: recorded with [3], asked for is [4]"


@pytest.mark.julia
def test_the_page_s_script_makes_the_recording_that_the_fixture_makes(made, julia):
    theirs = load(HERE.parent / "plugin" / "port_your_own.npz")
    ours = load(made / "test_logistic.npz")
    assert ours.provenance.texts == theirs.provenance.texts
    if julia.version_info[:2] == (1, 5) and julia.pinned:
        assert ours.provenance.asked == theirs.provenance.asked
        assert repro.check(theirs, ours).verdict is Verdict.PASS_BITWISE
    assert len(load(made / "other.npz")["w"].steps) == 2


def test_the_command_line_has_it(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["repro", "julia", "recorder"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out == RECORD.read_text()


@pytest.mark.julia
def test_values_arrive_as_they_are(made):
    x = np.float32([[1, 2, 3], [4, 5, 6]])
    expected = [
        {"a": x, "t": x.T, "n": 7, "yes": True, "mask": x > 2.5, "s": 0.1, "r": [1, 2, 3],
         "e": np.zeros((0, 2))},
        {"a": 2 * x, "größe": x[:, 1]},
    ]  # fmt: skip
    result = repro.check(made / "values.npz", expected)
    assert result.verdict is Verdict.PASS_BITWISE, result.message
    with zipfile.ZipFile(made / "values.npz") as file:
        assert file.testzip() is None
    with np.load(made / "values.npz", allow_pickle=False) as plain:
        assert plain["0:t"].tolist() == x.T.tolist() and plain["0:n"].shape == ()


@pytest.mark.julia
def test_what_cannot_be_recorded_is_said_and_leaves_no_file(made):
    lines = (made / "said").read_text().splitlines()
    said = ["there are no steps", "no order of names", "a in step 0 is a String", "have one name"]
    assert len(lines) == len(said) and all(map(str.__contains__, lines, said)), lines
    assert not [*made.glob("never*"), *made.glob("*.part")]


@pytest.mark.julia
@pytest.mark.parametrize("part", [0.1, 0.4, 0.6, 0.9, 0.999])
def test_a_damaged_file_is_refused_by_name(made, tmp_path, part):
    content = bytearray((made / "train.npz").read_bytes())
    del content[int(len(content) * part) :]
    (tmp_path / "cut.npz").write_bytes(content)
    with pytest.raises(RunError, match="cut.npz cannot be read"):
        load(tmp_path / "cut.npz")


@pytest.mark.julia
def test_one_bit_and_one_number_are_noticed(made, tmp_path):
    content = bytearray((made / "train.npz").read_bytes())
    with np.load(made / "train.npz") as plain:
        arrays = dict(plain)
    at = content.index(arrays["2:W"].tobytes())
    content[at] ^= 1
    (tmp_path / "bit.npz").write_bytes(content)
    with pytest.raises(RunError, match="bit.npz cannot be read as arrays .*CRC"):
        load(tmp_path / "bit.npz")
    arrays["2:W"] = arrays["2:W"] * np.float32(1.001)
    np.savez(tmp_path / "changed.npz", **arrays)
    with pytest.raises(RunError, match="changed.npz is damaged"):
        load(tmp_path / "changed.npz")
    content = {name: a for name, a in arrays.items() if name != "sha256"}
    np.savez(
        tmp_path / "signed.npz", **content, sha256=np.frombuffer(digest(content).encode(), np.uint8)
    )
    result = repro.check(tmp_path / "signed.npz", step, **GIVEN)
    assert (result.first.name, result.first.step) == ("W", 2), result.message


def test_a_plain_file_of_anyone_s_is_read(tmp_path):
    np.savez(tmp_path / "plain.npz", **{"0:w": np.ones(2), "1:w": np.zeros(2), "1:x": np.ones(1)})
    assert repro.check(tmp_path / "plain.npz", [{"w": np.ones(2)}, {"w": [0.0, 0.0], "x": [1.0]}])
    np.savez(tmp_path / "gap.npz", **{"0:w": np.ones(2), "2:w": np.zeros(2)})
    with pytest.raises(RunError, match="gap.npz has steps 0, 2: number them from 0 on"):
        load(tmp_path / "gap.npz")
    np.savez(tmp_path / "other.npz", w=np.ones(2))
    with pytest.raises(RunError, match="other.npz is damaged or holds no run"):
        load(tmp_path / "other.npz")
