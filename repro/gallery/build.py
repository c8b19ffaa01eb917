"""Draw figures into a gallery: pictures, the arrays they plot, and a page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from repro.checks.agreement import difference
from repro.gallery import manifest
from repro.gallery.drawing import draw, save
from repro.gallery.figure import Arrays, Figure, arrays_of
from repro.gallery.manifest import OUT, Entry
from repro.gallery.page import write_page
from repro.gallery.runs import Options, Runs
from repro.run import Provenance, writing
from repro.run.settings import settings

Announce = Callable[[str], object]
"""Called with the name of each figure that has been drawn, and how long that took."""


def build(
    figures: Iterable[Figure],
    runs: Runs,
    out: Path,
    formats: Sequence[str] = ("png", "svg"),
    announce: Announce = lambda line: None,
) -> dict[str, Entry]:
    """Draw figures, one after the other; whatever else the gallery holds stays.

    Args:
        figures: which.
        runs: computes what lies behind them.
        out: the gallery's folder.
        formats: some of ``FORMATS``.
        announce: told of each figure when it is done.

    Returns:
        The entries of the figures drawn.

    Raises:
        ReproError: something cannot be written; what is already there is intact.
        NonFiniteLossError: a run broke off.
    """
    manifest.prepare(out)
    entries = {}
    for figure in figures:
        start, before = time.perf_counter(), sum(runs.seconds.values())
        runs.used.clear()
        entries[figure.name] = entry = build_one(figure, runs, out, formats)
        with manifest.locked(out):
            manifest.add(out, figure.name, entry)
            write_page(out)
        spent = time.perf_counter() - start - (sum(runs.seconds.values()) - before)
        announce(f"{figure.name}: drawn in {max(spent, 0):.1f} s")
    return entries


def build_one(figure: Figure, runs: Runs, out: Path, formats: Sequence[str]) -> Entry:
    """Draw one figure and return what the gallery says about it."""
    data = figure.data(runs)
    arrays = arrays_of(data)
    original = figure.original(runs) if figure.original else None
    findings = [check(runs) for check in figure.parity]
    made_by = Provenance("figure", details={"figure": figure.name, **chosen(runs.options)})
    drawings = {figure.name: draw(figure, arrays)}
    if original:
        drawings[f"{figure.name}.original"] = draw(figure, arrays, original)
    with whole(out / figure.name, out) as fresh:
        replace(data, provenance=made_by).save(fresh / f"{figure.name}.npz")
        for name, drawing in drawings.items():
            save(drawing, fresh / name, formats)
    return {
        **chosen(runs.options),
        "hardware": hardware(runs.options.device),
        "formats": list(formats),
        "runs": {name: about(runs, name) for name in sorted(runs.used)},
        "parity": [{"run": f.run, "verdict": str(f.verdict), "text": f.text} for f in findings],
        "original": distance(arrays, original) if original else None,
        "command": command(figure.name, runs.options),
    }


@contextmanager
def whole(named: Path, out: Path) -> Iterator[Path]:
    """A folder whose files move to ``out`` once all of them have been written.

    Raises:
        WritingError: one cannot be; the message is about ``named``, and every file is the old one
            or the new one.
    """
    with writing(named, OUT), TemporaryDirectory(dir=out, prefix=".drawing-") as fresh:
        yield Path(fresh)
        for path in sorted(Path(fresh).iterdir()):
            path.replace(out / path.name)


def chosen(options: Options) -> dict[str, Any]:
    return {"seed": options.seed, "iterations": options.iterations, "device": options.device}


def about(runs: Runs, name: str) -> dict[str, Any]:
    """A run's length, engine and time."""
    made_by = runs.provenance(name).as_dict()
    return {k: made_by.get(k, 0) for k in ("epochs", "engine", "seconds")}


def hardware(device: str) -> str:
    found = settings(device)
    return str(found["processor"] if found["device"] == "cpu" else found["device"])


def distance(arrays: Arrays, original: Arrays) -> float:
    """The largest difference between our curves and the original's."""
    return max(float(difference(np.asarray(arrays[n]), original[n]).max()) for n in original)


def command(name: str, options: Options) -> str:
    """What redraws the figure."""
    words = ["repro figures", "--only", name, "--seed", str(options.seed)]
    if options.iterations is not None:
        words += ["--iterations", str(options.iterations)]
    if options.device != "cpu":
        words += ["--device", options.device]
    return " ".join(words)
