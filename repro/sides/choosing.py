"""Which cases a call of `repro parity` runs, and for how many iterations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from repro.cases import RECORDS, Case, CaseError, Record, record_of
from repro.errors import nearest
from repro.sides import recorded

OTHER_EPOCHS = 10
"""Iterations compared of a recording with arguments other than the defaults."""
DENSE = 300
"""Iterations of the recordings that are evaluated after each; longer ones take minutes."""
OTHERWISE = (
    "recorded seeds are 0, 1 and 42, and 2 with other arguments; for any other run add "
    "--reference julia"
)


def recorded_cases(
    names: Sequence[str] = (),
    seed: int | None = None,
    full: bool = False,
    settings: Mapping[str, str] | None = None,
    folder: Path = recorded.FOLDER,
) -> list[Case]:
    """The recorded cases asked for, each cut to its usual length unless ``full``.

    Without names: every function at the seed (0 by default) and, when no seed is given either,
    the recordings with other arguments.

    Args:
        names: functions, or recordings by their own name.
        seed: which recorded seed.
        full: whole recordings, the long ones and the zoo script among them.
        settings: arguments as text; only recordings made with them, at any seed unless given.
        folder: of the recordings; of one that is not the shipped one all are wanted.

    Raises:
        CaseError: an unknown name or argument, a value that does not read as one, a negative
            seed, or nothing recorded that fits.
        RecordingError: a recording is missing or damaged.
    """
    check_seed(seed)
    _check_names(names, folder)
    cases = [recorded.load(name, folder).case for name in recorded.names(folder)]
    _refuse_other_seeds(cases, names, seed)
    chosen = [c for c in cases if not names or _called(c).intersection(names)]
    if settings:
        chosen = [c for c in chosen if record_of(c).arguments and _made_with(c, settings)]
    if folder == recorded.FOLDER:
        chosen = [c for c in chosen if c.name in names or _wanted(c, names, seed, full, settings)]
    if not chosen:
        given = [f"{name}={value}" for name, value in (settings or {}).items()]
        given += [f"at seed {seed}"] if seed is not None else []
        what = " ".join([", ".join(names) or "no function", *given])
        raise CaseError(f"not recorded: {what}; {OTHERWISE}")
    whole = full or folder != recorded.FOLDER
    return sorted((c if whole else _cut(c) for c in chosen), key=_order)


def for_engine(case: Case, engine: str) -> Case:
    """The case as an engine can run it: of the zoo script, the compiled ones run the training."""
    part = record_of(case).compiled_part
    return case if engine == "eager" or part is None else replace(case, function=part)


def check_seed(seed: int | None) -> None:
    """Refuse a negative seed, as Julia does with a DomainError.

    Raises:
        CaseError: the seed is negative.
    """
    if seed is not None and seed < 0:
        raise CaseError(f"seed {seed} is negative: Julia refuses it (DomainError); use 0 or more")


def _check_names(names: Sequence[str], folder: Path) -> None:
    known = [name for name, record in RECORDS.items() if _recorded(record)]
    known += dict.fromkeys(record.part_of for record in RECORDS.values() if record.part_of)
    for name in names:
        if name in RECORDS and RECORDS[name].watched is not None and name not in known:
            raise CaseError(f"{name} is not recorded: compare many seeds, repro ensemble {name}")
        if name not in (*known, *recorded.names(folder)):
            guess = nearest(name, (*known, *recorded.names(folder)))
            raise CaseError(
                f"unknown case {name!r}: choose from {', '.join(known)}, or a recording; "
                f"`repro cases` lists them.{guess}"
            )


def _refuse_other_seeds(cases: Sequence[Case], names: Sequence[str], seed: int | None) -> None:
    """A recording that is asked for by its own name has its own seed."""
    for case in cases:
        if case.name in names and seed not in (None, case.seed):
            raise CaseError(
                f"{case.name} is a run of seed {case.seed}, and --seed {seed} is given: leave one "
                f"out, or name the function, {case.function}"
            )


def _called(case: Case) -> set[str]:
    """All names by which a recorded case may be asked for."""
    return {case.name, case.function, record_of(case).part_of}


def _recorded(record: Record) -> bool:
    return record.single is not None or bool(record.arguments)


def _made_with(case: Case, settings: Mapping[str, str]) -> bool:
    wanted = live_case(case.function, case.seed, 1, settings).kwargs
    return all(case.kwargs.get(name) == value for name, value in wanted.items())


def _wanted(
    case: Case,
    names: Sequence[str],
    seed: int | None,
    full: bool,
    settings: Mapping[str, str] | None,
) -> bool:
    record = record_of(case)
    long = record.usual is not None and record.single is None and case.epochs > DENSE
    if not full and (long or (record.on_request and not names)):
        return False
    if seed is not None:
        return case.seed == seed
    return full or bool(settings) or case.seed == 0 or (not names and not record.as_usual(case))


def _cut(case: Case) -> Case:
    record = record_of(case)
    if record.usual is None:
        return case
    return case.upto(record.usual if record.as_usual(case) else OTHER_EPOCHS)


def _order(case: Case) -> tuple[bool, int]:
    return not record_of(case).as_usual(case), [*RECORDS].index(case.function)


def live_case(
    function: str,
    seed: int,
    epochs: int,
    settings: Mapping[str, str],
    generator: str = "MersenneTwister",
) -> Case:
    """A case that need not be recorded: weights and losses are kept in every iteration.

    Args:
        settings: arguments as text, for instance ``{"n_tasks": "7", "meta_opt": "ADAM(0.001)"}``.

    Raises:
        CaseError: an unknown function or argument, or a value that does not read as one.
    """
    record = RECORDS.get(function)
    if record is None or not live_program(record):
        known = [*live_functions(), *live_functions("jax")]
        raise CaseError(f"unknown case {function!r}: choose from {', '.join(known)}")
    kwargs = {name: record.argument(name, text) for name, text in settings.items()}
    name = " ".join([function, f"seed={seed}", *(f"{k}={v}" for k, v in kwargs.items())])
    length = epochs if record.usual is not None else 0
    weighed = tuple(range(1, length + 1))
    return Case(name, function, seed, length, 1, weighed, kwargs, generator=generator)


def live_program(record: Record) -> str | None:
    """Which live reference answers a record, if one does."""
    if record.jax is not None:
        return "jax"
    return "julia" if record.live is not None and not record.on_request else None


def live_functions(program: str = "julia") -> list[str]:
    """What a live reference can be asked for, by name."""
    return [name for name, record in RECORDS.items() if live_program(record) == program]


def live_cases(
    names: Sequence[str],
    seed: int,
    epochs: int,
    settings: Mapping[str, str],
    generator: str = "MersenneTwister",
    program: str = "julia",
) -> list[Case]:
    """The cases that a live reference is asked for: any seed, any arguments.

    Args:
        names: functions; all that take the settings when empty.
        epochs: iterations of each; ``eval_model`` has none.
        generator: that both sides draw from.
        program: ``julia`` or ``jax``.

    Raises:
        CaseError: an unknown function or argument, a value that does not read as one, a negative
            seed, no iterations.
    """
    check_seed(seed)
    if epochs < 1:
        raise CaseError(f"{epochs} iterations are too few: give 1 or more")
    known = live_functions(program)
    every = [n for n in known if RECORDS[n].arguments or not settings]
    chosen = [n for n in known if {n, RECORDS[n].part_of}.intersection(names)] or every
    for name in names:
        if not any(name in (n, RECORDS[n].part_of) for n in known):
            raise CaseError(f"live {program} has no case {name!r}: choose from {', '.join(known)}")
    return [live_case(name, seed, epochs, settings, generator) for name in chosen]
