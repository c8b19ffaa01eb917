"""The command that reproduces one case of a run."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from repro.cases import Case
from repro.reports.outcome import Outcome
from repro.run import Provenance
from repro.sides import recorded
from repro.sides.choosing import recorded_cases


def case_command(outcome: Outcome) -> str | None:
    """The command that runs this case alone, against the same reference.

    Returns:
        None where there is none: the port left nothing that says how it was run, the reference
        is neither recorded nor a live Julia, or the recording is cut as no option cuts it.
    """
    own, case = outcome.check.own, outcome.case
    if own is None or not isinstance(case, Case):
        return None
    how = WORDS.get(own.reference.provenance.source)
    words = how(case) if how is not None else None
    if words is None:
        return None
    return shlex.join(["repro", "parity", *words, *_options(own.port.provenance)])


def _options(port: Provenance) -> list[str]:
    usual = {"engine": "eager", "device": "cpu", "dtype": "float32"}
    made = {name: getattr(port, name) or value for name, value in usual.items()}
    return [w for n, v in usual.items() if made[n] != v for w in (f"--{n}", str(made[n]))]


def _recorded(case: Case) -> list[str] | None:
    if case.name not in recorded.names():
        return None
    short, whole = (recorded_cases([case.name], full=full)[0] for full in (False, True))
    if (case.function, case.epochs) == (short.function, short.epochs):
        return ["--case", case.name]
    # The compiled engines run the zoo script's training alone, as a function of its own.
    return ["--case", case.name, "--full"] if case.epochs == whole.epochs else None


def _live(case: Case) -> list[str]:
    given = [f"{name}={value}" for name, value in case.kwargs.items()]
    length = ["--iterations", str(case.epochs)] if case.epochs else []
    named = ["--reference", "julia", "--case", case.function, "--seed", str(case.seed)]
    return [*named, *length, *given]


WORDS: dict[str, Callable[[Case], list[str] | None]] = {"recorded": _recorded, "julia": _live}
"""By the reference's source, how a case is asked for."""
