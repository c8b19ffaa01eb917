"""`repro record`: keep what the original does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repro.cli.options import JuliaVersion, Way, open_julia, read_words
from repro.cli.places import check_places
from repro.errors import ReproError

if TYPE_CHECKING:
    from repro.cases import Case

KEPT = (1, 2, 3, 5, 10, 20, 50, 100, 150, 200, 250, 300)
"""Iterations after which the weights are kept, besides the last and every 250th."""


def record(
    what: Annotated[list[str], typer.Argument(metavar="CASE... [NAME=VALUE]...")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    reference: Annotated[str, typer.Option(help="Where the truth comes from: julia.")] = "julia",
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 0,
    iterations: Annotated[int, typer.Option(help="Iterations.")] = 300,
    eval_interval: Annotated[int, typer.Option(help="Iterations between evaluations.")] = 1,
    julia: Way = "auto",
    julia_version: JuliaVersion = None,
) -> None:
    """Run training functions in a live Julia and write recordings like the shipped ones.

    Each is an .npz with its entry in index.json, provenance included, and its SHA-256 in
    sha256.json.
    """
    from repro.cli.console import console, progress_bar
    from repro.sides import recorded
    from repro.sides.choosing import live_cases
    from repro.sides.live import Live

    if reference != "julia":
        raise ReproError(f"only a live Julia can be recorded, not {reference!r}: --reference julia")
    if eval_interval < 1:
        raise ReproError(f"an evaluation interval of {eval_interval} is none: give 1 or more")
    functions, settings = read_words(what)
    if not functions or "eval_model" in functions:
        raise ReproError("name training functions: transfer_learn, fomaml, reptile, …")
    check_places({}, {"--out": out})
    asked, bar = open_julia(julia, julia_version), progress_bar(len(functions), "record")
    with asked as answering, bar as (tick, announce):
        live = Live(answering)
        cases = live_cases(functions, seed, iterations, settings, live.generator)
        for case in cases:
            case = replace(_sparse(case), name=_file_name(case), eval_interval=eval_interval)
            path = recorded.save(case, live.run(case), out)
            announce(f"{path.name}: {case.epochs} iterations")
            tick()
    console.print(f"{len(cases)} recordings in {out}")


def _sparse(case: Case) -> Case:
    last = case.epochs
    kept = {e for e in KEPT if e <= last} | set(range(250, last + 1, 250)) | {last}
    return replace(case, weight_epochs=tuple(sorted(kept)))


def _file_name(case: Case) -> str:
    parts = [f"{k}-{v}" for k, v in case.kwargs.items()]
    text = "_".join([case.function, f"seed{case.seed}", *parts])
    return "".join(c if c.isalnum() or c in "_.-" else "-" for c in text).rstrip("-")
