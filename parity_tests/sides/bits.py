"""Which of two sets of named arrays are not equal bit for bit, by the project's one comparer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import repro
from repro.checks import Verdict


def different(reference: Mapping[str, Any], port: Mapping[str, Any]) -> set[str]:
    """The reference's names that differ in a bit or a type, or that the port lacks."""
    found = repro.check(
        [dict(reference)], [dict(port)], tolerance=repro.Bitwise(), names=[*reference]
    )
    return {c.name for c in found.own.comparisons if c.verdict is not Verdict.PASS_BITWISE}
