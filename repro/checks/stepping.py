"""Ports written as one step, run on their own and resynchronised on the reference.

In a run of its own a port hands its state from step to step, and a last-bit difference grows with
it. Resynchronised, it gets the reference's state before every step: what differs then was
computed wrongly in that very step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from repro.checks.follow import Substituting
from repro.checks.noise import Moves, Stream
from repro.checks.perturb import moved_input, perturbing
from repro.checks.perturb_numpy import aware, perturbed
from repro.errors import ReproError
from repro.run import Kind, Provenance, Quantity, Run, arrays, base_name, run_of, steps_of
from repro.trace import listening

Arrays: TypeAlias = dict[str, np.ndarray]


class SteppingError(ReproError, ValueError):
    """A reference or a port that cannot be taken step by step. The message says what it lacks."""


@dataclass(frozen=True)
class Stepper:
    """A step function beside the reference it is resynchronised on.

    Attributes:
        step: ``step(state, draws)`` gives the step's named arrays in the order of computation,
            the new state among them. It gets NumPy arrays that are its own, and must depend on
            nothing else.
        steps: the reference's named arrays in every step.
        state: names of what is handed from step to step.
        draws: names of what the reference draws or reads in a step.
        moves: what perturbed runs moved.
    """

    step: Callable[[Arrays, Arrays], Mapping[str, Any]]
    steps: Mapping[int, Arrays]
    state: tuple[str, ...]
    draws: tuple[str, ...]
    moves: Moves = field(default_factory=Moves)

    @classmethod
    def on(
        cls,
        step: Callable[[Arrays, Arrays], Mapping[str, Any]],
        reference: Run,
        draws: Sequence[str],
        state: Sequence[str] | None = None,
    ) -> Stepper:
        """Beside a reference whose first step holds the state before the first iteration.

        Args:
            draws: the names of a step's inputs; they are not compared.
            state: by default all names of the reference's first step.

        Raises:
            SteppingError: the reference has no such first step, or no step after it, or lacks
                state or draws in one.
        """
        steps = steps_of(reference)
        if len(steps) < 2:
            raise SteppingError(
                f"the reference has {len(steps)} steps: resynchronising takes the state before "
                "the first iteration, yielded first, and at least one step after it"
            )
        first = next(iter(steps.values()))
        made = cls(step, steps, tuple(first if state is None else state), tuple(draws))
        made._check()
        return made

    @property
    def first(self) -> int:
        """The step that holds the state before the first iteration."""
        return next(iter(self.steps))

    def free(self, perturbation: int | None = None) -> Run:
        """Run on the reference's draws from the reference's first state.

        Args:
            perturbation: seed; moves the inputs and the results of every step. (To move the first
                state alone would move nothing where it is zero, as many are.)
        """
        first = self._state(self.first)
        return self._run(lambda t, last: first if last is None else last, perturbation)

    def resynchronised(self, perturbation: int | None = None, wide: bool = False) -> Run:
        """Every step from the reference's state before it.

        A step that names what it computes (:func:`repro.trace.note`) is followed inside as well:
        what it goes on from is the reference's value of the same name.

        Args:
            perturbation: seed; moves the inputs and the results of every step.
            wide: give it its inputs in Float64.
        """
        before = dict(zip(list(self.steps)[1:], self.steps, strict=False))
        run = self._run(
            lambda t, last: self._state(before[t]), perturbation, substitute=not wide, wide=wide
        )
        quantities = {
            name: replace(q, kind=Kind.RESULT if q.kind is Kind.STATE else q.kind)
            for name, q in run.quantities.items()
        }
        return replace(run, quantities=quantities)

    def _run(
        self,
        start: Callable[[int, Arrays | None], Arrays],
        perturbation: int | None = None,
        substitute: bool = False,
        wide: bool = False,
    ) -> Run:
        """One step after the other, each from what ``start(step, last state)`` gives.

        A perturbation moves its state, its draws, and what its operations give.
        """
        call = self._plain if perturbation is None else self._perturbed(perturbation)
        made: dict[int, Arrays] = {self.first: self._state(self.first)}
        last, broke_off = None, None
        for t in list(self.steps)[1:]:
            state, draws = _copies(start(t, last), wide), _copies(self._draws(t), wide)
            noted = Substituting(self.steps[t] if substitute else {})
            try:
                with listening(noted):
                    found = call(state, draws, t)
            except Exception as error:
                # Perturbed, a port may leave the range of one of its functions in any way.
                if perturbation is None and not isinstance(error, ArithmeticError):
                    raise
                broke_off = f"{type(error).__name__}: {error}"
                break
            named, returned = self._named(noted.found, t), f"what the port's step {t} returned"
            # What was noted is its own; returned as well, it may be the reference's by then.
            made[t] = named | arrays(found, returned) | named
            last = self._new_state(made[t], t)
        numbered = _renumbered(run_of(made.values(), Provenance("step")), list(made))
        return replace(self.compared(numbered), broke_off=broke_off)

    def _plain(self, state: Arrays, draws: Arrays, t: int) -> Mapping[str, Any]:
        return self.step(state, draws)

    def _perturbed(self, seed: int) -> Callable[[Arrays, Arrays, int], Mapping[str, Any]]:
        """The step, all that it computes with moved; its inputs alone, where it takes no arrays
        but plain ones, as a compiled step does."""
        stream = Stream(seed, self.moves)
        step: Any = self.step
        if getattr(step, "perturbable", True):
            step = aware(step, stream)

        def call(state: Arrays, draws: Arrays, t: int) -> Mapping[str, Any]:
            stream.at(t)
            inputs = [{n: moved_input(a, stream) for n, a in p.items()} for p in (state, draws)]
            knowing = [{n: perturbed(a, stream) for n, a in p.items()} for p in inputs]
            with perturbing(stream):
                try:
                    found: Mapping[str, Any] = step(*knowing)
                    return found
                except ArithmeticError:
                    raise
                except Exception as error:
                    self.moves.inputs_only[f"{type(error).__name__}: {error}"] += 1
                    return self.step(*inputs)

        return call

    def _named(self, noted: Arrays, t: int) -> Arrays:
        """What the step has noted on the way, as far as the reference knows the name."""
        return {name: a for name, a in noted.items() if name in self.steps[t]}

    def _new_state(self, made: Arrays, t: int) -> Arrays:
        lacking = [name for name in self.state if name not in made]
        if lacking:
            raise SteppingError(
                f"what the port's step {t} returned lacks {', '.join(lacking)}, which is state: "
                "return the new state under the reference's names"
            )
        return {name: made[name] for name in self.state}

    def _state(self, t: int) -> Arrays:
        return {name: self.steps[t][name] for name in self.state}

    def _draws(self, t: int) -> Arrays:
        return {name: self.steps[t][name] for name in self.draws}

    def compared(self, run: Run) -> Run:
        """All but the draws and the start, which the port has from the reference."""
        quantities = {}
        for label, q in run.quantities.items():
            later = q.steps > self.first
            if base_name(label) not in self.draws and later.any():
                quantities[label] = Quantity(q.steps[later], q.values[later], q.kind)
        return replace(run, quantities=quantities)

    def _check(self) -> None:
        if not self.state:
            raise SteppingError("no state is named: yield it before the first iteration")
        both = set(self.state) & set(self.draws)
        if both:
            raise SteppingError(f"{', '.join(sorted(both))} is named as state and as draws: choose")
        for t, found in self.steps.items():
            wanted = self.state if t == self.first else self.state + self.draws
            lacking = [name for name in wanted if name not in found]
            if lacking:
                raise SteppingError(
                    f"step {t} of the reference lacks {', '.join(lacking)}: to resynchronise, it "
                    "has to give the whole state in every step, and every step's draws"
                )


def _copies(values: Arrays, wide: bool = False) -> Arrays:
    def copy(a: np.ndarray) -> np.ndarray:
        return a.astype(np.float64) if wide and a.dtype.kind == "f" else a.copy()

    return {name: copy(a) for name, a in values.items()}


def _renumbered(run: Run, numbers: list[int]) -> Run:
    steps = np.array(numbers)
    return replace(
        run, quantities={n: replace(q, steps=steps[q.steps]) for n, q in run.quantities.items()}
    )
