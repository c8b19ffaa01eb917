"""`repro parity`: the ports against the original."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from repro import port
from repro.case import Case
from repro.cli.console import console, one_thread, progress_bar
from repro.cli.options import Way, check_device, read_dtype, read_engines, read_settings
from repro.errors import ReproError
from repro.localise import Localised
from repro.localise import localise as localise_case
from repro.checks import Verdict, worst
from repro.plan import MAIN_EPOCHS, for_engine, live_cases, recorded_cases
from repro.sides.iterations import JuliaIterations
from repro.sides.julia.reference import JuliaReference
from repro.sides.live import Live
from repro.reports import write_html, write_junit
from repro.reports.rows import as_json, explain, floor_percent, row
from repro.run.settings import settings
from repro.suite import Recorded, Reference, Result, check, quick_envelope, save_sides
from repro.run import atomic

COLUMNS = ("case", "verdict", "bit-equal", "weights differ", "of tolerance", "first divergence")
COLOURS = {Verdict.PASS_BITWISE: "green", Verdict.PASS: "green", Verdict.NOT_RUN: "yellow"}


def parity(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Arguments of the case.")
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option(help="Function or recording; may be repeated.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the run.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Every recording, whole.")] = False,
    reference: Annotated[str, typer.Option(help="recorded, or julia for a live one.")] = "recorded",
    julia: Way = "auto",
    iterations: Annotated[
        int, typer.Option(help="How many, where a live Julia answers.")
    ] = MAIN_EPOCHS,
    engine: Annotated[
        list[str] | None, typer.Option(help="eager (the default), exact or fast; may be repeated.")
    ] = None,
    localise: Annotated[
        bool, typer.Option("--localise", help="Name the first wrong operation (needs a Julia).")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, …")] = "cpu",
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures here; - for standard output.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a page about the run here.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML for CI here.")
    ] = None,
    trajectory_dir: Annotated[
        Path | None, typer.Option(help="Keep both sides' trajectories here.")
    ] = None,
) -> None:
    """Run the ports with the original's seeds and say whether they agree.

    Exit status: 0 all passed, 1 something failed, 2 could not run.
    """
    one_thread()
    torch_device, torch_dtype = check_device(device), read_dtype(dtype)
    given = read_settings(arguments or ())
    answering = JuliaReference(julia) if reference == "julia" or localise else None
    truth: Reference
    if reference == "julia":
        assert answering is not None
        cases = live_cases(case or (), seed or 0, iterations, given)
        truth = Live(answering, quick_envelope)
    elif reference == "recorded":
        cases = recorded_cases(case or (), seed, full, given)
        truth = Recorded()
    else:
        raise ReproError(f"no reference {reference!r}: choose recorded or julia")
    results = []
    engines = read_engines(engine or ("eager",))
    runs = [(name, for_engine(c, name)) for c in cases for name in engines]
    total = sum(max(c.epochs, 1) for _, c in runs)
    with closing(answering), progress_bar(total, "parity") as (tick, announce):
        for name, one in runs:
            run = partial(port.run, tick=tick, engine=name)
            result = check(
                one,
                truth,
                device=torch_device,
                dtype=torch_dtype,
                run=run,
                arbiter=html is not None,
            )
            if answering is not None and name == "eager" and (localise or not result):
                result = replace(result, finding=_localised(one, answering))
            announce(f"{one.name} ({one.epochs} iterations, {name}): {result.verdict}")
            if trajectory_dir is not None:
                save_sides(result, trajectory_dir)
            results.append(result)
    if json_file is not None:
        _write_json(json_file, results, device)
    if html is not None:
        write_html(results, html, command=_command(), settings=settings(device))
    if junit is not None:
        write_junit(results, junit)
    if json_file != Path("-"):
        _print(results)
    raise typer.Exit(exit_status(results))


@contextmanager
def closing(julia: JuliaReference | None) -> Iterator[None]:
    """End the Julia, if one was started."""
    try:
        yield
    finally:
        if julia is not None:
            julia.close()


def _localised(case: Case, julia: JuliaReference) -> Localised | None:
    return localise_case(case, JuliaIterations(case, julia), port.run) if case.epochs else None


def exit_status(results: Sequence[Result]) -> int:
    """0 where all passed, 2 where something could not run, else 1."""
    verdict = worst(r.verdict for r in results)
    return 0 if verdict else 1 if verdict is Verdict.FAIL else 2


def _command() -> list[str]:
    return ["repro", *sys.argv[1:]]


def _print(results: Sequence[Result]) -> None:
    table = Table(*COLUMNS, box=None, pad_edge=False)
    for result in results:
        cells = row(result)
        colour = COLOURS.get(result.verdict, "red")
        table.add_row(cells[0], f"[{colour}]{cells[1]}[/]", *cells[2:])
    console.print(table)
    for result in results:
        if not result or result.finding is not None:
            console.print(explain(result), markup=False)
        if result.finding is not None and result.finding:
            _print_rounding(result.finding)
    passed = sum(map(bool, results))
    console.print(f"{passed} of {len(results)} cases pass.")


def _print_rounding(followed: Localised) -> None:
    table = Table("operation", "numbers", "bit-equal", "largest, ulp", "of budget", box=None)
    for kind, r in followed.rounding.items():
        share = f"{floor_percent(r.equal / r.values)} %"
        table.add_row(kind, str(r.values), share, f"{r.ulp:.2f}", f"{r.budget_used:.2f}")
    console.print(table)


def _write_json(path: Path, results: Sequence[Result], device: str) -> None:
    document: dict[str, Any] = {
        "command": _command(),
        "verdict": str(worst(r.verdict for r in results)),
        "settings": settings(device),
        "cases": [as_json(r) for r in results],
    }
    text = json.dumps(document, indent=1)
    if path == Path("-"):
        print(text)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        temporary.write_text(text + "\n")
