"""`repro parity --reference julia` and `repro record`, as called, beside a live Julia."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from planted.plant import Change, planted_run

import repro.port
from repro.case import live_case
from repro.cli import main
from repro.checks import Verdict
from repro.sides import recorded
from repro.sides.julia.reference import JuliaReference
from repro.sides.live import Live
from repro.suite import check, quick_envelope
from repro.run import read_npz

pytestmark = pytest.mark.julia

UNRECORDED = [
    ("fomaml", 1234, {"n_tasks": "7"}),
    ("reptile", 5, {"train_batch_size": "12", "inner_opt": "ADAM(0.005)"}),
    ("transfer_learn", 77, {"opt": "ADAM(0.002)", "train_batch_size": "33"}),
    ("transfer_learn_blog", 2**40 + 3, {"opt": "Descent(0.015)"}),
    ("fomaml", 99, {"meta_opt": "ADAM(0.001)", "inner_opt": "Descent(0.03)"}),
    ("eval_model", 6, {}),
]


@pytest.fixture(scope="module")
def live(julia):
    with JuliaReference("worker", julia) as answering:
        yield Live(answering, quick_envelope)


@pytest.mark.parametrize(("function", "seed", "settings"), UNRECORDED)
def test_unrecorded_seeds_and_arguments_pass(function, seed, settings, live):
    result = check(live_case(function, seed, 5, settings).upto(5 if settings else 0), live)
    assert result, result.report
    if "init_weights" in result.reference.quantities:
        assert result.report["init_weights"].verdict is Verdict.PASS_BITWISE
        assert result.report["next_rand"].verdict is Verdict.PASS_BITWISE


def test_a_wrong_port_fails_there_too(live):
    wrong = planted_run(Change("repro.luna.fomaml", "w.grad += g ", "w.grad += g / n_tasks "))
    case = live_case("fomaml", 1234, 3, {"n_tasks": "7"})
    assert check(case, live, run=wrong).verdict is Verdict.FAIL


def command(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["repro", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def test_the_command_names_the_first_wrong_operation(live, monkeypatch, capsys):
    wrong = planted_run(Change("repro.luna.fomaml", "w.grad += g ", "w.grad += g / n_tasks "))
    right = repro.port.run

    def run(case, engine="eager", **kwargs):
        """The envelope is the exact engine's; the port is wrong."""
        return wrong(case, **kwargs) if engine == "eager" else right(case, engine=engine, **kwargs)

    monkeypatch.setattr(repro.port, "run", run)
    status = command(
        monkeypatch, "parity", "--reference", "julia", "--case", "fomaml", "--seed", "3",
        "--iterations", "2", "n_tasks=2",
    )  # fmt: skip
    out = capsys.readouterr().out
    assert status == 1
    assert "first wrong in iteration 1: `task1.sum.layers.0.weight`" in out.replace("\n", " ")


def test_record_writes_what_can_be_read_back(live, monkeypatch, tmp_path):
    status = command(
        monkeypatch, "record", "fomaml", "n_tasks=2", "--seed", "9", "--iterations", "5",
        "--out", str(tmp_path),
    )  # fmt: skip
    assert status == 0
    index = json.loads((tmp_path / "index.json").read_text())
    ((name, entry),) = index.items()
    case, trajectory = recorded.from_arrays(name, read_npz(tmp_path / f"{name}.npz"), entry)
    assert case.kwargs == {"n_tasks": 2} and case.weight_epochs == (1, 2, 3, 5)
    assert entry["provenance"]["julia"] and "MersenneTwister" in entry["provenance"]["draws"]
    again = live.trajectory(case)
    for quantity, series in trajectory.quantities.items():
        assert np.array_equal(series.values, again[quantity].values)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["parity", "--reference", "matlab"], "choose recorded or julia"),
        (["parity", "--reference", "julia", "--iterations", "0"], "give 1 or more"),
        (["parity", "--reference", "julia", "--julia", "telepathy"], "worker, juliacall, auto"),
        (["record", "eval_model", "--out", "x"], "name training functions"),
        (["record", "fomaml", "--eval-interval", "0", "--out", "x"], "give 1 or more"),
    ],
)
def test_bad_input(julia, monkeypatch, capsys, arguments, says):
    assert command(monkeypatch, *arguments) == 2
    assert says in capsys.readouterr().err
