"""Option values that need more than a type to be read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repro.errors import ReproError, nearest

if TYPE_CHECKING:
    import torch

    from repro.sides.julia.reference import JuliaReference

Way = Annotated[str, typer.Option("--julia", help="How Julia is asked: worker, juliacall or auto.")]
JuliaVersion = Annotated[
    str | None,
    typer.Option(
        metavar="VERSION",
        help="Which Julia, by the beginning of its version: 1.5, 1.10.8; by default "
        "REPRO_JULIA_VERSION, or the first that 'repro julia list' shows.",
    ),
]


def check_device(text: str) -> torch.device:
    """Read a device and make sure that it is there.

    Raises:
        ReproError: no such device on this machine.
    """
    import torch

    try:
        device = torch.device(text)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ReproError(
            f"device {text!r} cannot be used ({reason}): choose another, for instance "
            "--device cpu; `repro doctor` lists what torch sees"
        ) from None
    return device


STARTING_JULIACALL = "starting juliacall; its first start compiles, which takes minutes"


def open_julia(way: str, version: str | None) -> JuliaReference:
    """The Julia that a command asks.

    Raises:
        JuliaNotFound: there is none of that version.
        JuliaError: there is no such way to ask.
    """
    from repro.cli.console import errors
    from repro.sides.julia.find import find_julia
    from repro.sides.julia.reference import JuliaReference

    if way == "juliacall":
        errors.print(STARTING_JULIACALL)
    return JuliaReference(way, find_julia(version=version))


def read_dtype(text: str) -> torch.dtype:
    """Raises ReproError for anything but float32 and float64."""
    import torch

    found = {"float32": torch.float32, "float64": torch.float64}
    if text not in found:
        raise ReproError(f"dtype {text!r} is not supported: choose {' or '.join(found)}")
    return found[text]


def read_engines(names: Iterable[str]) -> tuple[str, ...]:
    """Raises ReproError for anything but the engines there are."""
    names = tuple(names)
    if set(names) == {"eager"}:
        return names
    from repro.cases.luna import engines

    for name in names:
        if name not in engines():
            raise ReproError(f"no engine {name!r}: choose {', '.join(engines())}")
    return names


def read_generator(text: str | None) -> str | None:
    """A generator's name as Julia has it; raises ReproError for anything but the two."""
    known = {"mersenne": "MersenneTwister", "xoshiro": "Xoshiro"}
    if text is not None and text not in known:
        raise ReproError(f"no generator {text!r}: choose {' or '.join(known)}")
    return known[text] if text is not None else None


def refuse_misspelt(names: Iterable[str], recordings: Path) -> None:
    """Say at once what a misspelt case may have been meant to be, before anything heavy is
    imported. What is refused here begins no recording's or ensemble's name, as a function's name
    does, and is nearly a name that is known; anything else is left to who knows the records.

    Raises:
        ReproError: a word is misspelt.
    """
    try:
        index = json.loads((recordings / "index.json").read_text())
    except (OSError, ValueError):
        return  # missing or damaged: that is said, with the way to restore it, where it is read
    known = [*dict.fromkeys(entry["function"] for entry in index.values()), *index]
    stems = {path.stem for path in recordings.parent.glob("recorded*/*.npz")}
    for name in names:
        guess = nearest(name, known)
        if guess and not any(f"{stem}_".startswith(f"{name}_") for stem in stems):
            raise ReproError(f"unknown case {name!r}: `repro cases` lists them.{guess}")


def read_words(words: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Tell cases from ``NAME=VALUE`` arguments.

    Raises:
        ReproError: an argument is given twice.
    """
    names: list[str] = []
    settings: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            names.append(word)
        elif name in settings:
            raise ReproError(f"{name} is given twice, {settings[name]} and {value}: give one")
        else:
            settings[name] = value
    return names, settings
