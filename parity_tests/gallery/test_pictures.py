"""The perceptual comparison: what it must catch, and what it must let pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from repro.gallery.drawing import draw, save
from repro.gallery.figure import arrays_of, known
from repro.gallery.image import alike
from repro.gallery.luna import fine_tuned, tuned
from repro.gallery.runs import Options, Runs
from repro.run.store import Store


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return Runs(Options(engine="eager"), Store(tmp_path_factory.mktemp("cache"), print))


def picture(runs: Runs, path: Path, change=lambda axes: None) -> Path:
    figure = known()["luna-random"]
    drawing = draw(figure, arrays_of(figure.data(runs)))
    change(drawing.axes[0])
    (written,) = save(drawing, path, ("png",))
    return written


def drop(axes) -> None:
    axes.lines[-1].remove()


def move(axes) -> None:
    line = axes.lines[-1]
    line.set_ydata(np.asarray(line.get_ydata()) + 0.02 * np.diff(axes.get_ylim()))


def recolour(axes) -> None:
    axes.lines[-1].set_color("C5")


def untitle(axes) -> None:
    axes.set_title("")


def unlabel(axes) -> None:
    axes.get_legend().remove()


FAULTS = {
    "missing series": drop,
    "shifted curve": move,
    "other colour": recolour,
    "missing title": untitle,
    "missing legend": unlabel,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_drawing_is_seen(fault, runs, tmp_path):
    reference = picture(runs, tmp_path / "reference")
    found = picture(runs, tmp_path / "found", FAULTS[fault])
    likeness = alike(reference, found)
    assert not likeness and likeness.ratio > 1.3


def test_a_picture_moved_by_a_pixel_is_the_same(runs, tmp_path):
    reference = picture(runs, tmp_path / "reference")
    with Image.open(reference) as image:
        moved = np.roll(np.asarray(image), (1, -1), (0, 1))
    Image.fromarray(moved).save(tmp_path / "moved.png")
    likeness = alike(reference, tmp_path / "moved.png")
    assert likeness and 0 < likeness.ratio < 1


def test_other_size_and_damaged_file_are_not_alike(runs, tmp_path):
    reference = picture(runs, tmp_path / "reference")
    with Image.open(reference) as image:
        image.crop((0, 0, 450, 600)).save(tmp_path / "half.png")
    assert "450 x 600" in alike(reference, tmp_path / "half.png").problem
    (tmp_path / "bad.png").write_bytes(b"no picture")
    assert "cannot be read" in alike(reference, tmp_path / "bad.png").problem


def test_fine_tuning_data_are_those_of_the_port(runs):
    """The figure's arrays against the recording of the very evaluation it shows."""
    from repro.gallery.luna import RANDOM
    from repro.sides import recorded

    found = arrays_of(tuned(RANDOM, 10, 32)(runs))
    recording = recorded.load("eval_model_untrained_seed0").run()
    assert found["x"].tobytes() == recording["lr002_x"].values[0].tobytes()
    assert found["testx"].tobytes() == recording["lr002_testx"].values[0].tobytes()
    for name in ("initial_predictions", "final_predictions"):
        np.testing.assert_allclose(found[name], recording[f"lr002_{name}"].values[0], atol=1e-5)
    assert fine_tuned(runs, RANDOM, found["x"], 3).test_losses.shape == (4,)
