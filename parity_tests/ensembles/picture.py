"""The picture of docs/ensembles.md: ``python -m ensembles.picture docs/ensembles-verdicts.png``.

Drawn of the shipped FOMAML ensemble, held against itself at other seeds, right and scaled.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from ensembles.false_alarms import moved
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from repro.checks.ensembles import EnsembleCheck, Summary, check_ensembles
from repro.run import atomic
from repro.sides.shipped_ensembles import shipped

SUMMARY = Summary("norm of the weights", late=0)


def cases() -> dict[str, EnsembleCheck]:
    """One comparison for each verdict."""
    held = shipped("fomaml")
    a, b, few = held.chosen(np.arange(100)), held.chosen(np.arange(100, 200)), np.arange(200, 214)
    others = {
        "100 seeds, the same program": b,
        "100 seeds, weights 4 % larger": moved(b, SUMMARY.quantity, 1.04),
        "14 seeds, the same program": held.chosen(few),
    }
    return {
        label: check_ensembles(a, other, paired=False, summaries=[SUMMARY])
        for label, other in others.items()
    }


def intervals(axes: Axes, found: dict[str, EnsembleCheck]) -> None:
    margin = next(iter(found.values())).summaries[0].margin
    axes.axvspan(-margin, margin, color="#00805e", alpha=0.15, lw=0, label="margin")
    for place, (label, check) in enumerate(found.items()):
        s = check.summaries[0]
        axes.plot([s.low, s.high], [place, place], color="#d55e00", lw=4, alpha=0.6)
        axes.plot(s.difference, place, "o", color="#d55e00")
        axes.annotate(f"{check.verdict}\n{label}", (s.high, place), (6, 0),
                      textcoords="offset points", va="center", fontsize=7)  # fmt: skip
    axes.axvline(0, color="#8a8a8a", lw=0.8)
    axes.set(yticks=[], ylim=(2.6, -0.6), xlim=(-0.03, 0.11),
             xlabel="difference of log(norm), 90 % interval")  # fmt: skip
    axes.set_title("certainly small?", fontsize=9)
    axes.legend(fontsize=7, loc="lower right")


def dealings(axes: Axes, found: dict[str, EnsembleCheck]) -> None:
    labels = list(found)
    tests = found[labels[0]].tests
    assert tests is not None
    axes.hist(tests.location.max(axis=1), bins=40, color="#0072b2", alpha=0.5,
              label="largest |t| of 160 numbers,\n1,999 dealings of the labels")  # fmt: skip
    for label, colour in ((labels[0], "#00805e"), (labels[1], "#d55e00")):
        seen = found[label].tests
        assert seen is not None
        axes.axvline(float(np.abs(seen.signed).max()), color=colour, lw=2, label=f"seen: {label}")
    axes.set(xlabel="largest |t|", yticks=[])
    axes.set_title("could they be one program?", fontsize=9)
    axes.legend(fontsize=6)


def main(path: Path) -> None:
    found = cases()
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    intervals(left, found)
    dealings(right, found)
    with atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
