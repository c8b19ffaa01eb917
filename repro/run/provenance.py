"""Where a run comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Provenance:
    """Which side left a run, and how. What code reads has a field; None where it does not apply.

    Attributes:
        source: what made it: ``recorded``, ``julia``, ``port``, or a function's name.
        case: the case's name.
        function, seed, epochs, arguments: what was computed.
        engine: of ours, where one computed it.
        device, dtype: where and in which type the weights were.
        perturbation: how the run was moved, for measuring; None for a run as it is.
        generator: where its random numbers came from.
        sha256: of the file it was read from, or of the program that computed it.
        seconds: what computing it took, wall time.
        asked: what its source was asked for, as JSON values: :func:`repro.run.asked`.
        texts: the files that decided it, seen from its source's folder, with their SHA-256.
        details: what else the side says of itself, versions and numeric settings for instance,
            as plain JSON values. Reports print it; nothing else reads it.
    """

    source: str = ""
    case: str | None = None
    function: str | None = None
    seed: int | None = None
    epochs: int | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    engine: str | None = None
    device: str | None = None
    dtype: str | None = None
    perturbation: str | None = None
    generator: str | None = None
    sha256: str | None = None
    seconds: float | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The fields that are set, and the details among them, as plain JSON values."""
        known = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "details"}
        kept = {name: value for name, value in known.items() if value not in (None, {}, "")}
        found: dict[str, Any] = json.loads(json.dumps({**self.details, **kept}, default=str))
        return found

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Provenance:
        """What :meth:`as_dict` gave; names that are no field are details."""
        names = {f.name for f in fields(cls)} - {"details"}
        known = {name: value for name, value in values.items() if name in names}
        details = {name: value for name, value in values.items() if name not in names}
        return cls(**known, details=details)
