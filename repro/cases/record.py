"""Everything about one thing that can be computed, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch

from repro.cases.case import Case, CaseError
from repro.checks import Counted
from repro.checks.ensembles import Summary
from repro.run import Kind, Quantity

Tick = Callable[[int], object]
"""``tick(n)``: n more iterations are done."""


@dataclass(frozen=True)
class Nudge:
    """Every initial weight moved to one of its two neighbours, as this seed says: Float32's, or
    Float64's where the case is in Float64."""

    seed: int

    def __str__(self) -> str:
        return str(self.seed)


@dataclass(frozen=True)
class Widened:
    """The weights in Float64, which is the run without the rounding of Float32."""

    def __str__(self) -> str:
        return "float64"


Perturbation: TypeAlias = Nudge | Widened

NUDGES: tuple[Perturbation, ...] = tuple(map(Nudge, range(1, 9)))
"""Three are too few: an unstable fine-tuning run that none of them happened to move put a
faithful port at 8.7 of 10."""


@dataclass(frozen=True)
class Conditions:
    """How a port is run.

    Attributes:
        engine: its name; ``eager`` is the port itself.
        device: where to run.
        dtype: of the weights; float64 computes on the same (Float32) draws.
        nudge: how the initial weights are moved; None leaves them as drawn.
        tick: called as iterations are done.
    """

    engine: str = "eager"
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32
    nudge: Nudge | None = None
    tick: Tick = lambda n: None


@dataclass(frozen=True)
class Origin:
    """Where a case comes from.

    Attributes:
        post: the short name that figures and documents use.
        title: as readers know it.
        recorded: how its recorded runs were made, setting by setting, in words.
        generators: where the port's random numbers come from, in words.
    """

    post: str
    title: str
    recorded: Mapping[str, str]
    generators: str


Quantities = dict[str, Quantity]


@dataclass(frozen=True)
class Argument:
    """An argument that may be set.

    Attributes:
        usual: its default.
        read: its value from text; raises ValueError, with what to write, where it does not read.
    """

    usual: Any
    read: Callable[[str], Any]


@dataclass(frozen=True)
class Together:
    """How the port runs many seeds at once, which costs less than one after the other.

    Attributes:
        run: gives every case's quantities; the cases differ in their seeds alone.
        at_most: so many of them.
    """

    run: Callable[[Sequence[Case], Conditions], list[Quantities]]
    at_most: int


@dataclass(frozen=True)
class Watched:
    """What is kept of a case's run where many seeds of it are compared.

    Attributes:
        keep: a few numbers a step, of all its quantities.
        summaries: those that two ensembles have to share.
        epochs: iterations.
        evaluations: how many, the last at the end; the weights are looked at as well.
        seeds: of the original, that come with the package.
        original: the engine that stands for it.
        together: how the port runs many seeds at once; None where it does not.
    """

    keep: Callable[[Quantities], Quantities]
    summaries: tuple[Summary, ...]
    epochs: int = 5000
    evaluations: int = 20
    seeds: int = 256
    original: str = "exact"
    together: Together | None = None


@dataclass(frozen=True)
class Record:
    """A case's record.

    Attributes:
        name: the function's, by which it is asked for.
        origin: where it comes from.
        port: runs it under some conditions; gives its quantities, causes before effects.
        read: a recording's arrays, or those a live reference answers, as quantities.
        arguments: what may be set.
        engines: those that can run it, of which ``eager`` is the port itself; None where every one
            can, a new one too.
        usual: how many iterations of a recording are compared by default; None for all.
        on_request: left out of the default set, because it takes minutes.
        live: puts the case to a live Julia, and gives the arrays it answers; None where there is
            nothing live to ask.
        counted: the rule for its single operations; None where it does not name them.
        drifting: the same between two environments of the port, either of which may fuse products
            and sums; None where that is no difference.
        perturbations: what its saved envelope is measured with.
        at_most: per quantity, the largest difference there may be, whatever the envelope says.
        compiled_part: the function that compiled engines run instead, if not this one.
        layers: how many weights each layer has, for reports that show them apart.
        single: the recording that is no call of a training function, with the case it is of.
        file: the recording's, where it is not the case's name: several cases may lie in one.
        part_of: a name that stands for this record and others together.
        jax: what live JAX is asked for, by its names; None where it is not to be asked.
        watched: what of it is compared over many seeds; None where nothing is.
    """

    name: str
    origin: Origin
    port: Callable[[Case, Conditions], Quantities]
    read: Callable[[Case, Mapping[str, np.ndarray]], Quantities]
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    engines: tuple[str, ...] | None = None
    usual: int | None = None
    on_request: bool = False
    live: Callable[[Any, Case], Mapping[str, np.ndarray]] | None = None
    counted: Callable[[], Counted] | None = None
    drifting: Callable[[], Counted] | None = None
    perturbations: tuple[Perturbation, ...] = NUDGES
    at_most: Mapping[str, float] = field(default_factory=dict)
    compiled_part: str | None = None
    layers: tuple[int, ...] = ()
    single: Case | None = None
    file: str = ""
    part_of: str = ""
    jax: Mapping[str, str] | None = None
    watched: Watched | None = None

    def runs_on(self, engine: str) -> bool:
        """Whether an engine can run it."""
        return self.engines is None or engine in self.engines

    def as_usual(self, case: Case) -> bool:
        """Whether all of a case's arguments are the defaults."""
        usual = {name: argument.usual for name, argument in self.arguments.items()}
        return all(value == usual.get(name) for name, value in case.kwargs.items())

    def argument(self, name: str, text: str) -> Any:
        """Read one argument.

        Raises:
            CaseError: it has no such argument, or the text does not read as one.
        """
        if name not in self.arguments:
            known = ", ".join(sorted(self.arguments)) or "none"
            raise CaseError(f"{self.name} has no argument {name!r}: it has {known}")
        try:
            return self.arguments[name].read(text)
        except ValueError as problem:
            raise CaseError(f"{name}: {problem}") from None


def causes_first(quantities: Mapping[str, Quantity]) -> Quantities:
    """Draws, states, results, rows, each by name: what is off is named where it begins."""
    kinds = [*Kind]
    return dict(sorted(quantities.items(), key=lambda item: (kinds.index(item[1].kind), item[0])))
