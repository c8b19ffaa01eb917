"""Option values that need more than a type to be read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import torch
import typer

from repro.errors import ReproError

ENGINES = ("eager", "exact", "fast")
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def check_device(text: str) -> torch.device:
    """Read a device and make sure that it is there.

    Raises:
        ReproError: no such device on this machine.
    """
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
    if text not in DTYPES:
        raise ReproError(f"dtype {text!r} is not supported: choose {' or '.join(DTYPES)}")
    return DTYPES[text]


def read_engines(names: Iterable[str]) -> tuple[str, ...]:
    """Raises ReproError for anything but the engines there are."""
    for name in names:
        if name not in ENGINES:
            raise ReproError(f"no engine {name!r}: choose {', '.join(ENGINES)}")
    return tuple(names)


def read_settings(pairs: Iterable[str]) -> dict[str, str]:
    """Split ``NAME=VALUE`` arguments.

    Raises:
        ReproError: one of them has no ``=``.
    """
    settings = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign:
            raise ReproError(f"{pair!r} is no NAME=VALUE: write for instance n_tasks=7")
        settings[name] = value
    return settings


Way = Annotated[str, typer.Option("--julia", help="How Julia is asked: worker, juliacall or auto.")]
