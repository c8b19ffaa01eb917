"""Follow a port operation by operation, beside a reference that reports its values.

The port runs as it is, while every value that it notes (:mod:`repro.trace`) is kept for comparison
and then *replaced* by the reference's of the same name. So each operation is judged on the
reference's own inputs, in every step: amplified rounding cannot build up, and a rule counted from
the operations separates rounding from mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from repro.checks.compare import Comparison, NothingToCompare, Report, compare
from repro.checks.pair import Pair, Way
from repro.run import Kind, Quantity, Run
from repro.trace import Noted, listening

Arrays = dict[str, np.ndarray]


class Operations(Protocol):
    """A reference that reports what it computes."""

    def values(self, step: int) -> Mapping[str, np.ndarray]:
        """A step's values by name, in the order of their computation; step 0 is the start."""


class Counted(Protocol):
    """A rule for single operations on the reference's inputs.

    Attributes:
        words: its derivation, as reports print it.
    """

    @property
    def words(self) -> str: ...

    def bounds(self, noted: list[Noted], expected: list[np.ndarray]) -> list[np.ndarray | float]:
        """How far each of an operation's values may be off, absolutely.

        Args:
            noted: the port's, whose operands are the reference's by now.
            expected: the reference's.
        """


class Substituting:
    """Listens to a port: keeps what it computes, and puts the reference's value in its place.

    Attributes:
        found: the port's own values, by name.
    """

    def __init__(self, expected: Mapping[str, np.ndarray]) -> None:
        self.expected = expected
        self.found: Arrays = {}

    def step(self, number: int) -> None:
        """Whoever made this listener knows where its steps are."""

    def values(self, noted: list[Noted]) -> None:
        for one in noted:
            again = " (computed again)" if one.name in self.found else ""
            self.found[one.name + again] = _array(one.value)
            if one.name in self.expected:
                substitute(one.value, np.asarray(self.expected[one.name]))


def follow(port: Callable[[], object], reference: Operations, rule: Counted) -> Pair:
    """Run a port and stop at its first wrong operation.

    Args:
        port: names what it computes, and says where its steps begin. A loss that is not finite
            ends it like a wrong operation.
        reference: says what is computed, and to what.
        rule: how far an operation may be off.
    """
    follower = _Follower(reference, rule)
    broke_off = None
    try:
        with listening(follower):
            port()
        follower.finish()
    except _Stop:
        pass
    except ArithmeticError as error:
        broke_off = f"{type(error).__name__}: {error}"
        follower.compare()
    return follower.pair(broke_off)


class _Stop(Exception):
    """The first wrong operation has been found."""


class _Follower:
    """Substitutes the reference's values, and compares at the end of every step."""

    def __init__(self, reference: Operations, rule: Counted) -> None:
        self.reference, self.rule = reference, rule
        self.comparisons: dict[str, Comparison] = {}
        self._begin(0)

    def _begin(self, number: int) -> None:
        self.number = number
        self.operations: dict[str, str] = {}
        self.allowed: dict[str, np.ndarray] = {}
        self.substituting = Substituting(self.reference.values(number))

    def step(self, number: int) -> None:
        self.finish()
        self._begin(number)

    def values(self, noted: list[Noted]) -> None:
        expected = self.substituting.expected
        known = [n for n in noted if n.name in expected and n.name not in self.substituting.found]
        self.operations |= {one.name: one.operation for one in noted}
        self.substituting.values(noted)
        if any(_size(n.value) != np.size(expected[n.name]) for n in known):
            self.finish()  # of another shape: it cannot be followed from here on
        bounds = self.rule.bounds(known, [np.asarray(expected[n.name]) for n in known])
        for one, bound in zip(known, bounds, strict=True):
            self.allowed[one.name] = np.asarray(bound, np.float64)

    def finish(self) -> None:
        """End a step: all that the reference computed must have come, and nothing else."""
        if not self.compare():
            raise _Stop

    def compare(self) -> bool:
        """Hold what the step has computed against the reference, and say whether it is right."""
        reference, port = self._runs()
        if not (reference.quantities or port.quantities):
            return True
        try:
            report = compare(reference, port, self._tolerance, strict=True)
        except NothingToCompare:
            return False
        add(self.comparisons, report, self.operations)
        return bool(report)

    def pair(self, broke_off: str | None) -> Pair:
        """What has been compared: the figures of all steps, and the arrays of the last."""
        reference, port = self._runs()
        report = Report(tuple(self.comparisons.values())) if self.comparisons else None
        return Pair(
            Way.FOLLOWED,
            reference,
            replace(port, broke_off=broke_off),
            report,
            self.rule.words,
            None if report is not None else "the port names no operation of the reference's",
        )

    def _runs(self) -> tuple[Run, Run]:
        """The reference's step and the port's; vectors and scalars in one shape on both sides."""
        found, expected = dict(self.substituting.found), dict(self.substituting.expected)
        for name in found.keys() & expected.keys():
            a, b = found[name], np.asarray(expected[name])
            if a.ndim <= 1 and a.size == b.size:
                found[name], expected[name] = a.reshape(-1), b.reshape(-1)
        return one_step(expected, self.number), one_step(found, self.number)

    def _tolerance(self, name: str, reference: Quantity) -> np.ndarray:
        shape = reference.values.shape[1:]
        bound = self.allowed[name]
        return np.broadcast_to(bound.reshape(shape) if bound.ndim else bound, shape)[None]


def add(comparisons: dict[str, Comparison], report: Report, kinds: Mapping[str, str]) -> None:
    """Add a step's figures to those of the steps before it, with the kind of operation by name."""
    for c in report.comparisons:
        named = replace(c, operation=kinds.get(c.name))
        before = comparisons.get(c.name)
        comparisons[c.name] = named if before is None else before + named


def one_step(arrays: Mapping[str, np.ndarray], step: int) -> Run:
    return Run({n: Quantity.once(a, Kind.RESULT, step) for n, a in arrays.items()})


def _array(value: Any) -> np.ndarray:
    """A copy of the port's value."""
    return np.array(value.detach().cpu().numpy() if hasattr(value, "detach") else value)


def substitute(value: Any, expected: np.ndarray) -> None:
    """Write the reference's numbers into the port's array or tensor; a scalar stays its own."""
    if np.ndim(value) == 0 and not hasattr(value, "detach") or np.size(expected) != _size(value):
        return
    if hasattr(value, "detach"):
        # .data: what autograd has saved of this value becomes the reference's as well.
        value.data.copy_(value.new_tensor(np.array(expected)).reshape(value.shape))
    else:
        value[...] = expected.reshape(value.shape)


def _size(value: Any) -> int:
    return int(value.numel()) if hasattr(value, "numel") else int(np.size(value))
