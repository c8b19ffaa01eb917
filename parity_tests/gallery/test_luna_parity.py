"""The verdicts that the gallery shows: earned by the runs behind it, and lost by others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from repro.checks import Verdict
from repro.gallery import luna, luna_parity
from repro.gallery.runs import Options, Runs
from repro.run import Quantity, Run, RunError
from repro.run.store import Store
from repro.sides.recorded import Recorded


def quick(folder, iterations: int, seed: int = 0) -> Runs:
    return Runs(Options(seed, iterations, engine="eager"), Store(folder, print))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


def planted(runs: Runs, run, name: str, change) -> Runs:
    """The same runs with one quantity of one of them changed."""
    found = runs[run]
    series = found[name]
    wrong = {**found.quantities, name: Quantity(series.steps, change(series.values), series.kind)}
    changed = replace(runs, _results=dict(runs._results))
    changed._results[run.name] = Run(wrong, found.provenance)
    return changed


def test_transfer_over_all_that_is_recorded(folder):
    """To the end of the 5,000 recorded iterations."""
    found = luna.transfer_parity(quick(folder, 5000))
    assert found.verdict is Verdict.PASS and "first 5,000 iterations" in found.text
    assert "NOT_RUN" not in found.text


def test_what_is_not_recorded_is_said_to_be_not_run(folder):
    found = luna.transfer_parity(quick(folder, 5001))
    assert found.verdict is Verdict.PASS
    assert "NOT_RUN for the 1 after those, which are not recorded" in found.text


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("weights", lambda v: v + np.float32(1e-4)),
        ("test_losses", lambda v: v * np.float32(1.001)),
        ("eval_x", lambda v: v[:, ::-1]),
        ("eval_y", lambda v: v[:, :9]),
    ],
)
def test_another_transfer_run_fails(folder, name, change):
    runs = quick(folder, 5000)
    wrong = luna.transfer_parity(planted(runs, luna.TRANSFER, name, change))
    assert wrong.verdict is Verdict.FAIL and name in wrong.text


def test_fomaml_as_far_as_it_went(folder):
    parity = luna.zoo_parity(luna.FOMAML, 10, 32)
    runs = quick(folder, 1000)
    assert parity(runs).verdict is Verdict.PASS
    assert "evaluations of the first 1,000 iterations" in parity(runs).text
    wrong = planted(runs, luna.FOMAML, "test_losses", lambda v: v * np.float32(1.001))
    assert parity(wrong).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("parity", "iterations", "seed", "reason"),
    [
        (luna.zoo_parity(luna.FOMAML, 10, 32), 20, 0, "before iteration 1,000"),
        (luna.zoo_parity(luna.FOMAML, 10, 32), 20, 5, "seed 0 only"),
        (luna.transfer_parity, 20, 0, "before iteration 250"),
        (luna.transfer_parity, 20, 5, "seeds 0, 1 and 42"),
        (luna.untrained_parity, 20, 5, "seed 0 only"),
    ],
)
def test_nothing_to_compare_is_not_run_with_the_reason(folder, parity, iterations, seed, reason):
    found = parity(quick(folder, iterations, seed))
    assert found.verdict is Verdict.NOT_RUN and reason in found.text


def test_the_untrained_model(folder):
    runs = quick(folder, 20)
    assert luna.untrained_parity(runs).verdict is Verdict.PASS
    wrong = planted(runs, luna.RANDOM, "final_weights", lambda v: v * np.float32(1.0001))
    assert luna.untrained_parity(wrong).verdict is Verdict.FAIL


def test_missing_tolerances_are_not_run(folder, monkeypatch):
    def unmeasured(self, case):
        raise RunError("measure it anew by `repro envelope`")

    monkeypatch.setattr(Recorded, "rule", unmeasured)
    found = luna.untrained_parity(quick(folder, 20))
    assert found.verdict is Verdict.NOT_RUN and "repro envelope" in found.text


@pytest.mark.slow
@pytest.mark.parametrize("run", [luna.FOMAML, luna.REPTILE], ids=lambda run: run.name)
def test_the_gallery_agrees_with_the_zoo_script(run, folder):
    """The full runs behind the gallery, all the zoo script's recording has of them."""
    runs = Runs(Options(), Store(folder, print))
    for points, updates in ((10, 32), (5, 10)):
        found = luna.zoo_parity(run, points, updates)(runs)
        assert found.verdict is Verdict.PASS
        assert "largest weight difference 0.0e+00" in found.text
    recording = luna_parity.zoo_recording(runs)
    losses = recording[f"{run.name}_eval_test_losses"].values
    assert losses.tobytes() == runs[run]["test_losses"].values.tobytes()
