"""`repro drift`: what an environment computes, kept, and whether another computes the same."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from repro.cli.places import check_places
from repro.cli.plain_help import PlainCommand, PlainGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from repro.drift import Baseline, Drift
    from repro.drift.running import Held

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    help="Keep what this environment computes, and say what another one changes: `record` once, "
    "`check` after an upgrade or elsewhere, `accept` what is meant. `matrix` needs no baseline.",
)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The baseline's folder.")]
Cases = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="CASE",
        help="Functions or recordings, as `repro cases` lists them; by default the suite of "
        "`repro parity`.",
    ),
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Write the report as JSON; - for standard output.")
]
Html = Annotated[Path | None, typer.Option(metavar="DIR", help="Write a page here.")]
Summary = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write Markdown for a job summary here.")
]


@app.command(cls=PlainCommand)
def record(folder: Folder, cases: Cases = None) -> None:
    """Keep what this environment computes of the cases, as a folder for git.

    Such as: repro drift record baselines/cpu fomaml
    """
    from repro.cli.console import console, one_thread, progress_bar
    from repro.drift.running import record
    from repro.sides.choosing import recorded_cases

    one_thread()
    wanted = recorded_cases(cases or ())
    with progress_bar(sum(max(c.epochs, 1) for c in wanted), "record") as (tick, _):
        made = record(folder, cases or (), tick)
    size = sum(path.stat().st_size for path in folder.iterdir())
    console.print(
        f"{len(made.cases)} case{'s' * (len(made.cases) != 1)} in {folder}, {size / 1e6:.2f} MB\n"
        f"Next: commit it; after an upgrade, or elsewhere: repro drift check {folder}",
        markup=False, soft_wrap=True,
    )  # fmt: skip


@app.command(cls=PlainCommand)
def check(
    folder: Folder,
    cases: Cases = None,
    json_file: JsonFile = None,
    html: Html = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML for CI here.")
    ] = None,
    summary: Summary = None,
    history: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append a line about this check here.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep what is computed here as a baseline.")
    ] = None,
) -> None:
    """Compute the cases again, and say of each: same bits, rounding, or changed.

    Such as: repro drift check baselines/cpu --html report --history drift.jsonl

    Exit status: 0 same bits or rounding, 1 something changed, 2 could not run.
    """
    files = {"--json": json_file, "--junit": junit, "--summary": summary, "--history": history}
    check_places(files, {"--html": html, "--keep": keep})
    from repro.cli.console import console
    from repro.drift import Grade
    from repro.drift.baseline import INDEX, DriftError
    from repro.drift.history import append
    from repro.drift.summary import exit_status

    if keep is not None and (keep / INDEX).exists():
        raise DriftError(
            f"--keep {keep} holds a baseline: name another folder, or use `repro drift accept`"
        )

    baseline, found = _held(folder, cases)
    drifts = [one.drift for one in found]
    if keep is not None:
        from repro.drift.baseline import alone, write

        with alone(keep):
            write(keep, baseline.asked, [(one.case, one.now) for one in found], baseline.history)
    _reports(drifts, json_file, html, junit, summary)
    if history is not None:
        append(history, drifts, _commit())
    if json_file != Path("-"):
        _print(drifts)
        if any(d.grade is not Grade.SAME for d in drifts):
            console.print(
                "Next: where this is meant, or harmless, make it the baseline: "
                f"repro drift accept {folder} --because 'what was changed'",
                markup=False, soft_wrap=True,
            )  # fmt: skip
    raise typer.Exit(exit_status(drifts))


@app.command(cls=PlainCommand)
def accept(
    folder: Folder,
    because: Annotated[str, typer.Option(help="Why; it stands in the baseline's history.")],
) -> None:
    """Compute the cases again, show what differs, and make it the new baseline.

    Such as: repro drift accept baselines/cpu --because "torch 2.14 sums in another order"
    """
    from repro.cli.console import console
    from repro.drift.running import accept

    baseline, found = _held(folder, None)
    _print([one.drift for one in found])
    accept(baseline, found, because)
    console.print(f"accepted in {folder}: {because}", markup=False, soft_wrap=True)


@app.command(cls=PlainCommand)
def matrix(
    cases: Cases = None,
    python: Annotated[
        list[str] | None,
        typer.Option(help="An interpreter that has what this package needs; may be repeated."),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE,VALUE", help="A variable; may be repeated."),
    ] = None,
    json_file: JsonFile = None,
    html: Html = None,
    summary: Summary = None,
) -> None:
    """Run the cases in every combination of interpreters and variables, the first as baseline.

    Such as: repro drift matrix fomaml --env OMP_NUM_THREADS=1,2 --env MKL_CBWR=AUTO,COMPATIBLE

    Exit status: 0 same bits or rounding, 1 something changed, 2 one could not be run.
    """
    from tempfile import TemporaryDirectory

    from repro.cli.console import console, progress_bar
    from repro.cli.parity import write_json
    from repro.drift import matrix as over
    from repro.reports import write_tables

    check_places({"--json": json_file, "--summary": summary}, {"--html": html})
    wanted = over.combinations(python or (), env or ())
    cells = []
    bar = progress_bar(len(wanted), "matrix")
    with TemporaryDirectory() as folder, bar as (tick, announce):
        for cell in over.matrix(wanted, cases or (), Path(folder)):
            cells.append(cell)
            tick()
            announce(f"{cell.label}: {cell.grade}")
    said = over.neighbours(cells)
    if json_file is not None:
        found = [{"settings": dict(c.settings), "grade": c.grade, **c.report} for c in cells]
        write_json(json_file, {**_about(), "neighbours": said, "cells": found})
    _write(summary, over.markdown(cells))
    if html is not None:
        about = _about()
        write_tables(over.TITLE, over.sections(cells), html, command=about["command"],
                     commit=about["commit"])  # fmt: skip
    if json_file != Path("-"):
        _table(over.COLUMNS, [over.row(c) for c in over.worst_first(cells)])
        for line in said:
            console.print(line, markup=False, soft_wrap=True)
    grades = {cell.grade for cell in cells}
    raise typer.Exit(2 if "not run" in grades else int("changed" in grades))


@app.command(cls=PlainCommand)
def history(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `check --history` wrote.")],
    png: Annotated[Path | None, typer.Option(metavar="DIR", help="Draw it as history.png.")] = None,
    html: Html = None,
) -> None:
    """Print what came of every check; an asterisk where the environment changed.

    Such as: repro drift history drift.jsonl --png pictures
    """
    from repro.cli.console import console, errors
    from repro.drift import history as lines
    from repro.reports import write_tables

    check_places({}, {"--png": png, "--html": html})
    found, lost = lines.read(file)
    _table(lines.COLUMNS, lines.rows(found))
    if lost:
        errors.print(f"{lost} lines of {file} cannot be read, and are left out")
    if html is not None:
        write_tables("Drift, check by check", lines.sections(found), html,
                     command=_about()["command"], commit=_commit())  # fmt: skip
    if png is not None:
        console.print(f"picture: {lines.draw(found, png)}", markup=False, soft_wrap=True)


def _held(folder: Path, cases: list[str] | None) -> tuple[Baseline, list[Held]]:
    from repro.cli.console import one_thread, progress_bar
    from repro.drift.running import held, opened

    one_thread()
    baseline, found = opened(folder, cases), []
    with progress_bar(sum(max(c.epochs, 1) for c in baseline.cases), "drift") as (tick, announce):
        for one in held(baseline, tick):
            found.append(one)
            announce(f"{one.case.label}: {one.drift.grade}")
    return baseline, found


def _reports(
    drifts: Sequence[Drift],
    json_file: Path | None,
    html: Path | None,
    junit: Path | None,
    summary: Path | None,
) -> None:
    from repro.cli.parity import write_json
    from repro.drift.summary import SIDES, document, headline, markdown, sentences
    from repro.reports import write_html, write_junit
    from repro.run.settings import settings

    if json_file is not None:
        write_json(json_file, {**_about(), "settings": settings(), **document(drifts)})
    said = {id(d.check): sentences(d) for d in drifts}
    if html is not None:
        outcomes = [d.outcome for d in drifts]
        write_html(
            outcomes, html, command=_about()["command"], settings=settings(), commit=_commit(),
            title=f"Drift, {headline(drifts)}", say=lambda o: said[id(o.check)],
            reproduce=lambda o: shlex.join(_about()["command"]), sides=SIDES,
        )  # fmt: skip
    if junit is not None:
        write_junit([d.outcome for d in drifts], junit)
    _write(summary, markdown(drifts, "Drift"))


def _write(path: Path | None, text: str) -> None:
    from repro.run import atomic

    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temporary:
            temporary.write_text(text)


def _about() -> dict[str, Any]:
    from datetime import datetime, timezone

    from repro.cli.parity import command_line
    from repro.reports.page import SCHEMA

    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {"schema": SCHEMA, "command": command_line(), "when": when, "commit": _commit()}


def _commit() -> str | None:
    from repro.cli.parity import commit

    return commit()


def _print(drifts: Sequence[Drift]) -> None:
    """The table, worst first; what differs; and which operations carry it."""
    from repro.cli.console import console
    from repro.drift.summary import (
        COLUMNS,
        SIDES,
        headline,
        moved,
        not_controlled,
        operations,
        row,
        worst_first,
    )
    from repro.reports.outcome import OPERATIONS, operation_row

    _table(COLUMNS, [row(d) for d in worst_first(drifts)])
    for said in not_controlled(drifts):
        console.print(said, markup=False, soft_wrap=True)
    changes = moved(drifts)
    for name, (then, now) in changes.items():
        console.print(f"differs: {name}: {then} -> {now}", markup=False, soft_wrap=True)
    if not changes:
        console.print("The two environments do not differ in anything that is known to matter.")
    kinds = operations(drifts)
    if kinds:
        console.print("Operations, on the baseline's own inputs:")
        _table(OPERATIONS + SIDES, [operation_row(kind, r) for kind, r in kinds.items()])
    for d in drifts:
        if not d:
            console.print(f"{d.case.label}: {d.check.message}", markup=False, soft_wrap=True)
    console.print(headline(drifts))


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from repro.cli.console import console

    table = Table(*columns, box=None, pad_edge=False)
    for cells in rows:
        table.add_row(*map(escape, cells))
    console.print(table)
