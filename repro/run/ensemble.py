"""An ensemble: the same run from many seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from repro.run.collecting import load
from repro.run.files import RunError
from repro.run.provenance import Provenance
from repro.run.quantity import Kind, Quantity, Run, rows

SEEDS = "seeds"
"""The name under which a saved ensemble keeps its seeds."""


@dataclass(frozen=True)
class Ensemble:
    """Runs from many seeds, laid side by side.

    Attributes:
        seeds: (n,) int64, all different.
        quantities: by name; the values are (k, n, ...) float64, one column per seed. NaN where a
            run broke off before the step, and in the last step wherever it did.
        provenance: what made them; that of the first, where they were gathered.
    """

    seeds: np.ndarray
    quantities: Mapping[str, Quantity]
    provenance: Provenance = field(default_factory=Provenance)

    @classmethod
    def of(cls, runs: Mapping[int, Run]) -> Ensemble:
        """Runs by their seed. Floating quantities are kept; what was drawn is none of the results.

        Raises:
            RunError: none of them came to its end, or two that did hold different names or shapes.
        """
        if not runs:
            raise RunError("an ensemble of no runs: give some seeds")
        whole = max(runs.values(), key=lambda run: sum(map(_size, run.quantities.values())))
        kept = {n: q for n, q in whole.quantities.items() if _floats(q)}
        if not kept:
            raise RunError(_nothing(runs))
        for seed, run in runs.items():
            if run.broke_off is None and {n for n, q in run.quantities.items() if _floats(q)} != {
                *kept
            }:
                raise RunError(
                    f"the run of seed {seed} holds {', '.join(run.quantities) or 'nothing'}, and "
                    f"others {', '.join(kept)}: let every seed yield the same names"
                )
        stacked = {n: _stacked(n, q, runs) for n, q in kept.items()}
        return cls(np.array([*runs], np.int64), stacked, whole.provenance)

    def __len__(self) -> int:
        return len(self.seeds)

    @cached_property
    def diverged(self) -> np.ndarray:
        """(n,) whether a seed's run broke off, or holds a value that is not finite."""
        ends = [~np.isfinite(_by_seed(q)).all(axis=1) for q in self.quantities.values()]
        found: np.ndarray = np.logical_or.reduce(ends)
        return found

    def chosen(self, where: np.ndarray) -> Ensemble:
        """The seeds that an index or a mask chooses."""
        parts = {
            n: Quantity(q.steps, q.values[:, where], q.kind) for n, q in self.quantities.items()
        }
        return Ensemble(self.seeds[where], parts, self.provenance)

    def of_seeds(self, seeds: Iterable[int]) -> Ensemble:
        """The members with these seeds, in this order.

        Raises:
            RunError: one of them is not there.
        """
        place = {int(seed): i for i, seed in enumerate(self.seeds)}
        missing = [seed for seed in seeds if seed not in place]
        if missing:
            raise RunError(
                f"the ensemble has no seed {missing[0]}: it holds {len(self)} from "
                f"{self.seeds.min()} to {self.seeds.max()}; choose among them"
            )
        return self.chosen(np.array([place[seed] for seed in seeds], np.int64))

    def save(self, path: str | Path) -> None:
        """Write it as a run whose values have the seeds as their second axis, in Float32 where
        that holds them: checksummed, without pickle."""
        kept = {n: Quantity(q.steps, _narrow(q.values), q.kind) for n, q in self.quantities.items()}
        kept[SEEDS] = Quantity.once(self.seeds, Kind.DRAW)
        Run(kept, self.provenance).save(path)

    @classmethod
    def load(cls, path: str | Path) -> Ensemble:
        """Read what :meth:`save` wrote.

        Raises:
            RunError: the file is missing, damaged or something else.
        """
        run = load(path)
        if SEEDS not in run.quantities:
            raise RunError(f"{path} holds a single run: name an ensemble, as Ensemble.save writes")
        values = {n: _wide(q) for n, q in run.quantities.items() if n != SEEDS}
        return cls(run[SEEDS].values[0], values, run.provenance)


def _floats(quantity: Quantity) -> bool:
    return quantity.values.dtype.kind == "f" and quantity.kind is not Kind.DRAW


def _size(quantity: Quantity) -> int:
    return quantity.values.size


def _by_seed(quantity: Quantity) -> np.ndarray:
    """(n, everything else)."""
    return rows(quantity.values.swapaxes(0, 1))


def _stacked(name: str, like: Quantity, runs: Mapping[int, Run]) -> Quantity:
    values = np.full((len(like.steps), len(runs), *like.values.shape[1:]), np.nan)
    for i, (seed, run) in enumerate(runs.items()):
        found = run.quantities.get(name)
        if found is None:
            continue
        if (
            found.values.shape[1:] != like.values.shape[1:]
            or not np.isin(found.steps, like.steps).all()
        ):
            raise RunError(
                f"{name} of seed {seed} has other steps or another shape than the other runs': "
                "let every seed yield the same"
            )
        values[np.searchsorted(like.steps, found.steps), i] = found.values
    values[-1, [run.broke_off is not None for run in runs.values()]] = np.nan  # all may have
    return Quantity(like.steps, values, Kind.RESULT)


def _nothing(runs: Mapping[int, Run]) -> str:
    broken = next((run.broke_off for run in runs.values() if run.broke_off), None)
    if broken is not None:
        return f"no run of {len(runs)} came to a first step ({broken}): try one seed by itself"
    return "the runs hold no floating numbers: let them yield what is to be compared"


def _narrow(values: np.ndarray) -> np.ndarray:
    narrow = values.astype(np.float32)
    lossless = bool(((narrow == values) | np.isnan(values)).all())
    return narrow if lossless else values


def _wide(quantity: Quantity) -> Quantity:
    return Quantity(quantity.steps, quantity.values.astype(np.float64), quantity.kind)
