"""Two runs beside each other, and the first place where they part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from repro.checks.compare import Comparison, Report, Tolerance
from repro.checks.measured import Measured, last_step
from repro.checks.verdict import Verdict
from repro.run import Run

if TYPE_CHECKING:
    from repro.checks.stepping import Stepper


class Way(str, Enum):
    """How a port was run beside its reference, the sharpest way first.

    ``FOLLOWED``: every operation on the reference's own inputs. ``RESYNCHRONISED``: every step
    from the reference's own state. ``OWN``: by itself, from the first step on.
    """

    FOLLOWED = "operation by operation"
    RESYNCHRONISED = "resynchronised"
    OWN = "own run"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Pair:
    """Two runs under a rule.

    Attributes:
        way: how the port was run.
        reference, port: what was compared; of a followed port, its last step.
        report: every quantity's comparison; None where there was nothing to compare.
        rule: how the tolerance was derived, in words.
        unmeasured: why there is no report, or no tolerance.
        tolerance: what the rule allows; None where it could not be bound.
        exact: a failing port's steps in Float64, where it computes in what it is given.
        stepper: a port written as a step, and what the reference gave it; None of others.
    """

    way: Way
    reference: Run
    port: Run
    report: Report | None
    rule: str
    unmeasured: str | None = None
    tolerance: Tolerance | None = None
    exact: Run | None = None
    stepper: Stepper | None = None

    @property
    def measured(self) -> Measured | None:
        """The perturbed runs behind the tolerance; None where it was not measured."""
        return self.tolerance if isinstance(self.tolerance, Measured) else None

    @property
    def broke_off(self) -> str | None:
        """Which of the two ended before its time, when and how."""
        for side, run in (("reference", self.reference), ("port", self.port)):
            if run.broke_off is not None:
                last = last_step(run)
                after = "before its first step" if last is None else f"after step {last}"
                return (
                    f"the {side} broke off {after}: {run.broke_off}. Mend that, or compare the "
                    "steps before it"
                )
        return None

    @property
    def problem(self) -> str | None:
        """What kept the two from being compared to their end."""
        return self.broke_off or self.unmeasured

    @property
    def verdict(self) -> Verdict:
        """A port that breaks off where its reference goes on fails; other problems are errors."""
        if self.port.broke_off is not None and self.reference.broke_off is None:
            return Verdict.FAIL
        if self.problem is not None or self.report is None:
            return Verdict.ERROR
        return self.report.verdict

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every quantity's, in the order of computation; none where there is no report."""
        return () if self.report is None else self.report.comparisons

    @property
    def first_excess(self) -> Comparison | None:
        """The quantity that fails in the earliest step, the first computed of several."""
        return None if self.report is None else self.report.first_excess

    @property
    def shared(self) -> tuple[str, ...]:
        """Names that may show their last value in every step; see :class:`repro.run.Run`."""
        return self.reference.shared + self.port.shared

    @property
    def rounding(self) -> dict[str, Rounding]:
        """Per operation that the port names, how it rounds on the reference's own inputs."""
        kinds = dict.fromkeys(c.operation for c in self.comparisons if c.operation is not None)
        return {kind: Rounding.of([c for c in self.comparisons if c.operation == kind])
                for kind in kinds}  # fmt: skip


@dataclass(frozen=True)
class Rounding:
    """What one kind of operation contributes, on the reference's own inputs.

    Attributes:
        values: how many numbers it computed.
        equal: how many of them equal the reference's bit for bit.
        ulp: largest difference, in ulp of the single value.
        budget_used: largest share of its tolerance that was used.
        apart: the reference's number and the port's that are most ulp apart; None where none are.
    """

    values: int
    equal: int
    ulp: float
    budget_used: float
    apart: tuple[float, float] | None = None

    @classmethod
    def of(cls, comparisons: list[Comparison]) -> Rounding:
        """Over all of an operation's comparisons."""
        return sum(map(cls._of, comparisons), cls(0, 0, 0.0, 0.0))

    @classmethod
    def _of(cls, c: Comparison) -> Rounding:
        ulp = np.nan_to_num(c.ulp, posinf=np.inf)
        furthest = c.furthest[ulp.argmax()].tolist() if ulp.any() else None
        return cls(
            c.count * len(c.steps),
            round(float(c.equal.sum()) * c.count),
            float(ulp.max(initial=0)),
            c.worst_ratio,
            None if furthest is None or np.isnan(furthest).all() else (furthest[0], furthest[1]),
        )

    def __add__(self, other: Rounding) -> Rounding:
        """Both together."""
        return Rounding(
            self.values + other.values,
            self.equal + other.equal,
            max(self.ulp, other.ulp),
            max(self.budget_used, other.budget_used),
            other.apart if other.ulp > self.ulp else self.apart,
        )


@dataclass(frozen=True)
class Divergence:
    """The first array beyond its tolerance: the earliest step's, and there the earliest computed.

    Attributes:
        step: of the run; counted from 0, where the runs do not number their steps themselves.
        name: the array, and so the operation that computes it.
        way: how the port was run. Unless on its ``OWN``, what went into the operation, or into
            its step, was the reference's, so that it is wrong in itself.
    """

    step: int | None
    name: str
    way: Way

    @property
    def resynchronised(self) -> bool:
        """Whether it is wrong in itself."""
        return self.way is not Way.OWN
