"""Two ensembles in pictures: both bands, the difference with its interval, margins, limits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from repro.checks.ensembles import Column, EnsembleCheck, Limits
from repro.reports.drawn import BLUE, GREEN, GREY, PINK, RED, Chart, drawn
from repro.run import rows

QUANTILES = (0.25, 0.5, 0.75)


def ensemble_charts(found: EnsembleCheck, limits: Limits | None) -> list[Chart]:
    """The summaries, every quantity over its steps, and what so many seeds can see."""
    charts = [summaries_chart(found), *_quantities(found)]
    return charts + ([limits_chart(limits)] if limits is not None else [])


def summaries_chart(found: EnsembleCheck) -> Chart:
    """Each summary's difference and interval, in units of its margin: within -1 and 1 it holds."""
    figure = Figure(figsize=(5.6, 0.9 + 0.45 * len(found.judged)), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(-1, 1, color=GREEN, alpha=0.12, lw=0)
    for place, s in enumerate(found.judged):
        unit = s.margin or 1.0
        axes.plot([s.low / unit, s.high / unit], [place, place], color=RED, lw=3, alpha=0.6)
        axes.plot(s.difference / unit, place, "o", color=RED, ms=4)
    axes.axvline(0, color=GREY, lw=0.8)
    axes.set_yticks(range(len(found.judged)), [s.label for s in found.judged], fontsize=7)
    axes.set(ylim=(-0.6, len(found.judged) - 0.4), xlabel="port less reference, in margins")
    axes.invert_yaxis()
    words = "; ".join(f"{s.label} {'holds' if s.holds else 'does not hold'}" for s in found.judged)
    return drawn(figure, f"Summaries: {found.verdict}", f"90 % intervals within margins: {words}")


def _quantities(found: EnsembleCheck) -> Iterator[Chart]:
    for name, (a, b) in found.beside.quantities.items():
        if len(a.steps) > 1:
            sides = [rows(q.values.swapaxes(0, 1)).reshape(q.values.shape[1], len(q.steps), -1)
                     .mean(axis=2) for q in (a, b)]  # fmt: skip
            yield _over_steps(found, name, a.steps, sides[0], sides[1])


def _over_steps(
    found: EnsembleCheck, name: str, steps: np.ndarray, a: np.ndarray, b: np.ndarray
) -> Chart:
    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    top, below = figure.subplots(2, sharex=True)
    log = name in found.beside.logs
    for label, colour, values in (("reference", BLUE, a), ("port", RED, b)):
        low, middle, high = np.quantile(np.exp(values) if log else values, QUANTILES, axis=0)
        top.fill_between(steps, low, high, color=colour, alpha=0.2, lw=0)
        top.plot(steps, middle, color=colour, lw=1.4, label=label)
    if log:
        top.set_yscale("log")
    top.set(ylabel=name)
    top.legend(fontsize=7)
    _difference(below, steps, a, b, found)
    below.set(xlabel="iteration", ylabel="difference, in spreads")
    _mark(below, [f.column for f in found.parted if f.column.name == name])
    words = f"{name}: median and quartiles of both sides, and the difference with its 90 % interval"
    return drawn(figure, name, words)


def _difference(
    axes: Axes, steps: np.ndarray, a: np.ndarray, b: np.ndarray, found: EnsembleCheck
) -> None:
    spread = a.std(axis=0, ddof=1)
    spread = np.where(spread > 0, spread, 1.0)
    if found.paired:
        error = (b - a).std(axis=0, ddof=1) / np.sqrt(len(a))
    else:
        error = np.sqrt(a.var(axis=0, ddof=1) / len(a) + b.var(axis=0, ddof=1) / len(b))
    middle = (b.mean(axis=0) - a.mean(axis=0)) / spread
    reach = stats.t.ppf(0.95, min(len(a), len(b)) - 1) * error / spread
    axes.axhspan(-0.5, 0.5, color=GREEN, alpha=0.1, lw=0, label="half a spread")
    axes.fill_between(steps, middle - reach, middle + reach, color=RED, alpha=0.25, lw=0)
    axes.plot(steps, middle, color=RED, lw=1.2)
    axes.axhline(0, color=GREY, lw=0.8)
    axes.legend(fontsize=7)


def _mark(axes: Axes, parted: list[Column]) -> None:
    for step in sorted({column.step for column in parted}):
        axes.axvline(step, color=PINK, lw=0.8, ls=":")


def limits_chart(limits: Limits) -> Chart:
    """The smallest change of each quantity that is found in nine of ten comparisons."""
    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    axes = figure.subplots()
    for i, (name, smallest) in enumerate(limits.smallest.items()):
        shown = smallest / (limits.spread[name] or 1.0)
        axes.plot(limits.seeds, shown, ("-", "--", ":", "-.")[i % 4], marker=".", label=name)
    axes.set(xscale="log", yscale="log", ylabel="smallest change seen, in spreads")
    axes.set_xlabel("pairs" if limits.paired else "seeds a side")
    axes.set_xticks(limits.seeds, [str(n) for n in limits.seeds])
    axes.minorticks_off()
    axes.legend(fontsize=6)
    return drawn(
        figure, "What so many seeds can see",
        "By number of seeds, the change of each quantity that nine of ten comparisons would find",
    )  # fmt: skip
