"""How often one program is called two, and a difference as large as the margin none.

``python -m ensembles.false_alarms``: the shipped ensembles against themselves, at other seeds.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator

import numpy as np

from repro.cases import RECORDS
from repro.checks.ensembles import check_ensembles
from repro.run import Ensemble, Quantity
from repro.sides.shipped_ensembles import shipped

FUNCTIONS = ("transfer_learn", "fomaml", "reptile")
"""Of which there are seeds enough for two sides of 64."""


def splits(held: Ensemble, seeds: int, count: int) -> Iterator[tuple[Ensemble, Ensemble]]:
    """Two halves without a common seed, dealt anew each time."""
    rng = np.random.default_rng(seeds)
    for _ in range(count):
        order = rng.permutation(len(held))
        yield held.chosen(order[:seeds]), held.chosen(order[seeds : 2 * seeds])


def moved(held: Ensemble, name: str, factor: float) -> Ensemble:
    """The ensemble with one quantity scaled."""
    changed = dict(held.quantities)
    q = changed[name]
    changed[name] = Quantity(q.steps, q.values * factor, q.kind)
    return Ensemble(held.seeds, changed, held.provenance)


def ends(function: str, seeds: int, count: int, at_the_margin: bool) -> Counter[str]:
    """What comparisons end in; of one program, or of two that are a margin apart in a summary.

    The margin is half the spread of all 256 seeds, stated beforehand.
    """
    held, watched = shipped(function), RECORDS[function].watched
    assert watched is not None
    found: Counter[str] = Counter()
    summary = watched.summaries[-1]
    spread = np.log(held.quantities[summary.quantity].values[-1]).std(ddof=1) / 2
    margins = {summary.quantity: float(np.expm1(spread))} if at_the_margin else None
    for a, b in splits(held, seeds, count):
        if at_the_margin:
            b = moved(b, summary.quantity, float(np.exp(spread)))
        summaries = [summary] if at_the_margin else watched.summaries
        result = check_ensembles(a, b, paired=False, summaries=summaries, margins=margins)
        found[str(result.verdict)] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, default=400)
    parser.add_argument("functions", nargs="*", default=FUNCTIONS)
    asked = parser.parse_args()
    each = -(-asked.comparisons // (2 * len(asked.functions)))
    for at_the_margin in (False, True):
        total: Counter[str] = Counter()
        for function in asked.functions:
            for seeds in (16, 64):
                found = ends(function, seeds, each, at_the_margin)
                total += found
                what = "a margin apart" if at_the_margin else "one program"
                print(f"{what}, {function}, {seeds} seeds: {dict(found)}", flush=True)
        print(f"together: {dict(total)} of {sum(total.values())}", flush=True)


if __name__ == "__main__":
    main()
