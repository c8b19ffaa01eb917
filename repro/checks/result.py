"""What comes of a check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path

from repro.checks import reproduction, told, words
from repro.checks.arbiter import Arbiter
from repro.checks.pair import Divergence, Pair, Way
from repro.checks.table import Table, table
from repro.checks.verdict import Verdict, worst
from repro.run import Run, base_name


@dataclass(frozen=True, repr=False)
class Check:
    """How a port did beside its reference; true when everything passed.

    Attributes:
        pairs: what was compared, one for each way in which the port was run.
        not_run: why nothing could be tried; None where something was.
        arbiter: both sides' distance from a run in Float64; None where not asked for. It
            decides nothing.
        accept: names that may differ, each with the reason.
        note: what else a reader should know of what was compared.
    """

    pairs: tuple[Pair, ...] = ()
    not_run: str | None = None
    arbiter: Arbiter | None = None
    accept: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def pair(self, way: Way) -> Pair | None:
        """What came of one way of running the port; None where it was not run so."""
        return next((pair for pair in self.pairs if pair.way is way), None)

    @property
    def own(self) -> Pair | None:
        """The port's own run."""
        return self.pair(Way.OWN)

    @property
    def resynchronised(self) -> Pair | None:
        """Its steps, each from the reference's state."""
        return self.pair(Way.RESYNCHRONISED)

    @property
    def followed(self) -> Pair | None:
        """Its operations, each on the reference's inputs."""
        return self.pair(Way.FOLLOWED)

    @property
    def sharpest(self) -> tuple[Pair, ...]:
        """All pairs, the sharper way first."""
        return tuple(sorted(self.pairs, key=lambda pair: [*Way].index(pair.way)))

    @property
    def verdict(self) -> Verdict:
        """The most severe of what was compared; ``NOT_RUN`` where nothing could be tried.

        What is undecided one way is decided by a sharper way that passes: chaos has eaten a run,
        but each of its steps was judged.
        """
        if not self.pairs:
            return Verdict.NOT_RUN
        sharp, *others = (pair.verdict for pair in self.sharpest)
        return worst([sharp, *(v for v in others if not (sharp and v is Verdict.UNDECIDED))])

    def __bool__(self) -> bool:
        return bool(self.verdict)

    @property
    def first(self) -> Divergence | None:
        """The first wrong operation; None where nothing exceeds its tolerance."""
        for pair in self.sharpest:
            found = pair.first_excess
            if found is not None:
                return Divergence(found.first_excess, base_name(found.name), pair.way)
        return None

    @property
    def worst_ratio(self) -> float:
        """The largest difference over its tolerance: how many times the tolerance would pass."""
        compared = [c for pair in self.pairs for c in pair.comparisons]
        ratios = [c.worst_ratio for c in compared if not (c.differs and c.accepted)]
        return max(ratios, default=float("nan"))

    @property
    def message(self) -> str:
        """The verdict, where and by how much the port parts first, and what to do next."""
        if not self.pairs:
            return f"{self.verdict}: {self.not_run}"
        return words.message(self.verdict, self.sharpest, self.accept)

    @cached_property
    def table(self) -> Table:
        """Per name the first wrong step, steps wrong, worst error over tolerance, sharpness, and
        what the difference looks like; ``print`` it."""
        return table(self.sharpest)

    @property
    def given(self) -> Mapping[str, tuple[str, ...]]:
        """What the port had from the reference, and was not checked: ``draws`` in every step,
        ``start``, the state before the first. Empty where it was given nothing."""
        return told.given(self.pairs)

    @property
    def accepted_lines(self) -> list[str]:
        """What was let through, how often and how far, and what need not be, in words."""
        return list(told.accepted_lines(self.accept, self.sharpest))

    @property
    def accepted(self) -> Mapping[str, str]:
        """The names that differ and may, with the reasons."""
        return {name: self.accept[name] for name in told.accepted(self.sharpest)}

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"<Check {self.message.splitlines()[0]}>"

    def _repr_html_(self) -> str:
        """In a notebook, the whole message and the table of all names."""
        return f"<pre>{escape(self.message)}\n\n{escape(str(self.table))}</pre>"

    def reproduction(self, folder: str | Path) -> list[Path]:
        """Write the first wrong step alone, to be attached to a report: its inputs, both sides'
        arrays as plain ``.npz``, and ``show.py``, which shows the difference without this package.

        Returns:
            The files, the script last; none where nothing is wrong, or in no step.
        """
        first = self.first
        pair = None if first is None else self.pair(first.way)
        if first is None or pair is None or first.step is None:
            return []
        return reproduction.write(pair, first, Path(folder))

    def save(self, folder: str | Path) -> list[Path]:
        """Write both sides as runs, and the port's resynchronised steps as a third.

        Returns:
            The files: ``reference.npz``, ``port.npz``, ``resynchronised.npz``.
        """
        whole: dict[str, Run] = {}
        if self.own is not None:
            whole |= {"reference": self.own.reference, "port": self.own.port}
        if self.resynchronised is not None:
            whole["resynchronised"] = self.resynchronised.port
        for name, run in whole.items():
            run.save(Path(folder) / f"{name}.npz")
        return [Path(folder) / f"{name}.npz" for name in whole]
