"""Who may know whom: the rooms of docs/architecture.md, held over the package's import graph."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import networkx
import pytest

PROJECT = Path(__file__).parents[1]
TABLE = re.search(r"```rooms\n(.*?)```", (PROJECT / "docs/architecture.md").read_text(), re.S)
LINES = [line.split(", ") for line in TABLE[1].splitlines()]
FLOOR = {room: i for i, line in enumerate(LINES) for room in line}
CHECKS_KNOW = {"run", "trace", "progress", "errors", "checks"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("repro", exclude_type_checking_imports=True, cache_dir=None)


def room(module: str) -> str:
    return module.split(".")[1]


def arrows(graph: grimp.ImportGraph) -> Iterator[tuple[str, str]]:
    """Who imports whom, but for the package's own root, which imports when asked for a name."""
    for importer in graph.modules - {"repro", "repro.__main__"}:
        for imported in graph.find_modules_directly_imported_by(importer) - {"repro"}:
            yield importer, imported


def upward(graph: grimp.ImportGraph) -> list[tuple[str, str]]:
    """Arrows to a room further down the table, to a neighbour, or out of `checks`."""
    return [
        (a, b)
        for a, b in arrows(graph)
        if room(a) != room(b)
        and (
            FLOOR[room(b)] >= FLOOR[room(a)] or (room(a) == "checks" and room(b) not in CHECKS_KNOW)
        )
    ]


def circles(graph: grimp.ImportGraph) -> list[list[str]]:
    return list(networkx.simple_cycles(networkx.DiGraph(arrows(graph))))


def test_every_room_stands_in_the_table(graph):
    assert {room(m) for m in graph.modules - {"repro", "repro.__main__"}} == {*FLOOR}


def test_no_arrow_points_upwards_and_no_circle_is_there(graph):
    assert upward(graph) == [] and circles(graph) == []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("repro.luna.fomaml", "repro.engine.engines"),
        ("repro.ecoffet.train", "repro.luna.sine"),
        ("repro.checks.compare", "repro.julia.ranges"),
        ("repro.run.quantity", "repro.checks.compare"),
    ],
)
def test_a_planted_arrow_is_found(importer, imported):
    graph = grimp.build_graph("repro", exclude_type_checking_imports=True, cache_dir=None)
    graph.add_import(importer=importer, imported=imported)
    assert (importer, imported) in upward(graph)


def test_a_planted_circle_inside_a_room_is_found():
    graph = grimp.build_graph("repro", exclude_type_checking_imports=True, cache_dir=None)
    graph.add_import(importer="repro.checks.pair", imported="repro.checks.result")
    assert any("repro.checks.result" in circle for circle in circles(graph))


ALONE = """
import importlib, os, sys
import matplotlib.figure, numba, numpy, torch, typer, jinja2, rich  # shared by all that is forked
for name in sys.argv[1:]:
    if not (pid := os.fork()):
        try:
            importlib.import_module(name)
        except BaseException as problem:
            print(f"{name}: {type(problem).__name__}: {problem}", flush=True)
            os._exit(1)
        os._exit(0)
    os.waitpid(pid, 0)
"""


ROOMS_ALONE = [f"repro.{name}" for name in FLOOR]


@pytest.mark.parametrize("which", ["rooms", pytest.param("modules", marks=pytest.mark.slow)])
def test_every_module_imports_alone(graph, which):
    """Each first of all of ours: what only works because something else came before does not."""
    needs_a_gpu = {"repro.engine.device", "repro.engine.persistent"}
    refuses_this_python = {"repro.jang.jax_reference"}  # JAX's flags have to be set before
    every = sorted(graph.modules - needs_a_gpu - refuses_this_python - {"repro.__main__"})
    names = ROOMS_ALONE if which == "rooms" else every
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *names], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert done.returncode == 0 and done.stdout == "", done.stdout + done.stderr


COMPARERS = {"array_equal", "array_equiv", "allclose", "isclose", "equal", "assert_allclose"}
ALLOWED = {
    "gallery/image.py": "pictures, tile by tile: how they look, not what they hold",
    "cases/luna.py": "whether numbers stored wide are narrow ones: one array beside itself",
    "julia/stream.py": "whether two generators stand at the same place: our own state",
    "jang/jax_reference.py": "the reference beside its own recording; it may not know our package",
    "engine/handover.py": "whether all weights have seen as many steps: our own state",
}


def comparers(source: str) -> list[str]:
    """Calls by which a second comparison of arrays would be made, differences in bits included."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, arguments = node.func.attr, node.args
            subtracts = any(
                isinstance(a, ast.BinOp) and isinstance(a.op, ast.Sub) for a in arguments
            )
            if name in COMPARERS or (name == "abs" and subtracts):
                found.append(f"line {node.lineno}: {name}")
    return found


def test_one_function_compares_two_arrays():
    """`agreement` does; whoever needs a comparison calls it, so that one rule holds everywhere."""
    found = {
        str(path.relative_to(PROJECT / "repro")): comparers(path.read_text())
        for path in (PROJECT / "repro").rglob("*.py")
        if path.name != "agreement.py"
    }
    assert {path: calls for path, calls in found.items() if calls and path not in ALLOWED} == {}


@pytest.mark.parametrize(
    "planted",
    ["np.array_equal(a, b)", "np.abs(a - b).max() <= budget", "torch.allclose(a, b)"],
)
def test_a_second_comparer_is_found(planted):
    assert comparers(f"def same(a, b):\n    return {planted}\n")


@pytest.mark.slow
def test_the_benchmarks_can_be_collected():
    """Nothing else imports them. Catches a name that has left the package."""
    files = sorted(map(str, Path(__file__).with_name("benchmarks").glob("bench_*.py")))
    # Under xdist the benchmarks' plugin warns that it measures nothing, and a warning is an error.
    options = ["--benchmark-disable", "--collect-only", "-q"]
    command = [sys.executable, "-m", "pytest", *options, *files]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
    assert all(f"{Path(file).name}::" in found.stdout for file in files)
