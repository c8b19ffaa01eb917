"""A baseline on disk: a folder of text and compressed arrays, the old one or the new one.

``baseline.json`` says what the folder holds: each case, its file, the file's SHA-256, the
environment, and what was accepted when and why. Files are named after their content, and the one
rename that puts a new ``baseline.json`` in place of the old is what replaces a baseline; what only
the old one named is swept away afterwards.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock, Timeout

from repro.cases import Case
from repro.drift.taken import Taken
from repro.errors import ReproError
from repro.run import RunError, atomic, read_npz, write_npz
from repro.run.settings import version

INDEX, LOCK = "baseline.json", ".lock"
SCHEMA = 1
"""Of the folder's layout; counted up when a reader has to change."""


class DriftError(ReproError, ValueError):
    """A baseline that cannot be used. The message names it, and what to do."""


@dataclass(frozen=True)
class Baseline:
    """What an environment computed, as it lies on disk.

    Attributes:
        folder: where.
        asked: the words that chose the cases; none for the default suite.
        cases: what was computed.
        environment: everything about the machine that can change a last bit.
        history: what was accepted, the first recording first: when, why, and each case's grade.
    """

    folder: Path
    asked: tuple[str, ...]
    cases: tuple[Case, ...]
    environment: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...]
    _files: Mapping[str, Mapping[str, str]]

    def taken(self, case: Case) -> Taken:
        """What was computed of a case.

        Raises:
            DriftError: its file is missing or damaged.
        """
        about = self._files[case.name]
        path = self.folder / about["file"]
        try:
            if hashlib.sha256(path.read_bytes()).hexdigest() != about["sha256"]:
                raise _damaged(path, "its SHA-256 is not the one that was recorded")
            return Taken.unpacked(read_npz(path), path)
        except OSError as error:
            raise _damaged(path, error.strerror or str(error)) from None
        except (RunError, KeyError, ValueError) as error:
            raise error if isinstance(error, DriftError) else _damaged(path, str(error)) from None

    def refuse_others(self, cases: Sequence[Case]) -> None:
        """Make sure that these very cases were recorded.

        Raises:
            DriftError: a case is not the recorded one, or one side lacks it.
        """
        then, now = ({c.name: _plain(c) for c in each} for each in (self.cases, cases))
        for name in dict.fromkeys([*then, *now]):
            if then.get(name) != now.get(name):
                lacks = "has no" if name not in then else "alone has" if name not in now else None
                how = f"{lacks} case {name}" if lacks else f"has another case {name}"
                raise DriftError(
                    f"{self.folder} {how}: name the cases that it was recorded of "
                    f"({', '.join(self.asked) or 'none: the default suite'}), or record another "
                    "baseline with `repro drift record`"
                )


def load(folder: Path) -> Baseline:
    """Read what :func:`write` wrote.

    Raises:
        DriftError: there is none, it is damaged, or of another version of this project.
    """
    path = folder / INDEX
    try:
        index = json.loads(path.read_text())
        sha256 = index.pop("sha256")
    except FileNotFoundError:
        raise DriftError(
            f"there is no baseline in {folder}: make one with `repro drift record {folder}`"
        ) from None
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise _damaged(path, str(error)) from None
    if sha256 != _sha256(index):
        raise _damaged(path, "its SHA-256 does not fit its content")
    made = index["schema"], index["project"]
    if made != (SCHEMA, version("repro")):
        raise DriftError(
            f"{folder} was recorded by julia-parity {made[1]} (layout {made[0]}), this is "
            f"{version('repro')} (layout {SCHEMA}): check it with that version, or move it away "
            f"and record anew with `repro drift record {folder}`"
        )
    return Baseline(
        folder,
        tuple(index["asked"]),
        tuple(_case(one["case"]) for one in index["cases"].values()),
        index["environment"],
        tuple(index["history"]),
        index["cases"],
    )


def write(
    folder: Path,
    asked: Sequence[str],
    pairs: Sequence[tuple[Case, Taken]],
    history: Sequence[Mapping[str, Any]],
) -> Path:
    """Write a baseline, in the place of the one that is there, if one is.

    Returns:
        The path of ``baseline.json``; whenever it is read, all that it names is there and whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {case.name: _put(folder, case, taken) for case, taken in pairs}
    environment = pairs[0][1].environment if pairs else {}
    index = {
        "schema": SCHEMA,
        "project": version("repro"),
        "asked": list(asked),
        "environment": environment,
        "history": list(history),
        "cases": {case.name: {"case": _plain(case), **files[case.name]} for case, _ in pairs},
    }
    with atomic(folder / INDEX) as temporary:
        temporary.write_text(json.dumps({**index, "sha256": _sha256(index)}, indent=1) + "\n")
    _sweep(folder, {one["file"] for one in files.values()})
    return folder / INDEX


@contextmanager
def alone(folder: Path, seconds: float = 0) -> Iterator[None]:
    """Hold off other commands that write this baseline.

    Args:
        seconds: how long to wait for one that does.

    Raises:
        DriftError: it still does, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / ".gitignore").exists():
            with atomic(folder / ".gitignore") as temporary:
                temporary.write_text(f"{LOCK}\n.gitignore\n")
        lock = FileLock(folder / LOCK, timeout=seconds)
        lock.acquire()
    except Timeout:
        raise DriftError(
            f"another command is writing {folder}: wait for it, or name another folder"
        ) from None
    except OSError as error:
        raise DriftError(
            f"{folder} cannot be written ({error.strerror or error}): name another folder"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _put(folder: Path, case: Case, taken: Taken) -> dict[str, str]:
    """Write a case's file under the name of its content."""
    with TemporaryDirectory(dir=folder, prefix=".writing-") as aside:
        path = Path(aside) / "case.npz"
        write_npz(path, taken.packed())
        sha256 = _file_sha256(path)
        name = f"{case.name}-{sha256[:8]}.npz"
        os.replace(path, folder / name)
    return {"file": name, "sha256": sha256}


def _file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sweep(folder: Path, named: set[str]) -> None:
    """Remove the files of baselines before, and what a killed command left."""
    for path in folder.glob("*.npz"):
        ours = path.stem[-8:] == _file_sha256(path)[:8]  # ours are named after their content
        if ours and path.name not in named:
            path.unlink(missing_ok=True)
    for path in (*folder.glob(".writing-*/*"), *folder.glob(f".{INDEX}.*")):
        path.unlink(missing_ok=True)
    for path in folder.glob(".writing-*"):
        path.rmdir()


def _plain(case: Case) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(asdict(case)))
    return found


def _case(values: Mapping[str, Any]) -> Case:
    lists = {name: tuple(values[name]) for name in ("weight_epochs", "lacks")}
    return Case(**{**values, **lists})


def _sha256(index: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(index, sort_keys=True).encode()).hexdigest()


def _damaged(path: Path, why: str) -> DriftError:
    return DriftError(
        f"{path} is damaged ({why}): restore it (git checkout -- {path.parent}), or record anew"
    )
