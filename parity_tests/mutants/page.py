"""What became of all faults, as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from os.path import commonprefix
from typing import Any

from mutants.equivalent import EQUIVALENT

AROUND = 40
"""So many characters around what differs."""

REASONS = {tuple(row[:3]): row[3] for row in EQUIVALENT}
HEAD = """# Mutants: small faults in our own code

`make mutants` plants small faults in the code that compares, one by one, as
[mutmut](https://mutmut.readthedocs.io) makes them: another operator, another number, an argument
less, a branch never taken. A fault that no test notices has *survived*: a test is missing, or the
fault is none. `[tool.mutants]` in `pyproject.toml` says in which files, how many of them, and which
tests stand before them.

mutmut makes the faults and does not run them: its own way of planting, many beside each other
behind a call that chooses one, cannot be compiled by Numba, and leaves properties alone. Here a
process is forked for each, in which the faulty function's code takes the place of the right one's;
compiled loops are planted uncompiled. Left out is what changes a text alone, messages of errors
included, and what stands outside of functions. Every group of tests has to pass first without a
fault, or the run ends.

"""

FOOT = """
## What slipped through

An outside trial once planted faults that no test noticed. They stand, where their lines are now, in
`parity_tests/mutants/slipped.py`; `make mutants` plants them first, and the default suite sees to
it that they still can be.

## Tests that cannot fail

    PYTHONPATH=parity_tests python -m mutants.can_fail

runs test files one by one beside what they are about, broken on purpose, until a fault is noticed:
in memory, or, where that is compiled, read from a file or run in another process, in a copy of the
checkout, and then a line of a document, a template or Julia may be missing as well. One that stays
green through all of them is printed as such. All test files but one (how fast streams are) are in
its tables.

## Faults that nobody had written down

Somebody who had read the code and none of the tests made up ten faults, two each in ports, streams
and engines, three in comparing and one in reading runs: a meta-batch counted through all epochs, a
proximal pull that does not move, a saved state that changes later, NaN made 0 by relu, an infinity
that sets its step's tolerance, a value that is noted and returned and no longer compared. All ten
were noticed, nine by the default suite; NaN under relu by a slow test, and by a fast one since.

Before that it was fewer: eight of the nineteen of another such reader (the other eleven were a test
missing each, and writing them found six faults of our own, which are mended), and eleven of sixteen
by somebody who knew the code. All sixteen that slipped through got their tests.

## Properties

`parity_tests/*/test_properties.py` hold comparing, runs, frames, commands and streams to what must
be so of any input, made up by [hypothesis](https://hypothesis.readthedocs.io): 30 inputs each, the
same every time, in `make test`; 200 in `make test-slow`.
"""


def written(found: Mapping[str, Sequence[Mapping[str, Any]]], most: int | None) -> str:
    """The page: a row for each room, and every survivor; `most` faults of a file were planted."""
    sample = "" if most is None else f"The table is of at most {most} faults a file.\n\n"
    rows = "\n".join(_row(name, trials) for name, trials in found.items())
    table = (
        "| faults in | planted | noticed | share | but for those explained |\n" + "|---" * 5 + "|\n"
    )
    return HEAD + sample + table + rows + "\n" + "".join(_survivors(found)) + FOOT


def _row(name: str, trials: Sequence[Mapping[str, Any]]) -> str:
    real = [t for t in trials if t["end"] != "the same code"]
    lost = [t for t in real if t["end"] == "survived"]
    open_ = [t for t in lost if _reason(t) is None]
    share, held = (f"{1 - len(x) / max(len(real), 1):.1%}" for x in (lost, open_))
    return f"| {name} | {len(real)} | {len(real) - len(lost)} | {share} | {held} |"


def _reason(trial: Mapping[str, Any]) -> str | None:
    return REASONS.get((trial["file"], trial["was"], trial["now"]))


def _survivors(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    for name, trials in found.items():
        lost = [t for t in trials if t["end"] == "survived"]
        if lost:
            yield f"\n## Not noticed in {name}\n\n"
            counts = Counter(t["file"] for t in lost)
            for t in sorted(lost, key=lambda t: (-counts[t["file"]], t["file"], t["line"])):
                was, now = _where_they_differ(t["was"], t["now"])
                reason = _reason(t) or "**not noticed in this run**"
                yield f"* `{t['file']}`: `{was}` as `{now}`: {reason}\n"


def _where_they_differ(was: str, now: str) -> tuple[str, str]:
    """Both lines, without most of what they have in common before and after."""
    before = len(commonprefix([was, now]))
    after = len(commonprefix([was[before:][::-1], now[before:][::-1]]))
    start = max(0, before - AROUND)
    first, last = "… " if start else "", " …" if after > AROUND else ""
    was, now = (line[start : len(line) - max(0, after - AROUND)] for line in (was, now))
    return f"{first}{was}{last}", f"{first}{now}{last}"
