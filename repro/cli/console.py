"""Plain output when piped, colours and a progress bar on a terminal."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from repro.progress import told_elsewhere

PIPED_WIDTH = 160


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """Control characters as their codes: a name out of a file must not command the terminal."""
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


class _Console(Console):
    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)


def _console(stderr: bool = False) -> Console:
    found = _Console(highlight=False, stderr=stderr)
    if found.is_terminal:
        return found
    return _Console(highlight=False, stderr=stderr, width=PIPED_WIDTH)


console, errors = _console(), _console(stderr=True)

Tick = Callable[..., object]


@contextmanager
def progress_bar(total: int, title: str) -> Iterator[tuple[Tick, Callable[[str], None]]]:
    """A bar on a terminal; elsewhere only the lines that are announced.

    Yields:
        ``tick()``, one unit done, and ``announce(line)``, shown when not on a terminal.
    """
    if not errors.is_terminal:
        yield (lambda _=1: None), errors.print
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with told_elsewhere(), Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task(title, total=total)

        def announce(line: str) -> None:
            progress.update(task, description=line.split()[0])

        yield (lambda n=1: progress.advance(task, n)), announce


@contextmanager
def waiting(what: str, after: float = 2.0, between: float = 15.0) -> Iterator[None]:
    """Say on standard error that something goes on, as soon as it has taken two seconds, and how
    long: on a terminal in one line that goes away, elsewhere in a line now and then."""
    done, start = threading.Event(), time.monotonic()

    def tell() -> None:
        if done.wait(after):
            return
        if errors.is_terminal:
            with errors.status(f"{what}: running") as status:
                while not done.wait(1):
                    status.update(f"{what}: running, {time.monotonic() - start:.0f} s")
            return
        while True:
            errors.print(f"{what}: running, {time.monotonic() - start:.0f} s")
            if done.wait(between):
                return

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def one_thread() -> None:
    """Run torch on one thread unless the user has set a number: tiny matrices are fastest so,
    and the number of threads can change the order of a sum."""
    import torch

    from repro.threads import chosen_by_user

    if not chosen_by_user():
        torch.set_num_threads(1)
