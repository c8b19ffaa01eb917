"""`repro ensemble`: many seeds of a port against many of the original."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repro.cli.options import JuliaVersion, Way
from repro.cli.places import check_places
from repro.errors import ReproError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from repro.checks.ensembles import EnsembleCheck, Limits
    from repro.run import Ensemble, Member
    from repro.sides.members import CaseMember

REFERENCES = ("recorded", "julia", "exact")


def ensemble(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="CASE [NAME=VALUE]...", help="A case, and its arguments."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds of the port.")] = 64,
    first_seed: Annotated[int, typer.Option(help="The first of them.")] = 0,
    engine: Annotated[str, typer.Option(help="eager (the port itself), exact or fast.")] = "fast",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, …")] = "cpu",
    port: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:FUNCTION", help="A port of your own, a function of a seed."),
    ] = None,
    reference: Annotated[
        str,
        typer.Option(
            help="recorded (comes with the package), julia, exact (computed now), or a saved one."
        ),
    ] = "recorded",
    iterations: Annotated[
        int | None, typer.Option(help="How many, where the reference is computed too.")
    ] = None,
    unpaired: Annotated[
        bool, typer.Option("--unpaired", help="The draws of a seed are not the same on both sides.")
    ] = False,
    generator: Annotated[
        str | None, typer.Option(help="mersenne, xoshiro, or torch (which is unpaired).")
    ] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run the seeds on a Dask cluster.")
    ] = None,
    julia: Way = "auto",
    julia_version: JuliaVersion = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the result as JSON; - for standard output.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a page with pictures here.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML for CI here.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the port's ensemble here.")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Make the ensembles of the package anew.")
    ] = False,
) -> None:
    """Could a port and its original be one program? Many seeds of both are held together.

    Such as: repro ensemble fomaml --seeds 64 --engine fast

    Every seed's run is kept in the cache folder: an interrupted command goes on where it was.

    Exit status: 0 EQUIVALENT, 1 DIFFERENT or UNDECIDED, 2 could not run.
    """
    from repro.cli.console import console, one_thread
    from repro.cli.options import check_device, read_engines, read_words

    check_places({"--json": json_file, "--junit": junit, "--save": save}, {"--html": html})
    one_thread()
    check_device(device)
    read_engines((engine,))
    names, settings = read_words(words or ())
    began = time.monotonic()
    with ExitStack() as stack:
        if record:
            _record(names)
            return
        if len(names) != 1:
            raise ReproError("name one case: repro ensemble fomaml; `repro cases` lists them")
        if seeds < 2 or first_seed < 0:
            raise ReproError("an ensemble needs 2 seeds or more, from 0 on: give --seeds 64")
        like = _case(names[0], settings, iterations, generator, engine, device)
        chosen = range(first_seed, first_seed + seeds)
        theirs = _reference(reference, like, chosen, (julia, julia_version), dask, stack)
        member = like if port is None else _file(port)
        own = _gathered(member, chosen, "port", dask)
    if save is not None:
        own.save(save)
    found = _held(theirs, own, names[0], unpaired or generator == "torch", chosen)
    limits = found.limits() if found.tests is not None else None
    name = f"{names[0]}, {port or f'{engine} engine'}, against {reference}"
    _write(name, found, limits, json_file, html, junit, time.monotonic() - began)
    if json_file != Path("-"):
        console.print(found.message, markup=False, soft_wrap=True)
        if limits is not None:
            _print_limits(limits)
    from repro.reports.ensembles import exit_status

    raise typer.Exit(exit_status(found))


def _case(
    function: str,
    settings: dict[str, str],
    iterations: int | None,
    generator: str | None,
    engine: str,
    device: str,
) -> CaseMember:
    """The port's case.

    Raises:
        CaseError: no ensembles of it, or an argument that does not read as one.
    """
    from repro.cases import RECORDS
    from repro.cli.options import read_generator
    from repro.sides.members import CaseMember, watched_of

    watched_of(function)
    if iterations is not None and iterations < 1:
        raise ReproError(f"{iterations} iterations are too few: give 1 or more")
    given = {name: RECORDS[function].argument(name, text) for name, text in settings.items()}
    drawn = "torch" if generator == "torch" else read_generator(generator) or "MersenneTwister"
    return CaseMember(function, engine, device, iterations, given, drawn)


def _file(text: str) -> Member:
    from repro.sides.members import FileMember
    from repro.sides.named import named

    if not callable(named(text, "port")):
        raise ReproError(f"{text} is no function of a seed: give FILE.py:FUNCTION")
    return FileMember(text)


def _reference(
    reference: str,
    like: CaseMember,
    seeds: range,
    julia: tuple[str, str | None],
    dask: str | None,
    stack: ExitStack,
) -> Ensemble:
    from dataclasses import replace

    from repro.run import Ensemble
    from repro.sides.members import watched_of
    from repro.sides.shipped_ensembles import SHIPPED, shipped

    engine = watched_of(like.function).original
    original = replace(like, engine=engine, device="cpu", generator="MersenneTwister")
    if reference == "exact":
        return _gathered(original, seeds, "reference", dask)
    if reference == "julia":
        from repro.cases import RECORDS

        if RECORDS[like.function].live is None:
            raise ReproError(
                f"the original of {like.function} is no Julia: leave out --reference julia, or "
                "give --reference exact, which computes its port"
            )
        from repro.cli.options import open_julia
        from repro.sides.live import Live
        from repro.sides.members import LiveMember

        answering = Live(stack.enter_context(open_julia(*julia)))
        drawn = replace(original, generator=answering.generator)
        return _gathered(LiveMember(drawn, answering), seeds, "reference", None)
    if reference == "recorded":
        if original != SHIPPED.get(like.function, original):
            raise ReproError(
                "the ensembles of the package have the usual number of iterations and the default "
                "arguments: for others add --reference exact"
            )
        return shipped(like.function)
    if not Path(reference).is_file():
        raise ReproError(
            f"no reference {reference!r}: choose {', '.join(REFERENCES)}, or name a file that "
            "--save wrote"
        )
    return Ensemble.load(reference)


def _gathered(member: Member, seeds: range, title: str, dask: str | None) -> Ensemble:
    """The ensemble, with progress; each seed's run is kept."""
    from repro.cli.console import errors, progress_bar
    from repro.folders import user_cache
    from repro.run import gather
    from repro.run.store import Store

    store = Store(user_cache() / "ensembles", errors.print)
    bar = progress_bar(len(seeds), f"{title}, {len(seeds)} seeds")
    with bar as (tick, _), _executor(member, dask) as executor:
        return gather(member, seeds, executor=executor, store=store, tick=tick)


@contextmanager
def _executor(member: Member, address: str | None) -> Iterator[Executor | None]:
    from repro.sides import executors
    from repro.sides.members import CaseMember, LiveMember

    at_once = isinstance(member, CaseMember) and member.together is not None
    if isinstance(member, LiveMember) or (at_once and address is None):
        yield None
        return
    if address is not None:
        with executors.dask(address) as pool:
            yield pool
        return
    compiled = isinstance(member, CaseMember) and member.engine != "eager"
    with executors.cores(compiled) as pool:
        yield pool


def _held(
    theirs: Ensemble, own: Ensemble, function: str, unpaired: bool, seeds: range
) -> EnsembleCheck:
    from repro.checks.ensembles import check_ensembles
    from repro.cli.console import waiting
    from repro.sides.members import watched_of

    shared = len(set(theirs.seeds.tolist()).intersection(seeds))
    if not unpaired and shared < len(seeds):
        raise ReproError(
            f"the reference has {shared} of these {len(seeds)} seeds: choose among its own, add "
            "--reference exact, or compare without pairs, --unpaired"
        )
    with waiting("comparing"):
        named = watched_of(function).summaries
        return check_ensembles(theirs, own, paired=not unpaired, summaries=named)


def _record(names: list[str]) -> None:
    """Make the ensembles that come with the package anew."""
    from repro.cli.console import errors
    from repro.sides.shipped_ensembles import SHIPPED, path_of, seeds_of

    for name in names or SHIPPED:
        if name not in SHIPPED:
            raise ReproError(f"no ensemble of {name!r} is shipped: choose {', '.join(SHIPPED)}")
        _gathered(SHIPPED[name], seeds_of(name), name, None).save(path_of(name))
        errors.print(f"recorded: {path_of(name)}", markup=False, soft_wrap=True)


def _print_limits(limits: Limits) -> None:
    from rich.table import Table

    from repro.cli.console import console
    from repro.reports.ensembles import limits_table

    head, *rows = limits_table(limits)
    table = Table(*head, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _write(
    name: str,
    found: EnsembleCheck,
    limits: Limits | None,
    json_file: Path | None,
    html: Path | None,
    junit: Path | None,
    seconds: float,
) -> None:
    from repro.cli.console import errors
    from repro.cli.parity import write_json
    from repro.reports.ensembles import write_ensemble_junit, write_ensemble_page

    command = ["repro", *sys.argv[1:]]
    if json_file is not None:
        smallest = {} if limits is None else {n: v.tolist() for n, v in limits.smallest.items()}
        counts = [] if limits is None else limits.seeds.tolist()
        write_json(json_file, {"name": name, "command": command, **found.as_dict(),
                   "limits": {"seeds": counts, "smallest": smallest}})  # fmt: skip
    if html is not None:
        page = write_ensemble_page(name, found, limits, html, command)
        errors.print(f"page: {page}", markup=False, soft_wrap=True)
    if junit is not None:
        write_ensemble_junit(name, found, junit, seconds)
