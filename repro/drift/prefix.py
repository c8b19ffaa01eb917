"""The first operations of a run, kept whole, and a later run followed along them.

What a port computes exactly (a draw, an update) is the same on the same inputs, and its mark is
enough. What may be rounded otherwise is kept, and put in the place of the later run's own value:
so each operation is judged on the baseline's inputs, by the rule that :mod:`repro.checks.follow`
takes beside a live reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from repro.checks import Comparison, Counted, Pair, Report, Way, compare
from repro.checks.follow import add, one_step, substitute
from repro.drift.marks import array_of, form_of, mark
from repro.run import Kind, Quantity, Run
from repro.trace import Noted, listening


@dataclass(frozen=True)
class Prefix:
    """The first operations of a run.

    Attributes:
        names: of what they gave, in the order of computation, steps before them: ``1:task1.y``.
        values: what they gave, of those that may be rounded otherwise.
        marks: of the others, in hexadecimal.
    """

    names: tuple[str, ...] = ()
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Keeping:
    """Listens to a run and keeps its first operations.

    Attributes:
        rule: says which operations may be rounded otherwise.
        allowance: bytes that may be kept.
    """

    rule: Counted
    allowance: int
    now: int = 0
    names: list[str] = field(default_factory=list)
    kept: dict[str, np.ndarray] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    full: bool = False

    def step(self, number: int) -> None:
        self.now = number

    def values(self, noted: list[Noted]) -> None:
        if self.full:
            return
        found = [array_of(one.value) for one in noted]
        inexact = any(np.any(bound) for bound in self.rule.bounds(noted, found))
        self.allowance -= sum(a.nbytes for a in found) if inexact else 0
        self.full = self.allowance < 0
        for one, value in zip(noted, [] if self.full else found, strict=False):
            name = numbered(self.now, one.name, self.names)
            self.names.append(name)
            if inexact:
                self.kept[name] = value.copy()
            else:
                self.marks[name] = exact_mark(value)

    def finished(self) -> Prefix:
        return Prefix(tuple(self.names), self.kept, self.marks)


def numbered(step: int, name: str, before: list[str]) -> str:
    """A name with its step, and its number where it comes again in that step."""
    found = f"{step}:{name}"
    again = sum(one == found or one.startswith(f"{found} (") for one in before)
    return found if not again else f"{found} ({again + 1})"


def exact_mark(value: np.ndarray) -> str:
    return f"{form_of(value)} {mark(value).hex()}"


def follow_prefix(port: Callable[[], object], prefix: Prefix, rule: Counted) -> Pair:
    """Run a port along a baseline's first operations, up to their end or the first wrong one.

    Args:
        port: as it is, naming what it computes.
        prefix: what the baseline's environment computed.
        rule: how far each operation may be off.
    """
    follower = _Follower(prefix, rule)
    broke_off = None
    try:
        with listening(follower):
            port()
        follower.ended()
    except _Stop:
        pass
    except ArithmeticError as error:
        broke_off = f"{type(error).__name__}: {error}"
    expected, found = follower.last
    report = Report(tuple(follower.comparisons.values())) if follower.comparisons else None
    nothing = None if report is not None else "the baseline keeps no operation of this case"
    return Pair(
        Way.FOLLOWED, expected, replace(found, broke_off=broke_off), report, rule.words, nothing
    )


class _Stop(Exception):
    """The end of what is kept, or the first wrong operation."""


class _Follower:
    def __init__(self, prefix: Prefix, rule: Counted) -> None:
        self.prefix, self.rule = prefix, rule
        self.now, self.seen = 0, list[str]()
        self.comparisons: dict[str, Comparison] = {}
        self.last = (Run({}), Run({}))

    def step(self, number: int) -> None:
        self.now = number

    def values(self, noted: list[Noted]) -> None:
        if len(self.seen) == len(self.prefix.names):
            raise _Stop
        expected: dict[str, np.ndarray] = {}
        found: dict[str, np.ndarray] = {}
        known: list[tuple[Noted, np.ndarray]] = []
        for one, (own, then) in zip(noted, list(self._beside(noted)), strict=True):
            value = array_of(one.value).copy()
            kept = self.prefix.values.get(own) if own == then else None
            if own == then and kept is None and exact_mark(value) == self.prefix.marks[own]:
                kept = value
            if kept is not None:
                expected[one.name], found[one.name] = kept, value
                known.append((one, kept))
            elif own == then:  # exact, and not the same: only its mark was kept
                expected[one.name] = np.array(self.prefix.marks[own])
                found[one.name] = np.array(exact_mark(value))
            else:
                expected[then.partition(":")[2]], found[one.name] = np.array(""), value
        for one, kept in known:
            substitute(one.value, kept)
        self._hold(noted, known, expected, found)

    def _beside(self, noted: list[Noted]) -> Iterator[tuple[str, str]]:
        """The names now and then of one operation's results."""
        for one in noted:
            own = numbered(self.now, one.name, self.seen)
            at = len(self.seen)
            then = self.prefix.names[at] if at < len(self.prefix.names) else "nothing"
            self.seen.append(own)
            yield own, then

    def _hold(
        self,
        noted: list[Noted],
        known: list[tuple[Noted, np.ndarray]],
        expected: dict[str, np.ndarray],
        found: dict[str, np.ndarray],
    ) -> None:
        fits = [(n, kept) for n, kept in known if kept.shape == found[n.name].shape]
        # A group of which one does not fit has no bound, and that one fails by name.
        bounds: Sequence[np.ndarray | float] = [0.0] * len(fits)
        if len(fits) == len(noted):
            bounds = self.rule.bounds([n for n, _ in fits], [kept for _, kept in fits])
        allowed = {n.name: np.asarray(b, float) for (n, _), b in zip(fits, bounds, strict=True)}

        def tolerance(name: str, reference: Quantity) -> np.ndarray:
            return np.broadcast_to(allowed[name], reference.values.shape[1:])[None]

        self.last = one_step(expected, self.now), one_step(found, self.now)
        report = compare(*self.last, tolerance, strict=True)
        add(self.comparisons, report, {n.name: n.operation for n in noted})
        if not report:
            raise _Stop

    def ended(self) -> None:
        """The port has come to its end: all that is kept must have come."""
        for name in self.prefix.names[len(self.seen) :]:
            step, _, own = name.partition(":")
            lacking = Run({own: Quantity.once(np.zeros(()), Kind.RESULT, int(step))})
            nothing = one_step({"": np.zeros(())}, self.now)
            both = Run({**lacking.quantities, **nothing.quantities})
            report = compare(both, nothing, lambda n, q: np.zeros(()))
            add(self.comparisons, Report((report[own],)), {})
