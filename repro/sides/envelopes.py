"""Measuring the envelopes that recordings are held within."""

from __future__ import annotations

from functools import partial

from repro.cases import Case, Nudge, record_of
from repro.checks import Envelope, Pooled, measure
from repro.sides.port import Port


def measure_envelope(case: Case, port: Port | None = None) -> Envelope:
    """How a case's perturbed runs part from the run as it is.

    Args:
        port: in Float32 on one CPU thread; the eager one by default.
    """
    return measure(partial((port or Port()).run, case), record_of(case).perturbations)


def growth(case: Case) -> Pooled:
    """The rule of a case for which no envelope was kept: measured when it is needed.

    By the exact engine where it can run the case: the growth is then that of the original's own
    arithmetic, and is measured sooner.
    """
    exact = record_of(case).runs_on("exact") and case.generator == "MersenneTwister"
    port = Port("exact" if exact else "eager")
    return Pooled(lambda seed: port.run(case, None if seed is None else Nudge(seed)))
