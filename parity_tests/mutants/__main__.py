"""`make mutants`: plant small faults in our own code, and count those that no test notices."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tomllib
from mutants.mutations import Mutant, mutants_of, planted
from mutants.page import written
from mutants.running import MARK
from mutants.slipped import SLIPPED

Tests = Mapping[str, Sequence[str]]


def rooms() -> dict[str, dict[str, Any]]:
    """What `pyproject.toml` says."""
    found: dict[str, Any] = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutants"]
    for room in found["rooms"].values():
        room["seed"] = found["seed"]
    return dict(found["rooms"])


def chosen(room: Mapping[str, Any], most: int | None = None) -> list[Mutant]:
    """All faults in a room, or as many of them as it says.

    Args:
        most: so many of them a file, for a quick look.
    """
    found = [mutant for file in room["files"] for mutant in _some(mutants_of(file), room, most)]
    return _some(found, room, room.get("sample"))


def _some(found: list[Mutant], room: Mapping[str, Any], most: int | None) -> list[Mutant]:
    size = len(found) if most is None else min(most, len(found))
    return random.Random(room["seed"]).sample(found, size)


def tried(mutants: Sequence[Mutant], tests: Tests, jobs: int) -> list[dict[str, Any]]:
    """What becomes of each, in as many processes; loops of Numba's in some that do not compile."""
    compiled = [m for m in mutants if "@jit" not in m.source]
    loops = [m for m in mutants if "@jit" in m.source]
    parts = [(p[i::jobs], p is loops) for p in (compiled, loops) for i in range(jobs)]
    with ThreadPoolExecutor(jobs) as pool:
        found = pool.map(lambda part: _trials(part[0], tests, part[1]), parts)
    return [trial for part in found for trial in part]


def _trials(mutants: Sequence[Mutant], tests: Tests, loops: bool) -> list[dict[str, Any]]:
    if not mutants:
        return []
    asked = json.dumps({"mutants": [asdict(m) for m in mutants], "tests": dict(tests)})
    environment = os.environ | ({"NUMBA_DISABLE_JIT": "1"} if loops else {})
    command = [sys.executable, "-m", "mutants.running"]
    done = subprocess.run(
        command, input=asked, stdout=subprocess.PIPE, text=True, env=environment, check=True
    )
    lines = [line for line in done.stdout.split("\n") if line.startswith(MARK)]
    return [json.loads(line.removeprefix(MARK)) for line in lines]


def _tests(room: Mapping[str, Any]) -> Tests:
    return {f: [f"parity_tests/{t}" for t in tests] for f, tests in room["files"].items()}


def slipped() -> Iterator[tuple[str, Mutant]]:
    """The faults that once slipped through."""
    for what, file, was, now in SLIPPED:
        yield what, planted(file, was, now)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="files whose names hold this")
    parser.add_argument("--most", type=int, help="of a file, for a quick look")
    parser.add_argument("--write", type=Path, help="the page of what was found")
    parser.add_argument("--keep", type=Path, help="a file for what was found, to write it later")
    asked = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}
    everything = {f: t for room in rooms().values() for f, t in _tests(room).items()}
    once = [m for _, m in slipped() if asked.only in m.file]
    found["what slipped through"] = tried(once, everything, asked.jobs)
    for name, room in rooms().items():
        mutants = [m for m in chosen(room, asked.most) if asked.only in m.file]
        found[name] = tried(mutants, _tests(room), asked.jobs)
    if asked.keep:
        asked.keep.write_text(json.dumps(found))
    text = written(found, asked.most)
    print(text)
    if asked.write:
        asked.write.write_text(text)


if __name__ == "__main__":
    main()
