"""Help that says what an option takes in a person's words, not in Python's types."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup

WORDS = {int: "N", float: "NUMBER", Path: "PATH", bool: ""}
"""What an option takes that has no metavar of its own; anything else is a WORD."""


class PlainCommand(TyperCommand):
    """A command in whose help flags and arguments have no type: ``<bool>`` says nothing of
    ``--full``, ``<str>`` nothing of a file."""

    def get_params(self, ctx: Any) -> Any:
        return _plainly(super().get_params(ctx))


class PlainGroup(TyperGroup):
    """The same of a group of commands."""

    def get_params(self, ctx: Any) -> Any:
        return _plainly(super().get_params(ctx))


def _plainly(params: Iterable[Any]) -> list[Any]:
    params = list(params)
    for param in params:
        described = getattr(param, "type_descriptor", None)
        if described is None:
            continue  # a Typer of before 0.26, which shows no types beside flags
        if isinstance(param, TyperArgument):
            setattr(param, "display_type_rich", lambda ctx: None)  # noqa: B010
        elif param.metavar is None and not described.is_choice:
            param.metavar = WORDS.get(described.annotation, "WORD")
    return params
