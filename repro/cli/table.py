"""A run's outcomes on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from repro.checks import Pair, Verdict
from repro.cli.console import console
from repro.reports.command import localise_command
from repro.reports.outcome import (
    COLUMNS,
    LEGEND,
    OPERATIONS,
    SIDES,
    Outcome,
    causes,
    explain,
    operation_row,
    row,
)

COLOURS = {Verdict.PASS_BITWISE: "green", Verdict.PASS: "green", Verdict.NOT_RUN: "yellow"}


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """The table, then why each case that did not pass did not, once per distinct cause."""
    table = _table(outcomes, console.width)
    console.print(table)
    console.print(LEGEND, style="dim", markup=False)
    left_out = COLUMNS[len(table.columns) :]
    if left_out:
        note = f"Left out, the terminal is too narrow: {', '.join(left_out)}"
        console.print(note, style="dim", markup=False)
    for outcome in outcomes:
        if outcome.check.note:
            console.print(f"{outcome.label}: {outcome.check.note}", markup=False)
        if outcome and outcome.check.followed is not None:
            _print_followed(outcome.check.followed)
    for first, *others in causes(outcomes):
        _print_cause(first, others)
    passed = sum(map(bool, outcomes))
    console.print(f"{passed} of {len(outcomes)} cases pass.")


def _print_cause(first: Outcome, others: Sequence[Outcome]) -> None:
    console.print(explain(first), markup=False)
    command = localise_command(first)
    if command is not None:
        console.print(f"In which operation: {command}", markup=False)
    if others:
        labels = ", ".join(other.label for other in others)
        console.print(f"The same in {len(others)} more: {labels}", markup=False)


def print_left_out(compared: int) -> None:
    """Which recordings a plain `repro parity` does not compare, and what compares them."""
    from repro.sides import recorded

    more = len(recorded.names()) - compared
    console.print(
        f"Not compared: {more} more recordings, and what comes after the iterations in brackets. "
        "All of it, about ten minutes: repro parity --full",
        markup=False,
    )


def _table(outcomes: Sequence[Outcome], width: int) -> Table:
    """Names are whole: where the terminal is narrow, the last columns are left out."""
    rows = [row(outcome) for outcome in outcomes]
    longest = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    shown = max(n for n in range(2, len(COLUMNS) + 1) if n == 2 or _needed(longest[:n]) <= width)
    table = Table(box=None, pad_edge=False)
    for title in COLUMNS[:shown]:
        table.add_column(escape(title), no_wrap=True, overflow="ignore")
    for outcome, (name, verdict, *cells) in zip(outcomes, rows, strict=True):
        colour = COLOURS.get(outcome.verdict, "red")
        table.add_row(escape(name), f"[{colour}]{verdict}[/]", *map(escape, cells[: shown - 2]))
    return table


def _needed(columns: Sequence[int]) -> int:
    """Two blanks stand between columns."""
    return sum(columns) + 2 * (len(columns) - 1)


def _print_followed(followed: Pair) -> None:
    numbers = sum(r.values for r in followed.rounding.values())
    console.print(f"every operation agrees within its budget ({numbers} numbers)")
    table = Table(*OPERATIONS, *SIDES, box=None)
    for kind, r in followed.rounding.items():
        table.add_row(*operation_row(kind, r))
    console.print(table)
