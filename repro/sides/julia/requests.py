"""A request to our Julia package, from Python's values to what travels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from repro.cases import RECORDS
from repro.cases.luna import optimiser
from repro.flux import OPTIMISERS, Optimiser, parse_optimiser
from repro.sides.frame import Value


@dataclass(frozen=True)
class Tape:
    """Draws to hand over, for a Julia whose generator is another.

    Attributes:
        uniforms: (n,) float64 in [0, 1), in the order in which they are drawn.
        permutations: (m,) int64, 1-based permutations one after the other.
    """

    uniforms: np.ndarray
    permutations: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))


OPTIMISER_ARGUMENTS = frozenset(
    name
    for record in RECORDS.values()
    for name, argument in record.arguments.items()
    if argument.read is optimiser
)


def given(**values: Any) -> dict[str, Any]:
    """What of the values is not None."""
    return {name: value for name, value in values.items() if value is not None}


def draws_from(seed: int | None, tape: Tape | None, generator: str | None = None) -> dict[str, Any]:
    """Where random numbers are to come from: a tape, or a seed and the generator it is for."""
    if (seed is None) == (tape is None):
        raise ValueError("give either a seed or a tape of draws")
    if tape is not None:
        return {"uniforms": np.asarray(tape.uniforms, np.float64)} | {
            "permutations": np.asarray(tape.permutations, np.int64)
        }
    assert seed is not None
    plain_seed = int(seed) if abs(int(seed)) < 2**63 else str(int(seed))
    return {"seed": plain_seed} | given(generator=generator)


def options_from(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """A function's arguments; optimisers, as such or as text, become name and numbers."""
    options: dict[str, Any] = {}
    for name, value in kwargs.items():
        options |= _optimiser(name, value) if name in OPTIMISER_ARGUMENTS else {name: value}
    return options


def _optimiser(name: str, value: Optimiser | str) -> dict[str, Any]:
    """An optimiser by name and numbers; its state does not travel."""
    opt = parse_optimiser(value) if isinstance(value, str) else value
    if not isinstance(opt, Optimiser):
        raise TypeError(f"{name} must be one of {', '.join(OPTIMISERS)}, not {opt!r}")
    return {name: type(opt).__name__, f"{name}.numbers": np.asarray(opt.numbers(), np.float64)}


def plain(value: Any) -> Value:
    """As a string, one of Python's own scalars, or an array."""
    if isinstance(value, str | bool | int | float):
        return value
    array = np.asarray(value if isinstance(value, np.ndarray) else _listed(value))
    return array if array.ndim else array.item()


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, Iterable) else value
