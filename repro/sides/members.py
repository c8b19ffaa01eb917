"""What an ensemble is made of: a case, or a function in a file, as a callable of a seed.

All of them can be sent to another process or machine, and say what a run of theirs depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from repro.cases import RECORDS, Case, CaseError, Together, Watched
from repro.folders import PACKAGE
from repro.run import Run, Source, asked
from repro.run.settings import source_digest
from repro.sides.live import Live
from repro.sides.named import named
from repro.sides.port import Port

COMPUTING = ("julia", "flux", "luna", "ecoffet", "engine", "cases", "sides")
"""Rooms that a case's run depends on."""


@dataclass(frozen=True)
class CaseMember:
    """A case by one of the engines.

    Attributes:
        function: its record's name.
        engine, device: how it is computed.
        epochs: iterations; the record's own number by default.
        arguments: further ones, as a :class:`repro.cases.Case` has them.
        generator: what it draws from.
    """

    function: str
    engine: str = "eager"
    device: str = "cpu"
    epochs: int | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    generator: str = "MersenneTwister"

    @property
    def folder(self) -> Path:
        return PACKAGE

    def __call__(self, seed: int) -> Run:
        return condensed(Port(self.engine, self.device).run(self.case(seed)))

    @property
    def together(self) -> Callable[[Sequence[int]], Iterator[Run]] | None:
        """The runs of many seeds, in their order, where the port has a way to run them at once."""
        found = watched_of(self.function).together
        if self.engine != "eager" or found is None:
            return None
        return partial(self._together, found)

    def _together(self, how: Together, seeds: Sequence[int]) -> Iterator[Run]:
        port = Port(self.engine, self.device)
        for start in range(0, len(seeds), how.at_most):
            cases = [self.case(seed) for seed in seeds[start : start + how.at_most]]
            yield from map(condensed, port.run_together(cases, how))

    def case(self, seed: int) -> Case:
        """A seed's case: the weights are kept where it is evaluated."""
        watched, given = watched_of(self.function), self.epochs
        epochs = watched.epochs if given is None else given
        every = max(1, epochs // watched.evaluations)
        at = tuple(range(every, epochs + 1, every))
        name = f"{self.function} seed={seed}"
        return Case(
            name, self.function, seed, epochs, every, at, self.arguments, generator=self.generator
        )

    def asked(self) -> dict[str, Any]:
        """What a run depends on, besides its seed."""
        files = [path for room in COMPUTING for path in (PACKAGE / room).glob("*.py")]
        return {**vars(self), "arguments": dict(self.arguments), "sources": source_digest(files)}


def watched_of(function: str) -> Watched:
    """What of a case is compared over many seeds.

    Raises:
        CaseError: nothing is.
    """
    record = RECORDS.get(function)
    if record is None or record.watched is None:
        known = ", ".join(n for n, r in RECORDS.items() if r.watched is not None)
        raise CaseError(f"no ensembles of {function!r}: choose from {known}")
    return record.watched


def condensed(run: Run) -> Run:
    """The few numbers of a case's run that are compared over many seeds."""
    assert run.provenance.function is not None
    kept = watched_of(run.provenance.function).keep(dict(run.quantities))
    return Run(kept, run.provenance, run.broke_off)


@dataclass(frozen=True)
class LiveMember:
    """A case on a live Julia, which is asked one seed after the other."""

    like: CaseMember
    live: Live

    @property
    def folder(self) -> Path:
        return PACKAGE

    def __call__(self, seed: int) -> Run:
        return condensed(self.live.run(self.like.case(seed)))

    def asked(self) -> dict[str, Any]:
        """What a run depends on, besides its seed."""
        return {**self.like.asked(), "julia": self.live.julia.about()}


@dataclass(frozen=True)
class FileMember:
    """A function of a seed in a Python file of the user's.

    Attributes:
        text: ``FILE.py:FUNCTION``.
    """

    text: str

    @property
    def folder(self) -> Path:
        return Path(self.text).resolve().parent

    def __call__(self, seed: int) -> Any:
        found: Any = named(self.text, "port")
        return found(seed) if callable(found) else found

    def asked(self) -> dict[str, Any]:
        """What a run depends on, besides its seed: the function and what of its own it names."""
        source: Source = named(self.text, "port")
        return asked(source)
