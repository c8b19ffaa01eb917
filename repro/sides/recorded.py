"""The original's recorded runs: the reference that needs no Julia."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from repro.case import Case, CaseError
from repro.ecoffet.quantities import trajectory as notebook_trajectory
from repro.luna.quantities import kind_of
from repro.run import Series, Trajectory, RunError, atomic, read_npz, write_npz

FOLDER = Path(__file__).parent / "recorded"
INDEX = "index.json"
CHECKSUMS = "sha256.json"
STEPS = {
    "weights": "weight_epochs",
    "initial_predictions": "weight_epochs",
    "final_predictions": "weight_epochs",
    "test_losses": "eval_epochs",
    "eval_x": "eval_epochs",
    "eval_y": "eval_epochs",
}
"""Which array of a recording holds the steps of which quantity."""

RESTORE = (
    "restore it with `git checkout -- repro/sides/recorded` in a clone, or by "
    "`pip install --force-reinstall --no-deps` of the package"
)
NOTEBOOK = "ecoffet_notebook_small"
SINGLE_RUNS = {
    "eval_model_untrained_seed0": Case("eval_model_untrained_seed0", "eval_model", 0),
    "zoo_script_seed0": Case("zoo_script_seed0", "zoo_script", 0, 50_000, 1000),
    NOTEBOOK: Case(NOTEBOOK, "ecoffet_notebook", 0, 500),
}
"""Recordings that are not one call of a training function."""


class RecordingError(RunError):
    """A recording that is missing or damaged. The message names it and how to get it back."""


@dataclass(frozen=True)
class Recording:
    """A recorded run: the case that makes it again, what it left, and its file's SHA-256."""

    case: Case
    trajectory: Trajectory
    sha256: str


@cache
def names() -> tuple[str, ...]:
    """The luna recordings' names, in a fixed order."""
    return (*sorted(index(FOLDER)), *SINGLE_RUNS)


@cache
def load(name: str) -> Recording:
    """One recording by name, its file checked against the shipped checksum.

    Raises:
        RecordingError: the name is not among the recordings, or the file is missing or damaged.
    """
    if name not in names():
        raise RecordingError(f"no recording {name!r}: choose from {', '.join(names())}")
    path = FOLDER / f"{name}.npz"
    sha256 = _checked(path, FOLDER)
    case, trajectory = from_arrays(name, read_npz(path), index(FOLDER).get(name))
    trajectory = replace(trajectory, provenance={**trajectory.provenance, "sha256": sha256})
    return Recording(case, trajectory, sha256)


def from_arrays(
    name: str, arrays: Mapping[str, np.ndarray], entry: Mapping | None
) -> tuple[Case, Trajectory]:
    """Read a recording's arrays, given its entry in the index (None for ``SINGLE_RUNS``)."""
    if name == NOTEBOOK:
        case = SINGLE_RUNS[name]
        made_by = {"source": "recorded", "case": name, "notebook": "3426a6e", "torch": "2.13"}
        return case, notebook_trajectory(arrays, case.epochs, **made_by)
    if entry is None:
        case = SINGLE_RUNS[name]
        series = _single_run_series(case, arrays)
    else:
        case = _case(name, entry, arrays)
        series = {q: Series(arrays[s], arrays[q]) for q, s in STEPS.items() if q in arrays}
        series["init_weights"] = Series(np.array([0]), arrays["init_weights"][None])
        series["next_rand"] = Series(np.array([case.epochs]), arrays["next_rand"][None])
    provenance = {"source": "recorded", "case": name, "julia": "1.5.3", "flux": "0.7.3"}
    series = {n: Series(s.steps, narrowed(s.values), kind_of(n)) for n, s in series.items()}
    return case, Trajectory(series, provenance)


def to_arrays(case: Case, trajectory: Trajectory) -> dict[str, np.ndarray]:
    """The arrays of a recording file, as :func:`from_arrays` reads them."""
    arrays = {}
    for name, s in trajectory.series.items():
        if name in STEPS:
            arrays[STEPS[name]], arrays[name] = s.steps, s.values
        else:
            arrays[name] = s.values[0]
    return arrays


def save(case: Case, trajectory: Trajectory, folder: Path) -> Path:
    """Write a recording of a training function into a folder, with index and checksum.

    Returns:
        The file's path.
    """
    path = folder / f"{case.name}.npz"
    write_npz(path, to_arrays(case, trajectory))
    entry = {
        "function": case.function,
        "seed": case.seed,
        "epochs": case.epochs,
        "eval_interval": case.eval_interval,
        "kwargs": dict(case.kwargs),
        "provenance": dict(trajectory.provenance),
    }
    index_file = folder / INDEX
    _merge(index_file, {case.name: entry})
    _merge(folder / CHECKSUMS, {p.name: file_sha256(p) for p in (path, index_file)})
    index.cache_clear()
    return path


def narrowed(values: np.ndarray) -> np.ndarray:
    """Float64 storage of numbers that were Float32 in the run, as Float32 again."""
    if values.dtype == np.float64 and np.array_equal(values, values.astype(np.float32)):
        return values.astype(np.float32)
    return values


def file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _merge(path: Path, entries: Mapping) -> None:
    known = json.loads(path.read_text()) if path.exists() else {}
    with atomic(path) as temporary:
        temporary.write_text(json.dumps({**known, **entries}, indent=1) + "\n")


@cache
def index(folder: Path) -> dict[str, dict]:
    _checked(folder / INDEX, folder)
    return _json(folder / INDEX)


def _json(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
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


def _case(name: str, entry: Mapping, arrays: Mapping[str, np.ndarray]) -> Case:
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
        )
    except KeyError as error:
        raise CaseError(f"the index entry of {name} lacks {error}: {RESTORE}") from None


def _single_run_series(case: Case, arrays: Mapping[str, np.ndarray]) -> dict[str, Series]:
    intervals = case.eval_interval * np.arange(1, case.epochs // case.eval_interval + 1)
    return {
        name: Series(intervals, values)
        if name.endswith("_eval_test_losses")
        else Series(np.array([case.epochs]), values[None])
        for name, values in arrays.items()
    }
