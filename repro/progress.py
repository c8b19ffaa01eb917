"""How far a long call is, where a person looks on: one line on stderr that goes away in the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

PATIENCE = 2.0
"""Seconds without a word."""

BETWEEN = 0.2
"""Seconds that a line stays at least."""

Say = Callable[[Callable[[], str]], None]
"""``say(line)``: what there is to say now; ``line()`` is asked only when it is shown."""

_open = 0
"""Lines that are open, one in another: only the outermost is shown."""
_opening = Lock()


@contextmanager
def telling() -> Iterator[Say]:
    """A line while the block runs: none where nobody looks, in the first two seconds, or within
    another such block, which tells of the whole."""
    global _open
    with _opening:
        _open += 1
        alone = _open == 1 and watched()
    began, last = time.monotonic(), 0.0

    def say(line: Callable[[], str]) -> None:
        nonlocal last
        now = time.monotonic()
        if alone and now - began >= PATIENCE and now - last >= BETWEEN:
            last = now
            _write(line())

    try:
        yield say
    finally:
        with _opening:
            _open -= 1
        if last:
            _write("")


@contextmanager
def told_elsewhere() -> Iterator[None]:
    """Nothing is told within the block: who opens it has a bar of its own."""
    with telling():
        yield


def left(done: int, total: int, began: float, what: str = "iteration") -> str:
    """``iteration 1,200 of 30,000, 41 s to go``; ``began`` is a time.monotonic()."""
    seconds = (time.monotonic() - began) / done * (total - done)
    return f"{what} {done:,} of {total:,}, {seconds:.0f} s to go"


def watched() -> bool:
    """Whether stderr is a terminal or a notebook's."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def _write(line: str) -> None:
    sys.stderr.write(f"\r\x1b[K{line}")
    sys.stderr.flush()
