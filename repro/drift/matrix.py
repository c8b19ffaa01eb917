"""The same cases in every combination of interpreters and variables, each in its own process."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repro.drift.baseline import INDEX, DriftError
from repro.drift.baseline import load as load_baseline
from repro.drift.grade import Grade
from repro.drift.summary import GRADES, SIDES, table
from repro.drift.taken import Taken
from repro.folders import PACKAGE
from repro.reports import Section
from repro.reports.outcome import OPERATIONS, operation_row, rounding_of
from repro.run import digest

TITLE = "Drift over environments"

Settings = Mapping[str, str]
"""Environment variables by name; and ``python``, where one was named."""


FIRST = "the first"
"""In the place of its grade: what the others are held against."""


@dataclass(frozen=True)
class Cell:
    """One combination.

    Attributes:
        settings: what it was run with.
        report: what ``repro drift check --json`` said of it, beside the first combination; empty
            of the first itself.
        wholes: by case the digest of all that was computed.
        failed: why it could not be run; empty where it was.
    """

    settings: Settings
    report: Mapping[str, Any] = field(default_factory=dict)
    wholes: Mapping[str, str] = field(default_factory=dict)
    failed: str = ""

    @property
    def grade(self) -> str:
        if self.failed:
            return "not run"
        return str(self.report.get("grade", FIRST))

    @property
    def carriers(self) -> list[str]:
        """The kinds of operation that differ on the first combination's own inputs."""
        cases = self.report.get("cases", [])
        return [*dict.fromkeys(kind for case in cases for kind in case["carriers"])]

    @property
    def label(self) -> str:
        return " ".join(f"{name}={value}" for name, value in self.settings.items())


def combinations(pythons: Sequence[str], variables: Sequence[str]) -> list[Settings]:
    """Every combination.

    Args:
        pythons: interpreters; this one where there are none.
        variables: ``NAME=VALUE,VALUE``.

    Raises:
        DriftError: a variable has no values, or there is nothing to combine.
    """
    axes = {"python": list(pythons)} if pythons else {}
    for text in variables:
        name, sign, values = text.partition("=")
        if not (name and sign and all(values.split(","))):
            raise DriftError(f"--env {text} names no values: write --env OMP_NUM_THREADS=1,2")
        axes[name] = values.split(",")
    rows = itertools.product(*axes.values())
    found: list[Settings] = [dict(zip(axes, row, strict=True)) for row in rows]
    if len(found) < 2:
        raise DriftError(
            "one combination has nothing beside it: give --python twice, or --env NAME=A,B"
        )
    return found


def matrix(cells: Sequence[Settings], asked: Sequence[str], folder: Path) -> Iterator[Cell]:
    """Run every combination, the first as the baseline of the others.

    Args:
        cells: the combinations.
        asked: the cases; the default suite where empty.
        folder: for their baselines, one each.

    Raises:
        DriftError: the first cannot be run: there is nothing to hold the others against.
    """
    first = folder / "0"
    for i, settings in enumerate(cells):
        own, report = folder / str(i), folder / f"{i}.json"
        words = ["check", str(first), "--keep", str(own), "--json", str(report)]
        done = _run(settings, ["record", str(first), *asked] if i == 0 else words)
        ended = (own / INDEX).exists() and (i == 0 or report.exists())
        if done.returncode not in ((0,) if i == 0 else (0, 1)) or not ended:
            said = (done.stderr.strip().splitlines() or ["nothing was printed"])[-1]
            if i == 0:
                raise DriftError(f"{Cell(settings).label} could not be run: {said}")
            yield Cell(settings, failed=said)
            continue
        base = load_baseline(own)
        wholes = {case.name: _whole(base.taken(case)) for case in base.cases}
        said_of = json.loads(report.read_text()) if report.exists() else {}
        yield Cell(settings, said_of, wholes)


def _whole(taken: Taken) -> str:
    """Of all operations that are marked, and of the trajectory, where none is."""
    return taken.marks.whole + digest({n: q.values for n, q in taken.run.quantities.items()})


def _run(settings: Settings, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """One command of ours in another interpreter, under other variables."""
    python = settings.get("python", sys.executable)
    variables = {name: value for name, value in settings.items() if name != "python"}
    paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(paths)}
    command = [python, "-m", "repro", "drift", *words]
    try:
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    except OSError as error:
        return subprocess.CompletedProcess(command, 2, "", f"{python}: {error}")


def worst_first(cells: Sequence[Cell]) -> list[Cell]:
    order = ["not run", *map(str, GRADES)]
    return sorted(cells, key=lambda c: order.index(c.grade) if c.grade in order else len(order))


def neighbours(cells: Sequence[Cell]) -> list[str]:
    """Where bits change between two combinations that differ in one setting alone, in words; where
    that depends on the other settings, beside which."""
    found: dict[str, dict[str, list[str]]] = {}
    for a, b in itertools.combinations([c for c in cells if not c.failed], 2):
        apart = [name for name in a.settings if a.settings[name] != b.settings[name]]
        if len(apart) == 1:
            (name,) = apart
            cases = ", ".join(case for case in a.wholes if a.wholes[case] != b.wholes.get(case))
            beside = Cell({n: value for n, value in a.settings.items() if n != name}).label
            setting = f"{name}: {a.settings[name]} -> {b.settings[name]} alone"
            said = f"changes bits of {cases}" if cases else "changes no bit"
            found.setdefault(setting, {}).setdefault(said, []).append(beside)
    return [
        f"{setting} {said}" + (f", beside {'; '.join(beside)}" if len(each) > 1 else "")
        for setting, each in found.items()
        for said, beside in each.items()
    ]


COLUMNS = ("environment", "grade", "cases same", "rounding", "changed", "control", "carried by")


def row(cell: Cell) -> tuple[str, ...]:
    """What :data:`COLUMNS` name."""
    cases = cell.report.get("cases", [])
    grades = [case["grade"] for case in cases]
    counts = [str(grades.count(g)) if cases else "-" for g in map(str, reversed(GRADES))]
    controls = ", ".join(dict.fromkeys(case["control"] for case in cases)) or "-"
    carried = cell.failed or ", ".join(cell.carriers) or "-"
    return (cell.label, cell.grade, *counts, controls, carried)


def differences(cell: Cell) -> list[str]:
    """What differs from the first combination's environment, in words."""
    return [f"{name}: {then} -> {now}" for name, (then, now) in cell.report["differs"].items()]


def operation_rows(cell: Cell) -> list[tuple[str, ...]]:
    """What :data:`OPERATIONS` and :data:`SIDES` name, of those that differ."""
    found = {kind: rounding_of(r, SIDES) for kind, r in cell.report["operations"].items()}
    return [operation_row(kind, r) for kind, r in found.items() if r.equal < r.values]


def sections(cells: Sequence[Cell]) -> list[Section]:
    """Of the page and of a job's summary: the table, what did it, and of every combination whose
    bits are others what differs and which operations."""
    first = [
        Section("Combinations", COLUMNS, [row(c) for c in worst_first(cells)]),
        Section("One setting alone", sentences=neighbours(cells)),
    ]
    moved = [c for c in worst_first(cells) if c.report and c.grade != str(Grade.SAME)]
    columns = (*OPERATIONS, *SIDES)
    return first + [
        Section(f"{c.label}: {c.grade}", columns, operation_rows(c), differences(c)) for c in moved
    ]


def markdown(cells: Sequence[Cell]) -> str:
    """For a job summary."""
    lines = [f"## {TITLE}"]
    for part in sections(cells):
        lines += ["", f"### {part.heading}"]
        lines += ["", *(f"* {said}" for said in part.sentences)] if part.sentences else []
        lines += ["", *table(part.columns, part.rows)] if part.rows else []
    return "\n".join(lines) + "\n"
