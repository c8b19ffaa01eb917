"""Drifts in words: a line and a table for a terminal, Markdown for a CI's job summary, JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from repro.checks import Rounding, Verdict
from repro.drift.grade import Drift, Grade
from repro.reports.outcome import OPERATIONS, as_json, floor_percent, operation_row, rounding_json

GRADES = (Grade.CHANGED, Grade.ROUNDING, Grade.SAME)
MOST_SITES = 20
"""Operations that differ which the JSON lists; there may be thousands."""

COLUMNS = ("case", "grade", "bits equal", "of tolerance", "control", "where")
SIDES = ("then", "now")


def worst_first(drifts: Sequence[Drift]) -> list[Drift]:
    return sorted(drifts, key=lambda d: (GRADES.index(d.grade), -share(d)))


def share(one: Drift) -> float:
    """The largest share of a tolerance that was used; 0 where there is none to use."""
    ratio = one.check.worst_ratio
    return 0.0 if ratio != ratio else ratio


def row(one: Drift) -> tuple[str, ...]:
    """What :data:`COLUMNS` name."""
    report = one.outcome.report
    equal = "-" if report is None else f"{floor_percent(report.bit_equal)} %"
    return (one.case.label, str(one.grade), equal, f"{share(one):.2f}", control(one), one.where)


def control(one: Drift) -> str:
    """What the exact engine did: the same bits, other ones, or why it was not run."""
    if one.control:
        return "OTHER BITS"
    return "not run" if one.control_not_run else "same bits"


def not_controlled(drifts: Sequence[Drift]) -> list[str]:
    """Why the exact engine was not run, and of which cases, in sentences."""
    found: dict[str, list[str]] = {}
    for d in drifts:
        if not d.control and d.control_not_run:
            found.setdefault(d.control_not_run, []).append(d.case.label)
    return [f"no control of {', '.join(cases)}: {why}" for why, cases in found.items()]


def headline(drifts: Sequence[Drift]) -> str:
    """How many of each grade."""
    counts = {grade: sum(d.grade is grade for d in drifts) for grade in GRADES}
    return ", ".join(f"{n} {grade}" for grade, n in counts.items() if n) or "nothing was compared"


def moved(drifts: Sequence[Drift]) -> dict[str, tuple[str, str]]:
    """What differs between the two environments, of all cases together."""
    return {name: both for d in drifts for name, both in (d.environment or {}).items()}


def operations(drifts: Sequence[Drift]) -> dict[str, Rounding]:
    """By kind of operation over all cases, what of it is equal and how far the rest is."""
    found: dict[str, Rounding] = {}
    for kind, r in ((k, r) for d in drifts for k, r in d.operations.items()):
        found[kind] = found[kind] + r if kind in found else r
    return dict(sorted(found.items(), key=lambda item: item[1].equal / max(item[1].values, 1)))


def markdown(drifts: Sequence[Drift], title: str) -> str:
    """For a job summary: grades, what differs, which operations carry it; worst first."""
    lines = [f"## {title}: {headline(drifts)}", ""]
    lines += table(COLUMNS, [row(d) for d in worst_first(drifts)])
    lines += ["", *(f"* {said}" for said in not_controlled(drifts))]
    lines += ["", "### What differs between the two environments", ""]
    changes = [(name, then, now) for name, (then, now) in moved(drifts).items()]
    lines += table(("setting", *SIDES), changes) if changes else ["Nothing."]
    rows = [operation_row(kind, r) for kind, r in operations(drifts).items()]
    if rows:
        lines += ["", "### Operations, on the baseline's own inputs", ""]
        lines += table(OPERATIONS + SIDES, rows)
    return "\n".join(lines) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in (columns, ["---"] * len(columns), *cells)]


def sentences(one: Drift) -> str:
    """What the page and the terminal say of a case."""
    return f"{one.grade}: {one.where}\n{one.check.message}"


def document(drifts: Sequence[Drift]) -> dict[str, Any]:
    """All of it as plain JSON values."""
    return {
        "grade": next((str(g) for g in GRADES if any(d.grade is g for d in drifts)), None),
        "differs": {name: list(both) for name, both in moved(drifts).items()},
        "operations": {kind: rounding_json(r, SIDES) for kind, r in operations(drifts).items()},
        "cases": [_case(d) for d in drifts],
    }


def _case(one: Drift) -> dict[str, Any]:
    sites = [str(site) for site in one.sites[:MOST_SITES]]
    return {
        **as_json(one.outcome),
        "grade": str(one.grade),
        "where": one.where,
        "control": control(one),
        "control_not_run": one.control_not_run,
        "carriers": one.carriers,
        "sites": sites,
    }


def exit_status(drifts: Sequence[Drift]) -> int:
    """0 where nothing changed, 1 where something did, 2 where something could not run."""
    if any(d.check.verdict in (Verdict.ERROR, Verdict.NOT_RUN) for d in drifts) or not drifts:
        return 2
    return 0 if all(drifts) else 1


def environment_digest(environment: Mapping[str, Any]) -> str:
    """Eight letters that stand for an environment."""
    return hashlib.sha256(json.dumps(environment, sort_keys=True).encode()).hexdigest()[:8]
