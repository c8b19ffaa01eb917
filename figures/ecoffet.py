"""The second post's figures, one function each, from arrays that :mod:`repro.ecoffet` computed.

None of them trains anything. ``fit`` arguments are what ``experiment.fits`` returns, ``curves``
map a model's name to what ``experiment.learning_curve`` returns, in the order of the legend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Arrays = Mapping[str, np.ndarray]
Curves = Mapping[str, np.ndarray]

DARKGRID: dict[str, Any] = {
    "axes.facecolor": "EAEAF2",
    "axes.spines.left": False,
    "axes.spines.bottom": False,
    "grid.color": "white",
    "grid.linewidth": 1.0,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}
"""What makes the shared style look like the post's."""


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the post's style, whatever the surroundings have set."""
    style = [Path(__file__).with_name("repro.mplstyle"), DARKGRID]

    @wraps(draw)
    def drawn(*args, **kwargs) -> Figure:
        with plt.style.context(style, after_reset=True):
            return draw(*args, **kwargs)

    return drawn


def empty(**kwargs) -> tuple[Figure, Axes]:
    figure = Figure(**kwargs)
    return figure, figure.subplots()


@styled
def random_tasks(x: np.ndarray, waves: np.ndarray) -> Figure:
    """A few tasks: x (n,), waves (tasks, n)."""
    figure, axes = empty()
    axes.plot(x, waves.T)
    return figure


@styled
def thousand_tasks(x: np.ndarray, waves: np.ndarray) -> Figure:
    """Many tasks on top of each other, all in black: x (n,), waves (tasks, n)."""
    figure, axes = empty()
    axes.plot(x, waves.T, color="black")
    return figure


@styled
def average_function(x: np.ndarray, average: np.ndarray, random: np.ndarray) -> Figure:
    """The mean of very many tasks beside one of them; all (n,)."""
    figure, axes = empty()
    axes.plot(x, average, label="Average")
    axes.plot(x, random, label="Random")
    axes.legend()
    return figure


def task(fit: Arrays) -> Figure:
    figure, axes = empty()
    axes.plot(fit["train_x"], fit["train_y"], "^", label="Training Points", zorder=3)
    axes.plot(fit["x"], fit["y"], label="True Function")
    for steps, predictions in zip(fit["steps"], fit["predictions"], strict=True):
        axes.plot(fit["x"], predictions, "--", label=f"After {steps} Steps")
    axes.legend()
    return figure


def learning(curves: Curves, **line) -> Figure:
    figure, axes = empty()
    for name, (mean, low, high) in curves.items():
        steps = np.arange(len(mean))
        (drawn,) = axes.plot(steps, mean, label=name, **line)
        axes.fill_between(steps, low, high, color=drawn.get_color(), alpha=0.2, linewidth=0)
        axes.set_xlim(0, len(mean) - 1)
    axes.set_xlabel("fits")
    axes.set_ylabel("loss")
    axes.legend(title="model")
    return figure


MARKED = {"marker": "s", "linestyle": "--"}


@styled
def transfer_task(fit: Arrays) -> Figure:
    """The transfer model on the first test task."""
    return task(fit)


@styled
def transfer_learning_curve(curves: Curves) -> Figure:
    """Transfer and Random over 0 to 99 steps."""
    return learning(curves)


@styled
def maml_task(fit: Arrays) -> Figure:
    """MAML on the first test task."""
    return task(fit)


@styled
def maml_learning_curve(curves: Curves) -> Figure:
    """Transfer, MAML and Random over 0 to 9 steps."""
    return learning(curves, **MARKED)


@styled
def maml_one_sided(fit: Arrays) -> Figure:
    """MAML on the task whose points lie on one side."""
    return task(fit)


@styled
def first_order_task(fit: Arrays) -> Figure:
    """First-order MAML on the first test task."""
    return task(fit)


@styled
def first_order_learning_curve(curves: Curves) -> Figure:
    """MAML and MAML First Order over 0 to 9 steps, 5 models each."""
    return learning(curves, **MARKED)


@styled
def first_order_one_sided(fit: Arrays) -> Figure:
    """First-order MAML on the one-sided task."""
    return task(fit)


@styled
def reptile_task(fit: Arrays) -> Figure:
    """Reptile on the first test task."""
    return task(fit)


@styled
def reptile_learning_curve(curves: Curves) -> Figure:
    """MAML, MAML First Order and Reptile over 0 to 31 steps, 5 models each."""
    return learning(curves, **MARKED)


@styled
def reptile_one_sided(fit: Arrays) -> Figure:
    """Reptile on the one-sided task."""
    return task(fit)


@styled
def peculiar_learning_curve(curves: Curves) -> Figure:
    """MAML and MAML First Order, as the notebook has them and as published."""
    figure = learning(curves, **MARKED)
    axes = figure.axes[0]
    axes.set_title("What adding the training gradient does")
    axes.set_ylim(bottom=0)
    return figure


@styled
def expansion(rates: np.ndarray, residuals: Mapping[str, np.ndarray], titles: Sequence[str]):
    """What is left of a meta-update's direction after one and after two terms of its expansion.

    Args:
        rates: (n,) inner learning rates.
        residuals: per method (panels, 2, n): norm after AvgGrad alone, and after AvgGradInner too.
        titles: of the panels.
    """
    figure = Figure(figsize=(4.5 * len(titles), 4))
    panels = figure.subplots(1, len(titles), sharey=True, squeeze=False)[0]
    for i, (axes, title) in enumerate(zip(panels, titles, strict=True)):
        for name, values in residuals.items():
            (line,) = axes.loglog(rates, values[i, 0], "--", lw=1.2)
            axes.loglog(rates, values[i, 1], "o-", ms=3.5, color=line.get_color(), label=name)
        axes.set_title(title)
        axes.set_xlabel("inner learning rate")
    _power_guides(panels[-1], rates)
    panels[0].set_ylabel("norm of what is left")
    panels[0].plot([], [], "--", color="0.4", lw=1.2, label="without AvgGradInner")
    panels[0].plot([], [], "o-", color="0.4", ms=3.5, label="with AvgGradInner")
    panels[0].legend(loc="lower right")
    return figure


def _power_guides(axes: Axes, rates: np.ndarray) -> None:
    """Grey lines with the slopes of errors in lr and in lr squared, beside the curves."""
    for power, factor, side in [(1, 1e3, "bottom"), (2, 1e2, "top")]:
        middle = np.sqrt(rates[0] * rates[-1])
        axes.loglog(rates, factor * rates**power, color="0.6", lw=1, zorder=1)
        axes.text(middle, factor * middle**power, f"slope {power} ", color="0.4", fontsize=9,
                  va=side, ha="right" if side == "bottom" else "left")  # fmt: skip
