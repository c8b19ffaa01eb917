"""How often a difference as large as the margin lies within it: one in twenty is promised.

``python -m ensembles.level [FOLDER]``: unpaired, by the shipped ensembles dealt anew; in pairs, by
what the wrong ports in the folder (:mod:`ensembles.power` keeps them there) differ from the
original by, moved to the margin. Tens of thousands of intervals each.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ensembles.false_alarms import FUNCTIONS
from ensembles.power import kept_in
from ensembles.wrong_ports import GROSS

from repro.checks.ensembles.beside import lay
from repro.checks.ensembles.permuting import permuted
from repro.checks.ensembles.result import ALPHA
from repro.checks.ensembles.summary import interval
from repro.run import Ensemble
from repro.sides.members import watched_of
from repro.sides.shipped_ensembles import shipped


def summaries_of(held: Ensemble, function: str) -> dict[str, np.ndarray]:
    """By summary (n,), on its scale."""
    named = watched_of(function).summaries
    values, _ = lay(held, held, paired=False).summarised(named)
    return dict(zip(map(str, named), values.T, strict=True))


def dealt(values: np.ndarray, seeds: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(2, seeds, draws) two sides without a common seed."""
    order = rng.permuted(np.tile(np.arange(len(values)), (draws, 1)), axis=1)
    return np.stack([values[order[:, :seeds]].T, values[order[:, seeds : 2 * seeds]].T])


def unpaired(values: np.ndarray, seeds: int, draws: int, sign: int) -> tuple[float, float, float]:
    """The share of intervals within the margin, of two programs that are truly so far apart.

    Returns:
        With half of the spread of all seeds as the margin, stated beforehand; with half of the
        spread of the very seeds compared; and of the latter, those whose margin as printed is
        smaller than the true difference.
    """
    rng = np.random.default_rng(0)
    truth = values.std(ddof=1) / 2
    a, b = dealt(values, seeds, draws, rng)
    low, high = interval(a, b + sign * truth, paired=False)
    own = a.std(axis=0, ddof=1) / 2
    stated = (-truth <= low) & (high <= truth)
    within = (-own <= low) & (high <= own)
    return float(stated.mean()), float(within.mean()), float((within & (own <= truth)).mean())


def pairs(port: Ensemble, function: str, seeds: int, draws: int) -> Iterator[tuple[float, float]]:
    """By summary and sign, what lies within the margin, and what ends in ``EQUIVALENT``.

    The port is the original but for one quantity, which differs as the wrong port's does and, on
    average, by the margin.
    """
    rng, original = np.random.default_rng(seeds), shipped(function)
    beside = lay(original, port, paired=True)
    a, b = beside.summarised(watched_of(function).summaries)
    spreads = [values.std(ddof=1) for values in summaries_of(original, function).values()]
    for i, summary in enumerate(watched_of(function).summaries):
        own = np.array([column.name == summary.quantity for column in beside.columns])
        apart, margin = (b - a)[:, i], spreads[i] / 2
        for sign in (1, -1):
            shift = sign * margin - apart.mean()
            other = np.where(own, beside.b + shift, beside.a)
            rows = rng.integers(len(a), size=(draws, seeds))
            drawn = (apart + shift)[rows].T
            low, high = interval(np.zeros_like(drawn), drawn, paired=True)
            within = np.flatnonzero((-margin <= low) & (high <= margin))
            found = [permuted(beside.a[rows[k]], other[rows[k]], True).p > ALPHA for k in within]
            yield len(within) / draws, sum(found) / draws


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--draws", type=int, default=20_000)
    asked = parser.parse_args()
    for seeds in (64, 128):
        found = {
            (function, name, sign): unpaired(values, seeds, asked.draws, sign)
            for function in FUNCTIONS
            for name, values in summaries_of(shipped(function), function).items()
            for sign in (1, -1)
        }
        _print(f"{seeds} seeds a side, {len(found) * asked.draws:,} intervals", found)
    if asked.folder is not None:
        few = max(asked.draws // 100, 1)
        for seeds in (10, 16):
            ends = {
                (wrong.function, wrong.name, i): pair
                for wrong in GROSS
                for i, pair in enumerate(
                    pairs(kept_in(wrong, asked.folder), wrong.function, seeds, few)
                )
            }
            _print(f"{seeds} pairs, {len(ends) * few:,} comparisons", ends)


def _print(title: str, found: dict[tuple[str, str, int], tuple[float, ...]]) -> None:
    shares = 100 * np.array([*found.values()])
    most = [max(found, key=lambda key, i=i: found[key][i]) for i in range(shares.shape[1])]  # type: ignore[misc]
    for i, kind in enumerate(("stated margin", "own margin", "own margin, and printed too small")
                             if shares.shape[1] == 3 else ("within", "EQUIVALENT")):  # fmt: skip
        at = ", ".join(map(str, most[i]))
        print(f"{title}, {kind}: {shares[:, i].mean():.2f} %, at most {shares[:, i].max():.2f} % "
              f"({at})", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
