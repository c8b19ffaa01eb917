"""A case: what is to be computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from repro.errors import ReproError

AT_THE_END = "next_rand"
"""What a run keeps of its end alone: the number that its stream would give next."""


class CaseError(ReproError, ValueError):
    """A case that cannot be run as it was asked for."""


@dataclass(frozen=True)
class Case:
    """What is to be computed, fully stated; not how.

    Attributes:
        name: how tables and files call it.
        function: the name of its record.
        seed: of the generator; the model is drawn first, then the run goes on.
        epochs: iterations.
        eval_interval: iterations between evaluations.
        weight_epochs: the iterations after which the weights are kept.
        generator: that all numbers are drawn from, by Julia's name for it.
        kwargs: further arguments, by the port's names; optimisers as text, ``"ADAM(0.001)"``.
        lacks: quantities that a run of it would leave, and that its recording does not hold.
    """

    name: str
    function: str
    seed: int
    epochs: int = 0
    eval_interval: int = 1
    weight_epochs: tuple[int, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    generator: str = "MersenneTwister"

    def upto(self, epochs: int) -> Case:
        """The same run, ended earlier."""
        if epochs >= self.epochs:
            return self
        kept = tuple(e for e in self.weight_epochs if e <= epochs)
        lacks = (*self.lacks, AT_THE_END)
        return replace(self, epochs=epochs, weight_epochs=kept, lacks=lacks)

    @property
    def label(self) -> str:
        """The name, and how many iterations where there are any."""
        return f"{self.name} [{self.epochs}]" if self.epochs else self.name
