"""The command line as people meet it: tables, JSON, exit statuses, one clear line for bad input."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from planted.plant import Change, PlantedPort
from rich.console import Console

from repro.cases import RECORDS, luna
from repro.checks import Bitwise, check
from repro.cli import main
from repro.cli.options import refuse_misspelt
from repro.cli.table import _table, print_outcomes
from repro.errors import ReproError
from repro.reports.outcome import COLUMNS, Outcome
from repro.run import Run
from repro.sides import parity, recorded
from repro.sides.recorded import Recorded


def run(*arguments: str, monkeypatch, capsys) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["repro", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    captured = capsys.readouterr()
    return end.value.code, captured.out, captured.err


@pytest.fixture
def repro_cli(monkeypatch, capsys):
    return lambda *arguments: run(*arguments, monkeypatch=monkeypatch, capsys=capsys)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    case = recorded.load("transfer_learn_blog_seed0_dense").case.upto(40)
    return Outcome(case, parity.parity(case, Recorded()))


def test_one_case_passes(repro_cli):
    status, out, _ = repro_cli("parity", "--case", "eval_model")
    assert status == 0
    assert "eval_model_untrained_seed0" in out and "PASS" in out and "1 of 1 cases pass" in out


def test_json_holds_every_figure(repro_cli, tmp_path):
    status, _, _ = repro_cli(
        "parity", "--case", "fomaml_seed2_batch13_rates", "--json", str(tmp_path / "r.json"),
        "--trajectory-dir", str(tmp_path / "sides"),
    )  # fmt: skip
    document = json.loads((tmp_path / "r.json").read_text())
    case = document["cases"][0]
    (own,) = case["pairs"]
    weights = next(q for q in own["quantities"] if q["name"] == "weights")
    assert status == 0 and document["verdict"] == "PASS"
    assert weights["steps"] == [1, 2, 3, 5, 10] and max(weights["ratio"]) < 1
    assert document["settings"]["versions"]["torch"]
    assert "8 perturbed runs" in own["rule"]
    assert own["reference"]["sha256"] == recorded.file_sha256(
        recorded.FOLDER / "fomaml_seed2_batch13_rates.npz"
    )
    saved = Run.load(tmp_path / "sides" / "fomaml_seed2_batch13_rates.port.npz")
    assert saved["weights"].values.shape == (5, 4353)


def test_json_to_standard_output_is_nothing_else(repro_cli):
    _, out, _ = repro_cli("parity", "--case", "eval_model", "--json", "-")
    assert json.loads(out)["cases"]


def test_a_failure_ends_in_status_1(repro_cli, monkeypatch):
    monkeypatch.setitem(luna.UNTRAINED, "lr002", 0.021)
    status, out, _ = repro_cli("parity", "--case", "eval_model")
    assert status == 1
    assert "FAIL" in out and "first wrong: `lr002_final_predictions` in step 0" in out


def test_a_failure_says_which_command_names_the_operation(repro_cli, monkeypatch):
    """Planted: the meta-gradient divided by the number of tasks."""
    mean = Change("repro.luna.fomaml", "add_(grad[name])", "add_(grad[name] / n_tasks)")
    monkeypatch.setattr(parity.Port, "run", lambda _, case, *rest: PlantedPort(mean).run(case))
    status, out, _ = repro_cli("parity", "fomaml_seed2_tasks7")
    assert status == 1 and "first wrong: `weights` in step 1" in out
    assert (
        "repro parity --case fomaml_seed2_tasks7 --localise" in out
        and "Look at the draws" not in out
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--case", "maml"], "unknown case 'maml': `repro cases` lists them. Did you mean fomaml"),
        (["fomaml_seed0_dens"], "Did you mean fomaml_seed0_dense"),
        (["fomaml_seed42_dense", "--seed", "1"], "is a run of seed 42, and --seed 1 is given"),
        (["--seed", "-1"], "seed -1 is negative: Julia refuses it"),
        (["--seed", "7"], "add --reference julia"),
        (["--case", "fomaml", "n_tasks=9"], "not recorded: fomaml n_tasks=9"),
        (["--case", "ecoffet_reptile"], "compare many seeds, repro ensemble ecoffet_reptile"),
        (["--case", "fomaml", "train_batch_size=0"], "'0' is not a positive integer"),
        (["--case", "fomaml", "tasks=3"], "fomaml has no argument 'tasks'"),
        (["--case", "fomaml", "meta_opt=__import__('os')"], "is not an optimiser: write Descent"),
        (["fomaml", "n_tasks=7", "n_tasks=3"], "n_tasks is given twice"),
        (["--iterations", "5"], "--iterations is for a live Julia"),
        (["--reference", "julia", "--full"], "--full is for recordings"),
        (["--device", "cuda:99"], "device 'cuda:99' cannot be used"),
        (["--device", "toaster"], "device 'toaster' cannot be used"),
        (["--dtype", "float16"], "choose float32 or float64"),
    ],
)
def test_bad_input_is_one_clear_line_and_status_2(repro_cli, arguments, says):
    status, out, err = repro_cli("parity", *arguments)
    assert status == 2
    assert says in err and len(err.strip().splitlines()) == 1 and not out


@pytest.mark.parametrize("option", ["--json", "--junit", "--html", "--trajectory-dir"])
def test_a_place_that_cannot_be_written_is_found_before_anything_runs(
    repro_cli, monkeypatch, tmp_path, option
):
    monkeypatch.setattr(parity.Port, "run", lambda *_: pytest.fail("it ran"))
    (tmp_path / "file").write_text("")
    status, _, err = repro_cli("parity", "eval_model", option, str(tmp_path / "file" / "x"))
    assert status == 2 and f"{option} " in err and "cannot be written" in err
    assert len(err.strip().splitlines()) == 1 and [*tmp_path.iterdir()] == [tmp_path / "file"]


def test_an_interrupted_run_prints_what_is_finished(repro_cli, monkeypatch, tmp_path):
    right = parity.Port.run

    def run(self, case, *rest):
        if case.function == "fomaml":
            raise KeyboardInterrupt
        return right(self, case, *rest)

    monkeypatch.setattr(parity.Port, "run", run)
    path = tmp_path / "r.json"
    status, out, err = repro_cli("parity", "eval_model", "fomaml", "--json", str(path))
    assert status == 130 and "1 of 1 cases pass" in out
    assert "interrupted in fomaml_seed0_dense [40]: 1 of 2 are done" in err
    assert len(json.loads(path.read_text())["cases"]) == 1


@pytest.mark.parametrize(("width", "columns"), [(60, 2), (80, 3), (100, 4), (120, 5), (160, 6)])
def test_names_stay_whole_and_columns_are_left_out(outcome, width, columns):
    """Catches a table that cuts case names to 13 characters, five of them the same."""
    narrow = Console(width=width, file=io.StringIO())
    narrow.print(_table([outcome], width))
    title, line = narrow.file.getvalue().splitlines()
    assert line.startswith("transfer_learn_blog_seed0_dense [40]")
    assert [column in title for column in COLUMNS] == [i < columns for i in range(len(COLUMNS))]


def test_columns_that_are_left_out_are_named(outcome, monkeypatch):
    narrow = Console(width=80, file=io.StringIO())
    monkeypatch.setattr("repro.cli.table.console", narrow)
    print_outcomes([outcome])
    said = " ".join(narrow.file.getvalue().split())
    assert f"too narrow: {', '.join(COLUMNS[3:])} 1 of 1" in said


def test_one_cause_is_told_once_with_the_other_cases_of_it(outcome, monkeypatch):
    """Catches a port wrong in fourteen cases that says so in fourteen messages."""
    wide, wrong = Console(width=200, file=io.StringIO()), {"w": np.zeros(2)}
    monkeypatch.setattr("repro.cli.table.console", wide)
    found = check([{"w": np.ones(2)}], [wrong], tolerance=Bitwise())
    cases = [replace(outcome.case, name=name) for name in ("one", "two", "three")]
    print_outcomes([Outcome(case, found) for case in cases])
    said = wide.file.getvalue()
    assert said.count("first wrong: `w`") == 1 and said.count("\none") == 2
    assert re.search(r"The same in 2 more: two.*, three.*", said)


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """A copy of the recordings that may be damaged."""
    folder = tmp_path / "recorded"
    shutil.copytree(recorded.FOLDER, folder)
    monkeypatch.setattr(recorded, "FOLDER", folder)
    yield folder


@pytest.mark.parametrize("name", ["fomaml_seed0_dense.npz", "index.json"])
def test_a_missing_recording_is_named_with_the_way_to_restore_it(repro_cli, recordings, name):
    (recordings / name).unlink()
    status, _, err = repro_cli("parity", "--case", "fomaml")
    assert status == 2 and f"recording {name} is missing" in err and "git checkout" in err


def test_a_single_flipped_bit_is_noticed(repro_cli, recordings):
    path = recordings / "fomaml_seed0_dense.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    status, _, err = repro_cli("parity", "--case", "fomaml")
    assert status == 2 and "fomaml_seed0_dense.npz is damaged" in err and "git checkout" in err


def test_a_missing_envelope_says_how_to_measure_it(repro_cli, recordings):
    (recordings / "envelopes" / "fomaml_seed0_dense.npz").unlink()
    status, _, err = repro_cli("parity", "--case", "fomaml")
    assert status == 2 and "repro envelope fomaml_seed0_dense" in err


def test_doctor_prints_what_can_change_a_last_bit(repro_cli):
    _, out, _ = repro_cli("doctor", "--json")
    found = json.loads(out)
    assert {"versions", "processor", "threads", "torch", "numpy_blas", "devices"} <= set(found)
    assert found["torch"]["float32_matmul_precision"]


AT_ALL, DRAWING = {"torch", "numba", "matplotlib", "scipy.stats"}, {"matplotlib", "scipy.stats"}


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["--help"], AT_ALL),
        (["--version"], AT_ALL),
        (["parity", "--help"], AT_ALL),
        (["parity", "--sed", "1"], AT_ALL),
        (["parity", "fomalm"], AT_ALL),
        (["parity", "--case", "reptil"], AT_ALL),
        (["parity", "eval_model_untrained_seed0"], DRAWING),
        (["drift", "record", "kept", "eval_model_untrained_seed0"], DRAWING),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_used(words, heavy, tmp_path):
    """Help answers in a quarter of a second; torch alone takes a whole one, charts another."""
    script = (
        "import sys; heavy, *sys.argv[1:] = sys.argv[1:]\n"
        "from repro.cli import main\n"
        "try: main()\n"
        "finally: print(*sorted({*heavy.split()} & {*sys.modules}), '.')"
    )
    command = [sys.executable, "-c", script, " ".join(heavy), *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "."


def test_no_name_that_there_is_counts_as_misspelt():
    """Catches a guess so eager that it refuses ``jax_fit_float64``, which begins no file's name."""
    parts = {record.part_of for record in RECORDS.values() if record.part_of}
    refuse_misspelt([*RECORDS, *parts, *recorded.names()], recorded.FOLDER)
    with pytest.raises(ReproError, match=r"unknown case 'reptil': .* Did you mean reptile"):
        refuse_misspelt(["reptil"], recorded.FOLDER)


@pytest.mark.parametrize("words", [[], ["parity"], ["check"], ["julia", "install"]])
def test_help_says_nothing_in_pythons_types(repro_cli, words):
    """Catches Typer's ``<str>`` and ``<bool>`` beside every argument and flag."""
    _, out, _ = repro_cli(*words, "--help")
    assert "--help" in out and not re.search(r"<(str|bool|int|float|path|list\[)", out)


def test_piped_output_has_no_escape_codes():
    command = [sys.executable, "-m", "repro", "parity", "--case", "eval_model"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
