"""What came of every check, a line each (JSON Lines), and its picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from repro.drift.baseline import DriftError
from repro.drift.grade import Drift
from repro.drift.summary import GRADES, environment_digest, share
from repro.reports import Section
from repro.run import atomic
from repro.run.settings import settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Line = dict[str, Any]


def line(drifts: Sequence[Drift], commit: str | None) -> Line:
    """One check as plain JSON values."""
    return {
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit,
        "environment": environment_digest(settings()),
        "cases": {
            d.case.name: {
                "grade": str(d.grade),
                "verdict": str(d.check.verdict),
                "bit_equal": None if d.outcome.report is None else d.outcome.report.bit_equal,
                "worst_ratio": min(share(d), 1e9),
                "seconds": round(d.outcome.seconds, 3),
            }
            for d in drifts
        },
    }


def append(path: Path, drifts: Sequence[Drift], commit: str | None) -> None:
    """Write one line at the end of a file, whole: other commands wait for it."""
    text = json.dumps(line(drifts, commit)) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        there = path.read_text() if path.exists() else ""
        # A command killed while it wrote has left half a line: it becomes one of its own.
        begun = "" if not there or there.endswith("\n") else "\n"
        with path.open("a") as file:
            file.write(begun + text)


def read(path: Path) -> tuple[list[Line], int]:
    """All lines, and how many cannot be read.

    Raises:
        DriftError: there is no such file, or no line in it can be read.
    """
    try:
        texts = path.read_text().splitlines()
    except OSError as error:
        raise DriftError(
            f"{path} cannot be read ({error.strerror}): name what `repro drift check --history "
            "FILE` wrote"
        ) from None
    found: list[Line] = []
    for text in filter(None, texts):
        try:
            one = json.loads(text)
            kept = {name: one[name] for name in ("when", "commit", "environment")}
            found.append(kept | {"cases": dict(one["cases"])})
        except (ValueError, KeyError, TypeError):
            continue
    if not found:
        raise DriftError(f"{path} holds no check: write it with `repro drift check --history`")
    return found, len([*filter(None, texts)]) - len(found)


def draw(lines: Sequence[Line], folder: Path) -> Path:
    """``history.png`` in a folder."""
    path = folder / "history.png"
    with atomic(path) as temporary:
        picture(lines).savefig(temporary, format="png", dpi=120)
    return path


def sections(lines: Sequence[Line]) -> list[Section]:
    """Of the page: the picture, and the table."""
    from repro.reports.drawn import drawn

    moved = ", ".join(lines[i]["when"] for i in changes(lines)) or "never"
    words = f"Equal bits and share of tolerance over {len(lines)} checks. New environment: {moved}."
    chart = drawn(picture(lines), "Over the checks", words)
    return [Section("Checks", COLUMNS, rows(lines), [words], [chart])]


def picture(lines: Sequence[Line]) -> Figure:
    """Share of equal bits, and of tolerance, over the checks of every case; a line where the
    environment changed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    names = dict.fromkeys(name for one in lines for name in one["cases"])
    for axes, field, label in (
        (above, "bit_equal", "share of equal bits"),
        (below, "worst_ratio", "share of tolerance"),
    ):
        for name in names:
            found = [one["cases"].get(name, {}).get(field) for one in lines]
            values = [float("nan") if value is None else value for value in found]
            axes.plot(range(len(lines)), values, marker=".", lw=1, label=name)
        for at in changes(lines):
            axes.axvline(at - 0.5, color="0.5", ls="--", lw=1)
        axes.set_ylabel(label)
    below.set_xticks(range(len(lines)), [str(one["commit"] or at) for at, one in enumerate(lines)])
    below.tick_params(axis="x", labelrotation=45)
    above.legend(fontsize=6)
    return figure


def changes(lines: Sequence[Line]) -> list[int]:
    """The checks whose environment is another than that of the check before."""
    pairs = zip(lines, lines[1:], strict=False)
    return [i for i, (a, b) in enumerate(pairs, 1) if a["environment"] != b["environment"]]


def rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """When, commit, environment (marked where it changed), grades, equal bits, of tolerance."""
    marked = {*changes(lines)}
    return [
        (
            one["when"],
            str(one["commit"] or "-"),
            one["environment"] + " *" * (i in marked),
            _worst(one),
            f"{_least(one, 'bit_equal', min):.4f}",
            f"{_least(one, 'worst_ratio', max):.2f}",
        )
        for i, one in enumerate(lines)
    ]


COLUMNS = ("when", "commit", "environment", "grade", "bits equal, least", "of tolerance, most")


def _worst(one: Line) -> str:
    there = {case["grade"] for case in one["cases"].values()}
    return next((str(grade) for grade in GRADES if str(grade) in there), "-")


def _least(one: Line, field: str, choose: Any) -> float:
    known = [case[field] for case in one["cases"].values() if case[field] is not None]
    return float(choose(known, default=float("nan")))
