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
    """Function by type, generator and version: equal to a live Julia, or to its library's rows.

    Types of a function that share all their cells share a line.
    """
    held: dict[tuple[str, str], dict[tuple[str, str], list[bool]]]
    held = defaultdict(lambda: defaultdict(list))
    for row in rows("streams.tsv.xz"):
        if recorded_rows.drawer(row.name) is not None:
            live = {recorded_rows.VERSIONS[version] for version in LIVE & {*row.versions}}
            for julia in {recorded_rows.VERSIONS[version] for version in row.versions}:
                cell = held[function(row.name), row.type][row.generator, julia]
                cell.append(julia in live)
    types: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for (name, kind), columns in held.items():
        cells = tuple(_cell(columns[column]) for column in COLUMNS)
        types[(name, *cells)].add(kind)
    lines = [[name, _types(found), *held_to] for (name, *held_to), found in types.items()]
    heads = [f"{'MT' if g == 'mersenne' else 'X'} {julia}" for g, julia in COLUMNS]
    return _markdown([["function", "types", *heads], *lines])


def _cell(live: list[bool]) -> str:
    """Of a live Julia only where all of its rows are."""
    return "–" if not live else "live" if all(live) else "rows"


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


def missing() -> str:
    """Every name that is left out, with its number of rows and the reason."""
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for file, patterns in (
        ("streams.tsv.xz", recorded_rows.LEFT_OUT),
        ("packages.tsv.xz", recorded_packages.LEFT_OUT),
    ):
        for row in rows(file):
            if (why := _reason(row, patterns)) is not None:
                name = re.split(r"_(?:x|array_|matrix_)?\d|\(", row.name)[0]
                counted[why, name.removesuffix("_global")] += 1
    names: dict[str, list[str]] = defaultdict(list)
    for (why, name), count in counted.items():
        names[why].append(f"`{name}` {count}")
    lines = [[why, ", ".join(found)] for why, found in names.items()]
    return _markdown([["why", "names left out, each with its rows"], *lines])


def _reason(row: Row, patterns: dict[str, str]) -> str | None:
    name = row.name if row.name.startswith("NNlib") else row.name.removesuffix("_global")
    return next((why for p, why in patterns.items() if re.fullmatch(p, name)), None)


def left_out(table: Iterable[Row], patterns: dict[str, str]) -> dict[str, int]:
    """How many rows are left out for each reason; "drawn" are not."""
    counts: dict[str, int] = defaultdict(int)
    for row in table:
        counts[_reason(row, patterns) or "drawn"] += 1
    return dict(counts)


def _markdown(lines: list[list[str]]) -> str:
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(streams(), packages(), missing(), sep="\n\n")
