"""The figures of the first post. Each function draws arrays; none of them computes or trains."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from numpy import ndarray

from repro.gallery import luna, updates
from repro.gallery.figure import Arrays, Figure

ORIGINAL = {"color": "black", "marker": "o", "markersize": 3.2, "fillstyle": "none"}
ORIGINAL |= {"linestyle": "none", "markeredgewidth": 0.7}
LIMITS = (-5.5, 5.5)
INNER, META = "C1", "C0"
"""Red and blue, as in the post."""
NAMES = {"fomaml": "FOMAML", "reptile": "Reptile", "transfer": "Transfer", "random": "Random"}


def axes(
    title: str = "", xlabel: str = "", ylabel: str = "", dpi: float | None = None
) -> tuple[Drawing, Axes]:
    figure = Drawing(dpi=dpi)
    ax = figure.add_subplot()
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    return figure, ax


def sine_wave(x: ndarray, y: ndarray) -> Drawing:
    """One wave, 100 points."""
    figure, ax = axes()
    ax.plot(x, y)
    return figure


def thousand_waves(x: ndarray, y: ndarray) -> Drawing:
    """All waves (n, 100) in one colour, one over the other; few pixels keep the files small."""
    figure, ax = axes(dpi=100)
    ax.plot(x, y.T, color="C0", linewidth=0.6, alpha=0.25, rasterized=True)
    return figure


def sampled_points(x: ndarray, y: ndarray, testx: ndarray, testy: ndarray) -> Drawing:
    """A few points and the wave they came from."""
    figure, ax = axes()
    _points_and_wave(ax, x, y, testx, testy)
    _legend_above(ax)
    return figure


def _points_and_wave(ax: Axes, x: ndarray, y: ndarray, testx: ndarray, testy: ndarray) -> None:
    ax.plot(x, y, "o", color="C0", label="Sampled points", zorder=3)
    ax.plot(testx, testy, color="C1", label="Ground truth")
    ax.set_xlim(LIMITS)


def _legend_above(ax: Axes) -> None:
    """A legend in the upper right corner, and room for it above the curves."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.2 * (high - low))
    ax.legend(loc="upper right", ncols=2)


def fine_tuning(
    x: ndarray,
    y: ndarray,
    testx: ndarray,
    testy: ndarray,
    initial_predictions: ndarray,
    final_predictions: ndarray,
    *,
    title: str,
    original: Arrays | None = None,
) -> Drawing:
    """Sampled points (n,), and over testx (m,) the wave and the model before and after."""
    figure, ax = axes(title)
    _points_and_wave(ax, x, y, testx, testy)
    ax.plot(testx, initial_predictions, color="C2", label="Before finetune")
    ax.plot(testx, final_predictions, color="C3", label="After finetune")
    for values in (original or {}).values():
        ax.plot(testx, values, **ORIGINAL)
    if original:
        ax.plot([], [], label="The original's", **ORIGINAL)
    _legend_above(ax)
    return figure


def test_losses(original: Arrays | None = None, **losses: ndarray) -> Drawing:
    """Test losses (updates + 1,) of the models, one line each: as in the post, and by logarithm."""
    figure = Drawing(figsize=(9, 4))
    panels = figure.subplots(1, 2)
    styles = dict(zip(NAMES, ("-", "--", "-.", ":"), strict=True))
    for ax in panels:
        ax.set(xlabel="Updates", ylabel="Loss")
        for name, label in NAMES.items():
            ax.plot(losses[name], styles[name], label=label)
        for values in (original or {}).values():
            ax.plot(values, **ORIGINAL)
    if original:
        of = " and ".join(NAMES[name] for name in original)
        panels[0].plot([], [], label=f"The original's\n({of} alone)", **ORIGINAL)
    panels[0].set_ylim(bottom=0)
    panels[0].legend()
    panels[1].set_yscale("log")
    panels[1].set_title("the same, on a log axis")
    return figure


def meta_update(
    path: ndarray, step: ndarray, task: ndarray, p: ndarray, q: ndarray, loss: ndarray, *, end: str
) -> Drawing:
    """Inner steps theta, phi_1 to phi_3 (4, 2) and the meta-update (2,) over the loss (n, n).

    Args:
        end: what the dotted line shows. ``"step"``: the same step at phi_3, where FOMAML has its
            direction from; ``"phi"``: the rest of the way to phi_3, where Reptile's points.
    """
    figure, ax = axes(xlabel="$p$", ylabel="$q$")
    ax.contour(p, q, loss, levels=np.arange(1, 9) ** 2, colors="#BBBBBB", linewidths=0.7)
    ax.plot(*task, "*", color="#666666", markersize=11)
    _beside(ax, "the task", task, np.array([0.0, -1.0]), 14, color="#666666")
    theta, phi = path[0], path[-1]
    for start, stop in zip(path[:-1], path[1:], strict=True):
        _arrow(ax, start, stop, INNER)
    _arrow(ax, theta, theta + step, META)
    dotted = (phi, phi + step if end == "step" else theta + step)
    ax.plot(*np.stack(dotted).T, ":", color=META, linewidth=1.4)
    corners = [theta + step, *path, dotted[1]]
    for i, name in enumerate(_SYMBOLS):
        _beside(ax, name, path[i], _open_side(*corners[i : i + 3]), 13, fontsize=14)
    across = np.array([step[1], -step[0]])
    side = -np.sign(across @ (path[1] - theta)) * across
    _beside(ax, "meta-update", theta + step / 2, side, 12, color=META)
    ax.set_aspect("equal")
    ax.grid(False)
    return figure


def maml_diagram(path: ndarray, first: ndarray, onward: ndarray, tasks: ndarray) -> Drawing:
    """Meta-updates (n, 2), then each task's first step (k, 2, 2), and its way on (k, m, 2)."""
    figure, ax = axes(xlabel="$p$", ylabel="$q$")
    for start, stop in zip(path[:-1], path[1:], strict=True):
        _arrow(ax, start, stop, META)
    for i, (task, (start, stop), way) in enumerate(zip(tasks, first, onward, strict=True), start=1):
        _arrow(ax, start, stop, INNER)
        ax.plot(*way.T, ":", color=INNER, linewidth=1.4)
        ax.plot(*task, "*", color="#666666", markersize=11)
        _beside(ax, f"task {i}", task, task - path[-1], 24, color="#666666")
        across = (stop - start)[::-1] * [1, -1]
        _beside(ax, rf"$-\nabla L_{i}$", (start + stop) / 2, across, 14, color=INNER)
    ax.plot(*path.T, "o", color=META, markersize=3)
    _beside(ax, r"$\theta$", path[-1], path[-2] - path[-1] + [0, -1], 14, fontsize=14)
    _beside(ax, "meta-updates", path[1], np.array([0.0, -1.0]), 14, color=META)
    ax.margins(0.12)
    ax.set_aspect("equal")
    ax.grid(False)
    return figure


def reptile_geometry(path: ndarray, ends: ndarray, curves: ndarray) -> Drawing:
    """Weights (n + 1, 2), the ends of the inner steps from each (n, 2), two curves (2, m, 2)."""
    figure, ax = axes(xlabel="$w_1$", ylabel="$w_2$")
    for i, (curve, above) in enumerate(zip(curves, (1.0, -1.0), strict=True), start=1):
        ax.plot(*curve.T, color="#666666", linewidth=1.4)
        middle = curve[50 if above > 0 else 65]
        _beside(ax, f"best for task {i}", middle, np.array([0.0, above]), 12, color="#666666")
    for start, end in zip(path[:-1], ends, strict=True):
        ax.plot(*np.stack([start, end]).T, ":", color=INNER, linewidth=1.6)
    ax.plot(*path.T, "-o", color=META, markersize=3.5, linewidth=1.6)
    ax.plot([], [], ":", color=INNER, label="inner steps, to their end")
    ax.plot([], [], "-o", color=META, markersize=3.5, label="meta-updates")
    _beside(ax, r"$\theta$", path[0], np.array([-1.0, 0.0]), 12, fontsize=14)
    ax.set(xlim=(-5.2, 5), ylim=(-2.6, 4.8))
    ax.legend(loc="lower right")
    ax.grid(False)
    return figure


def pseudocode(*, lines: Sequence[tuple[str, str]]) -> Drawing:
    """Lines of text and their colours."""
    figure = Drawing(figsize=(6, 0.34 * len(lines) + 0.3))
    for i, (line, colour) in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        place = (0.03 + 0.018 * indent, 1 - (i + 0.9) / (len(lines) + 0.6))
        figure.text(*place, line.strip(), color=colour, fontsize=11, va="center")
    return figure


FOMAML_CODE = (
    ("repeat:", "black"),
    ("  for each of $n$ tasks:", "black"),
    ("    draw a wave and ten of its points, the support set", "black"),
    (r"    $\phi \leftarrow \theta - \alpha\,\nabla L(\theta;\ \mathrm{support\ set})$", INNER),
    (r"    $g \leftarrow g + \nabla L(\phi;\ \mathrm{query\ set})$,  the gradient at $\phi$", META),
    (r"  $\theta \leftarrow \theta - \beta\, g$,  as if it were the gradient at $\theta$", META),
)
REPTILE_CODE = (
    ("repeat:", "black"),
    ("  draw a wave, and put its 50 points into batches of ten", "black"),
    (r"  $\phi \leftarrow \theta$", "black"),
    ("  for each batch:", "black"),
    (r"    $\phi \leftarrow \phi - \alpha\,\nabla L(\phi;\ \mathrm{batch})$", INNER),
    (r"  $\theta \leftarrow \theta + \beta\,(\phi - \theta)$", META),
)

_SYMBOLS = (r"$\theta$", r"$\phi_1$", r"$\phi_2$", r"$\phi_3$")


def _open_side(before: ndarray, corner: ndarray, after: ndarray) -> ndarray:
    """The direction in which no line leaves the corner."""
    lines = [(end - corner) / np.hypot(*(end - corner)) for end in (before, after)]
    return -np.add(*lines)


def _beside(
    ax: Axes, text: str, point: ndarray, direction: ndarray, distance: float, **style: Any
) -> None:
    """Write text some points of type away from a place, in a direction."""
    across, up = direction / np.hypot(*direction)
    side = "center" if abs(across) < 0.5 else "left" if across > 0 else "right"
    side = "center" if len(text) < 10 else side
    style |= {"textcoords": "offset points", "ha": side, "va": "center"}
    ax.annotate(text, point, (distance * across, distance * up), **style)


def _arrow(ax: Axes, start: ndarray, stop: ndarray, colour: str) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.8, "mutation_scale": 14}
    ax.annotate("", stop, start, arrowprops={**style, "shrinkA": 0, "shrinkB": 0})


# The gallery, in the post's order

_ABOUT = {
    "random": "an untrained network",
    "transfer": "a network trained on one random wave after the other",
    "fomaml": "a network trained by first-order MAML",
    "reptile": "a network trained by Reptile",
}
_RUNS = {
    "random": luna.RANDOM,
    "transfer": luna.TRANSFER,
    "fomaml": luna.FOMAML,
    "reptile": luna.REPTILE,
}
_TEN = {
    "random": "The points are the first ten drawn after the network.",
    "transfer": "The points are those of the untrained network's figure. Training made an "
    "evaluation every 250 iterations, as the recorded runs of transfer learning did.",
    "fomaml": "The points are the first ten drawn after the training, as in the model zoo.",
    "reptile": "The points are those of FOMAML's figure, as in the model zoo.",
}

_SEEN = {
    ("random", 10): "It bends towards the points where there are some, and misses the wave.",
    ("transfer", 10): "Before, it predicts nearly the average of all waves, zero, and fine-tuning "
    "hardly moves it: having seen many tasks is not having learnt to learn, the post says.",
    ("fomaml", 10): "After, it has the wave's shape everywhere, also between the points.",
    ("reptile", 10): "After, it has the wave's shape everywhere, as FOMAML's has.",
    ("random", 5): "It fits the half that it was shown.",
    ("transfer", 5): "It barely moves.",
    ("fomaml", 5): "The left half, where there is no point, follows as well: that all tasks are "
    "sine waves is what was learnt. That is the post's point.",
    ("reptile", 5): "The left half follows as well.",
}


def _parity(name: str, points: int, updates: int):
    if name == "random":
        return luna.untrained_parity
    if name == "transfer":
        return luna.transfer_parity
    return luna.zoo_parity(_RUNS[name], points, updates)


def _original(name: str, points: int, updates: int):
    if name in ("fomaml", "reptile"):
        return luna.original_zoo(_RUNS[name], points, updates)
    return luna.original_untrained if (name, points) == ("random", 10) else None


def _tuned(name: str, points: int, updates: int) -> Figure:
    ten = points == 10
    label = NAMES[name]
    title = f"{label} - SGD Optimizer" if ten else f"{label} - 5 samples, 10 updates"
    where = "[-5, 5]" if ten else "[0, 5], the right half only"
    drawn = _TEN[name] if ten else "All four networks get the same points, drawn after Reptile's."
    return Figure(
        name=f"luna-{name}" if ten else f"luna-{name}-5-samples",
        heading=title,
        caption=f"Before and after {updates} gradient steps: {_ABOUT[name]}, fine-tuned on "
        f"{points} points of the wave, uniform in {where}. {_SEEN[name, points]} {drawn}",
        draw=partial(fine_tuning, title=title),
        data=luna.tuned(_RUNS[name], points, updates),
        parity=(_parity(name, points, updates),),
        original=_original(name, points, updates),
    )


FIGURES = (
    Figure(
        "luna-sine-wave",
        "A sine wave",
        "A task: the wave of amplitude 4 and phase shift 1, at 100 points. The fine-tuning "
        "figures all use it.",
        sine_wave,
        luna.sine_wave,
    ),
    Figure(
        "luna-sampled-points",
        "What is wanted",
        "From a few points to the wave they came from: ten points uniform in [-5, 5], the first "
        "drawn after the untrained network.",
        sampled_points,
        luna.sampled_points,
        parity=(luna.untrained_parity,),
    ),
    _tuned("random", 10, 32),
    _tuned("transfer", 10, 32),
    Figure(
        "luna-1000-waves",
        "1,000 sine waves",
        "What transfer learning has to please at once: amplitudes from 0.1 to 5, any phase. "
        "The average of all waves is a flat line.",
        thousand_waves,
        luna.thousand_waves,
    ),
    Figure(
        "luna-maml-diagram",
        "What MAML looks for",
        "Meta-updates (blue) lead to weights θ from which one gradient step (red) goes far towards "
        "each of three tasks, and a few more (dotted) get there. Our own drawing of the post's "
        "diagram, computed: MAML with its exact gradient on the model p sin x + q cos x, where a "
        "wave is a point of the plane.",
        maml_diagram,
        updates.maml,
    ),
    Figure(
        "luna-fomaml-pseudocode",
        "FOMAML in six lines",
        "Ours, for the post's listing; red is the inner step, blue the meta-update. The query set "
        "is 50 points of the same wave. Full MAML would differentiate through the inner step; "
        "first-order MAML leaves that out. The port itself, beside the original: "
        "repro/luna/fomaml.py.",
        partial(pseudocode, lines=FOMAML_CODE),
        updates.nothing,
    ),
    Figure(
        "luna-fomaml-update",
        "How FOMAML moves the weights",
        "Three inner steps on a task lead from θ to φ₃. The meta-update leaves from θ again, "
        "in the direction of the test gradient found at φ₃ (dotted): not where the inner steps "
        "went. Computed on a model of two parameters, p sin x + q cos x, whose plane is shown "
        "with the contours of the loss; each inner step sees one point of the wave.",
        partial(meta_update, end="step"),
        updates.fomaml,
    ),
    _tuned("fomaml", 10, 32),
    Figure(
        "luna-reptile-pseudocode",
        "Reptile in six lines",
        "Ours, for the post's listing; colours as above. Nothing is differentiated twice, and no "
        "query set is needed: where several inner steps end is enough. The port itself: "
        "repro/luna/reptile.py.",
        partial(pseudocode, lines=REPTILE_CODE),
        updates.nothing,
    ),
    Figure(
        "luna-reptile-geometry",
        "Why Reptile ends up near all tasks",
        "Each task has a curve of weights that are best for it. Inner steps (red) lead to the "
        "curve of the task that was drawn, and the meta-update (blue) goes a part of the way: in "
        "turn for both tasks, it comes to where the two curves are nearest to each other. Our own "
        "drawing of the post's, computed: two tasks, a path of 32 meta-updates.",
        reptile_geometry,
        updates.reptile_geometry,
    ),
    Figure(
        "luna-reptile-update",
        "How Reptile moves the weights",
        "The same three inner steps. Reptile's update goes a part of the way from θ straight "
        "towards φ₃.",
        partial(meta_update, end="phi"),
        updates.reptile,
    ),
    _tuned("reptile", 10, 32),
    *(_tuned(name, 5, 10) for name in ("random", "transfer", "fomaml", "reptile")),
    Figure(
        "luna-test-losses",
        "Test loss over the updates",
        "Mean squared error over the whole wave while the four networks are fine-tuned on the "
        "five points of the last four figures. On the left as in the post, where FOMAML and "
        "Reptile fall on one line; on the right the same on a log axis, which tells them apart. "
        "Dots lie on FOMAML and Reptile alone: the original's transfer learning and untrained "
        "network are not recorded here.",
        test_losses,
        luna.test_losses,
        parity=tuple(_parity(name, 5, 10) for name in NAMES),
        original=luna.original_losses,
    ),
)
