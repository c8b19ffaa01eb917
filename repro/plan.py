"""Which recorded cases a call of `repro parity` runs, and for how many iterations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from repro.case import FUNCTIONS, Case, CaseError, live_case
from repro.sides import recorded

MAIN_EPOCHS, OTHER_EPOCHS = 40, 10
WHOLE = ("eval_model", "zoo_script", "ecoffet_notebook")
"""What is always run from start to end."""
NAMES = (*FUNCTIONS, "zoo_script", "ecoffet_notebook")
OTHERWISE = (
    "recorded seeds are 0, 1 and 42, and 2 with other arguments; for any other run add "
    "--reference julia"
)


def recorded_cases(
    names: Sequence[str] = (),
    seed: int | None = None,
    full: bool = False,
    settings: Mapping[str, str] | None = None,
) -> list[Case]:
    """The recorded cases asked for, each cut to its length unless ``full``.

    Without names: every function at the seed (0 by default) for 40 iterations, and, when no
    seed is given either, the recordings with other arguments for 10.

    Args:
        names: functions, or recordings by their own name.
        seed: which recorded seed.
        full: whole recordings, the long ones and the zoo script among them.
        settings: arguments as text; only recordings made with them, at any seed unless given.

    Raises:
        CaseError: an unknown name or argument, a value that does not read as one, a negative
            seed, or nothing recorded that fits.
        RecordingError: a recording is missing or damaged.
    """
    check_seed(seed)
    _check_names(names)
    cases = [recorded.load(name).case for name in recorded.names()]
    chosen = [c for c in cases if not names or c.name in names or c.function in names]
    if settings:
        chosen = [c for c in chosen if c.function in FUNCTIONS[1:] and _made_with(c, settings)]
    chosen = [c for c in chosen if c.name in names or _wanted(c, names, seed, full, settings)]
    if not chosen:
        given = [f"{name}={value}" for name, value in (settings or {}).items()]
        given += [f"at seed {seed}"] if seed is not None else []
        what = " ".join([", ".join(names) or "no function", *given])
        raise CaseError(f"not recorded: {what}; {OTHERWISE}")
    return sorted((_cut(c, full) for c in chosen), key=_order)


def for_engine(case: Case, engine: str) -> Case:
    """The case as an engine can run it: of the zoo script, the compiled ones run the training."""
    if engine != "eager" and case.function == "zoo_script":
        return replace(case, function="zoo_training")
    return case


def check_seed(seed: int | None) -> None:
    """Refuse a negative seed, as Julia does with a DomainError.

    Raises:
        CaseError: the seed is negative.
    """
    if seed is not None and seed < 0:
        raise CaseError(f"seed {seed} is negative: Julia refuses it (DomainError); use 0 or more")


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if name not in (*NAMES, *recorded.names()):
            raise CaseError(
                f"unknown case {name!r}: choose from {', '.join(NAMES)}, "
                f"or a recording: {', '.join(recorded.names())}"
            )


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
    zoo = case.function == "zoo_script"
    if not full and (_is_long(case) or (zoo and not names)):
        return False
    if seed is not None:
        return case.seed == seed
    return full or bool(settings) or case.seed == 0 or (not names and _is_other(case))


def _cut(case: Case, full: bool) -> Case:
    if full or case.function in WHOLE:
        return case
    return case.upto(OTHER_EPOCHS if _is_other(case) else MAIN_EPOCHS)


def _order(case: Case) -> tuple:
    return _is_other(case), NAMES.index(case.function)


def _is_long(case: Case) -> bool:
    return case.name.endswith("_long")


def _is_other(case: Case) -> bool:
    """Recorded with arguments other than the defaults: those of seed 2."""
    return case.seed == 2


def live_cases(
    names: Sequence[str], seed: int, epochs: int, settings: Mapping[str, str]
) -> list[Case]:
    """The cases that a live Julia is asked for: any seed, any arguments.

    Args:
        names: functions; all that take the settings when empty.
        epochs: iterations of each; ``eval_model`` has none.

    Raises:
        CaseError: an unknown function or argument, a value that does not read as one, a negative
            seed, no iterations.
    """
    check_seed(seed)
    if epochs < 1:
        raise CaseError(f"{epochs} iterations are too few: give 1 or more")
    every = FUNCTIONS[1:] if settings else FUNCTIONS
    cases = [live_case(name, seed, epochs, settings) for name in names or every]
    return [c.upto(0) if c.function == "eval_model" else c for c in cases]
