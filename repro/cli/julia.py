"""`repro julia`: which Julia there is, and getting one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn

from repro.cli.console import console, errors
from repro.cli.options import STARTING_JULIACALL, JuliaVersion
from repro.cli.plain_help import PlainCommand, PlainGroup
from repro.sides.julia.debian import Report
from repro.sides.julia.find import (
    RECORDED_BY,
    Julia,
    JuliaNotFound,
    find_julia,
    found_julias,
)
from repro.sides.julia.install import default_folder, install_julia, unpacked_julia

app = typer.Typer(
    cls=PlainGroup, no_args_is_help=True, help="Which Julia there is, and getting one."
)

_SECONDS_TO_START = 300
_START = "from repro.sides.julia.juliacall_bridge import main; main()"

Executable = Annotated[
    str | None, typer.Option("--julia-exe", help="A Julia executable; default: REPRO_JULIA.")
]
Folder = Annotated[
    Path | None, typer.Option(help="Where to unpack; default: REPRO_JULIA_FOLDER or .julia.")
]


@app.command(cls=PlainCommand)
def status(
    julia_exe: Executable = None,
    julia_version: JuliaVersion = None,
    juliacall: Annotated[
        bool, typer.Option("--juliacall", help="Also try whether juliacall starts with it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say which Julia is used, how it was found, and its pins. Nothing is changed by it.

    Exit status: 0 where there is a Julia, 2 where there is none.
    """
    try:
        julia = find_julia(julia_exe, version=julia_version)
    except JuliaNotFound as missing:
        if as_json:
            print(json.dumps({"found": False, "reason": str(missing)}, indent=1))
            raise typer.Exit(2) from None
        raise
    found: dict[str, Any] = {"found": True, **julia.summary()}
    if juliacall:
        errors.print(STARTING_JULIACALL)
        problem = juliacall_problem(julia)
        found["juliacall"] = {"usable": problem is None, "reason": problem}
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        _print(julia, found.get("juliacall"))


@app.command(name="list", cls=PlainCommand)
def list_all(folder: Folder = None, julia_version: JuliaVersion = None) -> None:
    """Show every Julia that is found, which is used, and why.

    Exit status: 0 where there is one to use, 2 where there is none.
    """
    used, found = _found(julia_version, folder), dict(found_julias(folder))
    if isinstance(used, Julia) and used.source not in found:
        found = {used.source: used, **found}
    for source, julia in found.items():
        if isinstance(julia, str):
            _line(f"      {'-':<8} {source}: {julia}")
        else:
            mark = "used" if julia == used else ""
            _line(f"{mark:<5} {julia.version:<8} {julia.executable}  ({source})")
    if isinstance(used, JuliaNotFound):
        raise used
    recorded = _found(RECORDED_BY, folder)
    claims = recorded.executable if isinstance(recorded, Julia) else f"NOT_RUN: {recorded}"
    _line(f"used: {used.version}, {_why(used, julia_version)}")
    own = "for this package's own make record-check, faults and false-alarms"
    _line(f"{own}, claimed of {RECORDED_BY} alone: {claims}")
    _line("another: --julia-version 1.5, REPRO_JULIA_VERSION=1.5 or REPRO_JULIA=/path/to/julia")


def _found(version: str | None, folder: Path | None) -> Julia | JuliaNotFound:
    try:
        return find_julia(folder=folder, version=version)
    except JuliaNotFound as missing:
        return missing


def _why(used: Julia, version: str | None) -> str:
    """Why this one is used, in words."""
    if used.source.startswith("named"):
        return used.source
    named = os.environ.get("REPRO_JULIA_VERSION")
    wanted = f"--julia-version {version}" if version else named and f"REPRO_JULIA_VERSION={named}"
    return f"the first of {wanted}" if wanted else "the first that is found"


def _line(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


@app.command(cls=PlainCommand)
def install(
    folder: Folder = None,
    again: Annotated[bool, typer.Option(help="Unpack anew even where one lies.")] = False,
) -> None:
    """Unpack Julia 1.5.3 from Debian's packages, without root, unless a 1.5.3 is there already.

    Exit status: 0 where there is a Julia in the end, 2 where there is none.
    """
    if not again and folder is None:
        try:
            julia = find_julia(version=RECORDED_BY)
        except JuliaNotFound:
            pass
        else:
            console.print(f"Julia {julia.version} is there: {julia.executable} ({julia.source})")
            return
    there_before = not again and unpacked_julia(folder) is not None
    with _Progress() as report:
        unpacked = install_julia(folder, again=again, report=report)
    julia = find_julia(unpacked.executable)
    how = "was there" if there_before else "unpacked"
    console.print(f"Julia {julia.version} {how}: {julia.executable}")
    if folder is not None and folder.absolute() != default_folder():
        console.print(f"To use it: export REPRO_JULIA={julia.executable}")
    elif (first := find_julia()).version != julia.version:
        console.print(
            f"Julia {first.version} comes first ({first.source}). To use 1.5.3: "
            "--julia-version 1.5.3, or export REPRO_JULIA_VERSION=1.5.3"
        )


@app.command(cls=PlainCommand)
def recorder() -> None:
    """Print Record.jl, which makes recordings where there is no Python."""
    from repro.folders import shipped

    print((shipped("julia_ref") / "Record.jl").read_text(), end="")


def juliacall_problem(julia: Julia) -> str | None:
    """Why juliacall does not start with this Julia; `None` where it does.

    It is tried in a process of its own: this one stays as it is, and survives a crash.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", _START, str(julia.executable)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS_TO_START,
        )
    except subprocess.TimeoutExpired:
        return f"it had not started after {_SECONDS_TO_START} s"
    if done.returncode == 0:
        return None
    return done.stderr.strip()[-2000:] or f"it ended with status {done.returncode}"


def _print(julia: Julia, juliacall: dict[str, Any] | None) -> None:
    pins = [f"{name}={value}" for name, value in julia.environment.items()]
    rows = {
        "Julia": f"{julia.version}  {julia.executable}",
        "found": julia.source,
        "started as": " ".join([*pins, "julia", *julia.arguments]),
        "pinned": "yes, as in the recorded runs"
        if julia.pinned
        else "no: this Julia, or this machine, does not take the pins; last bits may differ",
        "generator": julia.default_generator,
    }
    if juliacall is not None:
        rows["juliacall"] = (
            "usable" if juliacall["usable"] else f"NOT usable: {juliacall['reason']}"
        )
    for name, value in rows.items():
        console.print(f"[bold]{name:<12}[/]", end="")
        console.print(value, markup=False, soft_wrap=True)


class _Progress:
    """A bar on a terminal; elsewhere a line whenever a new kind of work begins."""

    def __enter__(self) -> Report:
        self._bar: Progress | None = None
        if errors.is_terminal:
            columns = (BarColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=errors, transient=True)
            self._bar.start()
            self._task = self._bar.add_task("")
        self._last = ""
        return self._report

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _report(self, text: str, done: int, total: int) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=text, completed=done, total=total or None)
            return
        work = text.split()[0]
        if work != self._last:
            self._last = work
            count = f" {total} packages" if total and work != "starting" else ""
            print(f"{work}{count}" if count else text, file=sys.stderr, flush=True)
