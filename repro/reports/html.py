"""Pages: one file each, that needs no network and runs nothing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from repro import __version__
from repro.reports.drawn import Chart
from repro.reports.outcome import floor_percent
from repro.reports.text import legal
from repro.run import atomic

SCHEMA = 2
"""Of the page's layout and the JSON's fields; counted up when a reader of either has to change."""


@dataclass(frozen=True)
class Section:
    """A part of a page: sentences, pictures, a table; each may be empty."""

    heading: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    sentences: Sequence[str] = ()
    charts: Sequence[Chart] = ()


def write_tables(
    title: str,
    sections: Sequence[Section],
    folder: Path,
    *,
    command: Sequence[str],
    commit: str | None = None,
) -> Path:
    """Write ``index.html`` with sentences, pictures and tables.

    Args:
        title: of the page.
        sections: its parts; one with nothing in it is left out.
        folder: made where it is missing. The page is its only file.
        command: the run's own, word by word.
        commit: of the working tree, where there is one.

    Returns:
        The page's path.
    """
    shown = [s for s in sections if s.rows or s.sentences]
    return rendered(
        "tables.html.jinja", folder, command, title=title, sections=shown, commit=commit
    )


def rendered(
    template: str,
    folder: Path,
    command: Sequence[str],
    when: datetime | None = None,
    **values: Any,
) -> Path:
    """Write ``index.html`` from a template of this folder; the page before stays until the new one
    is whole.

    Args:
        when: of the run; now by default.
        values: what the template names, besides the command, the time and the versions.

    Returns:
        The page's path.
    """
    page = template_of("repro.reports", template).render(
        command=shlex.join(command),
        when=(when or datetime.now(timezone.utc)).strftime("%Y-%m-%d %H:%M UTC"),
        schema=SCHEMA,
        version=__version__,
        **values,
    )
    path = folder / "index.html"
    with atomic(path) as temporary:
        temporary.write_text(legal(page), encoding="utf-8")
    return path


def template_of(package: str, name: str) -> Template:
    """A page's template in a package's folder: everything in it is escaped, and a name that is not
    given is an error."""
    environment = Environment(
        loader=PackageLoader(package, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=floor_percent, number=number, most=_most)
    return environment.get_template(name)


def number(value: float) -> str:
    """Two digits; nothing known is a dash."""
    return "0" if value == 0 else "-" if np.isnan(value) else f"{value:.2g}"


def _most(values: np.ndarray) -> str:
    known = values[~np.isnan(values)]
    return number(float(known.max())) if known.size else "-"
