"""A function in a user's own file, run by another program."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from repro.run import described
from repro.sides.frame import Value
from repro.sides.worker import WorkerError


class FileFunction:
    """What such sides have in common, whatever the language.

    Attributes:
        file, function: where it stands, and its name.
        arguments, keywords: what it is called with.
    """

    perturbable = False  # from outside

    def __init__(
        self,
        file: str | os.PathLike[str],
        function: str,
        arguments: tuple[Value, ...],
        keywords: Mapping[str, Value],
    ) -> None:
        self.file, self.function = Path(file), function
        self.arguments, self.keywords = arguments, dict(keywords)

    @property
    def folder(self) -> Path:
        """Where the file lies, and where a recording's paths count from."""
        return self.file.resolve().parent

    def asked(self) -> dict[str, Any]:
        """What a recording of it has to have been made of, besides the files' texts."""
        return {
            "function": self.function,
            "arguments": described(self.arguments),
            "keywords": described(self.keywords),
        }

    def _request(self) -> dict[str, Any]:
        """The call, as both workers read it."""
        return {
            "file": str(self.file.resolve()),
            "function": self.function,
            "arguments": len(self.arguments),
            **{str(i): value for i, value in enumerate(self.arguments, 1)},
            **{f":{name}": value for name, value in self.keywords.items()},
        }


def steps_of(answer: Mapping[str, Value], count: int) -> list[dict[str, np.ndarray]]:
    """The steps of an answer, whose names are ``STEP:NAME``.

    Raises:
        WorkerError: a name is another, or of a step beyond the count.
    """
    steps: list[dict[str, np.ndarray]] = [{} for _ in range(count)]
    for key, value in answer.items():
        step, _, name = key.partition(":")
        if not name or not step.isdecimal() or int(step) >= count:
            raise WorkerError(
                f"the answer holds {key!r}, no name in one of {count} steps: name every value"
            )
        steps[int(step)][name] = np.asarray(value)
    return steps
