"""The progress of long jobs: a bar with the time to go, or now and then a line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from repro.cli.console import errors
from repro.gallery.jobs import Job, Tick
from repro.progress import told_elsewhere

SECONDS_BETWEEN_LINES, WORTH_SAYING = 15.0, 10.0


@contextmanager
def watch(job: Job, to: Console = errors) -> Iterator[Tick]:
    """Show a job's progress, and at the end what it took.

    Jobs without iterations, done at once, are not mentioned.
    """
    start = time.monotonic()
    with (_bar if to.is_terminal else _lines)(job, to) as tick:
        yield tick
    if job.iterations:
        to.print(f"{job.name}: {job.iterations:,} iterations, {spell(time.monotonic() - start)}")


@contextmanager
def _bar(job: Job, to: Console) -> Iterator[Tick]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("to go"),
        TimeRemainingColumn(),
    )
    with told_elsewhere(), Progress(*columns, console=to, transient=True) as progress:
        task = progress.add_task(job.name, total=job.iterations)
        yield lambda n: progress.advance(task, n)


@contextmanager
def _lines(job: Job, to: Console) -> Iterator[Tick]:
    yield estimates(job, to.print)


def estimates(
    job: Job,
    say: Callable[[str], object],
    clock: Callable[[], float] = time.monotonic,
) -> Tick:
    """A tick that says how long there is to go, as soon as it can tell and then now and then.

    The first iterations are left out of the estimate: they may have had to compile something.
    """
    start: float | None = None
    done = first = 0
    last = -SECONDS_BETWEEN_LINES

    def tick(n: int) -> None:
        nonlocal done, start, first, last
        done += n
        if start is None:
            start, first = clock(), done
            return
        spent = clock() - start
        left = spent / (done - first) * (job.iterations - done)
        if left > WORTH_SAYING and spent - last >= SECONDS_BETWEEN_LINES:
            last = spent
            say(f"{job.name}: {done:,} of {job.iterations:,} iterations, {spell(left)} to go")

    return tick


def spell(seconds: float) -> str:
    """``4.2 s`` or ``3 min 10 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
