"""A function in another Python: this one's interpreter stands in, without our package."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import repro
from repro.checks import Verdict
from repro.cli import app
from repro.sides.python.function import PythonError

FILE = Path(__file__).with_name("other_python.py")


def there(name: str, *arguments, python: str = sys.executable, **options):
    return repro.PythonFunction(FILE, name, *arguments, python=python, **options)


def step(state, draws):
    w, x = state["w"], draws["x"]
    return {"loss": np.sum((w - x) ** 2), "w": w - 0.1 * (w - x)}


def test_a_run_and_its_provenance_arrive():
    found = repro.collect(there("train", 7, n=2))
    assert list(found.quantities) == ["x", "loss", "w", "layers.1", "layers.2", "name"]
    assert found["w"].values.shape == (3, 4) and found["w"].values.dtype == np.float64
    assert found["layers.1"].values.dtype == np.float16
    assert found.provenance.details["numpy"] == np.__version__
    assert found.provenance.source == "other_python.py: train"


def test_our_package_is_not_loaded_there():
    assert not repro.collect(there("loaded"))["ours"].values.any()


def test_a_port_here_beside_a_reference_there():
    options = {"resynchronise": True, "draws": ["x"], "constants": ["layers", "name"]}
    assert repro.check(there("train", 7), step, **options)


@pytest.mark.parametrize(("name", "blamed"), [("rate_off", "w"), ("loss_off", "loss")])
def test_a_wrong_port_there_is_named(name, blamed):
    options = {"resynchronise": True, "draws": ["x"], "constants": ["layers", "name"]}
    found = repro.check(there("train", 7), there(name), **options)
    assert found.verdict is Verdict.FAIL
    assert (found.first.step, found.first.name) == (1, blamed)


def test_a_failure_there_shows_the_users_line_and_none_of_ours(capsys):
    with pytest.raises(PythonError, match=r"(?s)fails of .*ValueError: no rate.*Mend it") as caught:
        repro.collect(there("fails"))
    assert "raise ValueError" in str(caught.value) and "answering.py" not in str(caught.value)


def test_what_cannot_be_had_or_taken_is_one_clear_message():
    missing = repro.check(there("train", python="/nowhere/python"), [{"w": 1.0}])
    assert missing.verdict is Verdict.NOT_RUN and "there is no interpreter" in missing.message
    for name, says in (("absent", "defines no absent"), ("unnamed", "yield a dict"),
                       ("odd", "of type object")):  # fmt: skip
        with pytest.raises(PythonError, match=says):
            repro.collect(there(name))


def test_one_that_hangs_or_dies_is_stopped_and_said():
    with pytest.raises(PythonError, match=r"did not answer within 0\.5 s; it was stopped"):
        repro.collect(there("hangs", seconds=0.5))
    with pytest.raises(PythonError, match="ended with status 3"):
        repro.collect(there("dies"))


def test_variables_and_prints(capsys):
    found = repro.collect(there("variable", environment={"OTHER": "5"}))
    assert found["value"].values.tolist() == [5]
    assert "printed there" in capsys.readouterr().out


def test_a_recording_knows_file_arguments_and_interpreter(tmp_path):
    from repro.run import outdated

    run = repro.record(there("train", 7), tmp_path / "run.npz")
    assert outdated(run, there("train", 7)) is None
    assert "arguments" in outdated(run, there("train", 8))
    assert "python" in outdated(run, there("train", 7, python="/other/python"))


def test_the_command_takes_an_interpreter(monkeypatch):
    words = [
        "check",
        f"{FILE}:train(7)",
        f"{FILE}:train(7)",
        "--python",
        sys.executable,
        "--bitwise",
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0 and "PASS_BITWISE" in done.stdout
    wrong = CliRunner().invoke(app, [*words[:2], f"{FILE}:train(8)", *words[3:]])
    assert wrong.exit_code == 1 and "first wrong: `w` in step 0" in wrong.stdout


@pytest.mark.slow
def test_live_jax_as_the_reference(jax_python):
    """A product, a sum and tanh by XLA beside torch."""
    import torch

    def port():
        x = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 7
        yield {"y": torch.tanh(x @ x.T), "s": x.sum()}

    assert repro.check(there("by_jax", python=jax_python), port)
