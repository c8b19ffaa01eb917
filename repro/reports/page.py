"""The page about one run of the parity command: one file that needs no network."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from repro.localise import Rounding
from repro.checks import FACTOR, Comparison, Verdict, worst
from repro.reports.command import case_command
from repro.reports.curves import Chart, charts, layer_differences
from repro.reports.sides import sides
from repro.reports.text import legal
from repro.reports.rows import explain, floor_percent, row
from repro.suite import ZOO_LIMITS, Result
from repro.run import atomic

MOST_ROWS = 60
"""Steps of the arbiter's tables that are printed; of longer ones every so many."""


@dataclass(frozen=True)
class Shown:
    """A result as the template needs it."""

    result: Result
    row: tuple[str, ...]
    why: list[str]
    finding: str | None
    rounding: tuple[tuple[str, Rounding], ...]
    command: str
    needed: str
    quantities: tuple[tuple[Comparison, str], ...]
    charts: tuple[Chart, ...]
    layers: tuple[list[str], list]
    arbiter: tuple[tuple[str, list[tuple[int, str, str]]], ...]


def write_html(
    results: Sequence[Result],
    folder: Path,
    *,
    command: Sequence[str],
    settings: Mapping[str, Any],
    reproduce: Callable[[Result], str] | None = None,
) -> Path:
    """Write ``index.html`` about a run: settings, verdicts, and each case with its charts.

    Args:
        results: of the run. A result's ``finding``, where it has one, is the localised step.
        folder: made where it is missing. The page is its only file.
        command: the run's own command, word by word.
        settings: :func:`repro.run.settings.settings` of the run.
        reproduce: the command that reproduces one case; by default
            :func:`repro.reports.command.case_command`, and where that has none the run's own.

    Returns:
        The page's path; the page before stays until the new one is whole.
    """
    run = shlex.join(command)
    page = _template().render(
        command=run,
        verdict=worst(r.verdict for r in results),
        passed=sum(map(bool, results)),
        sides=sides(results, settings),
        cases=[_shown(r, run, reproduce) for r in results],
        factor=FACTOR,
        Verdict=Verdict,
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.html"
    with atomic(path) as temporary:
        temporary.write_text(legal(page), encoding="utf-8")
    return path


def _template():
    environment = Environment(
        loader=PackageLoader("repro.reports", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=floor_percent, number=_number, most=_most)
    return environment.get_template("page.html.jinja")


def _shown(result: Result, run: str, reproduce: Callable[[Result], str] | None) -> Shown:
    comparisons = result.report.comparisons if result.report is not None else ()
    finding = result.finding
    return Shown(
        result,
        row(result),
        _why(result),
        None if finding is None else str(finding),
        tuple(finding.rounding.items()) if finding is not None else (),
        reproduce(result) if reproduce is not None else case_command(result) or run,
        needed(result, result.report.worst) if result.report is not None else "-",
        tuple((c, needed(result, c)) for c in comparisons),
        tuple(charts(result)),
        layer_differences(result),
        _arbiter(result),
    )


def _why(result: Result) -> list[str]:
    """Why it is no pass, without the case's name, which stands above."""
    head = f"{result.case.name}: {result.verdict}: "
    return [] if result else [line.removeprefix(head) for line in explain(result).splitlines()]


def needed(result: Result, c: Comparison) -> str:
    """The smallest tolerance with which a quantity would have passed, in words.

    The tolerance is ``FACTOR`` times how far a last-bit perturbation carries; what is given is
    the factor that would have been enough, rounded up.
    """
    if c.problem is not None or np.isinf(c.worst_ratio):
        return "none would"
    if c.worst_ratio == 0:
        return "0"
    if result.case.function.startswith("zoo") and c.name in ZOO_LIMITS:
        return f"{_up(float(np.nanmax(c.absolute)))} (limit {ZOO_LIMITS[c.name]:.0e})"
    return f"{_up(c.worst_ratio * FACTOR)} × growth"


def _arbiter(result: Result) -> tuple[tuple[str, list[tuple[int, str, str]]], ...]:
    if result.arbiter is None:
        return ()
    tables = []
    for d in result.arbiter.distances:
        every = -(-len(d.steps) // MOST_ROWS)
        printed = zip(d.steps, d.reference, d.port, strict=True)
        lines = [(int(s), _number(r), _number(p)) for s, r, p in list(printed)[:: max(every, 1)]]
        tables.append((str(d), lines))
    return tuple(tables)


def _up(value: float) -> str:
    """Two significant digits, rounded up, so that what is printed would indeed have passed."""
    step = 10.0 ** (np.floor(np.log10(value)) - 1)
    return f"{np.ceil(value / step * (1 - 1e-12)) * step:.2g}"


def _number(value: float) -> str:
    return "0" if value == 0 else "-" if np.isnan(value) else f"{value:.2g}"


def _most(values: np.ndarray) -> str:
    known = values[~np.isnan(values)]
    return _number(known.max()) if known.size else "-"
