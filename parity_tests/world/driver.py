"""python driver.py PLANTED FOLDER, behind `shim.c`: `repro` commands in which one call fails.

In goes a line of JSON for each, ``{"words", "nth", "times", "error", "said"}``, out comes
``[status, calls]``. Each runs in a fork, from the parser to the last finaliser of a Python that
ends, with its output in the file ``said``; the same has run once before, so that nothing has
to be imported any more.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import sys
from contextlib import suppress
from functools import cache

exec(sys.argv[1])  # a wrong way to write, which has to be noticed

import repro.cli  # noqa: E402

SHIM = ctypes.CDLL(None)
CALLS = ctypes.c_int.from_buffer(mmap.mmap(-1, mmap.PAGESIZE))
os.environ.pop("LD_PRELOAD")


def run(words: list[str], nth: int, times: int, error: int, said: str) -> list[int]:
    """Status (negative: the signal that ended it) and how many writing calls it came to."""
    output_to(said)
    warm(*words)
    CALLS.value = 0
    if (child := os.fork()) == 0:
        output_to(said)
        SHIM.arm(sys.orig_argv[-1].encode(), nth, times, error, ctypes.byref(CALLS))
        repro.cli.main()
        sys.exit(0)
    _, status = os.waitpid(child, 0)
    return [os.waitstatus_to_exitcode(status), CALLS.value]


def output_to(said: str) -> None:
    stream = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(stream, 1), os.dup2(stream, 2), os.close(stream)


@cache
def warm(*words: str) -> None:
    if "--html" in words:
        draw_charts_once()
    with suppress(SystemExit):
        repro.cli.main()


@cache
def draw_charts_once() -> None:
    """They write nothing, and take most of a command's time."""
    from repro.reports import page

    drawn, kept = page.charts, {}
    page.charts = lambda of: kept.get(of.label) or kept.setdefault(of.label, [*drawn(of)])


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        sys.argv = ["repro", *asked["words"]]
        print(json.dumps(run(**asked)), file=answers, flush=True)
