"""A case: which function is run, from which seed, with which arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from repro import luna
from repro.errors import ReproError
from repro.flux import ADAM, Descent, Momentum, Optimiser

OPTIMISERS = {"Descent": Descent, "Momentum": Momentum, "ADAM": ADAM}
FUNCTIONS = ("eval_model", "transfer_learn", "transfer_learn_blog", "fomaml", "reptile")
"""What can be run by name. ``transfer_learn_blog`` is the variant of the post's listing."""

NOT_SETTINGS = {"model", "epochs", "eval_interval", "rng", "device", "observe", "variant", "engine"}


class CaseError(ReproError, ValueError):
    """A case that cannot be run as it was asked for."""


@dataclass(frozen=True)
class Case:
    """One run, fully stated.

    Attributes:
        name: how tables and files call it.
        function: one of ``FUNCTIONS``.
        seed: of the generator; the model is drawn first, then the run goes on.
        epochs: iterations.
        eval_interval: iterations between evaluations.
        weight_epochs: the iterations after which the weights are kept.
        kwargs: further arguments, by the port's names; optimisers as text, ``"ADAM(0.001)"``.
    """

    name: str
    function: str
    seed: int
    epochs: int = 0
    eval_interval: int = 1
    weight_epochs: tuple[int, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def upto(self, epochs: int) -> Case:
        """The same run, ended earlier."""
        if epochs >= self.epochs:
            return self
        kept = tuple(e for e in self.weight_epochs if e <= epochs)
        return Case(
            self.name, self.function, self.seed, epochs, self.eval_interval, kept, self.kwargs
        )

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments, with every optimiser made anew."""
        return {
            name: parse_optimiser(value) if name.endswith("opt") else value
            for name, value in self.kwargs.items()
        }


def live_case(function: str, seed: int, epochs: int, settings: Mapping[str, str]) -> Case:
    """A case that need not be recorded: weights and losses are kept in every iteration.

    Args:
        settings: arguments as text, for instance ``{"n_tasks": "7", "meta_opt": "ADAM(0.001)"}``.

    Raises:
        CaseError: an unknown function or argument, or a value that does not read as one.
    """
    if function not in FUNCTIONS:
        raise CaseError(f"unknown case {function!r}: choose from {', '.join(FUNCTIONS)}")
    kwargs = {name: _value(function, name, text) for name, text in settings.items()}
    name = " ".join([function, f"seed={seed}", *(f"{k}={v}" for k, v in kwargs.items())])
    return Case(name, function, seed, epochs, 1, tuple(range(1, epochs + 1)), kwargs)


def _value(function: str, name: str, text: str) -> Any:
    original = getattr(luna, function.removesuffix("_blog"))
    known = set(signature(original).parameters) - NOT_SETTINGS
    if name not in known:
        raise CaseError(f"{function} has no argument {name!r}: it has {', '.join(sorted(known))}")
    if name.endswith("opt"):
        parse_optimiser(text)
        return text
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise CaseError(f"{name} must be a positive integer, not {text!r}: give for instance 10")
    return number


def parse_optimiser(text: str) -> Optimiser:
    """Read ``Descent(0.01)``, ``Momentum(0.001, 0.9)`` or ``ADAM(0.001, (0.9, 0.999))``.

    Raises:
        CaseError: the text is something else; it is never evaluated.
    """
    match = re.fullmatch(r"\s*(\w+)\(([-+.,()\s\de]*)\)\s*", text)
    kind = OPTIMISERS.get(match[1]) if match else None
    try:
        numbers = [float(n) for n in re.findall(r"[^,()\s]+", match[2])] if match else []
        if kind is ADAM and len(numbers) == 3:
            return ADAM(numbers[0], (numbers[1], numbers[2]))
        if kind is None or not 1 <= len(numbers) <= (2 if kind is Momentum else 1):
            raise ValueError
        return kind(*numbers)
    except ValueError:
        raise CaseError(
            f"{text!r} is no optimiser: write Descent(0.01), Momentum(0.001, 0.9), ADAM(0.001) "
            "or ADAM(0.001, (0.9, 0.999))"
        ) from None
