"""The ways to derive a tolerance. There is no default relative tolerance to fall back on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import numpy as np

from repro.checks.compare import Tolerance
from repro.checks.envelope import FACTOR, PERTURBATIONS, Envelope, measure, quantum
from repro.errors import ReproError
from repro.run import Quantity, Run, base_name

Runner = Callable[[int | None], Run]
"""The port as is for None, else with inputs perturbed by this seed."""


class ToleranceError(ReproError, ValueError):
    """A tolerance that was not derived, or does not cover what is compared."""


class Unmeasured(ToleranceError):
    """Perturbed runs of a port that cannot be laid beside it."""


class Rule(Protocol):
    """A way to a tolerance.

    Attributes:
        words: its derivation, as reports print it.
    """

    @property
    def words(self) -> str: ...

    def bind(self, run: Runner | None) -> Tolerance:
        """The tolerance for one port; ``run`` is None where it cannot be run again."""


class Bitwise:
    """Every bit equal (the two zeros, and all NaN, count as equal)."""

    words = "bitwise: nothing may differ"

    def bind(self, run: Runner | None) -> Tolerance:
        return lambda name, reference: np.zeros(_wide(reference))


class Ulps:
    """A budget that was counted from the operations.

    Args:
        budget: allowed difference, in ulp of the array's largest magnitude in each step: one
            number for all names, one per name, or ``budget(name, array)``.
        because: how it was counted; the report prints it.

    Raises:
        ToleranceError: ``because`` is empty, or a budget is negative or not finite.
    """

    def __init__(
        self,
        budget: float | Mapping[str, float] | Callable[[str, np.ndarray], float],
        because: str,
    ) -> None:
        if not because.strip():
            raise ToleranceError(
                "a budget needs its derivation: Ulps(4, because='3 additions and a product')"
            )
        self.budget, self.because = budget, because

    @property
    def words(self) -> str:
        return f"ulp budget: {self.because}"

    def __call__(self, name: str, values: np.ndarray) -> float:
        """The budget of one array.

        Raises:
            ToleranceError: there is none for this name, or it is negative or not finite.
        """
        if callable(self.budget):
            found = float(self.budget(name, values))
        elif isinstance(self.budget, Mapping):
            if name not in self.budget:
                raise ToleranceError(f"no ulp budget for {name!r}: count its operations, state it")
            found = float(self.budget[name])
        else:
            found = float(self.budget)
        if not 0 <= found < np.inf:
            raise ToleranceError(f"the ulp budget of {name!r} is {found}: state a finite one >= 0")
        return found

    def bind(self, run: Runner | None) -> Tolerance:
        def tolerance(name: str, reference: Quantity) -> np.ndarray:
            budget = np.array([self(base_name(name), values) for values in reference.values])
            return np.asarray((budget * quantum(reference)).reshape(_wide(reference)))

        return tolerance


class Growth:
    """What last-bit perturbations grow to, measured on the port.

    A port written as one step is perturbed in the inputs of every step and in the results of its
    NumPy and torch operations; any other is called with ``perturbation=SEED`` and moves what it
    likes, for instance its initial state, besides torch's results. See
    :mod:`repro.checks.rounding`.

    Args:
        perturbations: the seeds of the perturbed runs. More find rarer growth.
        on: what is perturbed, where it is not the port itself: an engine that computes the same
            sooner, say.
    """

    def __init__(
        self, perturbations: Iterable[int] = PERTURBATIONS, on: Runner | None = None
    ) -> None:
        self.perturbations, self.on = tuple(perturbations), on
        if not self.perturbations:
            raise ToleranceError("no perturbation was asked for: give at least one seed")

    @property
    def words(self) -> str:
        return (
            f"measured: {FACTOR:g} times what {len(self.perturbations)} perturbations by one ulp "
            f"grow to, at least {FACTOR:g} ulp"
        )

    def bind(self, run: Runner | None) -> Tolerance:
        return self.envelope(self.on or run).tolerance

    def envelope(self, run: Runner | None) -> Envelope:
        """Measure.

        Raises:
            ToleranceError: the port cannot be run again, or not with perturbed inputs.
            Unmeasured: its perturbed runs have other steps or shapes.
        """
        if run is None:
            raise ToleranceError(
                "the port cannot be run with perturbed inputs: give a callable that takes "
                "perturbation=None, or state tolerance=Ulps(budget, because=...) or Bitwise()"
            )
        base = run(None)

        def alike(seed: int | None) -> Run:
            found = base if seed is None else run(seed)
            if _form(found) != _form(base):
                raise Unmeasured(
                    f"perturbation {seed} changed the port's steps or shapes, so its growth has "
                    "no measure. Compare fewer steps, or state tolerance=Ulps(budget, because=...)"
                )
            return found

        return measure(alike, self.perturbations)


class Saved:
    """An envelope that was measured once, by perturbing the port's initial state, and kept.

    Args:
        envelope: what was measured.
        at_most: per quantity, the largest difference there may be, whatever the envelope says.
    """

    def __init__(self, envelope: Envelope, at_most: Mapping[str, float] | None = None) -> None:
        self.envelope, self.at_most = envelope, at_most or {}

    @property
    def words(self) -> str:
        made_by = self.envelope.provenance
        runs = len(made_by.details.get("perturbations", ()))
        return (
            f"saved: {FACTOR:g} times what {runs} perturbed runs grew to, at least {FACTOR:g} ulp"
        )

    def bind(self, run: Runner | None) -> Tolerance:
        def tolerance(name: str, reference: Quantity) -> np.ndarray:
            allowed = self.envelope.tolerance(name, reference)
            return np.asarray(np.minimum(allowed, self.at_most.get(name, np.inf)))

        return tolerance


def _form(run: Run) -> dict[str, tuple[tuple[int, ...], list[int]]]:
    return {n: (q.values.shape, q.steps.tolist()) for n, q in run.quantities.items()}


def _wide(reference: Quantity) -> tuple[int, ...]:
    return (len(reference.steps),) + (1,) * (reference.values.ndim - 1)
