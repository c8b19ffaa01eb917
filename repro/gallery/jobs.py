"""Computations worth keeping: each is done once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.run import Run
from repro.run.settings import numeric_settings, source_digest
from repro.run.settings import sources_of as sources_of

Tick = Callable[[int], object]
"""``tick(n)``: n more iterations are done."""


@dataclass(frozen=True)
class Job:
    """One computation.

    Attributes:
        name: shown beside its progress.
        iterations: how many there are to do.
        arguments: everything that it depends on besides source files and numeric settings, as
            plain JSON values: function, seed, device and so on.
        sources: the files that compute.
        compute: ``compute(tick)`` gives the result.
    """

    name: str
    iterations: int
    arguments: Mapping[str, Any]
    sources: tuple[Path, ...]
    compute: Callable[[Tick], Run]

    def key(self) -> str:
        """A name made of the content of all that makes the result."""
        made_by = {
            "arguments": dict(self.arguments),
            "sources": source_digest(self.sources),
            "settings": numeric_settings(self.arguments.get("device", "cpu")),
        }
        text = json.dumps(made_by, sort_keys=True)
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"
