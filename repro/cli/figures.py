"""`repro figures`: the posts' figures, drawn from the seed up; `repro figures-check`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from repro.cli.places import check_places
from repro.errors import ReproError
from repro.folders import checkout, shipped, user_cache

if TYPE_CHECKING:
    from repro.gallery.regression import Regression
    from repro.gallery.runs import Options
    from repro.run.store import Store

QUICK_LOOKS = Path("runs/gallery")
COMMITTED = shipped("figures") / "gallery" if checkout() else QUICK_LOOKS
"""In a checkout the gallery that is part of it; an installed package has none."""

ENVELOPES = shipped("figures") / "envelopes"

Only = Annotated[
    list[str] | None, typer.Option(help="A figure, or a post for all of its; may be repeated.")
]
Device = Annotated[str, typer.Option(help="Where to train: cpu, cuda, cuda:1, …")]
Engine = Annotated[str | None, typer.Option(help="exact, fast or eager.")]


def figures(
    only: Only = None,
    seed: Annotated[int, typer.Option(help="Seed of every run.")] = 0,
    iterations: Annotated[
        int | None, typer.Option(help="Of every training run, for a quick look.")
    ] = None,
    device: Device = "cpu",
    engine: Engine = None,
    formats: Annotated[
        str, typer.Option("--format", help="Some of png, svg, pdf, with commas.")
    ] = "png,svg",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder to draw into. By default the gallery itself, or runs/gallery where seed, "
            "length, device or engine is not the gallery's.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Draw the posts' figures into a gallery; train what has to be trained and is not kept yet.

    Runs that were finished are kept, so that an interrupted gallery goes on with the next one.
    """
    from repro.cli.console import console, errors, one_thread
    from repro.cli.job_progress import spell, watch
    from repro.gallery.build import build
    from repro.gallery.drawing import read_formats
    from repro.gallery.figure import choose
    from repro.gallery.runs import Options, Runs

    one_thread()
    start = time.monotonic()
    chosen, kinds = choose(only or ()), read_formats(formats)
    options = read_options(seed, iterations, device, engine)
    out = out or (COMMITTED if options == Options() else QUICK_LOOKS)
    try:
        build(chosen, Runs(options, store(), watch), out, kinds, announce=errors.print)
    except KeyboardInterrupt:
        errors.print("repro: interrupted; run again to go on with what is not finished yet")
        raise typer.Exit(130) from None
    console.print(
        f"{len(chosen)} figures in {out / 'index.html'}, {spell(time.monotonic() - start)}"
    )


def figures_check(
    only: Only = None,
    device: Device = "cpu",
    engine: Engine = None,
    against: Annotated[Path, typer.Option(help="The gallery to compare with.")] = COMMITTED,
    envelopes: Annotated[Path, typer.Option(help="Folder of the tolerances.")] = ENVELOPES,
) -> None:
    """Draw the figures anew and compare them with a gallery: their data first, then the pictures.

    Exit status: 0 all the same, 1 something differs, 2 something could not be compared.
    """
    from repro.checks import Verdict
    from repro.cli.console import one_thread
    from repro.cli.job_progress import watch
    from repro.gallery import manifest
    from repro.gallery.build import build
    from repro.gallery.figure import choose
    from repro.gallery.regression import Regression, check_figure
    from repro.gallery.runs import Runs

    one_thread()
    entries = manifest.read(against)
    if not entries:
        raise ReproError(f"{against} holds no gallery: draw one with `repro figures`")
    kept, results = store(), []
    for figure in choose(only or list(entries)):
        entry = entries.get(figure.name)
        if entry is None:
            reason = f"it is not in {against}: draw it with `repro figures --only {figure.name}`"
            results.append(Regression(figure.name, Verdict.NOT_RUN, reason=reason))
            continue
        options = read_options(entry["seed"], entry["iterations"], device, engine)
        with TemporaryDirectory() as fresh:
            build([figure], Runs(options, kept, watch), Path(fresh), ("png",))
            found = check_figure(figure, entry, against, Path(fresh), envelopes)
        results.append(found)
    _print(results)
    raise typer.Exit(exit_status(results))


def figures_envelope(
    only: Only = None,
    seed: Annotated[int, typer.Option(help="Seed of every run.")] = 0,
    iterations: Annotated[int | None, typer.Option(help="Of every training run.")] = None,
    device: Device = "cpu",
    engine: Engine = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = ENVELOPES,
) -> None:
    """Measure the tolerances of `repro figures-check` anew: nine runs behind every figure."""
    from repro.cli.console import console, one_thread
    from repro.cli.job_progress import watch
    from repro.gallery.figure import choose
    from repro.gallery.regression import measure_envelope
    from repro.gallery.runs import Runs

    check_places({}, {"--out": out})
    one_thread()
    options, kept = read_options(seed, iterations, device, engine), store()
    written = 0
    for figure in choose(only or ()):
        runs = Runs(options, kept, watch)
        figure.data(runs)
        if not runs.used:
            continue
        path = out / f"{figure.name}.npz"
        found = measure_envelope(figure, options, kept, watch=watch)
        found.save(path)
        written += 1
    console.print(f"{written} envelopes in {out}; figures with no run behind them need none")


def read_options(
    seed: int, iterations: int | None, device: str, engine: str | None = None
) -> Options:
    """Raises ReproError for a negative seed, no iterations, or a device that is not there."""
    from repro.cli.options import check_device
    from repro.gallery.runs import Options
    from repro.sides.choosing import check_seed

    check_seed(seed)
    if iterations is not None and iterations < 1:
        raise ReproError(f"{iterations} iterations train nothing: give 1 or more, or leave it out")
    check_device(device)
    return Options(seed, iterations, device, engine)


def store() -> Store:
    """Where finished runs are kept."""
    from repro.cli.console import errors
    from repro.run.store import Store

    return Store(user_cache() / "runs", warn=errors.print)


def exit_status(results: Sequence[Regression]) -> int:
    """0 where all is the same, 1 where something differs, 2 where something was not compared."""
    from repro.checks import Verdict, worst

    verdict = worst(r.verdict for r in results)
    return 0 if verdict else 1 if verdict in (Verdict.FAIL, Verdict.UNDECIDED) else 2


def _print(results: Sequence[Regression]) -> None:
    from rich.table import Table

    from repro.cli.console import console

    table = Table("figure", "verdict", "data, of tolerance", "picture, of tolerance")
    table.box, table.pad_edge = None, False
    for r in results:
        colour = "green" if r else "red"
        data = f"{r.report.worst.worst_ratio:.2g} {r.report.worst.name}" if r.report else "-"
        picture = f"{r.picture.ratio:.2f}" if r.picture else "-"
        table.add_row(r.name, f"[{colour}]{r.verdict}[/]", data, picture)
    console.print(table)
    for r in results:
        if r.reason:
            console.print(f"{r.name}: {r.verdict}: {r.reason}")
    console.print(f"{sum(map(bool, results))} of {len(results)} figures are the same.")
