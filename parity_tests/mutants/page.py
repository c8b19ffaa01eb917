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

runs test files one by one beside what they are about, broken on purpose, until a fault is noticed.
One that stays green through twelve faults is printed as such. Of 72 files in its table 56 were
tried: 54 noticed a fault, the eighth at the latest, and none stayed green. Of two nothing is known:
`ecoffet/test_ecoffet_claims.py` has slow tests alone, which are not run here, and
`luna/test_recordings.py` did not pass in the 30 s of a processor that a run may take.

## Faults that nobody had written down

Somebody who had read the code and none of the tests made up eighteen faults, and one more later, of
the kinds people make: a task left out where their number is 1 more than a hundred, Student's
interval in Welch's place, an eigenvalue at the wrong end, a leading zero lost. The tests noticed
eight. The other eleven were a test missing each; those tests are there now, and writing them found
six faults of our own, which are mended. Of sixteen more, made in ports, streams, engines, figures
and ensembles by somebody who knew the code, eleven were noticed; the other five (tasks of one sign
alone, stages that count anew, identical pairs that never differ, pairs that diverge together, rooms
off the cache line) have a test each since.

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
