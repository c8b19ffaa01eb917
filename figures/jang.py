"""The figures of the third post. Each function draws arrays; none of them computes or trains."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from numpy import ndarray

ORIGINAL = {"color": "black", "marker": "o", "markersize": 3.2, "fillstyle": "none"}
ORIGINAL |= {"linestyle": "none", "markeredgewidth": 0.7, "markevery": 4}


def axes(xlabel: str = "", ylabel: str = "") -> tuple[Drawing, Axes]:
    figure = Drawing()
    ax = figure.add_subplot()
    ax.set(xlabel=xlabel, ylabel=ylabel)
    return figure, ax


def sine_fit(
    x: ndarray,
    prediction: ndarray,
    loss: ndarray,
    target: ndarray,
    original: dict[str, ndarray] | None = None,
) -> Drawing:
    """Prediction, squared error and target over 100 inputs."""
    figure, ax = axes("$x$")
    for name, values in (("prediction", prediction), ("loss", loss), ("target", target)):
        ax.plot(x, values, label=name)
    recorded(ax, x, original)
    ax.legend()
    return figure


def recorded(ax: Axes, x: ndarray, original: dict[str, ndarray] | None) -> None:
    """What the notebook itself predicted under JAX."""
    for values in (original or {}).values():
        ax.plot(x, values, label="under JAX", **ORIGINAL)


def tasks(x1: ndarray, y1: ndarray, x2: ndarray, y2: ndarray) -> Drawing:
    """Training and validation points (tasks, n), a colour a task."""
    figure, ax = axes("$x$", "$y$")
    for i in range(len(x1)):
        ax.scatter(x1[i], y1[i], s=16, color=f"C{i}", label=f"task {i}, training")
        style = {"facecolors": "none", "edgecolors": f"C{i}"}
        ax.scatter(x2[i], y2[i], s=16, label=f"task {i}, validation", **style)
    ax.margins(y=0.15)
    ax.legend(loc="upper center", ncols=2, bbox_to_anchor=(0.5, 1.18))
    return figure


def adaptation(
    x: ndarray,
    target: ndarray,
    x1: ndarray,
    y1: ndarray,
    predictions: ndarray,
    original: dict[str, ndarray] | None = None,
) -> Drawing:
    """The network before and after each inner step, (steps + 1, 100), the wave and the points."""
    figure, ax = axes("$x$")
    ax.plot(x, target, color="black", label="target")
    ax.plot(x1, y1, "o", color="black", markersize=4, label="training points")
    ax.plot(x, predictions[0], ":", color="#666666", label="before")
    for i, values in enumerate(predictions[1:]):
        ax.plot(x, values, color=f"C{i}", label=f"{i + 1} step{'s' if i else ''}")
    recorded(ax, x, original)
    ax.legend(fontsize=8)
    return figure


def learning_curves(single: ndarray, batched: ndarray) -> Drawing:
    """Both trainings' losses, convolved with twenty times 0.05, (n + 19,) each."""
    figure, ax = axes("Iteration", "Loss, mean of 20")
    for i, (values, label) in enumerate(((single, "1 task"), (batched, "4 tasks"))):
        ax.plot(values, color=f"C{i}", linewidth=0.5, label=label, rasterized=True)
    ax.set_ylim(0, 0.1)
    for line in ax.legend().get_lines():
        line.set_linewidth(2)
    return figure


def headline(iterations: ndarray, **quantiles: ndarray) -> Drawing:
    """Held-out errors: a colour for the validation points, a dash for the tasks; quartiles."""
    figure, ax = axes("Iteration", "Held-out error after one step")
    for tasks, style in ((1, "--"), (4, "-")):
        for points, colour in ((1, "C1"), (20, "C0")):
            name = f"{tasks}x{points}"
            label = (
                f"{tasks} task{'s' * (tasks > 1)}, {points} validation point{'s' * (points > 1)}"
            )
            ax.plot(iterations, quantiles[f"{name}_median"], style, color=colour, label=label)
            band = quantiles[f"{name}_low"], quantiles[f"{name}_high"]
            ax.fill_between(iterations, *band, color=colour, alpha=0.15, linewidth=0)
    ax.set_yscale("log")
    ax.legend()
    return figure


__all__ = ["adaptation", "headline", "learning_curves", "sine_fit", "tasks"]
