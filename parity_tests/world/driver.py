"""python driver.py PLANTED FOLDER, behind `shim.c`: `repro` commands in which one call fails.

In goes a line of JSON for each, ``{"words", "nth", "times", "error", "jump", "said"}``, out comes
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
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib import import_module

exec(sys.argv[1])  # a wrong way to write, which has to be noticed

import repro.cli  # noqa: E402
import repro.sides.executors  # noqa: E402


@repro.cli.app.command()
def keep(path: str, steps: int) -> None:
    """What `repro.record` does, without the rest of a command."""
    from repro.run import record

    record([{"w": [float(i)], "loss": i} for i in range(steps)], path)


SHIM = ctypes.CDLL(None)
CALLS = ctypes.c_int.from_buffer(mmap.mmap(-1, mmap.PAGESIZE))
os.environ.pop("LD_PRELOAD")
# Processes would run this file again, and what tracks them does not outlive a fork.
repro.sides.executors.cores = lambda compiled: ThreadPoolExecutor(1)


def run(words: list[str], nth: int, times: int, error: int, jump: int, said: str) -> list[int]:
    """Status (negative: the signal that ended it) and how many writing calls it came to."""
    output_to(said)
    warm(*words)
    CALLS.value = 0
    if (child := os.fork()) == 0:
        output_to(said)
        SHIM.arm(sys.orig_argv[-1].encode(), nth, times, error, ctypes.byref(CALLS))
        SHIM.unsettle(ctypes.c_long(jump))
        repro.cli.main()
        sys.exit(0)
    _, status = os.waitpid(child, 0)
    return [os.waitstatus_to_exitcode(status), CALLS.value]


def output_to(said: str) -> None:
    stream = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(stream, 1), os.dup2(stream, 2), os.close(stream)


@cache
def warm(*words: str) -> None:
    for option, where, name in ONCE:
        if option in words:
            computed_once(where, name)
    with suppress(SystemExit):
        repro.cli.main()


ONCE = (
    ("--html", "repro.reports.charts", "charts"),
    ("envelope", "repro.sides.envelopes", "measure_envelope"),
    ("drift", "repro.drift.running", "take"),
    ("ensemble", "repro.reports.ensembles", "ensemble_charts"),
)
"""By a word of the command, functions that write nothing and take most of its time."""


@cache
def computed_once(where: str, name: str) -> None:
    """From now on a function gives what it gave for its first argument of the same name."""
    module, kept = import_module(where), {}
    whole = getattr(module, name)

    def once(of, *rest, **options):
        key = next(getattr(of, n) for n in ("label", "name", "message") if hasattr(of, n))
        return kept.get(key) or kept.setdefault(key, whole(of, *rest, **options))

    setattr(module, name, once)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        sys.argv = ["repro", *asked["words"]]
        print(json.dumps(run(**asked)), file=answers, flush=True)
