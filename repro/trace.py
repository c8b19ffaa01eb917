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


def note(kind: str, value: Any) -> None:
    """Tell the listeners of a value: a number, a tensor, or a list with one per parameter."""
    for listener in _listeners:
        listener(kind, value)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call ``listener(kind, value)`` for every value noted inside the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
