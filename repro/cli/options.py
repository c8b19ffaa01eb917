"""Option values that need more than a type to be read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repro.errors import ReproError

if TYPE_CHECKING:
    import torch

Way = Annotated[str, typer.Option("--julia", help="How Julia is asked: worker, juliacall or auto.")]


def check_places(files: Iterable[Path | None], folders: Iterable[Path | None]) -> None:
    """Make sure that what is asked for can be written there, before anything runs.

    Raises:
        ReproError: it cannot.
    """
    for path, what in [*((p, "file") for p in files), *((p, "folder") for p in folders)]:
        if path is None or path == Path("-"):
            continue
        taken = path.is_dir() if what == "file" else path.exists() and not path.is_dir()
        there = next(p for p in (path if what == "folder" else path.parent, *path.parents)
                     if p.exists())  # fmt: skip
        try:
            if taken:
                raise FileExistsError(f"it is no {what}")
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError as problem:
            why = problem.strerror or str(problem)
            raise ReproError(f"{path} cannot be written ({why}): name another {what}") from None


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
