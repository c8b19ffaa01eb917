"""Intermediate values of a run, told to whoever listens.

A port opens a scope where a task, a step or an evaluation begins, and notes values where they are
computed; so each has a name that says where in the run it belongs, ``task2.inner.loss``, the same
in every language. Without a listener that costs next to nothing; with one, a run can be followed
operation by operation without a line more in the port.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Noted:
    """A value that a run has computed.

    Attributes:
        name: its dotted path, the scopes first.
        operation: what computed it: the name under which the port noted it, without scopes.
        value: the port's own object, a tensor for instance; who listens may change it in place.
        operands: what it was computed from, as far as the port says so.
    """

    name: str
    operation: str
    value: Any
    operands: tuple[Any, ...] = ()


class Listener(Protocol):
    """Who follows a run."""

    def step(self, number: int) -> None:
        """What is noted from here on belongs to this step."""

    def values(self, noted: list[Noted]) -> None:
        """What one operation has computed: one value, or one for each part, in order."""


_listeners: list[Listener] = []
_scopes: list[str] = []


class within:
    """A scope for what is noted inside the block: ``within("task", 2)`` puts ``task2.`` before.

    Args:
        parts: put together without a blank.
    """

    __slots__ = ("_parts",)

    def __init__(self, *parts: str | int) -> None:
        self._parts = parts

    def __enter__(self) -> None:
        _scopes.append("".join(map(str, self._parts)) if _listeners else "")

    def __exit__(self, *_: object) -> None:
        _scopes.pop()


def at_step(number: int) -> None:
    """Say that an iteration begins; 0 is what comes before the first."""
    for listener in _listeners:
        listener.step(number)


def note(name: str, value: Any, *operands: Any) -> None:
    """Tell the listeners of a value.

    Args:
        name: what it is, without the scopes.
        value: a number, an array or a tensor, or a mapping with one for each part.
        operands: what it was computed from, for whoever bounds its rounding.
    """
    if not _listeners:
        return
    path = ".".join(filter(None, [*_scopes, name]))
    parts = value.items() if isinstance(value, Mapping) else [("", value)]
    noted = [Noted(f"{path}.{p}" if p else path, name, v, operands) for p, v in parts]
    for listener in _listeners:
        listener.values(noted)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell the listener of every value noted inside the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
