"""What a step is given; it says what to do where the step asks for more."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from repro.errors import ReproError

ADVICE = {
    "state": "the reference's first step yields the state, or state=[...] (--state) names it",
    "draws": 'name it among draws=[...] (--draws); of what only some steps have, ask "in draws"',
    "inputs": "name it among inputs=[...] (--inputs)",
}
"""By what is asked: how more is given."""


class NotGiven(ReproError, KeyError):
    """A step asked for what it is not given. A `KeyError` too, as of any dict."""

    __str__ = Exception.__str__


class Given(dict[str, np.ndarray]):
    """One of a step's arguments.

    Args:
        what: ``"state"``, ``"draws"`` or ``"inputs"``.
        values: arrays, and single texts.
        step: which it is given to.
    """

    def __init__(self, what: str, values: Mapping[str, np.ndarray], step: int) -> None:
        super().__init__(values)
        self.what, self.step = what, step

    def __missing__(self, name: str) -> np.ndarray:
        has = ", ".join(self) or "nothing"
        raise NotGiven(
            f"in step {self.step} the port asks for {self.what}[{name!r}], but is given {has}: "
            f"{ADVICE[self.what]}"
        )
