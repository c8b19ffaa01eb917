"""`repro parity`: the ports against the original."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from repro.cli.options import JuliaVersion, Way
from repro.cli.places import check_places
from repro.errors import ReproError

if TYPE_CHECKING:
    import torch

    from repro.cases import Case
    from repro.reports import Outcome
    from repro.sides.live import Live
    from repro.sides.parity import LiveReference, Reference

LIVE = ("julia", "jax")

RECORDINGS = Path(__file__).parents[1] / "sides" / "recorded"
"""The shipped ones; found without importing the room that reads them, and torch with it."""

INTERRUPTED = 130
"""The exit status of a command that the user interrupts, as in a shell."""


def parity(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CASE | NAME=VALUE]...", help="Cases, and arguments of the case."),
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option(help="Function or recording; may be repeated.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the run.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Every recording, whole.")] = False,
    reference: Annotated[
        str, typer.Option(help="recorded, julia or jax for a live one, or a folder of recordings.")
    ] = "recorded",
    julia: Way = "auto",
    julia_version: JuliaVersion = None,
    generator: Annotated[
        str | None,
        typer.Option(help="mersenne or xoshiro; by default what the Julia that answers starts."),
    ] = None,
    iterations: Annotated[
        int | None, typer.Option(help="How many, where a live reference answers; 40 by default.")
    ] = None,
    engine: Annotated[
        list[str] | None, typer.Option(help="eager (the default), exact or fast; may be repeated.")
    ] = None,
    localise: Annotated[
        bool, typer.Option("--localise", help="Name the first wrong operation (needs a live one).")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, …")] = "cpu",
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report as JSON; - for standard output.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a page about the run here.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML for CI here.")
    ] = None,
    trajectory_dir: Annotated[Path | None, typer.Option(help="Keep both sides' runs here.")] = None,
) -> None:
    """Run the ports that come with this package, and say whether they agree with the originals.

    Exit status: 0 all passed, 1 something failed or is undecided, 2 could not run, 130
    interrupted: what was finished is printed and written.
    """
    from repro.cli.console import one_thread
    from repro.cli.options import (
        check_device,
        open_julia,
        read_dtype,
        read_engines,
        read_generator,
        read_words,
        refuse_misspelt,
    )

    check_places(
        {"--json": json_file, "--junit": junit},
        {"--html": html, "--trajectory-dir": trajectory_dir},
    )
    names, settings = read_words([*(case or ()), *(words or ())])
    if reference == "recorded":
        refuse_misspelt(names, RECORDINGS)
    one_thread()
    torch_device, torch_dtype = check_device(device), read_dtype(dtype)
    engines = read_engines(engine or ("eager",))
    from contextlib import ExitStack
    from functools import cache

    from repro.sides.choosing import live_cases, recorded_cases
    from repro.sides.live import Live
    from repro.sides.live_jax import LiveJax
    from repro.sides.recorded import Recorded

    with ExitStack() as stack:

        @cache
        def live(program: str) -> LiveReference:
            if program == "jax":
                return LiveJax()
            answering = Live(stack.enter_context(open_julia(julia, julia_version)))
            _say_whose_bits(engines, answering)
            return answering

        if julia_version is not None and reference != "julia" and not localise:
            raise ReproError(
                "--julia-version is for a live Julia: give --reference julia or --localise with it"
            )
        truth: Reference
        if reference in LIVE:
            if full:
                raise ReproError(f"--full is for recordings: give live {reference} --iterations N")
            if generator is not None and reference == "jax":
                raise ReproError("the notebook draws from NumPy: leave --generator out")
            truth = answering = live(reference)
            drawn_from = read_generator(generator) or answering.generator
            length = 40 if iterations is None else iterations
            cases = live_cases(names, seed or 0, length, settings, drawn_from, reference)
        else:
            _refuse_live_options(iterations, generator)
            folder = _folder(reference)
            truth, cases = Recorded(folder), recorded_cases(names, seed, full, settings, folder)
        outcomes, stopped = _run(
            cases, engines, truth, live if localise or reference in LIVE else None, torch_device,
            torch_dtype, html is not None, trajectory_dir,
        )  # fmt: skip
    write_reports(outcomes, json_file, html, junit, torch_device)
    if json_file != Path("-"):
        from repro.cli.table import print_left_out, print_outcomes

        print_outcomes(outcomes)
        if reference == "recorded" and not names and not full:
            print_left_out(len(outcomes))
    from repro.reports.outcome import exit_status

    raise typer.Exit(INTERRUPTED if stopped else exit_status(outcomes))


def _say_whose_bits(engines: Sequence[str], live: Live) -> None:
    """The exact engine's bits are those of one Julia; beside another it is held to a tolerance."""
    from repro.cli.console import errors
    from repro.sides.julia.find import RECORDED_BY

    version = live.julia.julia.version
    if "exact" in engines and version != RECORDED_BY:
        errors.print(
            f"the exact engine has the bits of Julia {RECORDED_BY} alone: of {version} it is held "
            f"to the tolerance that every port is held to; --julia-version {RECORDED_BY} chooses it"
        )


def _refuse_live_options(iterations: int | None, generator: str | None) -> None:
    if iterations is not None:
        raise ReproError(
            "--iterations is for a live Julia (--reference julia, or jax); of recordings --full "
            "compares all"
        )
    if generator is not None:
        raise ReproError(
            "--generator is for a live Julia (--reference julia); a recording has its own"
        )


def _folder(reference: str) -> Path:
    """The folder of the recordings that were asked for."""
    from repro.sides import recorded

    if reference == "recorded":
        return recorded.FOLDER
    folder = Path(reference)
    if not (folder / recorded.INDEX).is_file():
        raise ReproError(
            f"no reference {reference!r}: choose recorded, julia or jax, or name a folder that "
            "`repro record` wrote"
        )
    return folder


def _run(
    cases: Sequence[Case],
    engines: Sequence[str],
    truth: Reference,
    live: Callable[[str], LiveReference] | None,
    device: torch.device,
    dtype: torch.dtype,
    arbiter: bool,
    keep: Path | None,
) -> tuple[list[Outcome], bool]:
    """What came of every case, until the user interrupts; whether that happened."""
    from repro.cases import record_of
    from repro.cli.console import progress_bar
    from repro.reports import Outcome
    from repro.sides.choosing import for_engine, live_program
    from repro.sides.parity import parity
    from repro.sides.port import Port

    runs = [(engine, for_engine(case, engine)) for case in cases for engine in engines]
    outcomes: list[Outcome] = []
    total = sum(max(case.epochs, 1) for _, case in runs)
    with progress_bar(total, "parity") as (tick, announce):
        for engine, case in runs:
            port = Port(engine, device, dtype, tick)
            follows = engine == "eager" and case.epochs > 0
            program = live_program(record_of(case))
            operations = None
            if live is not None and follows and program is not None:
                operations = live(program).operations(case)
            try:
                found = parity(case, truth, port, operations=operations, arbiter=arbiter)
            except KeyboardInterrupt:
                announce(f"interrupted in {case.label}: {len(outcomes)} of {len(runs)} are done")
                return outcomes, True
            outcomes.append(Outcome(case, found, engine))
            announce(f"{outcomes[-1].label}: {found.verdict}")
            if keep is not None and found.own is not None:
                found.own.reference.save(keep / f"{case.name}.reference.npz")
                found.own.port.save(keep / f"{case.name}.port.npz")
    return outcomes, False


def write_reports(
    outcomes: Sequence[Outcome],
    json_file: Path | None,
    html: Path | None,
    junit: Path | None,
    device: torch.device | str,
) -> None:
    """Write what was asked for, and say where the page is; ``device`` is the port's."""
    from repro.cli.console import errors
    from repro.reports import write_html, write_junit
    from repro.run.settings import settings

    if json_file is not None:
        write_json(json_file, _document(outcomes, device))
    if html is not None:
        about = settings(device)
        page = write_html(outcomes, html, command=_command(), settings=about, commit=_commit())
        errors.print(f"page: {page}", markup=False, soft_wrap=True)
    if junit is not None:
        write_junit(outcomes, junit)


def _command() -> list[str]:
    return ["repro", *sys.argv[1:]]


def _commit() -> str | None:
    """The commit of the working tree that the command runs in, if it runs in one."""
    words = ["git", "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


def _document(outcomes: Sequence[Outcome], device: torch.device | str) -> dict[str, Any]:
    from datetime import datetime, timezone

    from repro.checks import worst
    from repro.reports.outcome import as_json
    from repro.reports.page import SCHEMA
    from repro.run.settings import settings

    return {
        "schema": SCHEMA,
        "command": _command(),
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": _commit(),
        "verdict": str(worst(outcome.verdict for outcome in outcomes)),
        "settings": settings(device),
        "cases": [as_json(outcome) for outcome in outcomes],
    }


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a document whole or not at all; ``-`` is standard output."""
    from repro.run import atomic

    text = json.dumps(document, indent=1)
    if path == Path("-"):
        print(text)
        return
    with atomic(path) as temporary:
        temporary.write_text(text + "\n")
