"""The command that reproduces one case of a run."""

from __future__ import annotations

import shlex
from typing import Any

from repro.plan import recorded_cases
from repro.sides import recorded
from repro.suite import Result

USUAL = {"engine": "eager", "device": "cpu", "dtype": "float32"}
"""What the command takes where nothing is said."""


def case_command(result: Result) -> str | None:
    """The command that runs this case alone, against the same reference.

    Returns:
        None where there is none: the port left nothing that says how it was run, the reference
        is neither recorded nor a live Julia, or the recording is cut as no option cuts it.
    """
    if result.reference is None or result.port is None:
        return None
    source = result.reference.provenance.get("source")
    how = {"recorded": _recorded, "julia": _live}.get(str(source))
    words = how(result) if how is not None else None
    if words is None:
        return None
    made: dict[str, Any] = {**USUAL, **result.port.provenance}
    options = [w for n, v in USUAL.items() if made[n] != v for w in (f"--{n}", str(made[n]))]
    return shlex.join(["repro", "parity", *words, *options])


def _recorded(result: Result) -> list[str] | None:
    case, name = result.case, result.case.name
    if name not in recorded.names():
        return None
    short, whole = (recorded_cases([name], full=full)[0] for full in (False, True))
    if (case.function, case.epochs) == (short.function, short.epochs):
        return ["--case", name]
    # The compiled engines run the zoo script's training alone, as a function of its own.
    return ["--case", name, "--full"] if case.epochs == whole.epochs else None


def _live(result: Result) -> list[str]:
    case = result.case
    given = [f"{name}={value}" for name, value in case.kwargs.items()]
    length = ["--iterations", str(case.epochs)] if case.epochs else []
    named = ["--reference", "julia", "--case", case.function, "--seed", str(case.seed)]
    return [*named, *length, *given]
