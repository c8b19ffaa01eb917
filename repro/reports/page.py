"""The page about one run of the parity command: one file that needs no network."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from repro.checks import Check, Row, Verdict, worst
from repro.reports.command import case_command, localise_command
from repro.reports.drawn import Chart
from repro.reports.facts import facts
from repro.reports.html import SCHEMA as SCHEMA
from repro.reports.html import number, rendered
from repro.reports.outcome import (
    COLUMNS,
    LEGEND,
    OPERATIONS,
    SIDES,
    Named,
    Outcome,
    causes,
    operation_row,
    row,
)

MOST_ROWS = 60
"""Steps of the arbiter's tables that are printed; of longer ones every so many."""


@dataclass(frozen=True, eq=False)
class Shown:
    """An outcome as the template needs it."""

    outcome: Outcome
    row: tuple[str, ...]
    message: str
    command: str
    localise: str | None
    rounding: tuple[tuple[str, ...], ...]
    quantities: tuple[Row, ...]
    charts: tuple[Chart, ...]
    layers: tuple[tuple[str, list[str]], ...]
    arbiter: tuple[tuple[str, list[tuple[int, str, str]]], ...]


def write_html(
    outcomes: Sequence[Outcome],
    folder: Path,
    *,
    command: Sequence[str],
    settings: Mapping[str, Any],
    when: datetime | None = None,
    commit: str | None = None,
    reproduce: Callable[[Outcome], str] | None = None,
    title: str = "Parity",
    say: Callable[[Outcome], str] = lambda outcome: outcome.check.message,
    sides: tuple[str, str] = SIDES,
) -> Path:
    """Write ``index.html`` about a run: verdicts, what failed, what passed, settings.

    Args:
        outcomes: of the run.
        folder: made where it is missing. The page is its only file.
        command: the run's own command, word by word.
        settings: :func:`repro.run.settings.settings` of the run.
        when: of the run; now by default.
        commit: of the working tree, where there is one.
        reproduce: the command that reproduces one case; by default
            :func:`repro.reports.command.case_command`, and where that has none the run's own.
        title: what the page is about, in a word.
        say: what there is to say of a case; by default its check's message.
        sides: how the two are called.

    Returns:
        The page's path; the page before stays until the new one is whole.
    """
    run = shlex.join(command)
    shown = [_shown(outcome, run, reproduce, say) for outcome in outcomes]
    by_outcome = {id(case.outcome): case for case in shown}
    told = [[by_outcome[id(o)] for o in cause] for cause in causes(outcomes)]
    return rendered(
        "page.html.jinja",
        folder,
        command,
        when,
        commit=commit,
        verdict=worst(outcome.verdict for outcome in outcomes),
        passed=sum(map(bool, outcomes)),
        columns=COLUMNS,
        legend=LEGEND,
        operations=OPERATIONS + sides,
        sides=sides,
        facts=facts(outcomes, settings),
        cases=shown,
        worst_first=sorted(shown, key=lambda case: bool(case.outcome)),
        causes=[(first, others) for first, *others in told],
        title=title,
        Verdict=Verdict,
    )


def write_page(check: Check, folder: str | Path, *, name: str = "check") -> Path:
    """Write ``index.html`` about a check of your own: what :func:`write_html` writes of the
    package's cases.

    Args:
        check: what :func:`repro.check` gave.
        folder: made where it is missing. The page is its only file.
        name: how the page calls it.

    Returns:
        The page's path.
    """
    from repro.run.settings import settings

    command = [Path(sys.executable).name, *sys.argv]
    return write_html([Outcome(Named(name), check)], Path(folder), command=command,
                      settings=settings())  # fmt: skip


def _shown(
    outcome: Outcome,
    run: str,
    reproduce: Callable[[Outcome], str] | None,
    say: Callable[[Outcome], str],
) -> Shown:
    # Charts need Matplotlib, which takes a second to import: only who writes a page waits for it.
    from repro.reports.charts import charts, layer_differences

    followed = outcome.check.followed
    return Shown(
        outcome,
        row(outcome),
        say(outcome),
        reproduce(outcome) if reproduce is not None else case_command(outcome) or run,
        localise_command(outcome),
        tuple(operation_row(*of) for of in followed.rounding.items()) if followed else (),
        outcome.check.table.rows,
        tuple(charts(outcome)),
        tuple(layer_differences(outcome)),
        _arbiter(outcome),
    )


def _arbiter(outcome: Outcome) -> tuple[tuple[str, list[tuple[int, str, str]]], ...]:
    if outcome.check.arbiter is None:
        return ()
    tables = []
    for d in outcome.check.arbiter.distances:
        every = -(-len(d.steps) // MOST_ROWS)
        printed = zip(d.steps, d.reference, d.port, strict=True)
        lines = [(int(s), number(r), number(p)) for s, r, p in list(printed)[:: max(every, 1)]]
        tables.append((str(d), lines))
    return tuple(tables)
