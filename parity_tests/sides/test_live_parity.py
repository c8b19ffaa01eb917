"""`repro parity --reference julia` and `repro record`, as called, beside a live Julia."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext

import numpy as np
import pytest
from planted.plant import Change, PlantedPort

from repro.checks import Verdict
from repro.cli import main
from repro.sides import recorded
from repro.sides.choosing import live_case
from repro.sides.julia import reference
from repro.sides.live import Live
from repro.sides.parity import parity
from repro.sides.port import Port

pytestmark = pytest.mark.julia

UNRECORDED = [
    ("fomaml", 1234, {"n_tasks": "7"}),
    ("reptile", 5, {"train_batch_size": "12", "inner_opt": "ADAM(0.005)"}),
    pytest.param(
        "transfer_learn",
        77,
        {"opt": "ADAM(0.002)", "train_batch_size": "33"},
        marks=pytest.mark.slow,
    ),
    pytest.param(
        "transfer_learn_blog", 2**40 + 3, {"opt": "Descent(0.015)"}, marks=pytest.mark.slow
    ),
    pytest.param(
        "fomaml",
        99,
        {"meta_opt": "ADAM(0.001)", "inner_opt": "Descent(0.03)"},
        marks=pytest.mark.slow,
    ),
    ("eval_model", 6, {}),
    ("eval_model", 2**40 + 3, {}),
]


MEAN = Change("repro.luna.fomaml", "add_(grad[name])", "add_(grad[name] / n_tasks)")


@pytest.fixture
def live(live_julia):
    return Live(live_julia)


@pytest.mark.parametrize(("function", "seed", "settings"), UNRECORDED)
def test_unrecorded_seeds_and_arguments_pass(function, seed, settings, live):
    result = parity(live_case(function, seed, 5, settings), live)
    assert result, result
    own = result.own
    if "init_weights" in own.reference.quantities:
        assert own.report["init_weights"].verdict is Verdict.PASS_BITWISE
        assert own.report["next_rand"].verdict is Verdict.PASS_BITWISE


def test_a_wrong_port_fails_there_too(live):
    case = live_case("fomaml", 1234, 3, {"n_tasks": "7"})
    assert parity(case, live, PlantedPort(MEAN)).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("seed", "change"),
    [
        (2**40, Change("repro.julia.seeds", "for i in range(size)]", "for i in range(1)]")),
        (3, Change("repro.julia.dsfmt", "_certify_period(state[PAIRS])", "pass")),
    ],
    ids=["high word dropped", "period not certified"],
)
def test_a_stream_that_lucky_seeds_forgive_fails(live, seed, change):
    """At the recorded seeds, 0, 1, 2 and 42, these streams draw what they should."""
    wrong = PlantedPort(change)
    found = parity(live_case("eval_model", seed, 1, {}), live, wrong)
    assert found.verdict is Verdict.FAIL and found.first.name.endswith("_x"), found
    assert parity(live_case("eval_model", 42, 1, {}), live, wrong)


@pytest.fixture
def answers(monkeypatch, live_julia):
    """The commands ask the Julia that is up already."""
    monkeypatch.setattr(reference, "JuliaReference", lambda *_: nullcontext(live_julia))


def command(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["repro", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def test_the_command_names_the_first_wrong_operation(answers, monkeypatch, capsys):
    wrong, right = PlantedPort(MEAN), Port.run

    def run(self, case, perturbation=None):
        """The envelope is the exact engine's; the port is wrong."""
        if self.engine == "eager":
            return wrong.run(case)
        return right(self, case, perturbation)

    monkeypatch.setattr(Port, "run", run)
    status = command(
        monkeypatch, "parity", "--reference", "julia", "--case", "fomaml", "--seed", "3",
        "--iterations", "2", "n_tasks=2",
    )  # fmt: skip
    out = capsys.readouterr().out
    assert status == 1
    assert "first wrong: `task1.sum.layers.0.weight` in step 1" in out.replace("\n", " ")
    assert "no finite value" not in out, "the weights that were drawn are all finite"


def test_record_writes_what_can_be_read_back(answers, live, monkeypatch, tmp_path):
    status = command(
        monkeypatch, "record", "fomaml", "n_tasks=2", "--seed", "9", "--iterations", "5",
        "--out", str(tmp_path),
    )  # fmt: skip
    assert status == 0
    index = json.loads((tmp_path / "index.json").read_text())
    ((name, entry),) = index.items()
    recording = recorded.load(name, tmp_path)
    case, run = recording.case, recording.run()
    assert case.kwargs == {"n_tasks": 2} and case.weight_epochs == (1, 2, 3, 5)
    assert entry["provenance"]["julia"] and "MersenneTwister" in entry["provenance"]["generator"]
    again = live.run(case)
    for name, quantity in run.quantities.items():
        assert np.array_equal(quantity.values, again[name].values)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["parity", "--reference", "matlab"], "choose recorded, julia or jax"),
        (["parity", "--reference", "julia", "--iterations", "0"], "give 1 or more"),
        (["parity", "--reference", "julia", "--julia", "telepathy"], "worker, juliacall, auto"),
        (["record", "eval_model", "--out", "x"], "name training functions"),
        (["record", "fomaml", "--eval-interval", "0", "--out", "x"], "give 1 or more"),
    ],
)
def test_bad_input(julia, monkeypatch, capsys, arguments, says):
    assert command(monkeypatch, *arguments) == 2
    assert says in capsys.readouterr().err
