"""Intermediate values of a run, told to whoever listens.

The ports and the layers below them call :func:`note` where a value has been computed. Without a
listener that costs a function call; with one, a run can be followed operation by operation
without a line more in the port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Listener = Callable[[str, Any], None]

_listeners: list[Listener] = []
_scopes: list[str] = []


@contextmanager
def within(*parts: str | int) -> Iterator[None]:
    """A scope for what is noted inside the block: ``within("task", 2)`` puts ``task2.`` before."""
    _scopes.append("".join(map(str, parts)))
    try:
        yield
    finally:
        _scopes.pop()


def note(kind: str, value: Any) -> None:
    """Tell the listeners of a value: a number, a tensor, or a list with one per parameter.

    A mapping is told part by part, each name after the kind and a dot.
    """
    path = ".".join([*_scopes, kind])
    parts = {f"{path}.{p}": v for p, v in value.items()} if isinstance(value, dict) else None
    for listener in _listeners:
        for name, part in (parts or {path: value}).items():
            listener(name, part)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call ``listener(kind, value)`` for every value noted inside the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
