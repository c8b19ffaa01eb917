"""The original's recorded runs: the reference that needs no Julia."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from repro.cases import RECORDS, Case, CaseError, record_of
from repro.cases.luna import KINDS, STEPS, narrowed
from repro.checks import Envelope, Rule, Saved
from repro.run import Provenance, Run, RunError, alone, atomic, read_npz, write_npz
from repro.sides.envelopes import growth

FOLDER = Path(__file__).parent / "recorded"
INDEX = "index.json"
CHECKSUMS = "sha256.json"
RESTORE = (
    "restore it with `git checkout -- repro/sides/recorded` in a clone, or by "
    "`pip install --force-reinstall --no-deps` of the package"
)
SINGLE = {r.single.name: r.single for r in RECORDS.values() if r.single is not None}
"""Recordings that are no call of a training function, and so stand in no index."""


class RecordingError(RunError):
    """A recording that is missing or damaged. The message names it and how to get it back."""


@dataclass(frozen=True)
class Recording:
    """A recorded run: the case that makes it again, its arrays, and its file's SHA-256."""

    case: Case
    arrays: Mapping[str, np.ndarray]
    sha256: str

    def run(self, case: Case | None = None) -> Run:
        """What it holds of a case: of its own by default, or of one cut from it."""
        case = case or self.case
        made_by = Provenance(
            "recorded",
            case=self.case.name,
            function=self.case.function,
            seed=self.case.seed,
            epochs=self.case.epochs,
            generator=f"{self.case.generator}({self.case.seed})",
            sha256=self.sha256,
            details=record_of(case).origin.recorded,
        )
        return Run(record_of(case).read(self.case, self.arrays), made_by).upto(case.epochs)


UNDECIDED_OK = {
    "reptile_seed2_meta_adam": {
        "weights": "recorded once, after 200 steps of Adam, which makes a full step of a last bit "
        "where a gradient is nearly zero; losses and predictions are judged in every iteration"
    }
}
"""By recording, quantities that its pooled envelope cannot judge, and why that is accepted."""


class Recorded:
    """A folder of recordings as a side.

    Args:
        folder: the shipped one by default.
    """

    name = "recorded"

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or FOLDER

    def run(self, case: Case) -> Run:
        """
        Raises:
            RecordingError: there is no such recording, or its file is missing or damaged.
        """
        return load(case.name, self.folder).run(case)

    def rule(self, case: Case) -> Rule:
        """The envelope that was measured once and lies beside the recording; for recordings that
        are not the shipped ones and have none, growth is measured when it is needed.

        Raises:
            RunError: it is missing or damaged.
        """
        if self.folder != FOLDER and not (self.folder / "envelopes").exists():
            return growth(case)
        try:
            envelope = Envelope.load(self.folder / "envelopes" / f"{case.name}.npz")
        except RunError as error:
            raise RunError(
                f"{error}; {RESTORE}, or measure it anew by `repro envelope {case.name}`"
            ) from None
        return Saved(envelope, record_of(case).at_most, UNDECIDED_OK.get(case.name))


@cache
def names(folder: Path = FOLDER) -> tuple[str, ...]:
    """The names of a folder's recordings, in a fixed order."""
    single = [name for name in SINGLE if _file(name, folder).exists() or folder == FOLDER]
    return (*sorted(index(folder)), *single)


@cache
def load(name: str, folder: Path = FOLDER) -> Recording:
    """One recording by name, its file checked against its checksum.

    Raises:
        RecordingError: the name is not among the recordings, or the file is missing or damaged.
    """
    if name not in names(folder):
        raise RecordingError(f"no recording {name!r}: choose from {', '.join(names(folder))}")
    path = _file(name, folder)
    sha256 = _checked(path, folder)
    arrays = _with_test_points(read_npz(path))
    case = SINGLE[name] if name in SINGLE else _case(name, index(folder)[name], arrays, folder)
    if name not in SINGLE and index(folder)[name].get("sha256", sha256) != sha256:
        raise _damaged(path)
    return Recording(case, arrays, sha256)


def _with_test_points(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A training run's arrays with the points that its test losses were taken at.

    The original's recordings of training do not hold them; its recorded evaluation does, and they
    depend on no seed. A run whose drawn points are Float32 rounds these too.
    """
    if "eval_x" not in arrays or "eval_testx" in arrays:
        return arrays
    points = load("eval_model_untrained_seed0").arrays["lr002_testx"]
    points = points.astype(narrowed(arrays["eval_x"]).dtype)
    return {**arrays, "eval_testx": np.tile(points, (len(arrays["eval_epochs"]), 1))}


def _file(name: str, folder: Path) -> Path:
    own = record_of(SINGLE[name]).file if name in SINGLE else ""
    return folder / f"{own or name}.npz"


def save(case: Case, run: Run, folder: Path) -> Path:
    """Write a recording of a training function into a folder, with index and checksums.

    Cut off at any point it leaves the others as they are, and of this one the old or the new; or,
    between two renames, one that is refused by name.

    Returns:
        The file's path.

    Raises:
        WritingError: it cannot be written.
        RecordingError: what lies there is damaged.
    """
    path, index_file, sums = (folder / f for f in (f"{case.name}.npz", INDEX, CHECKSUMS))
    with alone(folder / ".lock"), ExitStack() as last_first:
        known = index(folder) if index_file.exists() else {}
        new_index, new, new_sums = (
            last_first.enter_context(atomic(p)) for p in (index_file, path, sums)
        )
        write_npz(new, _to_arrays(run))
        _write_json(new_index, {**known, case.name: _entry(case, run, file_sha256(new))})
        _write_json(new_sums, _either(sums, {path: new, index_file: new_index}))
    for cached in (index, names, load):
        cached.cache_clear()
    return path


def _entry(case: Case, run: Run, sha256: str) -> dict[str, Any]:
    return {
        "function": case.function,
        "seed": case.seed,
        "epochs": case.epochs,
        "eval_interval": case.eval_interval,
        "kwargs": dict(case.kwargs),
        "generator": case.generator,
        "provenance": run.provenance.as_dict(),
        "sha256": sha256,
    }


def _either(sums: Path, files: Mapping[Path, Path]) -> dict[str, Any]:
    """The checksums there are; of these files the old one's, if it is intact, or the new one's."""
    known = _json(sums) if sums.exists() else {}
    for file, new in files.items():
        kept = [file_sha256(file)] if file.exists() else []
        kept = [sha256 for sha256 in kept if sha256 in _listed(known, file)]
        known[file.name] = [*kept, file_sha256(new)]
    return known


def _listed(sums: Mapping[str, Any], file: Path) -> list[str]:
    found = sums.get(file.name, [])
    return found if isinstance(found, list) else [found]


def _to_arrays(run: Run) -> dict[str, np.ndarray]:
    """The arrays of a recording file."""
    arrays: dict[str, np.ndarray] = {}
    for name, q in run.quantities.items():
        if name in STEPS:
            arrays[STEPS[name]], arrays[name] = q.steps, q.values
        else:
            arrays[name] = q.values[0]
    return arrays


def file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")


@cache
def index(folder: Path) -> dict[str, dict[str, Any]]:
    _checked(folder / INDEX, folder)
    found = _json(folder / INDEX)
    for name in found:
        if Path(name).name != name:
            raise RecordingError(f"{folder / INDEX} names {name!r}, no file in it: remove it there")
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise RecordingError(
            f"{path.name} cannot be read ({error}): {_restore(path.parent)}"
        ) from None


def _checked(path: Path, folder: Path) -> str:
    if not path.exists():
        raise RecordingError(f"recording {path.name} is missing: {_restore(folder)}")
    sha256 = file_sha256(path)
    if sha256 not in _listed(_json(folder / CHECKSUMS), path):
        raise _damaged(path)
    return sha256


def _damaged(path: Path) -> RecordingError:
    return RecordingError(
        f"recording {path.name} is damaged: its SHA-256 is not the one that was written with it; "
        f"{_restore(path.parent)}"
    )


def _restore(folder: Path) -> str:
    return RESTORE if folder == FOLDER else "record it again by `repro record`"


def _generator(entry: Mapping[str, Any]) -> str:
    """The generator's name; recordings from before there was a choice have it in their words."""
    said = entry.get("provenance", {}).get("draws", "MersenneTwister")
    return str(entry.get("generator", said.partition("(")[0]))


def _case(
    name: str, entry: Mapping[str, Any], arrays: Mapping[str, np.ndarray], folder: Path
) -> Case:
    try:
        kwargs = {k: v for k, v in entry["kwargs"].items() if k not in ("variant", "eval_opt")}
        return Case(
            name,
            entry["function"],
            entry["seed"],
            entry["epochs"],
            entry["eval_interval"],
            tuple(int(e) for e in arrays["weight_epochs"]),
            kwargs,
            tuple(quantity for quantity in KINDS if quantity not in arrays),
            _generator(entry),
        )
    except (KeyError, AttributeError, TypeError) as error:
        raise CaseError(
            f"the index entry of {name} is no case's ({error!r}): {_restore(folder)}"
        ) from None
