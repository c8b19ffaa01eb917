"""The original's recorded runs: the reference that needs no Julia."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from repro.cases import RECORDS, Case, CaseError, record_of
from repro.cases.luna import KINDS, STEPS, narrowed
from repro.checks import Envelope, Rule, Saved
from repro.run import Provenance, Run, RunError, atomic, read_npz, write_npz
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
    case = SINGLE[name] if name in SINGLE else _case(name, index(folder)[name], arrays)
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
    """Write a recording of a training function into a folder, with index and checksum.

    Returns:
        The file's path.
    """
    path = folder / f"{case.name}.npz"
    write_npz(path, _to_arrays(run))
    entry = {
        "function": case.function,
        "seed": case.seed,
        "epochs": case.epochs,
        "eval_interval": case.eval_interval,
        "kwargs": dict(case.kwargs),
        "generator": case.generator,
        "provenance": run.provenance.as_dict(),
    }
    index_file = folder / INDEX
    _merge(index_file, {case.name: entry})
    _merge(folder / CHECKSUMS, {p.name: file_sha256(p) for p in (path, index_file)})
    for cached in (index, names, load):
        cached.cache_clear()
    return path


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


def _merge(path: Path, entries: Mapping[str, Any]) -> None:
    known = json.loads(path.read_text()) if path.exists() else {}
    with atomic(path) as temporary:
        temporary.write_text(json.dumps({**known, **entries}, indent=1) + "\n")


@cache
def index(folder: Path) -> dict[str, dict[str, Any]]:
    _checked(folder / INDEX, folder)
    return _json(folder / INDEX)


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path.name} cannot be read ({error}): {RESTORE}") from None


def _checked(path: Path, folder: Path) -> str:
    if not path.exists():
        raise RecordingError(f"recording {path.name} is missing: {RESTORE}")
    sha256 = file_sha256(path)
    if sha256 != _json(folder / CHECKSUMS).get(path.name):
        raise RecordingError(
            f"recording {path.name} is damaged: its SHA-256 is not the shipped one; {RESTORE}"
        )
    return sha256


def _generator(entry: Mapping[str, Any]) -> str:
    """The generator's name; recordings from before there was a choice have it in their words."""
    said = entry.get("provenance", {}).get("draws", "MersenneTwister")
    return str(entry.get("generator", said.partition("(")[0]))


def _case(name: str, entry: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Case:
    kwargs = {k: v for k, v in entry["kwargs"].items() if k not in ("variant", "eval_opt")}
    try:
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
    except KeyError as error:
        raise CaseError(f"the index entry of {name} lacks {error}: {RESTORE}") from None
