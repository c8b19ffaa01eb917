"""The table in `docs/streams.md`: what is held to what, counted from the recorded rows.

`python parity_tests/julia/streams_table.py` prints it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from julia import recorded_packages, recorded_rows
from julia.recorded_rows import Row, rows

LIVE = {"1.5.3", "1.10-DEV"}
COLUMNS = [
    *(("mersenne", julia) for julia in ("1.5", "1.8", "1.10", "1.12")),
    *(("xoshiro", julia) for julia in ("1.5", "1.8", "1.10", "1.12")),
]
FUNCTIONS = {
    r"rand_(vector|matrix).*": "`rand(array)`",
    r"rand_tuple.*": "`rand(tuple)`",
    r"rand_\w*\d+_x\d+|rand_Bool_x\d+": "`rand(T)`",
    r"rand_\w+_array_.*|rand_\w+_matrix_.*|rand_\w+_arrays_.*": "`rand(T, dims...)`",
    r"rand!_.*": "`rand!(view)`",
    r"rand_.*": "`rand(range)`",
    r"(randn|randexp)_.*_x\d+": r"`\1(T)`",
    r"(randn|randexp)_.*": r"`\1(T, dims...)`",
    r"(randperm|randcycle|shuffle|randsubseq|bitrand)(!?)_.*": r"`\1\2`",
    r"copy_midway": "`copy`",
    r"seed!_again": "`seed!`",
}
ORDER = ["Float64", "Float32", "Float16", "ComplexF64", "ComplexF32", "Bool"]
ORDER += [f"{u}Int{b}" for u in ("", "U") for b in (64, 32, 16, 8)]


def function(name: str) -> str:
    """What a row's name calls."""
    for pattern, called in FUNCTIONS.items():
        if match := re.fullmatch(pattern, name):
            return match.expand(called)
    raise KeyError(f"no function is known for {name}: add it to FUNCTIONS")


def streams() -> str:
    """Function by generator and version: equal to a live Julia, or to its library's rows."""
    held: dict[str, dict[tuple[str, str], set[str]]] = defaultdict(lambda: defaultdict(set))
    types: dict[str, set[str]] = defaultdict(set)
    for row in rows("streams.tsv.xz"):
        if recorded_rows.drawer(row.name) is not None:
            types[function(row.name)].add(row.type)
            for version in row.versions:
                column = row.generator, recorded_rows.VERSIONS[version]
                held[function(row.name)][column].add("live" if version in LIVE else "rows")
    lines = [
        [name, _types(types[name]), *(_cell(held[name][column]) for column in COLUMNS)]
        for name in held
    ]
    heads = [f"{'MT' if g == 'mersenne' else 'X'} {julia}" for g, julia in COLUMNS]
    return _markdown([["function", "types", *heads], *lines])


def _cell(found: set[str]) -> str:
    return "live" if "live" in found else "rows" if found else "–"


def _types(found: set[str]) -> str:
    return ", ".join(sorted(found, key=ORDER.index))


def packages() -> str:
    """Package by version and Julia: how many recorded rows are equal, how many are left out."""
    counted: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows("packages.tsv.xz"):
        left = recorded_packages.drawer(row.name) is None
        for release, julia in recorded_packages.runs(row):
            counted[row.name.split(".")[0], release, julia][left] += 1
    lines = [
        [*key, str(equal), str(left)]
        for key, (equal, left) in sorted(counted.items(), key=_by_version)
    ]
    return _markdown([["package", "version", "Julia", "equal rows", "left out"], *lines])


def _by_version(item: tuple[tuple[str, ...], list[int]]) -> tuple[str, list[int], str]:
    package, release, julia = item[0]
    return package, [int(part) for part in release.split(".")], julia


def left_out(table: Iterable[Row], patterns: dict[str, str]) -> dict[str, int]:
    """How many rows are left out for each reason; "drawn" are not."""
    counts: dict[str, int] = defaultdict(int)
    for row in table:
        name = row.name if row.name.startswith("NNlib") else row.name.removesuffix("_global")
        counts[next((why for p, why in patterns.items() if re.fullmatch(p, name)), "drawn")] += 1
    return dict(counts)


def _markdown(lines: list[list[str]]) -> str:
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(streams(), packages(), sep="\n\n")
