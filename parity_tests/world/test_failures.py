"""Calls that write fail once, from the first to the last of every command that writes.

A full disk, an input-output error, a place that became read-only, and an end in the middle of the
call: the older results stay or the new ones are whole, and the command ends with one line that
says what to do. After SQLite's own tests of this kind.
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from world.hostile import COMMANDS, ERRORS, KILL, READERS, World, read_whole, world


def each(few: int, many: int) -> list:
    """Commands, and so many of their calls: of the quickest few, of all of them many where time
    allows."""
    return [("keep", few), *(pytest.param(n, many, marks=pytest.mark.slow) for n in COMMANDS)]


def spread(calls: int, most: int) -> list[int]:
    """Numbers of calls, so many at most, evenly from the first to the last."""
    return sorted({1 + round(i * (calls - 1) / (most - 1)) for i in range(most)})


@pytest.mark.parametrize(("name", "most"), each(12, 60))
def test_calls_fail_once(hostile: World, name: str, most: int):
    """Planted: a file written in its place, a traceback (below); a status of 1."""
    for nth in spread(hostile.lay_out(name)[3], most):
        hostile.fails(name, nth, ERRORS[nth % len(ERRORS)])


@pytest.mark.parametrize(("name", "most"), each(3, 12))
def test_a_disk_that_is_full_from_some_call_on(hostile: World, name: str, most: int):
    for nth in spread(hostile.lay_out(name)[3], most):
        hostile.fails(name, nth, errno.ENOSPC, times=0)


@pytest.mark.parametrize(("name", "most"), each(5, 20))
def test_an_end_in_the_middle_of_a_call(hostile: World, name: str, most: int):
    """And the next run writes all, whatever lies there."""
    right, calls = hostile.lay_out(name)[2:]
    for nth in spread(calls, most):
        hostile.fails(name, nth, KILL)
        status, _, said = hostile.run(name)
        assert status == right or (name == "drift" and "holds a baseline" in said), said


YEARS = 60 * 365 * 86_400


@pytest.mark.parametrize(
    "name", [n if n == "keep" else pytest.param(n, marks=pytest.mark.slow) for n in COMMANDS]
)
def test_a_clock_that_jumps_changes_nothing(hostile: World, name: str):
    """Sixty years to and fro, at every look: nothing is measured or named by that clock."""
    _, new, right, _ = hostile.lay_out(name)
    status, _, said = hostile.run(name, jump=YEARS)
    assert status == right and "Traceback" not in said
    for path in new:
        read_whole(hostile.out / path, said)


IN_PLACE = """
from contextlib import contextmanager
import repro.run.files, repro.run
@contextmanager
def atomic(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    yield path
repro.run.files.atomic = repro.run.atomic = atomic
"""
RAW = """
from contextlib import nullcontext
import repro.run.files, repro.run
repro.run.files.writing = repro.run.writing = lambda path, instead="": nullcontext()
import repro.cli
repro.cli.WORLD.clear()
"""


@pytest.mark.parametrize(
    ("planted", "said"), [(IN_PLACE, "is not whole"), (RAW, "Traceback .most recent call last")]
)
def test_a_wrong_way_to_write_is_noticed(hostile: World, tmp_path: Path, planted: str, said: str):
    """Files written in their place; errors of the system that nobody makes a line of."""
    with world(tmp_path / "world", hostile.place.parent / "shim.so", planted) as wrong:
        calls = spread(wrong.lay_out("keep")[3], 20)
        with pytest.raises(AssertionError, match=said):
            [wrong.fails("keep", nth, KILL if planted == IN_PLACE else 5) for nth in calls]


@pytest.mark.parametrize("suffix", READERS)
def test_half_a_file_is_noticed(hostile: World, suffix: str, tmp_path: Path):
    """Or `read_whole` would take whatever it is given."""
    whole = {".py": "x = (1 +\n     2)\n", ".json": '{"a": 1}', ".html": "<html></html>"}
    half = tmp_path / f"half{suffix}"
    content = whole.get(suffix, "<a><b></b></a>").encode()
    if suffix in (".npz", ".png"):
        name = next(p for p in sorted(hostile.lay_out("keep")[0]) if p.suffix == ".npz")
        content = hostile.lay_out("keep")[0][name]
    half.write_bytes(content[: len(content) // 2 + 3])
    with pytest.raises(AssertionError, match="is not whole"):
        read_whole(half)
