"""What a run leaves: named quantities, each at some steps, and where they came from."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from repro.errors import ReproError


class TrajectoryError(ReproError, ValueError):
    """A file that is not a trajectory, or not an intact one. The message names it."""


KINDS = ("draw", "state", "results", "runs")


@dataclass(frozen=True)
class Series:
    """One quantity over a run.

    Attributes:
        steps: (k,) int64, strictly increasing; iteration numbers, 0 before the first.
        values: (k, ...) what the quantity was at each of them.
        kind: how a last-bit difference may travel through it, one of ``KINDS``: in a ``draw``
            not at all; in a ``state`` from step to step; within each row of ``runs`` along the
            last axis, every row being a run that is thrown away; in ``results`` not from one
            step to the next.
    """

    steps: np.ndarray
    values: np.ndarray
    kind: str = "state"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is unknown: choose from {', '.join(KINDS)}")
        steps = np.asarray(self.steps, dtype=np.int64)
        values = np.asarray(self.values)
        if steps.ndim != 1 or len(steps) != len(values):
            raise ValueError(
                f"a series needs one step per value: got steps {steps.shape}, values {values.shape}"
            )
        if np.any(np.diff(steps) <= 0):
            raise ValueError("the steps of a series must increase strictly: sort or merge them")
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "values", values)

    def upto(self, step: int) -> Series:
        kept = self.steps <= step
        return Series(self.steps[kept], self.values[kept], self.kind)

    def at(self, steps: np.ndarray) -> np.ndarray:
        """The values at these steps, all of which it must have."""
        return self.values[np.searchsorted(self.steps, steps)]


@dataclass(frozen=True)
class Trajectory:
    """Named series and their provenance (function, seed, settings, versions, device)."""

    series: Mapping[str, Series]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Series:
        return self.series[name]

    def upto(self, step: int) -> Trajectory:
        """The part up to and including a step; quantities with nothing there are dropped."""
        parts = {name: s.upto(step) for name, s in self.series.items()}
        return Trajectory({n: s for n, s in parts.items() if len(s.steps)}, self.provenance)

    def save(self, path: str | Path) -> None:
        """Write an ``.npz``: ``KIND:NAME`` and ``steps:NAME`` per quantity, provenance, SHA-256."""
        arrays: dict[str, np.ndarray] = {}
        for name, s in self.series.items():
            arrays[f"{s.kind}:{name}"], arrays[f"steps:{name}"] = s.values, s.steps
        arrays["provenance"] = np.array(json.dumps(dict(self.provenance), sort_keys=True))
        write_npz(path, {**arrays, "sha256": np.array(digest(arrays))})

    @classmethod
    def load(cls, path: str | Path) -> Trajectory:
        """Read what :meth:`save` wrote.

        Raises:
            TrajectoryError: the file is missing, damaged or something else.
        """
        arrays = read_npz(path)
        expected = str(arrays.pop("sha256", ""))
        if digest(arrays) != expected:
            raise TrajectoryError(
                f"{path} is damaged or no trajectory: its checksum does not fit its content. "
                "Make it again, or restore it from a copy"
            )
        provenance = json.loads(str(arrays.pop("provenance")))
        series = {}
        for key, values in arrays.items():
            kind, name = key.split(":", 1)
            if kind != "steps":
                series[name] = Series(arrays[f"steps:{name}"], values, kind)
        return cls(series, provenance)


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, dtypes, shapes and bytes, whatever the order of the names."""
    h = hashlib.sha256()
    for name in sorted(arrays):
        a = np.ascontiguousarray(arrays[name])
        h.update(f"{name} {a.dtype.str} {a.shape}\n".encode())
        h.update(a.tobytes())
    return h.hexdigest()


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz``, never unpickling anything.

    Raises:
        TrajectoryError: the file is missing, unreadable, damaged, or holds Python objects.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as npz:
            return {name: npz[name] for name in npz.files}
    except FileNotFoundError:
        raise TrajectoryError(f"{path} does not exist: check the path") from None
    except (OSError, ValueError, BadZipFile, EOFError, zlib.error) as error:
        raise TrajectoryError(
            f"{path} cannot be read as arrays ({error}): make it again, or restore it from a copy"
        ) from None


def write_npz(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to a temporary name and rename: the old file lives until the new is whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, renamed to it when the block ends without an error."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
