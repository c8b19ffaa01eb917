"""Measuring the envelopes that recordings are held within."""

from __future__ import annotations

from functools import partial

from repro.cases import Case, record_of
from repro.checks import Envelope, measure
from repro.sides.port import Port


def measure_envelope(case: Case, port: Port | None = None) -> Envelope:
    """How a case's perturbed runs part from the run as it is.

    Args:
        port: in Float32 on one CPU thread; the eager one by default.
    """
    return measure(partial((port or Port()).run, case), record_of(case).perturbations)
