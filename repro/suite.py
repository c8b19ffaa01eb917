"""Run cases against a reference: what `repro parity` does, as functions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from repro import port
from repro.case import Case
from repro.errors import EngineError, NonFiniteLossError
from repro.localise import Localised
from repro.checks.arbiter import Arbiter, arbitrate
from repro.checks.compare import NothingToCompare, Report, compare
from repro.checks.envelope import PERTURBATIONS, Envelope, measure
from repro.checks.verdict import Verdict
from repro.sides import recorded
from repro.run import Series, Trajectory, RunError

ENVELOPES = recorded.FOLDER / "envelopes"
ZOO_LIMITS = {"fomaml_weights": 1e-3, "reptile_weights": 1e-4}
"""Largest difference of a weight after the zoo script's 50,000 iterations, whatever its envelope
would allow. Two independent ports measured 2.6e-4 and 3.5e-5."""

ROUNDING = 0
"""Stands among the seeds of the perturbations for the run in float64, which is the run without
the rounding of Float32. Moving the initial weights of a relu network once does not show how far
rounding in every step carries: it can push a unit over its kink, and that happens or not."""

Run = Callable[..., Trajectory]
"""``run(case, device=, dtype=)``: the port under test; :func:`repro.port.run`."""


class Reference(Protocol):
    """Where the truth comes from."""

    name: str

    def trajectory(self, case: Case) -> Trajectory:
        """What the original does in this case."""

    def envelope(self, case: Case) -> Envelope:
        """How far a last-bit perturbation carries in this case."""


class Recorded:
    """The recorded runs, with the envelopes that were measured once and lie beside them."""

    name = "recorded"

    def trajectory(self, case: Case) -> Trajectory:
        whole = recorded.load(case.name).trajectory.upto(case.epochs)
        return _training_part(whole) if case.function == "zoo_training" else whole

    def envelope(self, case: Case) -> Envelope:
        path = ENVELOPES / f"{case.name}.npz"
        try:
            return Envelope.load(path)
        except RunError as error:
            raise RunError(
                f"{error}; {recorded.RESTORE}, or measure it anew by `repro envelope {case.name}`"
            ) from None


@dataclass(frozen=True)
class Result:
    """How one case ended; true when it passed.

    Attributes:
        case: what was run, cut to the iterations compared.
        verdict: the end.
        report: every quantity's comparison; None where none was made.
        reason: why it ended in ``NOT_RUN`` or ``ERROR``.
        reference, port, envelope: what was compared, and within what; None where not made.
        seconds: wall time of the port's run.
        arbiter: both sides' distance from a float64 run; None where not asked for.
        finding: what following the port operation by operation found; None where not done.
    """

    case: Case
    verdict: Verdict
    report: Report | None = None
    reason: str | None = None
    reference: Trajectory | None = None
    port: Trajectory | None = None
    envelope: Envelope | None = None
    seconds: float = 0.0
    arbiter: Arbiter | None = None
    finding: Localised | None = None

    def __bool__(self) -> bool:
        return bool(self.verdict)


def check(
    case: Case,
    reference: Reference,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    run: Run = port.run,
    arbiter: bool = False,
) -> Result:
    """Run a case's port and hold it against the reference.

    A port that breaks off with a loss that is not finite, where the reference went on, fails.
    Damaged recordings and impossible devices raise instead: nothing was tried.

    Args:
        arbiter: also run :func:`repro.port.run` in float64 on the CPU, whatever ``run`` is, and
            measure both sides' distance from it.
    """
    expected, envelope = reference.trajectory(case), reference.envelope(case)
    start = time.perf_counter()
    try:
        found = run(case, device=device, dtype=dtype)
    except NonFiniteLossError as error:
        return Result(case, Verdict.FAIL, reason=f"the port broke off: {error}", reference=expected)
    except EngineError as error:
        return Result(case, Verdict.NOT_RUN, reason=str(error), reference=expected)
    seconds = time.perf_counter() - start
    try:
        report = compare(expected, found, _tolerance(case, envelope))
    except NothingToCompare as error:
        return Result(case, Verdict.ERROR, None, str(error), expected, found, envelope, seconds)
    judge = _arbiter(case, expected, found, envelope) if arbiter else None
    return Result(case, report.verdict, report, None, expected, found, envelope, seconds, judge)


def _arbiter(
    case: Case, expected: Trajectory, found: Trajectory, envelope: Envelope
) -> Arbiter | None:
    try:
        run = port.run(case, dtype=torch.float64)
        return arbitrate(run, expected, found, _tolerance(case, envelope))
    except NonFiniteLossError:
        return None


def check_all(cases: Iterable[Case], reference: Reference, **kwargs) -> Iterator[Result]:
    """:func:`check` one case after the other."""
    for case in cases:
        yield check(case, reference, **kwargs)


def perturbations(case: Case) -> tuple[int, ...]:
    """What a case's envelope is measured with."""
    return (*PERTURBATIONS, ROUNDING) if case.function == "ecoffet_notebook" else PERTURBATIONS


def measure_envelope(case: Case, **kwargs) -> Envelope:
    """Measure a case's envelope with the port, in Float32 on one CPU thread.

    Args:
        kwargs: for :func:`repro.port.run`.
    """

    def run(perturbation: int | None) -> Trajectory:
        if perturbation == ROUNDING:
            return port.run(case, dtype=torch.float64, **kwargs)
        return port.run(case, perturbation=perturbation, **kwargs)

    return measure(run, perturbations(case))


def quick_envelope(case: Case) -> Envelope:
    """:func:`measure_envelope` by the exact engine where it can run the case: the growth is then
    that of the original's own arithmetic, and is measured sooner."""
    eager = case.function in port.EAGER_ONLY
    return measure_envelope(case, engine="eager" if eager else "exact")


def _tolerance(case: Case, envelope: Envelope) -> Callable[[str, Series], np.ndarray]:
    if not case.function.startswith("zoo"):
        return envelope.tolerance

    def capped(name: str, reference: Series) -> np.ndarray:
        return np.minimum(envelope.tolerance(name, reference), ZOO_LIMITS.get(name, np.inf))

    return capped


def _training_part(zoo_script: Trajectory) -> Trajectory:
    parts = ("fomaml_weights", "reptile_weights", "_eval_test_losses")
    kept = {n: s for n, s in zoo_script.series.items() if n.endswith(parts)}
    return replace(zoo_script, series=kept)


def save_sides(result: Result, folder: Path) -> None:
    """Write both trajectories of a result as ``CASE.reference.npz`` and ``CASE.port.npz``."""
    for side in ("reference", "port"):
        trajectory = getattr(result, side)
        if trajectory is not None:
            trajectory.save(folder / f"{result.case.name}.{side}.npz")
