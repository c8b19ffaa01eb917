"""Words that more than one kind of report needs."""

from __future__ import annotations

import re

from repro.reporting import row
from repro.suite import Result

ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(text: str) -> str:
    """Put U+FFFD for the control characters and lone surrogates that XML and HTML cannot hold."""
    return ILLEGAL.sub("\ufffd", text)


def table_row(result: Result) -> tuple[str, ...]:
    """:func:`repro.reporting.row`; the first divergence of a failing quantity is told too."""
    cells = row(result)
    first = result.report.first_difference if result.report is not None else None
    return cells if first is None else (*cells[:-1], f"{first.name} @ {first.first_difference}")
