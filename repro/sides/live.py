"""A live Julia as a side: any seed, any arguments."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from repro.cases import Case, record_of
from repro.checks import Pooled
from repro.luna import PARAMETERS
from repro.run import Provenance, Run
from repro.sides.envelopes import growth
from repro.sides.julia.reference import Answer, JuliaReference, Tape


class Live:
    """What our Julia package computes on the Julia that is there.

    Args:
        julia: the Julia to ask.
    """

    name = "julia"

    def __init__(self, julia: JuliaReference) -> None:
        self.julia = julia

    @property
    def generator(self) -> str:
        """The generator that ``Random.seed!`` starts in this Julia, by its name."""
        return str(self.julia.about()["default_generator"])

    def run(self, case: Case) -> Run:
        """
        Raises:
            JuliaError: Julia failed; the message has its words.
        """
        record = record_of(case)
        assert record.live is not None
        answer = record.live(self.julia, case)
        details = getattr(answer, "provenance", {})
        made_by = Provenance(
            "julia",
            case=case.name,
            function=case.function,
            seed=case.seed,
            epochs=case.epochs,
            arguments=case.kwargs,
            generator=details.get("draws"),
            details=details,
        )
        found = record.read(case, answer)
        return Run({n: q for n, q in found.items() if n not in case.lacks}, made_by)

    def rule(self, case: Case) -> Pooled:
        """Measured on the port; see :func:`repro.sides.envelopes.growth`."""
        return growth(case)

    def operations(self, case: Case) -> JuliaOperations:
        """The case's single operations, for following a port."""
        return JuliaOperations(case, self.julia)


class JuliaOperations:
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
            generator=self.case.generator,
            **self._kwargs,
        )

    def values(self, step: int) -> dict[str, np.ndarray]:
        """An iteration's values by name, in the order of their computation; 0 is the new model."""
        if step == 0:
            return named(self._run["init_weights"])
        before = step - 1
        prefix = f"state.{before}."
        state = {n.removeprefix(prefix): v for n, v in self._run.items() if n.startswith(prefix)}
        ends = self._run["draw_ends"]
        (first, first_index), (last, last_index) = ends[before], ends[step]
        tape = Tape(
            self._run["uniforms"][first:last], self._run["permutations"][first_index:last_index]
        )
        trace = self.julia.trace(
            self.case.function,
            iteration=step,
            weights=self._run["weights"][before - 1] if before else self._run["init_weights"],
            tape=tape,
            state=state,
            eval_interval=self.case.eval_interval,
            **self._kwargs,
        )
        return {name: np.asarray(value) for name, value in trace.values.items()}


def named(weights: np.ndarray) -> dict[str, np.ndarray]:
    """A new model's parameters, by name, of a flat vector of all weights (4353,)."""
    arrays, start = {}, 0
    for name, shape in PARAMETERS.items():
        size = int(np.prod(shape))
        arrays[f"init.{name}"] = weights[start : start + size].reshape(shape, order="F")
        start += size
    return arrays
