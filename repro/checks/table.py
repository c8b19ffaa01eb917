"""A check, name by name: wrong from where on, how often, how far, and what it looks like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from repro.checks.compare import Comparison
from repro.checks.pair import Pair, Way
from repro.checks.pattern import Pattern
from repro.checks.seen import pattern
from repro.checks.verdict import Verdict

COLUMNS = (
    "name", "verdict", "first wrong step", "steps wrong", "error / tolerance", "held to",
    "looks like",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One name, as the sharpest way of running the port shows it.

    Attributes:
        name: of the quantity.
        way: how the port was run.
        comparison: all figures.
        pattern: what a difference looks like; None where it looks like nothing known, or there is
            none.
    """

    name: str
    way: Way
    comparison: Comparison
    pattern: Pattern | None

    @property
    def verdict(self) -> Verdict:
        return self.comparison.verdict

    @property
    def first_wrong(self) -> int | None:
        """The first step beyond tolerance."""
        return self.comparison.first_excess

    @property
    def steps_wrong(self) -> int:
        """How many steps are beyond tolerance."""
        return int((~(self.comparison.ratio <= 1)).sum())

    @property
    def worst_ratio(self) -> float:
        """The largest error over its tolerance."""
        return self.comparison.worst_ratio

    @property
    def sharpness(self) -> float | None:
        """Tolerance over the value itself, the median; None where nothing was judged."""
        held = self.comparison.sharpness
        return None if held is None or np.isnan(held.median) else held.median

    @property
    def cells(self) -> tuple[str, ...]:
        """What :data:`COLUMNS` name."""
        c = self.comparison
        steps = len(c.steps)
        accepted = "" if c.accepted is None or not c.differs else f"accepted: {c.accepted}; "
        looks = str(c.problem or self.pattern or "")
        return (
            self.name,
            str(self.verdict),
            "-" if self.first_wrong is None else str(self.first_wrong),
            f"{self.steps_wrong} of {steps}",
            "-" if c.problem else f"{self.worst_ratio:.3g}",
            "-" if self.sharpness is None else f"{self.sharpness:.1e}",
            (accepted + looks).removesuffix("; ") or "-",
        )

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        found = self.pattern
        return {
            "name": self.name,
            "way": str(self.way),
            "verdict": str(self.verdict),
            "first_wrong": self.first_wrong,
            "steps_wrong": self.steps_wrong,
            "steps": len(self.comparison.steps),
            "worst_ratio": self.worst_ratio,
            "sharpness": self.sharpness,
            "accepted": self.comparison.accepted if self.comparison.differs else None,
            "pattern": None if found is None else vars(found),
        }


@dataclass(frozen=True)
class Table:
    """All names, in the order of computation; printed, it is a table."""

    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def __str__(self) -> str:
        lines = [COLUMNS, *(row.cells for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(n) for cell, n in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )


def table(pairs: tuple[Pair, ...]) -> Table:
    """Of what was compared, the sharper way first. A quantity whose shape or type changes is one
    row for each."""
    found: dict[str, Row] = {}
    for pair in pairs:
        if pair.way is not Way.FOLLOWED:
            for c in pair.comparisons:
                if c.name not in found:
                    looks = pattern(pair, c) if c.differs else None
                    found[c.name] = Row(c.name, pair.way, c, looks)
    return Table(tuple(found.values()))
