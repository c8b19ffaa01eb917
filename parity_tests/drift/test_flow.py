"""The commands from recording to the page, with a stand-in for the other interpreter."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from repro.cli import main
from repro.drift import history
from repro.reports.outcome import told_apart

HERE = Path(__file__).parent
CASE = "jax_fit_float64_seed0"


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """`cli(*words)`: status and output of `repro drift` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["repro", "drift", *words])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return left.value.code or 0, said.out + said.err

    return run


@pytest.fixture
def standin(tmp_path):
    """`standin(what)`: the path of an interpreter in which something is computed otherwise."""

    def make(what: str) -> str:
        path = tmp_path / what
        places = os.pathsep.join([str(HERE.parents[1]), str(HERE.parent)])
        words = shlex.join([sys.executable, str(HERE / "standin.py"), what])
        path.write_text(f'#!/bin/sh\nexport PYTHONPATH={places}\nexec {words} "$@"\n')
        path.chmod(0o755)
        return str(path)

    return make


def test_from_recording_to_accepting(cli, standin, tmp_path):
    status, said = cli("record", "base", CASE)
    assert status == 0 and "1 case in base" in said and "repro drift check base" in said
    reports = [
        "--json",
        "j.json",
        "--html",
        "page",
        "--junit",
        "j.xml",
        "--summary",
        "s.md",
        "--history",
        "h.jsonl",
    ]
    status, said = cli("check", "base", *reports)
    assert status == 0 and "same bits" in said
    assert "do not differ" in said and "drift accept" not in said

    for what, expected in (("rounding", 0), ("changed", 1)):
        words = [standin(what), "-m", "repro", "drift", "check", "base", *reports]
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == expected, done.stderr
        assert what in done.stdout and "`loss`" in done.stdout
        assert "repro drift accept base --because" in done.stdout
        assert f"1 {what}" in (tmp_path / "s.md").read_text()
        assert f"Drift, 1 {what}" in (tmp_path / "page" / "index.html").read_text()
        report = json.loads((tmp_path / "j.json").read_text())
        assert report["grade"] == what and report["cases"][0]["carriers"][0] == "loss"
        loss = report["operations"]["loss"]
        assert loss["then"] != loss["now"] and loss["ulp"] > 0
        digits = told_apart(loss["then"], loss["now"])
        pages = [(tmp_path / p).read_text() for p in ("s.md", "page/index.html")]
        assert all(n in text for text in [done.stdout, *pages] for n in digits)
        assert all("then" in text and "now" in text for text in pages)
        failed = ElementTree.parse(tmp_path / "j.xml").getroot().attrib["failures"]
        assert failed == str(expected)

    lines, lost = history.read(tmp_path / "h.jsonl")
    grades = [line["cases"][CASE]["grade"] for line in lines]
    assert grades == ["same bits", "rounding", "changed"] and lost == 0
    assert "rounding" in cli("history", "h.jsonl", "--png", "drawn")[1]
    assert (tmp_path / "drawn" / "history.png").read_bytes().startswith(b"\x89PNG")
    assert cli("history", "h.jsonl", "--html", "over")[0] == 0
    over = (tmp_path / "over" / "index.html").read_text()
    assert "data:image/svg+xml" in over and "<td>changed</td>" in over

    words = [standin("changed"), "-m", "repro", "drift", "accept", "base", "--because", "leaks"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "accepted in base: leaks" in done.stdout and "is beyond its bound" in done.stdout
    assert cli("check", "base")[0] == 1
    assert json.loads((tmp_path / "base" / "baseline.json").read_text())["history"][1]["because"]


def test_matrix_names_the_setting_that_changes_bits(cli, standin, tmp_path):
    words = ["--python", sys.executable, "--python", standin("changed"), "--python", "nowhere"]
    status, said = cli("matrix", CASE, *words, "--summary", "s.md", "--html", "page")
    assert status == 2 and "nowhere" in said  # one could not be run, and is no pass
    text = (tmp_path / "s.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| python=")]
    assert [row.split(" | ")[1] for row in rows[:2]] == ["not run", "changed"]  # worst first
    assert f"changed alone changes bits of {CASE}" in text
    page = (tmp_path / "page" / "index.html").read_text()
    assert "<td>changed</td>" in page and "Content-Security-Policy" in page
    # Of the combination that differs its operations too, then and now.
    operations = text[text.index("changed: changed") :]
    assert "| loss |" in operations and "| then | now |" in operations
    assert '"Combinations"' in page and "<td>loss</td>" in page


@pytest.mark.slow
def test_the_default_suite_takes_two_megabytes_at_most(cli, tmp_path):
    """Planted: 90 kB of operations a case, which took 2.04 MB."""
    status, said = cli("record", "base")
    size = sum(path.stat().st_size for path in (tmp_path / "base").iterdir())
    assert status == 0 and size <= 2_000_000, said


@pytest.mark.slow
def test_matrix_over_variables(cli, tmp_path):
    """torch's kernels without vectors sum otherwise; a second thread, in such small products, does
    not."""
    over = ["--env", "ATEN_CPU_CAPABILITY=default,avx2", "--env", "OMP_NUM_THREADS=1,2"]
    status, said = cli("matrix", "fomaml_seed2_tasks7", *over, "--summary", "s.md")
    text = (tmp_path / "s.md").read_text()
    assert status == 0 and text.count("| ATEN_CPU_CAPABILITY=") == 4, said
    changed = "ATEN_CPU_CAPABILITY: default -> avx2 alone changes bits of fomaml_seed2_tasks7"
    assert changed in text and "OMP_NUM_THREADS: 1 -> 2 alone changes no bit" in text
    assert "OTHER BITS" not in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["matrix", CASE], "one combination has nothing beside it"),
        (["matrix", CASE, "--env", "A"], "names no values"),
        (["check", "nowhere"], "there is no baseline in nowhere"),
        (["history", "nowhere"], "cannot be read"),
        (["record", "fomaml"], "name the folder before it, repro drift record DIR fomaml"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(cli, words, says):
    status, said = cli(*words)
    assert status == 2 and says in said and len(said.strip().splitlines()) == 1


def test_half_a_line_of_history_is_counted_as_lost(tmp_path):
    path = tmp_path / "h.jsonl"
    path.write_text('{"when": "2')
    history.append(path, [], "abc")
    lines, lost = history.read(path)
    assert [line["commit"] for line in lines] == ["abc"] and lost == 1
    other = {**lines[0], "environment": "other"}
    assert history.changes([lines[0], lines[0], other]) == [2]


@pytest.mark.slow
@pytest.mark.environments
def test_another_torch(cli, not_run):
    """REPRO_OTHER_PYTHON names an interpreter with another torch and what this package needs."""
    other = os.environ.get("REPRO_OTHER_PYTHON")
    if other is None:
        not_run("no other interpreter: REPRO_OTHER_PYTHON=PATH names one with another torch")
    status, said = cli("matrix", CASE, "--python", sys.executable, "--python", other)
    assert status == 0
    assert "same bits" in said or "rounding" in said
    assert "OTHER BITS" not in said
