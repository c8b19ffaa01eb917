"""Computations worth keeping: each is done once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from repro.run import Run
from repro.run.settings import settings

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


def numeric_settings(device: str) -> dict[str, Any]:
    """The settings that can change a bit. How the number of threads was set is none of them."""
    found = settings(device)
    variables = found["environment"].items()
    named = {name: value for name, value in variables if not name.endswith("_NUM_THREADS")}
    return {**found, "environment": named}


def source_digest(files: Iterable[Path]) -> str:
    """SHA-256 over the files' names and bytes."""
    digest = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        digest.update(f"{path.parent.name}/{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def sources_of(*modules: ModuleType) -> tuple[Path, ...]:
    """The source files of modules; of a package all its own."""
    found: list[Path] = []
    for module in modules:
        path = Path(str(module.__file__))
        found += path.parent.glob("*.py") if path.name == "__init__.py" else [path]
    return tuple(sorted(set(found)))
