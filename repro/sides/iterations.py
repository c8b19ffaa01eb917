"""A live Julia's intermediate values, iteration by iteration, for :mod:`repro.localise`."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from repro.case import Case
from repro.luna.names import PARAMETERS
from repro.sides.julia.reference import Answer, JuliaReference, Tape

SHAPES = ((64, 1), (64,), (64, 64), (64,), (1, 64), (1,))


class JuliaIterations:
    """What the original computes in each iteration of a case.

    One run keeps the weights, optimiser states and draws of every iteration; an iteration's
    values are asked for when they are needed, from the state before it.
    """

    def __init__(self, case: Case, julia: JuliaReference) -> None:
        self.case, self.julia = case, julia
        self._kwargs: dict[str, Any] = dict(case.kwargs)

    @cached_property
    def _run(self) -> Answer:
        return self.julia.run(
            self.case.function,
            self.case.seed,
            self.case.epochs,
            self.case.eval_interval,
            weight_epochs=range(1, self.case.epochs + 1),
            keep_draws=True,
            keep_state=True,
            **self._kwargs,
        )

    def init(self) -> dict[str, np.ndarray]:
        return named(self._run["init_weights"])

    def values(self, iteration: int) -> dict[str, np.ndarray]:
        before = iteration - 1
        prefix = f"state.{before}."
        state = {n.removeprefix(prefix): v for n, v in self._run.items() if n.startswith(prefix)}
        ends = self._run["draw_ends"]
        (first, first_index), (last, last_index) = ends[before], ends[iteration]
        tape = Tape(
            self._run["uniforms"][first:last], self._run["permutations"][first_index:last_index]
        )
        trace = self.julia.trace(
            self.case.function,
            iteration=iteration,
            weights=self._run["weights"][before - 1] if before else self._run["init_weights"],
            tape=tape,
            state=state,
            eval_interval=self.case.eval_interval,
            **self._kwargs,
        )
        return {name: np.asarray(value) for name, value in trace.values.items()}


def named(weights: np.ndarray) -> dict[str, np.ndarray]:
    """The parameters, by name, of a flat vector of all weights (4353,)."""
    arrays, start = {}, 0
    for name, shape in zip(PARAMETERS, SHAPES, strict=True):
        size = int(np.prod(shape))
        arrays[name] = weights[start : start + size].reshape(shape, order="F")
        start += size
    return arrays
