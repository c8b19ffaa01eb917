"""What comes of a check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from repro.parity import sentences
from repro.parity.compare import Comparison, Report
from repro.parity.verdict import Verdict, worst
from repro.steps import base_name
from repro.trajectory import Trajectory


@dataclass(frozen=True)
class Side:
    """One way of running the port beside the reference, and how it compared.

    Attributes:
        reference, port: what was compared.
        report: every quantity's comparison; None where there was nothing to compare.
        tolerance: how it was derived, in words.
        problem: why there is no report, or how a run broke off.
        shared: names that may show their last value in every step; see :class:`Run`.
    """

    reference: Trajectory
    port: Trajectory
    report: Report | None
    tolerance: str
    problem: str | None = None
    shared: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
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


@dataclass(frozen=True)
class Divergence:
    """The first array beyond its tolerance: the earliest step's, and there the earliest computed.

    Attributes:
        step: counted from 0, the first that was yielded.
        name: the array, and so the operation that computes it.
        resynchronised: the step started from the reference's own state, so that the operation is
            wrong in itself; else what it started from may have been off already.
    """

    step: int | None
    name: str
    resynchronised: bool


@dataclass(frozen=True)
class Check:
    """How a port did beside its reference; true when everything passed.

    Attributes:
        own: the port's own run; None where it could not be tried.
        resynchronised: its steps, each from the reference's state; None where not asked for.
        reason: why nothing could be tried.
    """

    own: Side | None = None
    resynchronised: Side | None = None
    reason: str | None = None

    @property
    def sides(self) -> tuple[Side, ...]:
        """What was compared, the sharper comparison first."""
        return tuple(s for s in (self.resynchronised, self.own) if s is not None)

    @property
    def verdict(self) -> Verdict:
        """The most severe of what was compared; ``NOT_RUN`` where nothing could be tried."""
        return worst(s.verdict for s in self.sides) if self.sides else Verdict.NOT_RUN

    def __bool__(self) -> bool:
        return bool(self.verdict)

    @property
    def first(self) -> Divergence | None:
        """The first wrong operation; None where nothing exceeds its tolerance."""
        for side in self.sides:
            found = side.first_excess
            if found is not None:
                again = side is self.resynchronised
                return Divergence(found.first_excess, base_name(found.name), again)
        return None

    @property
    def worst_ratio(self) -> float:
        """The largest difference over its tolerance: how many times the tolerance would pass."""
        ratios = [c.worst_ratio for side in self.sides for c in side.comparisons]
        return max(ratios, default=float("nan"))

    @property
    def message(self) -> str:
        """The verdict, where and by how much the port parts first, and what to do next."""
        return sentences.message(self)

    def __str__(self) -> str:
        return self.message

    def save(self, folder: str | Path) -> list[Path]:
        """Write both sides as trajectories, and the port's resynchronised steps as a third.

        Returns:
            The files: ``reference.npz``, ``port.npz``, ``resynchronised.npz``.
        """
        whole: dict[str, Trajectory] = {}
        if self.own is not None:
            whole |= {"reference": self.own.reference, "port": self.own.port}
        if self.resynchronised is not None:
            whole["resynchronised"] = self.resynchronised.port
        for name, trajectory in whole.items():
            trajectory.save(Path(folder) / f"{name}.npz")
        return [Path(folder) / f"{name}.npz" for name in whole]
