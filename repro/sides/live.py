"""A live Julia as the reference: any seed, any arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from repro.case import Case
from repro.luna.quantities import kind_of
from repro.checks.envelope import Envelope
from repro.sides.record_check import recompute
from repro.sides.julia.reference import JuliaReference
from repro.sides.recorded import STEPS, narrowed
from repro.run import Series, Trajectory


class Live:
    """What our Julia package computes on the Julia that is there, and how far rounding carries.

    Args:
        julia: the Julia to ask.
        measure: measures a case's envelope with the port; nothing is kept of it.
    """

    name = "julia"

    def __init__(self, julia: JuliaReference, measure: Callable[[Case], Envelope]) -> None:
        self.julia, self.measure = julia, measure

    def trajectory(self, case: Case) -> Trajectory:
        """
        Raises:
            JuliaError: Julia failed; the message has its words.
        """
        answer = recompute(self.julia, case)
        series = series_of(case, answer)
        made_by = {"source": "julia", "case": case.name, **getattr(answer, "provenance", {})}
        return Trajectory(series, made_by)

    def envelope(self, case: Case) -> Envelope:
        return self.measure(case)


def series_of(case: Case, arrays: Mapping[str, Any]) -> dict[str, Series]:
    """The quantities of a run from the arrays of a recording, or of a live Julia's answer."""
    if case.function == "eval_model":
        steps = dict.fromkeys(arrays, np.array([0]))
        values = {name: np.asarray(a)[None] for name, a in arrays.items()}
    else:
        steps = {name: np.asarray(arrays[s]) for name, s in STEPS.items() if name in arrays}
        for name in ("initial_predictions", "final_predictions"):
            if name in steps and "prediction_epochs" in arrays:
                steps[name] = np.asarray(arrays["prediction_epochs"])
        steps |= {"init_weights": np.array([0]), "next_rand": np.array([case.epochs])}
        values = {name: np.asarray(arrays[name]) for name in steps}
        for name in ("init_weights", "next_rand"):
            values[name] = values[name][None]
    return {
        name: Series(steps[name], narrowed(values[name]), kind_of(name))
        for name in steps
        if len(steps[name])
    }
