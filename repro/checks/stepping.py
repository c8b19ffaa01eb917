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

from repro.checks.aware import aware
from repro.checks.follow import Substituting
from repro.checks.given import Given
from repro.checks.noise import Moves, Stream
from repro.checks.perturb import knowing_input, moved_input, perturbing
from repro.errors import ReproError
from repro.run import (
    Kind,
    Provenance,
    Quantity,
    Run,
    arrays,
    base_name,
    digest,
    run_of,
    steps_of,
    under,
)
from repro.trace import listening

Arrays: TypeAlias = dict[str, np.ndarray]


class SteppingError(ReproError, ValueError):
    """A reference or a port that cannot be taken step by step. The message says what it lacks."""


@dataclass(frozen=True)
class Roles:
    """Which part the reference's names play; a name stands for its parts as well.

    Attributes:
        draws: what a step draws or reads; a step gets those that the reference has in it.
        state: what is handed from step to step; by default all that is yielded first.
        constants: what is yielded once, and comes with every step's draws.
        inputs: all that a step is given, where there is no state: every step is by itself.
    """

    draws: Sequence[str] = ()
    state: Sequence[str] | None = None
    constants: Sequence[str] = ()
    inputs: Sequence[str] = ()

    @property
    def given(self) -> tuple[str, ...]:
        """All that comes from the reference and is not compared."""
        return (*self.draws, *self.constants, *self.inputs)


@dataclass(frozen=True)
class Stepper:
    """A step function beside the reference it is resynchronised on.

    Attributes:
        step: ``step(state, draws)`` gives the step's named arrays in the order of computation,
            the new state among them. It gets NumPy arrays that are its own, and must depend on
            nothing else. Where there are inputs and no state, ``step(inputs)``.
        steps: the reference's named arrays in every step.
        state: names of what is handed from step to step.
        draws: names of what the reference draws or reads in a step.
        constants: what comes with every step's draws.
        alone: whether there is no state.
        moves: what perturbed runs moved.
        accepted: names that may differ; of those that are state, a run of its own goes on from
            the reference's value.
    """

    step: Callable[..., Mapping[str, Any]]
    steps: Mapping[int, Arrays]
    state: tuple[str, ...]
    draws: tuple[str, ...]
    constants: Arrays
    alone: bool
    moves: Moves = field(default_factory=Moves)
    accepted: tuple[str, ...] = ()

    @classmethod
    def on(cls, step: Callable[..., Mapping[str, Any]], reference: Run, roles: Roles) -> Stepper:
        """Beside a reference whose first step holds the state before the first iteration.

        Raises:
            SteppingError: the reference has no such first step, or no step after it, or lacks
                state or draws, or changes a constant.
        """
        steps = steps_of(reference)
        constants = _constants(steps, roles.constants)
        if roles.inputs:
            given = _parts(steps, roles.inputs, "inputs")
            return cls(step, steps, (), given, constants, alone=True)
        if len(steps) < 2:
            raise SteppingError(
                f"the reference has {len(steps)} steps: resynchronising takes the state before "
                "the first iteration, yielded first, and at least one step after it. Where there "
                "is no state, name what a step is given: inputs=[...]"
            )
        first = next(iter(steps.values()))
        if roles.state is None:
            state = tuple(name for name in first if name not in constants)
        else:
            state = _parts({0: first}, roles.state, "state")
        made = cls(step, steps, state, _parts(steps, roles.draws, "draws"), constants, False)
        made._check()
        return made

    @property
    def first(self) -> int:
        """The step that holds the state before the first iteration."""
        return next(iter(self.steps))

    @property
    def later(self) -> list[int]:
        """The steps that are run."""
        if self.alone:
            return [t for t, found in self.steps.items() if any(n in found for n in self.draws)]
        return list(self.steps)[1:]

    def free(self, perturbation: int | None = None, steps: np.ndarray | None = None) -> Run:
        """Run on the reference's draws from the reference's first state.

        Args:
            perturbation: seed; moves the inputs and the results of every step. (To move the first
                state alone would move nothing where it is zero, as many are.)
            steps: go on to the last of them; by default to the end.
        """
        first = self._state(self.first)
        end = None if steps is None else steps.max(initial=self.first)
        taken = [t for t in self.later if end is None or t <= end]
        return self._run(lambda t, last: first if last is None else last, taken, perturbation)

    def resynchronised(
        self,
        perturbation: int | None = None,
        steps: np.ndarray | None = None,
        wide: bool = False,
    ) -> Run:
        """Every step from the reference's state before it.

        A step that names what it computes (:func:`repro.trace.note`) is followed inside as well:
        what it goes on from is the reference's value of the same name.

        Args:
            perturbation: seed; moves the inputs and the results of every step.
            steps: take these alone; by default all.
            wide: give it its inputs in Float64.
        """
        before = dict(zip(self.steps if self.alone else self.later, self.steps, strict=False))
        wanted = set(self.later if steps is None else steps.tolist())
        taken = [t for t in self.later if t in wanted]
        run = self._run(
            lambda t, last: self._state(before[t]),
            taken,
            perturbation,
            substitute=not wide,
            wide=wide,
        )
        quantities = {
            name: replace(q, kind=Kind.RESULT if q.kind is Kind.STATE else q.kind)
            for name, q in run.quantities.items()
        }
        return replace(run, quantities=quantities)

    def _run(
        self,
        start: Callable[[int, Arrays | None], Arrays],
        taken: Sequence[int],
        perturbation: int | None = None,
        substitute: bool = False,
        wide: bool = False,
    ) -> Run:
        """One step after the other, each from what ``start(step, last state)`` gives.

        A perturbation moves its state, its draws, and what its operations give.
        """
        plain = self._in_float64 if wide else self._plain
        call = plain if perturbation is None else self._perturbed(perturbation)
        made: dict[int, Arrays] = {}
        last, broke_off = None, None
        for t in taken:
            state, draws = start(t, last), self._draws(t)
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
        if not self.alone:
            made = {self.first: _alike(self._state(self.first), made), **made}
        numbered = _renumbered(run_of(made.values(), Provenance("step")), list(made))
        return replace(self.compared(numbered), broke_off=broke_off)

    def _plain(self, state: Arrays, draws: Arrays, t: int) -> Mapping[str, Any]:
        what = "inputs" if self.alone else "draws"
        own = Given("state", _copies(state), t), Given(what, _copies(draws), t)
        return self.step(*self._arguments(*own))

    def _in_float64(self, state: Arrays, draws: Arrays, t: int) -> Mapping[str, Any]:
        return self.step(*self._arguments(_copies(state, wide=True), _copies(draws, wide=True)))

    def _arguments(self, state: Arrays, draws: Arrays) -> tuple[Arrays, ...]:
        return (draws,) if self.alone else (state, draws)

    def _perturbed(self, seed: int) -> Callable[[Arrays, Arrays, int], Mapping[str, Any]]:
        """The step, all that it computes with moved; its inputs alone, where it takes no arrays
        but plain ones, as a compiled step does."""
        stream = Stream(seed, self.moves)
        step: Any = self.step
        if getattr(step, "perturbable", True):
            step = aware(step, stream)

        def inputs(state: Arrays, draws: Arrays, t: int) -> tuple[Arrays, ...]:
            stream.at(t)
            moved = ({n: moved_input(a, stream) for n, a in p.items()} for p in (state, draws))
            return self._arguments(*moved)

        def call(state: Arrays, draws: Arrays, t: int) -> Mapping[str, Any]:
            moved = inputs(state, draws, t)
            arrays = [{n: knowing_input(a, stream) for n, a in p.items()} for p in moved]
            with perturbing(stream):
                try:
                    found: Mapping[str, Any] = step(*arrays)
                    return found
                except ArithmeticError:
                    raise
                except Exception as error:
                    self.moves.inputs_only[f"{type(error).__name__}: {error}"] += 1
                    return self.step(*inputs(state, draws, t))

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
        known = {name: self.steps[t][name] for name in self.accepted if name in self.state}
        return {name: made[name] for name in self.state} | known

    def state_before(self, t: int) -> Arrays:
        """The reference's state before a step, which a resynchronised port gets."""
        return self._state(dict(zip(list(self.steps)[1:], self.steps, strict=False))[t])

    def draws_at(self, t: int) -> Arrays:
        """The reference's draws in a step."""
        return self._draws(t)

    def _state(self, t: int) -> Arrays:
        return {name: self.steps[t][name] for name in self.state}

    def _draws(self, t: int) -> Arrays:
        found = self.steps[t]
        return self.constants | {name: found[name] for name in self.draws if name in found}

    def compared(self, run: Run) -> Run:
        """All but the draws, the constants and the start, which the port has from the reference."""
        quantities = {}
        given = {*self.draws, *self.constants}
        for label, q in run.quantities.items():
            later = np.isin(q.steps, self.later)
            if base_name(label) not in given and later.any():
                quantities[label] = Quantity(q.steps[later], q.values[later], q.kind)
        return replace(run, quantities=quantities)

    def check_inputs(self, run: Run) -> None:
        """Of what is compared: a step without inputs is not run, and would be held to nothing.

        Raises:
            SteppingError: the reference has something to compare there.
        """
        given = {*self.draws, *self.constants}
        for label, q in run.quantities.items():
            lost = np.setdiff1d(q.steps, self.later)
            if self.alone and len(lost) and base_name(label) not in given:
                raise SteppingError(
                    f"step {lost[0]} of the reference has {label}, but no inputs: yield them in "
                    "every such step, compare other names=[...], or name what it gives once, and "
                    "is the same in all steps, by constants=[...]"
                )

    def _check(self) -> None:
        if not self.state:
            raise SteppingError(
                "no state is named: yield it before the first iteration, or name what a step is "
                "given: inputs=[...]"
            )
        for role, names in (("draws", self.draws), ("constants", self.constants)):
            both = sorted(set(self.state) & set(names))
            if both:
                raise SteppingError(
                    f"{', '.join(both)} is named as state and as {role}: choose. (State is what "
                    "the reference's first step has: yield it before the first iteration)"
                )
        for t, found in self.steps.items():
            lacking = [name for name in self.state if name not in found]
            if lacking:
                raise SteppingError(
                    f"step {t} of the reference lacks {', '.join(lacking)}: to resynchronise, it "
                    "has to give the whole state in every step. What it gives once is named by "
                    "constants=[...]"
                )


def _parts(steps: Mapping[int, Arrays], names: Sequence[str], role: str) -> tuple[str, ...]:
    """The names that there are in any step, the parts of a name that has parts in its place."""
    known = {name: None for found in steps.values() for name in found}
    for name in names:
        if not any(under(one, [name]) for one in known):
            where = "step 0" if role == "state" else "no step"
            lacks = "lacks" if role == "state" else "has"
            raise SteppingError(
                f"{where} of the reference {lacks} {name}, which {role} names: choose from "
                f"{', '.join(known)}"
            )
    return tuple(one for one in known if under(one, names))


def _constants(steps: Mapping[int, Arrays], names: Sequence[str]) -> Arrays:
    found: Arrays = {}
    wanted = set(_parts(steps, names, "constants"))
    for t, arrays_here in steps.items():
        for name in wanted & arrays_here.keys():
            once = found.setdefault(name, arrays_here[name])
            if digest({name: once}) != digest({name: arrays_here[name]}):
                raise SteppingError(
                    f"{name} is no constant, for it changes in step {t}: draws=[...]"
                )
    return found


def _alike(start: Arrays, made: Mapping[int, Arrays]) -> Arrays:
    """The reference's first state in the floating types of the port, which may be wider."""
    first = next(iter(made.values()), start)
    kinds = {name: first.get(name, a).dtype for name, a in start.items()}
    return {n: a.astype(kinds[n]) if kinds[n].kind == a.dtype.kind == "f" else a
            for n, a in start.items()}  # fmt: skip


def _copies(values: Arrays, wide: bool = False) -> Arrays:
    """The port's own: arrays, and a single text as Python's."""

    def copy(a: np.ndarray) -> Any:
        if wide and a.dtype.kind in "fc":
            return a.astype(np.float64 if a.dtype.kind == "f" else np.complex128)
        return a.item() if a.dtype.kind == "U" and not a.ndim else a.copy()

    return {name: copy(a) for name, a in values.items()}


def _renumbered(run: Run, numbers: list[int]) -> Run:
    steps = np.array(numbers)
    return replace(
        run, quantities={n: replace(q, steps=steps[q.steps]) for n, q in run.quantities.items()}
    )
