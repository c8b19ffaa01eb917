"""A run in float64 as the arbiter between two runs in float32.

Reference and port round differently. The same algorithm on the same draws in float64 hardly
rounds at all, so each side's distance from it is what its own rounding did. Two faithful sides
are about equally far from it; a side that is much further did something else than round.

The arbiter is as good as the code that made it. Made by the port's own code, as
:func:`repro.suite.check` does, it shares a fault of the algorithm with the port: the *reference*
is then the one that stands far off. Either way the difference is not rounding, which is what the
arbiter is asked. It decides nothing: verdicts come from the envelope.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from repro.parity.envelope import quantum, rows
from repro.parity.rules import difference
from repro.trajectory import Series, Trajectory

FAR = 10.0
"""How many times further than the other a side must be before it counts as the odd one out.
`parity_tests/report/test_arbiter.py` measures both sides of it on the recorded runs."""


@dataclass(frozen=True)
class Distance:
    """How far the two sides of one quantity are from the arbiter.

    Attributes:
        name: the quantity.
        steps: (k,) at which all three have it.
        reference, port: (k,) largest absolute distance from the arbiter, float64.
        quantum: (k,) one ulp of the reference's largest magnitude.
    """

    name: str
    steps: np.ndarray
    reference: np.ndarray
    port: np.ndarray
    quantum: np.ndarray

    @property
    def port_further(self) -> float:
        """Largest port's distance over the largest of the reference's up to that step."""
        return self._further(self.port, self.reference)

    @property
    def reference_further(self) -> float:
        """The same the other way round."""
        return self._further(self.reference, self.port)

    @property
    def odd_one(self) -> str | None:
        """``"port"`` or ``"reference"`` where it is much further; None where rounding explains."""
        port, reference = self.port_further, self.reference_further
        if max(port, reference) <= FAR:
            return None
        return "port" if port >= reference else "reference"

    def __str__(self) -> str:
        both = (
            f"{self.name}: the reference is {self.reference.max(initial=0):.1e} from the float64 "
            f"run, the port {self.port.max(initial=0):.1e}"
        )
        if self.odd_one is None:
            return f"{both}: both equally far, as rounding leaves them; {self._closer()}"
        times = self.port_further if self.odd_one == "port" else self.reference_further
        return (
            f"{both}: the {self.odd_one} is {times:.2g} times further than the other, which "
            "rounding does not explain"
        )

    def _further(self, side: np.ndarray, other: np.ndarray) -> float:
        """A rounding error may happen to be small in one step: the largest so far is its size."""
        so_far = np.maximum(np.maximum.accumulate(other), self.quantum)
        with np.errstate(invalid="ignore"):
            ratio = np.where(side == other, 1.0, side / so_far)
        return float(np.where(np.isnan(ratio), 1.0, ratio).max(initial=0))

    def _closer(self) -> str:
        reference, port = self.reference.max(initial=0), self.port.max(initial=0)
        if reference == port:
            return "neither is closer"
        return f"the {'port' if port < reference else 'reference'} is the closer one"


@dataclass(frozen=True)
class Arbiter:
    """The float64 run and each side's distance from it.

    Attributes:
        run: the arbiter's trajectory.
        distances: one per floating quantity that all three have, in the reference's order.
            Draws are left out: they are the same numbers in every run.
    """

    run: Trajectory
    distances: tuple[Distance, ...]

    def __getitem__(self, name: str) -> Distance:
        return next(d for d in self.distances if d.name == name)

    @property
    def odd_one(self) -> Distance | None:
        """The quantity in which one side is furthest off; None where rounding explains all."""
        odd = [d for d in self.distances if d.odd_one is not None]
        return max(odd, key=lambda d: max(d.port_further, d.reference_further), default=None)

    def __str__(self) -> str:
        return "\n".join(map(str, self.distances))

    @property
    def sentence(self) -> str:
        """Which side the arbiter finds for."""
        odd = self.odd_one
        if odd is not None:
            return str(odd)
        if not self.distances:
            return "the float64 run has no quantity in common with both sides"
        further = max(max(d.port_further, d.reference_further) for d in self.distances)
        return (
            f"both sides are equally far from the float64 run in every quantity, as rounding "
            f"leaves them: neither is ever more than {further:.1f} times further than the other"
        )


def arbitrate(run: Trajectory, reference: Trajectory, port: Trajectory) -> Arbiter:
    """Measure how far two runs are from a third, quantity by quantity and step by step.

    Args:
        run: the same algorithm on the same draws in float64.
        reference, port: the two sides.
    """
    found = []
    for name, expected in reference.series.items():
        others = [t.series.get(name) for t in (run, port)]
        if expected.kind != "draw" and all(_comparable(expected, o) for o in others):
            found.append(_distance(name, expected, *others))  # type: ignore[arg-type]
    return Arbiter(run, tuple(found))


def _comparable(expected: Series, other: Series | None) -> bool:
    if other is None or expected.values.dtype.kind != "f" or other.values.dtype.kind != "f":
        return False
    return expected.values.shape[1:] == other.values.shape[1:]


def _distance(name: str, reference: Series, run: Series, port: Series) -> Distance:
    steps = np.intersect1d(np.intersect1d(reference.steps, run.steps), port.steps)
    here = Series(steps, reference.at(steps), reference.kind)
    exact = run.at(steps)
    unit = rows(quantum(here)[:, None]) if reference.kind != "runs" else rows(quantum(here))
    return Distance(
        name,
        steps,
        _largest(here.values, exact),
        _largest(port.at(steps), exact),
        unit.max(axis=1, initial=0),
    )


def _largest(values: np.ndarray, exact: np.ndarray) -> np.ndarray:
    return rows(difference(values, exact)).max(axis=1, initial=0)
