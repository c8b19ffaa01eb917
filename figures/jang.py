"""The figures of the third post. Each function draws arrays; none of them computes or trains."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D
from numpy import ndarray

from repro.gallery import jang
from repro.gallery.figure import Arrays, Figure

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
    original: Arrays | None = None,
) -> Drawing:
    """Prediction, squared error and target over 100 inputs."""
    figure, ax = axes("$x$")
    for name, values in (("prediction", prediction), ("loss", loss), ("target", target)):
        ax.plot(x, values, label=name)
    recorded(ax, x, original)
    ax.legend()
    return figure


def recorded(ax: Axes, x: ndarray, original: Arrays | None) -> None:
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
    original: Arrays | None = None,
    **steps: ndarray,
) -> Drawing:
    """The network before and after each inner step, `step_0`, ... (100,), the wave, the points."""
    figure, ax = axes("$x$")
    ax.plot(x, target, color="black", label="target")
    ax.plot(x1, y1, "o", color="black", markersize=4, label="training points")
    ax.plot(x, steps["step_0"], ":", color="#666666", label="before")
    for i in range(1, len(steps)):
        label = f"{i} step{'s' * (i > 1)}"
        ax.plot(x, steps[f"step_{i}"], color=f"C{i - 1}", label=label)
    recorded(ax, x, original)
    ax.legend(fontsize=8)
    return figure


def learning_curves(single: ndarray, batched: ndarray, original: Arrays | None = None) -> Drawing:
    """Both trainings' losses, convolved with twenty times 0.05, (n + 19,) each."""
    figure, ax = axes("Iteration", "Loss, mean of 20")
    for i, (values, label) in enumerate(((single, "1 task"), (batched, "4 tasks"))):
        ax.plot(values, color=f"C{i}", linewidth=0.5, label=label, rasterized=True)
    for line in ax.lines:
        line.set_alpha(0.9)
    handles = [
        Line2D([], [], color=f"C{i}", label=line.get_label()) for i, line in enumerate(ax.lines)
    ]
    if original:
        for values in original.values():
            ax.plot(values, **{**ORIGINAL, "markevery": 400})
        handles.append(Line2D([], [], label="under JAX", **ORIGINAL))
    ax.set_ylim(0, 0.1)
    ax.legend(handles=handles)
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


# The gallery, in the post's order

_STEPS = "The network before and after gradient steps at rate 0.1 on the wave of amplitude 1, "
_FLOAT64 = "Float64. Circles, where shown, are the notebook's own numbers under JAX."

FIGURES = (
    Figure(
        "jang-untrained",
        "The untrained network",
        f"Prediction, target and squared error at 100 points of a sine wave. {_FLOAT64}",
        sine_fit,
        jang.sine_fit("init_weights"),
        parity=(jang.parity(jang.FIT),),
        original=jang.original("untrained_predictions", "prediction"),
    ),
    Figure(
        "jang-fitted",
        "The network fitted to one sine wave",
        "The same after 100 steps of Adam on all points: a plain fit, no meta-learning yet.",
        sine_fit,
        jang.sine_fit("weights"),
        parity=(jang.parity(jang.FIT),),
        original=jang.original("fitted_predictions", "prediction"),
    ),
    Figure(
        "jang-single-adaptation",
        "Adaptation after training on single tasks",
        f"{_STEPS}20 points. The notebook calls a step a shot; all steps use the same points. "
        "Trained for 20,000 iterations, one task with one validation point in each.",
        adaptation,
        jang.adaptation(jang.SINGLE, points=20, steps=4),
        parity=(jang.parity(jang.SINGLE),),
        original=jang.original("single_predictions", "step_4"),
    ),
    Figure(
        "jang-tasks",
        "Two tasks",
        "50 training and 50 validation points of two waves, as the batched training draws them: "
        "amplitudes from 0.1 to 0.5, phases up to π.",
        tasks,
        jang.tasks,
    ),
    Figure(
        "jang-batched-adaptation",
        "Adaptation after training on batches of tasks",
        f"{_STEPS}10 points. Trained for 20,000 iterations of 4 tasks, 20 validation points each.",
        adaptation,
        jang.adaptation(jang.BATCHED, points=10, steps=2),
        parity=(jang.parity(jang.BATCHED),),
        original=jang.original("batched_predictions", "step_2"),
    ),
    Figure(
        "jang-learning-curves",
        "The post's comparison",
        "Training losses, each a mean of 20; the curves ramp up over the first 20 and down over "
        "the last 20, where fewer are summed. “1 task” has one validation point, “4 tasks” have 20 "
        "each: the next figure takes the two apart.",
        learning_curves,
        jang.learning_curves,
        parity=(jang.parity(jang.SINGLE), jang.parity(jang.BATCHED)),
        original=jang.original_curves,
    ),
    Figure(
        "jang-headline",
        "What the comparison really shows",
        "Mean squared error after one step on 100 held-out tasks, for 1 or 4 tasks and 1 or 20 "
        "validation points in each iteration. Lines are medians of 32 networks, and half of them "
        "are within the bands. The post compares the uppermost line with the lowest "
        "and credits the tasks: more validation points alone gain no less than more tasks alone.",
        headline,
        jang.headline,
        extra=True,
    ),
)
