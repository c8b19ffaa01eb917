"""The second post's first networks at full size, as the eager port trained them: its waypoints.

No run of the notebook is recorded at this size. The eager port stands for it because, and as far
as, it equals it bit for bit: over the notebook's recorded small run. Where that does not hold,
nothing is recorded. To make the recordings and their tolerances anew:

    OMP_NUM_THREADS=1 python -m repro.sides.full_size [METHOD...]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from repro.cases import Perturbation, Widened
from repro.cases.record import NUDGES
from repro.checks import Envelope, Rule, Saved, Verdict, measure, nudged
from repro.ecoffet import waypoints
from repro.engine import fast
from repro.errors import ReproError
from repro.run import Provenance, Run, RunError
from repro.run.settings import settings
from repro.sides import recorded
from repro.sides.parity import parity
from repro.sides.recorded import Recorded
from repro.threads import one_thread

FOLDER = Path(__file__).parent / "recorded_full_size"
SMALL = "ecoffet_notebook_small"
PERTURBATIONS = (*NUDGES, Widened())
"""What the tolerances are measured with: the weights at the waypoints moved, and in Float64, which
has none of Float32's roundings in between."""

Loaded = TypeVar("Loaded")


def path_of(method: str, folder: Path = FOLDER) -> Path:
    """Where a method's recording lies; its envelope has the same name, in ``envelopes``."""
    return folder / f"ecoffet_{method}.npz"


def load(method: str, folder: Path = FOLDER) -> Run:
    """A method's recording, see :func:`repro.ecoffet.waypoints.port_run`.

    Raises:
        RunError: it is missing or damaged.
    """
    return _load(Run.load, path_of(method, folder), method)


def rule(method: str, folder: Path = FOLDER) -> Rule:
    """How far a run that begins again at a method's waypoints may be off.

    Raises:
        RunError: what was measured is missing or damaged.
    """
    path = path_of(method, folder / "envelopes")
    return Saved(_load(Envelope.load, path, method))


def _load(read: Callable[[Path], Loaded], path: Path, method: str) -> Loaded:
    try:
        return read(path)
    except RunError as error:
        again = f"python -m repro.sides.full_size {method}"
        raise RunError(f"{error}; restore it, or make it anew: `{again}`") from None


def record(method: str, folder: Path = FOLDER) -> None:
    """Train by the eager port and write its waypoints, and the envelope of beginning there again.

    Raises:
        ReproError: there is no such method, or on this machine the port does not equal the notebook
            bit for bit.
        WritingError: a file cannot be written.
    """
    if method not in waypoints.METHODS:
        known = ", ".join(waypoints.METHODS)
        raise ReproError(f"{method!r} has no training at full size: choose from {known}")
    small = parity(recorded.load(SMALL).case, Recorded())
    if small.verdict is not Verdict.PASS_BITWISE:
        raise ReproError(
            f"here the port is not the notebook bit for bit ({SMALL}: {small.verdict}), so it "
            "stands for nothing: record where it is, docs/ecoffet.md says which machines those are"
        )
    start = time.perf_counter()
    made = waypoints.port_run(method)
    made_by = Provenance(
        "port",
        case=f"ecoffet_{method}, first network",
        function=method,
        seed=0,
        epochs=int(made[waypoints.WEIGHTS].steps[-1]),
        engine="eager",
        dtype="float32",
        seconds=round(time.perf_counter() - start, 3),
        details={"notebook": f"{SMALL}: {small.verdict}", "settings": settings()},
    )
    made = replace(made, provenance=made_by)
    made.save(path_of(method, folder))
    measured(method, made).save(path_of(method, folder / "envelopes"))


def measured(method: str, made: Run) -> Envelope:
    """How far perturbed runs from a recording's waypoints part, by the compiled engine."""

    def run(perturbation: Perturbation | None) -> Run:
        how: dict[str, Any] = {}
        if isinstance(perturbation, Widened):
            how["dtype"] = np.float64
        elif perturbation is not None:
            seed = perturbation.seed
            how["prepare"] = lambda weights: nudged(weights, seed, np.float32)
        found = waypoints.begun_again(method, made, by=fast, **how)
        return replace(found, provenance=replace(made.provenance, engine="fast"))

    return measure(run, PERTURBATIONS)


@one_thread()
def main(methods: Sequence[str] = ()) -> None:
    """Record the methods named, by default all."""
    for method in methods or waypoints.METHODS:
        record(method)
        print(f"{path_of(method)}: written", flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ReproError as problem:
        sys.exit(str(problem))
