"""The ways to derive a tolerance. There is no default relative tolerance to fall back on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from repro.checks.compare import Tolerance
from repro.checks.envelope import FACTOR, PERTURBATIONS, Envelope, measure, quantum
from repro.checks.measured import Measured, Runner
from repro.errors import ReproError
from repro.run import Quantity, Run, base_name


class ToleranceError(ReproError, ValueError):
    """A tolerance that was not derived, or does not cover what is compared."""


class Unmeasured(ToleranceError):
    """A port whose runs cannot be laid beside each other."""


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


class BitwiseForLack(Bitwise):
    """What is left where no tolerance was given and the port cannot be run again to measure one."""

    words = (
        "bitwise: nothing may differ, since a port that cannot be called and perturbed leaves "
        "nothing to measure: a right one may fail by its rounding"
    )


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
    """What perturbed runs of the port grow to, element by element: :mod:`repro.checks.measured`.

    A port written as one step is perturbed in the inputs of every step and in the results of its
    NumPy and torch operations. So is any other callable; one that takes ``perturbation=None`` is
    called with ``perturbation=SEED`` and moves its initial state besides, for instance.

    Args:
        perturbations: the seeds of the perturbed runs that there may be, of which as few are run
            as decide.
    """

    words = (
        f"measured: for each number {FACTOR:g} times what perturbed runs grow to, at least "
        f"{FACTOR:g} ulp of what may have cancelled to it"
    )

    def __init__(self, perturbations: Iterable[int] = range(1, 33)) -> None:
        self.perturbations = tuple(perturbations)
        if not self.perturbations:
            raise ToleranceError("no perturbation was asked for: give at least one seed")

    def bind(self, run: Runner | None) -> Measured:
        """From the first eight of the perturbed runs.

        Raises:
            ToleranceError: the port cannot be run again.
        """
        if run is None:
            raise ToleranceError(CANNOT)
        measured = Measured(run(None), run)
        for seed in self.perturbations[:8]:
            measured.add(seed)
        return measured


CANNOT = (
    "the port cannot be run perturbed: give a function, or another callable, or state "
    "tolerance=Ulps(budget, because=...) or Bitwise()"
)


class Pooled:
    """An envelope measured when it is needed, by perturbing what a run starts from.

    Args:
        on: makes the runs: an engine that computes the same as the port sooner, say.
        perturbations: the seeds.
    """

    def __init__(
        self, on: Callable[[int | None], Run], perturbations: Sequence[int] = PERTURBATIONS
    ) -> None:
        self.on, self.perturbations = on, tuple(perturbations)

    @property
    def words(self) -> str:
        return (
            f"measured: {FACTOR:g} times what {len(self.perturbations)} perturbations of the start "
            f"by one ulp grow to, at least {FACTOR:g} ulp of the largest"
        )

    def bind(self, run: Runner | None) -> Tolerance:
        return measure(self.on, self.perturbations).tolerance

    def patient(self) -> Pooled:
        """Measured by eight times as many runs, for what failed: Adam's first steps go either way
        by the sign of a gradient that is all rounding, which few perturbed runs may not hit."""
        return Pooled(self.on, range(1, 8 * len(self.perturbations) + 1))


class Saved:
    """An envelope that was measured once, by perturbing the port's initial state, and kept.

    Args:
        envelope: what was measured.
        at_most: per quantity, the largest difference there may be, whatever the envelope says.
        undecided_ok: quantities that the envelope may leave undecided, each with the reason.
    """

    def __init__(
        self,
        envelope: Envelope,
        at_most: Mapping[str, float] | None = None,
        undecided_ok: Mapping[str, str] | None = None,
    ) -> None:
        self.envelope, self.at_most = envelope, at_most or {}
        self.undecided_ok = undecided_ok or {}

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


def _wide(reference: Quantity) -> tuple[int, ...]:
    return (len(reference.steps),) + (1,) * (reference.values.ndim - 1)
