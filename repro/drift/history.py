"""What came of every check, a line each (JSON Lines), and its picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock

from repro.drift.baseline import DriftError
from repro.drift.grade import Drift
from repro.drift.summary import environment_digest, share
from repro.run.settings import settings

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
            found.append(one | {"cases": dict(one["cases"])})
        except (ValueError, KeyError, TypeError):
            continue
    if not found:
        raise DriftError(f"{path} holds no check: write it with `repro drift check --history`")
    return found, len([*filter(None, texts)]) - len(found)
