"""`repro figures` and `repro figures-check` as people meet them, on runs of a few iterations."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import repro.gallery.drawing
from repro.cli import main
from repro.gallery import figure as gallery_figure
from repro.gallery.build import build
from repro.gallery.figure import ADDRESSES, arrays_of, choose, known, plotted
from repro.gallery.regression import measure_envelope
from repro.gallery.runs import Options, Runs
from repro.run import Quantity, Run
from repro.run.store import Store

ALL_OF_LUNA = [
    "luna-sine-wave",
    "luna-sampled-points",
    "luna-random",
    "luna-transfer",
    "luna-1000-waves",
    "luna-maml-diagram",
    "luna-fomaml-pseudocode",
    "luna-fomaml-update",
    "luna-fomaml",
    "luna-reptile-pseudocode",
    "luna-reptile-geometry",
    "luna-reptile-update",
    "luna-reptile",
    "luna-random-5-samples",
    "luna-transfer-5-samples",
    "luna-fomaml-5-samples",
    "luna-reptile-5-samples",
    "luna-test-losses",
]
QUICK = ("--iterations", "20", "--engine", "eager")


@pytest.fixture
def repro_cli(monkeypatch, capsys):
    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["repro", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return end.value.code, captured.out + captured.err

    return run


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """One cache for all tests here: every short run is computed once."""
    folder = tmp_path_factory.getbasetemp() / "figures-cache"
    monkeypatch.setenv("REPRO_CACHE_DIR", str(folder))
    return folder


def test_figures_of_the_post():
    assert [f.name for f in choose(["luna"])] == ALL_OF_LUNA
    titles = {f.heading for f in choose(["luna"])}
    for name in ("Random", "Transfer", "FOMAML", "Reptile"):
        assert {f"{name} - SGD Optimizer", f"{name} - 5 samples, 10 updates"} <= titles


@pytest.mark.parametrize(
    "names",
    [("luna-fomaml", "luna-1000-waves"), pytest.param(ALL_OF_LUNA, marks=pytest.mark.slow)],
    ids=["two", "all"],
)
def test_figures_twice_are_the_same_bytes(repro_cli, tmp_path, names):
    only = [word for name in names for word in ("--only", name)]
    for out in ("a", "b"):
        status, _ = repro_cli("figures", *only, *QUICK, "--out", tmp_path / out)
        assert status == 0
    found = same_bytes(tmp_path)
    assert {f"{n}.{kind}" for n in names for kind in ("png", "svg", "npz")} < found


def test_a_pdf_twice_is_the_same_bytes(repro_cli, tmp_path):
    for out in ("a", "b"):
        arguments = ("--only", "luna-random", "--format", "pdf", "--out", tmp_path / out)
        assert repro_cli("figures", *arguments)[0] == 0
    assert "luna-random.pdf" in same_bytes(tmp_path)


def same_bytes(folder) -> set[str]:
    names = {p.name for p in (folder / "a").iterdir()}
    assert names == {p.name for p in (folder / "b").iterdir()}
    for name in names:
        assert (folder / "a" / name).read_bytes() == (folder / "b" / name).read_bytes(), name
    return names


def test_the_page_shows_what_there_is(repro_cli, tmp_path):
    only = ("--only", "luna-random", "--only", "luna-fomaml")
    repro_cli("figures", *only, *QUICK, "--out", tmp_path)
    repro_cli("figures", "--only", "luna-sine-wave", *QUICK, "--out", tmp_path)
    text = (tmp_path / "index.html").read_text()
    page = Links()
    page.feed(text)
    assert page.figures == ["luna-sine-wave", "luna-random", "luna-fomaml"], "the post's order"
    anchors = {link[1:] for link in page.links if link.startswith("#")}
    assert {*page.figures} < anchors and all(f'id="{name}"' in text for name in anchors)
    away = {link for link in page.links if ":" in link}
    assert away == {ADDRESSES["luna"]} and 'src="http' not in text, "nothing is loaded from there"
    assert all(
        (tmp_path / link).is_file() for link in page.links if link[0] != "#" and link not in away
    )
    assert "repro figures --only luna-fomaml --seed 0 --iterations 20" in text
    assert "luna-random.original.png" in page.links, "the original's curve over ours"
    assert "NOT_RUN" in text, "20 iterations of FOMAML are compared with nothing"


class Links(HTMLParser):
    """Collects a page's figures and everything it points to."""

    def __init__(self) -> None:
        super().__init__()
        self.figures: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "figure":
            self.figures.append(found["id"])
        self.links += [found[key] for key in ("src", "href") if key in found]


# Bad input


def test_unknown_figure_lists_the_known_ones(repro_cli, tmp_path):
    status, text = repro_cli("figures", "--only", "luna-maml", "--out", tmp_path)
    assert status == 2 and all(name in text for name in known())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--iterations", "0"), "0 iterations"),
        (("--seed", "-1"), "seed -1 is negative"),
        (("--format", "png,gif"), "png, svg, pdf"),
        (("--device", "abacus"), "repro doctor"),
    ],
)
def test_bad_options_are_one_line(repro_cli, tmp_path, arguments, words):
    status, text = repro_cli("figures", *arguments, "--out", tmp_path)
    assert status == 2 and words in text and text.count("\n") == 1


def test_unwritable_folder_is_one_line_before_any_run(repro_cli, tmp_path, cache):
    (tmp_path / "file").write_text("in the way")
    kept = set(cache.glob("runs/*"))
    status, text = repro_cli("figures", "--iterations", "21", "--out", tmp_path / "file" / "x")
    assert status == 2 and "--out" in text and text.count("\n") == 1
    assert set(cache.glob("runs/*")) == kept and (tmp_path / "file").read_text() == "in the way"


def test_full_disk_is_one_line_and_loses_nothing(repro_cli, tmp_path, monkeypatch):
    only = ("--only", "luna-1000-waves", "--only", "luna-random")
    repro_cli("figures", *only, *QUICK, "--out", tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def savefig(self, path, **kwargs):
        with open(path, "wb") as file:
            file.write(b"half a pict")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(repro.gallery.drawing.Drawing, "savefig", savefig)
    status, text = repro_cli("figures", *only, "--seed", "1", "--out", tmp_path)
    assert status == 2 and text.count("\n") == 1
    assert "No space left on device" in text and "free some space" in text
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_damaged_gallery_file_is_one_line(repro_cli, tmp_path):
    (tmp_path / "gallery.json").write_text("{")
    status, text = repro_cli("figures", "--only", "luna-sine-wave", "--out", tmp_path)
    assert status == 2 and "gallery.json" in text and text.count("\n") == 1
    assert (tmp_path / "gallery.json").read_text() == "{"


def test_a_quick_look_leaves_the_committed_gallery_alone(repro_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, text = repro_cli("figures", "--only", "luna-sine-wave", "--seed", "5")
    assert status == 0 and (tmp_path / "runs" / "gallery" / "index.html").is_file()


# Regression

PSEUDOCODE = "luna-fomaml-pseudocode"
CHECKED = ("luna-sine-wave", "luna-random", "luna-fomaml", PSEUDOCODE, "luna-test-losses")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A gallery of short runs and its envelopes, of two perturbations."""
    folder = tmp_path_factory.mktemp("built")
    runs = Runs(Options(iterations=20, engine="eager"), Store(folder / "cache", print))
    figures = [known()[name] for name in CHECKED]
    build(figures, runs, folder / "gallery")
    for figure in figures:
        found = measure_envelope(figure, runs.options, runs.store, perturbations=(1, 2))
        found.save(folder / "envelopes" / f"{figure.name}.npz")
    return folder


@pytest.fixture
def check(built, repro_cli, tmp_path):
    """`repro figures-check` against a copy of the gallery, which a test may change."""
    for part in ("gallery", "envelopes"):
        shutil.copytree(built / part, tmp_path / part)

    def run(*names: str) -> tuple[int, str]:
        only = [word for name in names for word in ("--only", name)]
        where = ("--against", tmp_path / "gallery", "--envelopes", tmp_path / "envelopes")
        return repro_cli("figures-check", *only, "--engine", "eager", *where)

    return run


def test_the_same_figures_pass(check):
    status, text = check()
    assert status == 0 and "5 of 5 figures are the same" in text
    assert text.count("PASS_BITWISE") == 4, "and one has a picture and no numbers"


def change_data(path, name, change) -> None:
    data = Run.load(path)
    old = data[name]
    changed = Quantity.once(change(old.values[0]), old.kind)
    replace(data, quantities={**data.quantities, name: changed}).save(path)


@pytest.mark.parametrize(
    ("figure", "series", "change", "words"),
    [
        ("luna-fomaml", "final_predictions", lambda y: y + 0.01, "final_predictions is"),
        ("luna-fomaml", "x", lambda x: np.nextafter(x, 9), "x is"),
        ("luna-sine-wave", "y", np.roll, "y is"),
        ("luna-test-losses", "fomaml", lambda y: y * np.float32(1.001), "fomaml is"),
        ("luna-test-losses", "fomaml", lambda y: y[:-1], "fomaml"),
    ],
)
def test_a_wrong_curve_fails(check, tmp_path, figure, series, change, words):
    if change is np.roll:
        change = lambda y: np.roll(y, 1)  # noqa: E731
    change_data(tmp_path / "gallery" / f"{figure}.npz", series, change)
    status, text = check(figure, "luna-random")
    assert status == 1 and f"{figure}: FAIL" in text and words in text
    assert "1 of 2 figures are the same" in text


def test_a_last_bit_is_within_tolerance(check, tmp_path):
    """What another machine may do: one unit in the last place, in every value."""
    path = tmp_path / "gallery" / "luna-fomaml.npz"
    change_data(path, "final_predictions", lambda y: np.nextafter(y, np.inf))
    status, text = check("luna-fomaml")
    assert status == 0 and "PASS" in text and "PASS_BITWISE" not in text


def test_what_chaos_has_eaten_is_no_pass(check, tmp_path):
    """Catches a tolerance as large as the figure that lets a wrong one pass."""
    change_data(tmp_path / "envelopes" / "luna-fomaml.npz", "final_predictions", lambda g: g + 1e9)
    change_data(tmp_path / "gallery" / "luna-fomaml.npz", "final_predictions", lambda y: y + 0.1)
    words = "UNDECIDED: rounding alone moves most of final_predictions by as much as it is"
    status, text = check("luna-fomaml")
    assert status == 1 and words in " ".join(text.split())


@pytest.mark.parametrize("name", ["luna-random", PSEUDOCODE])
def test_what_is_missing_in_the_drawing_fails(check, monkeypatch, name):
    """The data are right, or there are none, and the picture is not."""
    figure = known()[name]

    def forgetful(**arrays):
        drawing = figure.draw(**arrays)
        (drawing.texts if name == PSEUDOCODE else drawing.axes[0].lines)[-1].remove()
        return drawing

    changed = {**known(), name: replace(figure, draw=forgetful)}
    monkeypatch.setattr(gallery_figure, "known", lambda: changed)
    status, text = check(name)
    assert status == 1 and f"{name}: FAIL: its picture looks different" in text


def test_without_tolerances_nothing_passes(check, tmp_path):
    (tmp_path / "envelopes" / "luna-fomaml.npz").unlink()
    status, text = check("luna-fomaml")
    assert status == 2 and "luna-fomaml: NOT_RUN" in text and "figures-envelope" in text


def test_tolerances_of_other_runs_are_not_used(check, tmp_path):
    path = tmp_path / "gallery" / "gallery.json"
    document = json.loads(path.read_text())
    document["figures"]["luna-fomaml"]["seed"] = 1
    path.write_text(json.dumps(document))
    status, text = check("luna-fomaml")
    assert status == 2 and "luna-fomaml: NOT_RUN" in text


def test_damaged_data_are_an_error_and_not_a_pass(check, tmp_path):
    (tmp_path / "gallery" / "luna-random.npz").write_bytes(b"no arrays")
    status, text = check("luna-random")
    assert status == 2 and "luna-random: ERROR" in text


def test_envelopes_are_measured_where_there_is_a_run(repro_cli, tmp_path):
    only = ("--only", "luna-sine-wave", "--only", "luna-sampled-points")
    assert repro_cli("figures-envelope", *only, *QUICK, "--out", tmp_path)[0] == 0
    assert [p.name for p in tmp_path.iterdir()] == ["luna-sampled-points.npz"]
    assert Run.load(tmp_path / "luna-sampled-points.npz").provenance.details["perturbations"]


def test_nothing_to_check_against_is_one_line(repro_cli, tmp_path):
    status, text = repro_cli("figures-check", "--against", tmp_path / "none")
    assert status == 2 and "repro figures" in text and text.count("\n") == 1


def test_plotted_arrays_come_back_as_they_were():
    x = np.arange(3.0)
    assert arrays_of(plotted(draw={"x": x}))["x"].tobytes() == x.tobytes()
