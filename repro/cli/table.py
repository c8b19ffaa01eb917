"""A run's outcomes on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from repro.checks import Pair, Verdict
from repro.cli.console import console
from repro.reports.outcome import COLUMNS, Outcome, explain, floor_percent, row

COLOURS = {Verdict.PASS_BITWISE: "green", Verdict.PASS: "green", Verdict.NOT_RUN: "yellow"}


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """The table, then why each case that did not pass did not, once per distinct cause."""
    table = Table(*COLUMNS, box=None, pad_edge=False)
    for outcome in outcomes:
        name, verdict, *cells = row(outcome)
        colour = COLOURS.get(outcome.verdict, "red")
        table.add_row(name, f"[{colour}]{verdict}[/]", *cells)
    console.print(table)
    for outcome in outcomes:
        if outcome.check.note:
            console.print(f"{outcome.label}: {outcome.check.note}", markup=False)
        if not outcome:
            console.print(explain(outcome), markup=False)
        elif outcome.check.followed is not None:
            _print_followed(outcome.check.followed)
    passed = sum(map(bool, outcomes))
    console.print(f"{passed} of {len(outcomes)} cases pass.")


def _print_followed(followed: Pair) -> None:
    numbers = sum(r.values for r in followed.rounding.values())
    console.print(f"every operation agrees within its budget ({numbers} numbers)")
    table = Table("operation", "numbers", "bits equal", "largest, ulp", "of budget", box=None)
    for kind, r in followed.rounding.items():
        share = f"{floor_percent(r.equal / r.values)} %"
        table.add_row(kind, str(r.values), share, f"{r.ulp:.2f}", f"{r.budget_used:.2f}")
    console.print(table)
