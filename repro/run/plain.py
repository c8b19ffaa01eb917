"""Runs from a plain ``.npz``, as ``Record.jl`` writes it: an array ``STEP:NAME`` for each name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from repro.run.files import RunError, digest, unfit
from repro.run.provenance import Provenance

OURS = ("provenance", "sha256")
"""Arrays of UTF-8 bytes that may stand beside the steps."""


def is_plain(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether these are steps by number and name."""
    names = [name for name in arrays if name not in OURS]
    return bool(names) and all(name.partition(":")[0].isdecimal() for name in names)


def plain_steps(
    arrays: Mapping[str, np.ndarray], path: str | Path
) -> tuple[list[dict[str, np.ndarray]], Provenance]:
    """The steps, and where they come from.

    Raises:
        RunError: the checksum, where there is one, does not fit. (A zip file's own checksums hold
            in any case.)
    """
    arrays = dict(arrays)
    expected = arrays.pop("sha256", None)
    if expected is not None and digest(arrays).encode() != bytes(expected):
        raise RunError(
            f"{path} is damaged: its checksum does not fit its content. Record it again, or "
            "restore it from a copy"
        )
    said = arrays.pop("provenance", None)
    try:
        made = {"source": Path(path).name} if said is None else json.loads(bytes(said).decode())
        provenance = Provenance.from_dict(made)
    except (ValueError, TypeError, AttributeError):
        raise RunError(f"the provenance of {path} is no JSON object: record it again") from None
    steps: dict[int, dict[str, np.ndarray]] = {}
    for key, values in arrays.items():
        number, _, name = key.partition(":")
        with unfit(path, f"has a step {number[:20]!r}"):
            steps.setdefault(int(number), {})[name] = values
    if list(steps) != list(range(len(steps))):
        raise RunError(f"{path} has steps {', '.join(map(str, steps))}: number them from 0 on")
    return list(steps.values()), provenance
