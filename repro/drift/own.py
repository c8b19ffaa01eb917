"""Baselines of ports of one's own: what a port computes, kept to hold its later self against.

A port written as a step is kept with the draws that it got, so that it is held step by step on the
baseline's own state: every name that it returns is an operation, judged by what its rounding grows
to in that step alone. Any other port is held as a whole run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from repro.checks import check
from repro.checks.stepping import Roles, Stepper
from repro.drift.baseline import DriftError
from repro.drift.grade import Drift, drift_of
from repro.run import Provenance, Run, collect, run_of, steps_of
from repro.run.settings import settings

ROLES = ("draws", "state", "constants", "inputs")


def kept(reference: Any, port: Any, options: Mapping[str, Any]) -> Run:
    """What a port computes here.

    Args:
        reference: gives a step's state and draws; not asked where the port is a whole run.
        port: as for :func:`repro.check`.
        options: those of :func:`repro.check`.

    Raises:
        DriftError: it broke off.
    """
    found = _steps(reference, port, options) if _stepwise(options) else collect(port, "port")
    if found.broke_off is not None:
        raise DriftError(f"nothing is kept of a run that broke off ({found.broke_off}): mend it")
    return _here(found)


def held(baseline: Run, port: Any, name: str, options: Mapping[str, Any]) -> Drift:
    """A port beside its baseline.

    Args:
        name: how reports call it.
        options: those of :func:`repro.check`.
    """
    found = check(baseline, port, **options)
    pairs = tuple(replace(pair, port=_here(pair.port)) for pair in found.pairs)
    return drift_of(name, replace(found, pairs=pairs))


def _stepwise(options: Mapping[str, Any]) -> bool:
    return bool(options.get("resynchronise") or options.get("inputs"))


def _steps(reference: Any, port: Any, options: Mapping[str, Any]) -> Run:
    """Its own run, every step with what it was given."""
    roles = Roles(**{name: options[name] for name in ROLES if options.get(name)})
    stepper = Stepper.on(port, collect(reference), roles)
    made = stepper.free()
    found = steps_of(made)
    given = {*stepper.draws, *stepper.constants}
    steps: list[dict[str, np.ndarray]] = []
    for t, expected in stepper.steps.items():
        drawn = {name: value for name, value in expected.items() if name in given}
        start = {} if t in found else {n: v for n, v in expected.items() if n in stepper.state}
        steps.append({**drawn, **start, **found.get(t, {})})
    return replace(run_of(steps), broke_off=made.broke_off)


def _here(run: Run) -> Run:
    made_by = Provenance("port", details={"settings": settings()})
    return replace(run, provenance=made_by)
