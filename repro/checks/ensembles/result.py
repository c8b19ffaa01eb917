"""What came of holding two ensembles against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np

from repro.checks.ensembles import words
from repro.checks.ensembles.beside import Beside, Column
from repro.checks.ensembles.permuting import FAMILIES, Permuted, least_seeds
from repro.checks.ensembles.planning import Limits, Plan, limits
from repro.checks.ensembles.rate import Rate
from repro.checks.ensembles.summary import Equivalence, Summary
from repro.run import Ensemble

ALPHA = 0.01
"""The chance that two ensembles of one program end in ``DIFFERENT``, over all names and steps."""


class EnsembleVerdict(str, Enum):
    """Three ends, of which only the first is a good one; ``bool()`` says which.

    ``EQUIVALENT``: every summary lies within its margin. ``DIFFERENT``: the distributions differ.
    ``UNDECIDED``: neither has been shown, and more seeds would.
    """

    EQUIVALENT = "EQUIVALENT"
    DIFFERENT = "DIFFERENT"
    UNDECIDED = "UNDECIDED"

    def __bool__(self) -> bool:
        return self is EnsembleVerdict.EQUIVALENT

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Parted:
    """A number whose distributions differ, all numbers taken together.

    Attributes:
        column: which.
        what: ``location`` or ``spread``.
        p: adjusted for all numbers, of location or of spread.
    """

    column: Column
    what: str
    p: float

    def __str__(self) -> str:
        return f"{self.column} ({self.what}, p = {self.p:.2g})"


@dataclass(frozen=True)
class EnsembleCheck:
    """The verdict is derived from the rest; true where it is ``EQUIVALENT``.

    Attributes:
        reference, port: what was compared.
        beside: the two laid beside each other.
        summaries: what the verdict ``EQUIVALENT`` rests on.
        tests: what the verdict ``DIFFERENT`` rests on, together with the rate; None where too few
            runs came to their end.
        rate: of runs that diverged.
        alpha: the chance of a false ``DIFFERENT``.
        values: (n, s), (m, s) the summaries run by run.
        unjudged: what the verdict ``EQUIVALENT`` would have to rest on as well, and the port lacks.
    """

    reference: Ensemble
    port: Ensemble
    beside: Beside
    summaries: tuple[Equivalence, ...]
    tests: Permuted | None
    rate: Rate
    alpha: float = ALPHA
    values: tuple[np.ndarray, np.ndarray] = field(repr=False, default=(np.empty(0), np.empty(0)))
    unjudged: tuple[Summary, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.verdict)

    @property
    def paired(self) -> bool:
        return self.beside.paired

    @property
    def share(self) -> float:
        """Of ``alpha``, for either test: half each, where runs diverged and there are two."""
        return self.alpha / 2 if self.rate.any else self.alpha

    @property
    def verdict(self) -> EnsembleVerdict:
        """Which of the three."""
        if self.rate.p <= self.share or (self.tests is not None and self.tests.p <= self.share):
            return EnsembleVerdict.DIFFERENT
        if self.could_tell and not self.unjudged and all(found.holds for found in self.judged):
            return EnsembleVerdict.EQUIVALENT
        return EnsembleVerdict.UNDECIDED

    @property
    def judged(self) -> tuple[Equivalence, ...]:
        """The summaries, and the rate where any run diverged."""
        return (*self.summaries, *((self.rate.equivalence,) if self.rate.any else ()))

    @property
    def could_tell(self) -> bool:
        """Whether so many seeds could have ended in ``DIFFERENT`` at all."""
        return self.tests is not None and self.tests.attainable <= self.share / len(FAMILIES)

    @property
    def least_seeds(self) -> int:
        """Seeds a side, or pairs, with which any verdict but ``UNDECIDED`` can be reached."""
        return least_seeds(self.share, self.paired)

    @cached_property
    def parted(self) -> tuple[Parted, ...]:
        """What differs, the first step and the earliest name first."""
        if self.tests is None:
            return ()
        critical, p = self.tests.critical(self.share), self.tests.column_p()
        found = [
            Parted(column, what, float(p[i, j]))
            for i, what in enumerate(FAMILIES[:2])
            for j, column in enumerate(self.beside.columns)
            if p[i, j] <= critical
        ]
        return tuple(sorted(found, key=lambda f: (f.column.step, f.column.order)))

    @property
    def plan(self) -> Plan:
        """For simulating further comparisons."""
        critical = np.inf if self.tests is None else self.tests.critical_t(self.share)
        margins = np.array([found.margin for found in self.summaries])
        return Plan(*self.values, margins, critical, self.paired, self.least_seeds)

    @cached_property
    def seeds_for_equivalence(self) -> int | None:
        """Seeds a side, or pairs, with which identical programs end in ``EQUIVALENT`` nine times
        in ten; None where that is too many to try."""
        return self.plan.seeds_for_equivalence() if self.tests is not None else None

    @cached_property
    def seeds_to_decide(self) -> int | None:
        """Seeds a side, or pairs, with which this would be decided; None where that cannot be
        said, or is too many to try."""
        if self.verdict is not EnsembleVerdict.UNDECIDED or self.tests is None or self.rate.any:
            return None
        if self.unjudged:
            return None
        return self.plan.seeds_to_decide()

    def limits(self, seeds: tuple[int, ...] = ()) -> Limits:
        """The smallest change in each quantity that so many seeds would find.

        Args:
            seeds: by default as many as the port's side has, and doublings from 8 to 256; of both
                those that can find anything.
        """
        usual = sorted({8, 16, 32, 64, 128, 256, len(self.beside.b)})
        counts = seeds or tuple(n for n in usual if n >= self.least_seeds)
        return limits(self.beside, counts, self.alpha)

    @property
    def message(self) -> str:
        """The verdict, what it rests on, and what to do next."""
        return words.message(self)

    def as_dict(self) -> Mapping[str, Any]:
        """Everything known, as plain JSON values."""
        return words.as_dict(self)
