"""`repro check`: any port against any reference."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repro.cli.places import check_places, spare
from repro.errors import ReproError

if TYPE_CHECKING:
    from repro.checks import Rule


def check(
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="What is taken as right.")],
    port: Annotated[str, typer.Argument(metavar="PORT", help="What is held against it.")],
    resynchronise: Annotated[
        bool, typer.Option("--resynchronise", help="PORT is step(state, draws); judge every step.")
    ] = False,
    draws: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[,NAME]...", help="Drawn in a step; PORT gets the reference's."),
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[,NAME]...", help="What is handed from step to step."),
    ] = None,
    constants: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[,NAME]...", help="Yielded once, in the first step."),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[,NAME]...", help="PORT is step(inputs), without state."),
    ] = None,
    names: Annotated[
        list[str] | None, typer.Option(metavar="NAME[,NAME]...", help="Compare these alone.")
    ] = None,
    strict: Annotated[
        bool, typer.Option(help="Fail where one side has more, or Float64 meets Float32.")
    ] = True,
    bitwise: Annotated[bool, typer.Option("--bitwise", help="No bit may differ.")] = False,
    ulps: Annotated[
        float | None, typer.Option(help="Allow this many ulp; needs --because.")
    ] = None,
    because: Annotated[str, typer.Option(help="How the ulp were counted.")] = "",
    undecided_ok: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=REASON", help="This name may be UNDECIDED; may be repeated."),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=REASON", help="This name is known to differ; may be repeated."),
    ] = None,
    project: Annotated[Path | None, typer.Option(help="Julia project of the Julia files.")] = None,
    port_project: Annotated[
        Path | None, typer.Option(help="The port's Julia project, where it is another.")
    ] = None,
    julia_exe: Annotated[
        str | None, typer.Option("--julia-exe", help="A Julia executable; default: REPRO_JULIA.")
    ] = None,
    port_julia_exe: Annotated[
        str | None, typer.Option("--port-julia-exe", help="The port's Julia, where it is another.")
    ] = None,
    python: Annotated[
        str | None, typer.Option(help="A Python that runs REFERENCE in a process of its own.")
    ] = None,
    port_python: Annotated[
        str | None, typer.Option("--port-python", help="One that runs PORT.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Limit for one call of Julia.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report as JSON; - for standard output.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a page about the check here.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML for CI here.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep both sides' runs here.")
    ] = None,
    reproduction: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the first wrong step here, with a script."),
    ] = None,
) -> None:
    """Hold a port of your own against its reference, in Julia or Python, or a saved run.

    Such as: repro check 'model.jl:train(1)' port.py:step --resynchronise --draws x,y

    Either is FILE.jl:FUNCTION(ARGUMENTS), FILE.py:NAME, FILE.py:FUNCTION(ARGUMENTS), a saved run
    (.npz), or a folder that --save wrote. Arguments are literals; nothing else is evaluated. The
    options are those of repro.check.

    Exit status: 0 it passed, 1 it failed or is undecided, 2 could not run.
    """
    check_places(
        {"--json": json_file, "--junit": junit},
        {"--html": html, "--save": save, "--reproduction": reproduction},
    )
    rule = _rule(bitwise, ulps, because)
    from repro.cli.console import console, one_thread, waiting
    from repro.sides.named import Julia, blamed, file_of, named

    spare(
        (file_of(reference, "reference"), file_of(port, "port")),
        {"--json": json_file, "--junit": junit, "--save": save, "--reproduction": reproduction},
    )
    one_thread()
    common = {} if seconds is None else {"seconds": seconds}
    ours = Julia({"project": project, "julia": julia_exe, **common})
    other = {"project": port_project or project, "julia": port_julia_exe or julia_exe}
    theirs = Julia({**other, **common})
    from repro.checks import check as hold
    from repro.cli.parity import write_reports
    from repro.reports import Named, Outcome
    from repro.reports.outcome import exit_status

    # What the sides print is no part of the figures.
    with redirect_stdout(sys.stderr if json_file == Path("-") else sys.stdout):
        sides = (
            named(reference, "reference", ours, python),
            named(port, "port", theirs, port_python),
        )
        with waiting("check"), blamed(reference, port):
            found = hold(
                *sides, tolerance=rule, strict=strict, resynchronise=resynchronise,
                names=_listed(names) or None, draws=_listed(draws), state=_listed(state) or None,
                constants=_listed(constants), inputs=_listed(inputs),
                undecided_ok=_reasons("undecided-ok", "be undecided", undecided_ok),
                accept=_reasons("accept", "differ", accept),
            )  # fmt: skip
        if json_file != Path("-"):
            console.print(found.message, markup=False, soft_wrap=True)
        if save is not None:
            found.save(save)
        if reproduction is not None:
            found.reproduction(reproduction)
    outcomes = [Outcome(Named(f"{reference} | {port}"), found)]
    write_reports(outcomes, json_file, html, junit, "cpu")
    raise typer.Exit(exit_status(outcomes))


def _rule(bitwise: bool, ulps: float | None, because: str) -> Rule | None:
    if bitwise and ulps is not None:
        raise ReproError("--bitwise and --ulps are two tolerances: give one")
    if because and ulps is None:
        raise ReproError("--because derives a budget: add --ulps N")
    if not bitwise and ulps is None:
        return None
    from repro.checks import Bitwise, Ulps

    return Bitwise() if ulps is None else Ulps(ulps, because)


def _listed(words: list[str] | None) -> list[str]:
    return [name.strip() for word in words or [] for name in word.split(",") if name.strip()]


def _reasons(option: str, what: str, words: list[str] | None) -> dict[str, str]:
    pairs = dict(word.partition("=")[::2] for word in words or [])
    lacking = [name for name, reason in pairs.items() if not reason.strip()]
    if lacking:
        raise ReproError(f"say why {lacking[0]} may {what}: --{option} {lacking[0]}=WHY")
    return pairs
