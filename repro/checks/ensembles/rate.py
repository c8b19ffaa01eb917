"""Runs that diverge are counted, and how often is compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # its rooms are imported when first used: they take most of a second

from repro.checks.ensembles.summary import Equivalence, equivalence


@dataclass(frozen=True)
class Rate:
    """How many runs did not come to their end.

    Attributes:
        a, b: (n,), (m,) by run, whether it diverged.
        paired: whether they are pairs.
    """

    a: np.ndarray
    b: np.ndarray
    paired: bool

    @property
    def any(self) -> bool:
        return bool(self.a.any() or self.b.any())

    @property
    def p(self) -> float:
        """Fisher's exact test; of pairs, whether those of which one diverged lean to a side."""
        if not self.any:
            return 1.0
        if self.paired:
            only_a, only_b = int((self.a & ~self.b).sum()), int((self.b & ~self.a).sum())
            apart = only_a + only_b
            return float(scipy.stats.binomtest(only_a, apart).pvalue) if apart else 1.0
        table = [[x.sum(), (~x).sum()] for x in (self.a, self.b)]
        return float(scipy.stats.fisher_exact(table).pvalue)

    @property
    def equivalence(self) -> Equivalence:
        """The rate as a summary like the others: within half of its spread between seeds."""
        a, b = self.a.astype(float), self.b.astype(float)
        return equivalence("runs that diverged", a, b, self.paired, float(a.std()))

    def __str__(self) -> str:
        return (
            f"{int(self.b.sum())} of {len(self.b)} of the port's runs diverged, "
            f"{int(self.a.sum())} of {len(self.a)} of the reference's"
        )
