"""Another program's function as one step of a port: called again and again in one that lives on.

Nothing can be moved inside it from outside. In a perturbed run the step's inputs are moved, its
results where it yields them, and what it *notes*: values that pass through Python on their way, to
be compared and, resynchronised, to be replaced by the reference's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from repro.checks.noise import Noise, Stream
from repro.checks.perturb import perturbed_by
from repro.sides.frame import Value
from repro.trace import note


class Asked(Protocol):
    """Puts a request to the program; ``told`` gets the values that it notes, and gives what it is
    to go on with."""

    def __call__(
        self, request: Mapping[str, Any], told: Callable[[str, Value], Value]
    ) -> Mapping[str, Value]: ...


def one_step(ask: Asked, name: str, given: tuple[Mapping[str, Any], ...]) -> dict[str, Any]:
    """A step's named arrays, from the mappings that it is given.

    Args:
        ask: see :class:`Asked`.
        name: of the function, for the account of what was moved.
        given: its state and its draws, or its inputs alone.
    """
    stream = perturbed_by()
    if stream is not None:
        stream.moves.inside[name] += 1

    def told(noted: str, value: Value) -> Any:
        found = _moved(value, noted, stream)
        note(noted, found)  # who listens may put the reference's in its place
        return _moved(found, noted, stream)

    items = {f"given{i}:{key}": _plain(value) for i, mapping in enumerate(given, 1)
             for key, value in mapping.items()}  # fmt: skip
    answer = ask({"given": len(given), **items}, told)
    results = {key.partition(":")[2]: value for key, value in answer.items() if ":" in key}
    return {key: _moved(value, f"results of {name}", stream) for key, value in results.items()}


def _moved(value: Value, name: str, stream: Stream | None) -> Any:
    if isinstance(value, str):
        return value
    found = np.array(value)
    if stream is not None:
        stream.nudge(found)
        stream.count(name, Noise.POINTWISE)
    return found


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else np.asarray(value)
