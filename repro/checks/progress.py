"""Which perturbed run a check is at, on a terminal, where it takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

PATIENCE = 2.0
"""Seconds without a word."""

SHOWN = 4
"""Names in the line."""

Tell = Callable[[int, int, Collection[str]], None]
"""``tell(run, at_most, names)``: that this perturbed run begins, and for which names."""


@contextmanager
def telling(way: str) -> Iterator[Tell]:
    """A line on stderr while the block runs, which is wiped in the end; none where stderr is no
    terminal."""
    began, lines = time.monotonic(), 0

    def tell(run: int, at_most: int, names: Collection[str]) -> None:
        nonlocal lines
        if sys.stderr.isatty() and time.monotonic() - began >= PATIENCE:
            lines += 1
            more = " …" if len(names) > SHOWN else ""
            still = ", ".join([*names][:SHOWN]) + more
            _write(f"{way}: perturbed run {run} of at most {at_most}, open: {still}")

    try:
        yield tell
    finally:
        if lines:
            _write("")


def _write(line: str) -> None:
    sys.stderr.write(f"\r\x1b[K{line}")
    sys.stderr.flush()
