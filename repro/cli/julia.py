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
from repro.sides.julia.debian import Report
from repro.sides.julia.find import Julia, JuliaNotFound, find_julia, found_julias
from repro.sides.julia.install import default_folder, install_julia, unpacked_julia

app = typer.Typer(no_args_is_help=True, help="Which Julia there is, and getting one.")

_SECONDS_TO_START = 300
_START = "from repro.sides.julia.juliacall_bridge import main; main()"

Executable = Annotated[
    str | None, typer.Option("--julia-exe", help="A Julia executable; default: REPRO_JULIA.")
]
Folder = Annotated[
    Path | None, typer.Option(help="Where to unpack; default: REPRO_JULIA_FOLDER or .julia.")
]


@app.command()
def status(
    julia_exe: Executable = None,
    juliacall: Annotated[
        bool, typer.Option("--juliacall", help="Also try whether juliacall starts with it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say which Julia is used, how it was found, and its pins. Nothing is changed by it.

    Exit status: 0 where there is a Julia, 2 where there is none.
    """
    try:
        julia = find_julia(julia_exe)
    except JuliaNotFound as missing:
        if as_json:
            print(json.dumps({"found": False, "reason": str(missing)}, indent=1))
            raise typer.Exit(2) from None
        raise
    found: dict[str, Any] = {"found": True, **julia.summary()}
    if juliacall:
        errors.print("starting juliacall; its first start compiles, which takes minutes")
        problem = juliacall_problem(julia)
        found["juliacall"] = {"usable": problem is None, "reason": problem}
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        _print(julia, found.get("juliacall"))


@app.command(name="list")
def list_all(folder: Folder = None) -> None:
    """Show every Julia that is found, and which is used."""
    used = None
    named = os.environ.get("REPRO_JULIA")
    if named:
        used = find_julia()
        console.print(f"used  {used.version:<8} {used.executable}  (named by REPRO_JULIA)")
    wanted = os.environ.get("REPRO_JULIA_VERSION")
    for source, found in found_julias(folder):
        if isinstance(found, str):
            console.print(f"      {'-':<8} {source}: {found}", markup=False, soft_wrap=True)
            continue
        first = used is None and (wanted is None or found.version.startswith(wanted))
        used = found if first else used
        mark = "used" if first else ""
        console.print(f"{mark:<5} {found.version:<8} {found.executable}  ({source})", markup=False)
    console.print(
        "REPRO_JULIA=/path/to/julia or REPRO_JULIA_VERSION=1.5 chooses another; what is claimed "
        "for 1.5.3 alone (make record-check, faults, false-alarms) looks for that one"
    )


@app.command()
def install(
    folder: Folder = None,
    again: Annotated[bool, typer.Option(help="Unpack anew even where one lies.")] = False,
) -> None:
    """Unpack Julia 1.5.3 from Debian's packages, without root, unless a 1.5.3 is there already.

    Exit status: 0 where there is a Julia in the end, 2 where there is none.
    """
    if not again and folder is None:
        try:
            julia = find_julia(version="1.5.3")
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
            "export REPRO_JULIA_VERSION=1.5.3"
        )


@app.command()
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
