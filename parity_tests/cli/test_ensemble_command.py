"""`repro ensemble`: verdicts as exit statuses, reports, kept seeds, and what is refused."""

from __future__ import annotations

import json
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from repro.cli import main
from repro.run import Ensemble, Kind, Quantity
from repro.sides.shipped_ensembles import shipped

PORT = """
import numpy as np
from pathlib import Path

LOG = Path(__file__).with_name("log")

def run(seed):
    with LOG.open("a") as file:
        file.write(f"{seed} ")
    return replayed(seed)

def replayed(seed, factor=1.0):
    from repro.sides.shipped_ensembles import shipped
    held = shipped("reptile").of_seeds([seed]).quantities
    steps = held["norm of layer 1"].steps
    return [{"step": int(t), **{n: factor * q.values[i, 0] for n, q in held.items()}}
            for i, t in enumerate(steps)]

def wrong(seed):
    return replayed(seed, 1.05)

def lacking(seed):
    for step in replayed(seed):
        del step["loss after 10 updates"]
        yield step
"""


@pytest.fixture
def port(tmp_path, monkeypatch):
    # Not by REPRO_CACHE_DIR, where the engines would compile anew.
    monkeypatch.setattr("repro.folders.user_cache", lambda: tmp_path / "cache")
    file = tmp_path / "a_port_over_seeds.py"
    file.write_text(PORT)
    yield file
    sys.modules.pop(file.stem, None)


@pytest.fixture(autouse=True)
def threads(monkeypatch):
    """No processes: each would import torch for seconds."""
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setattr("repro.sides.executors.cores", lambda compiled: ThreadPoolExecutor(1))


def repro(monkeypatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["repro", "ensemble", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_port_in_a_file_is_equivalent_and_its_seeds_are_kept(port, monkeypatch, capsys):
    words = ("reptile", "--seeds", "12", "--port", f"{port}:run")
    assert repro(monkeypatch, *words) == 0
    said = capsys.readouterr().out
    assert said.startswith("EQUIVALENT: 12 pairs of the same seed, 160 numbers a run")
    assert "smallest change found in 9 of 10" in said
    assert repro(monkeypatch, *words) == 0
    assert port.with_name("log").read_text().split() == [str(seed) for seed in range(12)]


def test_a_wrong_one_is_different_everywhere_that_is_asked(port, monkeypatch, tmp_path, capsys):
    places = {name: tmp_path / name for name in ("r.json", "page", "j.xml", "own.npz")}
    status = repro(
        monkeypatch, "reptile", "--seeds", "12", "--port", f"{port}:wrong",
        "--json", str(places["r.json"]), "--html", str(places["page"]),
        "--junit", str(places["j.xml"]), "--save", str(places["own.npz"]),
    )  # fmt: skip
    assert status == 1 and capsys.readouterr().out.startswith("DIFFERENT")
    found = json.loads(places["r.json"].read_text())
    assert found["verdict"] == "DIFFERENT" and found["parted"][0]["step"] == 250
    assert len(found["limits"]["smallest"]) == 8
    failure = ElementTree.parse(places["j.xml"]).find(".//failure")
    assert failure is not None and failure.get("type") == "DIFFERENT"
    page = (places["page"] / "index.html").read_text()
    assert page.count("<img") == 1 + 8 + 1 and "Where they part" in page
    assert len(Ensemble.load(places["own.npz"])) == 12


def test_a_port_that_lacks_what_is_judged_is_not_passed(port, monkeypatch, capsys):
    assert repro(monkeypatch, "reptile", "--seeds", "12", "--port", f"{port}:lacking") == 1
    said = capsys.readouterr().out
    assert said.startswith("UNDECIDED")
    assert "not judged, for the port lacks it: loss after 10 updates, late" in said


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    """For kept seeds alone: the engines have found their compiled code by then."""
    import repro.engine  # noqa: F401

    monkeypatch.setattr("repro.folders.user_cache", lambda: tmp_path / "cache")


def test_what_is_shipped_is_made_anew_by_one_command(own_cache, monkeypatch, tmp_path):
    """Whole runs of two seeds, by the command: the bits are the shipped ones'."""
    made = tmp_path / "made.npz"
    monkeypatch.setattr("repro.sides.shipped_ensembles.seeds_of", lambda name: range(2))
    monkeypatch.setattr("repro.sides.shipped_ensembles.path_of", lambda name: made)
    assert repro(monkeypatch, "--record", "transfer_learn") == 0
    monkeypatch.undo()
    found, held = Ensemble.load(made), shipped("transfer_learn").of_seeds([0, 1])
    assert {*found.quantities} == {*held.quantities}
    for name, quantity in held.quantities.items():
        assert np.array_equal(found.quantities[name].values, quantity.values), name


@pytest.mark.slow
def test_a_live_julia_is_a_reference(own_cache, monkeypatch, capsys, live_julia):
    words = ("reptile", "--seeds", "10", "--iterations", "20", "--reference", "julia")
    assert repro(monkeypatch, *words) == 0
    assert capsys.readouterr().out.startswith("EQUIVALENT: 10 pairs")


def test_a_saved_ensemble_is_a_reference(port, monkeypatch, tmp_path, capsys):
    file = tmp_path / "other.npz"
    held = shipped("reptile")
    held.chosen(np.arange(12)).save(file)
    words = ("reptile", "--seeds", "12", "--port", f"{port}:run", "--reference", str(file))
    assert repro(monkeypatch, *words) == 0
    capsys.readouterr()
    short = {n: Quantity([1], q.values[:1, :12], Kind.RESULT) for n, q in held.quantities.items()}
    Ensemble(np.arange(12), short).save(file)
    assert repro(monkeypatch, *words) == 2
    assert "no name at a common step" in capsys.readouterr().err


def test_unpaired_takes_all_of_the_reference(port, monkeypatch, capsys):
    words = ("reptile", "--seeds", "12", "--port", f"{port}:run", "--unpaired")
    assert repro(monkeypatch, *words) == 1
    assert "UNDECIDED: 12 runs against 256, unpaired" in capsys.readouterr().out


def test_an_engine_against_the_exact_one(port, monkeypatch, capsys):
    words = ("transfer_learn", "--seeds", "10", "--engine", "exact", "--reference", "exact",
             "--iterations", "20")  # fmt: skip
    assert repro(monkeypatch, *words) == 0
    assert "off by +0 %, 90 % interval +0 % to +0 %, within" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name one case"),
        (("fomaml", "reptile"), "name one case"),
        (("eval_model",), "choose from transfer_learn, fomaml, reptile"),
        (("fomaml", "n_tasks=4"), "--reference exact"),
        (("fomaml", "n_task=4"), "has no argument"),
        (("fomaml", "--iterations", "9"), "--reference exact"),
        (("fomaml", "--iterations", "0"), "too few"),
        (("fomaml", "--seeds", "1"), "2 seeds or more"),
        (("fomaml", "--reference", "nowhere"), "choose recorded, julia, exact"),
        (("fomaml", "--engine", "quick"), "no engine"),
        (("fomaml", "--port", "nowhere.py:run"), "is not there"),
        (("fomaml", "--generator", "torch", "--seeds", "2"), "not TorchStream"),
        (("--record", "zoo"), "no ensemble of 'zoo' is shipped"),
        (("ecoffet_maml", "--reference", "julia"), "the original of ecoffet_maml is no Julia"),
        (("ecoffet_maml", "--engine", "exact"), "use eager or fast"),
    ],
)
def test_what_cannot_be_done_is_one_line(port, words, said, monkeypatch, capsys):
    assert repro(monkeypatch, *words) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def test_seeds_beyond_the_reference_are_refused_as_pairs(port, monkeypatch, capsys):
    words = ("reptile", "--seeds", "12", "--first-seed", "250", "--port", f"{port}:wrong")
    monkeypatch.setattr(sys.modules["repro.cli.ensemble"], "_gathered",
                        lambda *_: shipped("reptile").chosen(np.arange(12)))  # fmt: skip
    assert repro(monkeypatch, *words) == 2
    assert "has 6 of these 12 seeds" in capsys.readouterr().err
