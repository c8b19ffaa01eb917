"""The figures to the slides. Each function draws arrays; none of them computes or trains."""

from __future__ import annotations

from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from numpy import arange, ndarray

from repro.gallery import implicit
from repro.gallery.figure import Figure

STYLES = ("-", "--", "-.", ":", (0, (3, 1, 1, 1, 1, 1)))
LABELS = {
    "imaml": "iMAML, exact solve",
    "imaml_5_cg": "iMAML, 5 CG steps",
    "maml": "MAML",
    "truncated": "MAML through 5 steps",
    "first_order": "first-order MAML",
    "descent": "gradient descent",
    "nesterov": "Nesterov's descent",
    "cg": "conjugate gradients",
    "none": "no pretraining",
    "fine_tuning": "fine-tuning",
    "fomaml": "first-order MAML",
    "reptile": "Reptile",
    "leap": "Leap",
}


def axes(xlabel: str, ylabel: str) -> tuple[Drawing, Axes]:
    figure = Drawing()
    ax = figure.add_subplot()
    ax.set(xlabel=xlabel, ylabel=ylabel)
    return figure, ax


def label_of(name: str) -> str:
    return LABELS.get(name, name.replace("_", " "))


def lines(ax: Axes, x: ndarray, curves: dict[str, ndarray]) -> None:
    for (name, values), style in zip(curves.items(), STYLES, strict=False):
        ax.plot(x, values, linestyle=style, label=label_of(name))
    ax.legend()


def errors(*, xlabel: str, log_x: bool = False, **arrays: ndarray) -> Drawing:
    """Relative errors of meta-gradients, one line each, over the array that comes first."""
    figure, ax = axes(xlabel, "Relative error of the meta-gradient")
    first, *names = arrays
    lines(ax, arrays[first], {name: arrays[name] for name in names})
    ax.set_yscale("log")
    if log_x:
        ax.set_xscale("log")
    return figure


def memory_and_work(
    steps: ndarray,
    maml_bytes: ndarray,
    imaml_bytes: ndarray,
    maml_operations: ndarray,
    imaml_operations: ndarray,
) -> Drawing:
    """What is kept, and how much is computed, against inner steps."""
    figure = Drawing(figsize=(8, 3.6))
    for ax, maml, imaml, unit in zip(
        figure.subplots(1, 2),
        (maml_bytes, maml_operations),
        (imaml_bytes, imaml_operations),
        ("Saved tensors, MB", "Operations in products, millions"),
        strict=True,
    ):
        ax.plot(steps, maml / 1e6, "o-", markersize=4, label="MAML")
        ax.plot(steps, imaml / 1e6, "s--", markersize=4, label="iMAML, 5 CG steps")
        ax.set(xlabel="Inner steps", ylabel=unit, ylim=(0, None))
        ax.legend()
    return figure


def steps_needed(condition: ndarray, **steps: ndarray) -> Drawing:
    """Steps against the condition number, with slopes 1 and 1/2 to compare."""
    figure, ax = axes("Condition number", "Steps to a millionth")
    for name, values in steps.items():
        ax.plot(condition, values, "o-", markersize=4, label=label_of(name))
    for power, of, above in ((1.0, "descent", 1.4), (0.5, "cg", 0.65)):
        guide = above * steps[of][0] * (condition / condition[0]) ** power
        ax.plot(condition, guide, ":", color="#666666", linewidth=1)
        ax.annotate(f"slope {power:g}", (condition[4], above * guide[4]), ha="center", va="center")
    ax.set(xscale="log", yscale="log")
    ax.legend()
    return figure


def hyperparameter(grid: ndarray, loss: ndarray, path: ndarray, path_loss: ndarray) -> Drawing:
    """The validation loss over the regularisation's logarithm, and the descent along it."""
    figure, ax = axes("log of the regularisation", "Validation loss")
    ax.plot(grid, loss, label="by a grid")
    ax.plot(path, path_loss, "o", color="C1", markersize=4, label="by the hypergradient")
    ax.plot(path[-1], path_loss[-1], "*", color="C1", markersize=13, zorder=3)
    ax.legend()
    return figure


def surface(
    p: ndarray,
    q: ndarray,
    train: ndarray,
    validate: ndarray,
    path: ndarray,
    optimum: ndarray,
    exact: ndarray,
    first_order: ndarray,
) -> Drawing:
    """Contours of both losses, the inner path from w, and where two meta-gradients would send w."""
    figure, ax = axes("$p$", "$q$")
    levels = arange(0.25, 3.5, 0.5) ** 2
    for values, colour, name in ((train, "C0", "training"), (validate, "C2", "validation")):
        ax.contour(p, q, values, levels=levels, colors=colour, linewidths=0.6)
        ax.plot([], [], color=colour, linewidth=0.6, label=f"{name} loss")
    ax.plot(*path.T, "o-", color="C0", markersize=3, linewidth=1, label="inner steps")
    ax.plot(*path[0], "o", color="black", markersize=5, label="$w$")
    ax.plot(*optimum, "*", color="black", markersize=12, label="inner optimum")
    for step, colour, name in ((exact, "C1", "exact"), (first_order, "C3", "first-order")):
        stop = path[0] - 0.8 * step
        style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.8, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", stop, path[0], arrowprops=style)
        ax.plot([], [], color=colour, label=f"{name} meta-step")
    ax.set_aspect("equal")
    ax.grid(False)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def vanishing(steps: ndarray, **curves: ndarray) -> Drawing:
    """How much of the end of a path depends on its beginning."""
    figure, ax = axes("Inner steps $k$", r"$|d\phi_k / dw|$")
    lines(ax, steps, curves)
    ax.set_yscale("log")
    return figure


def learning_curves(**quantiles: ndarray) -> Drawing:
    """Quartiles over the seeds (updates + 1,): a line for the median, a band around it."""
    figure, ax = axes("Updates", "Loss on held-out tasks")
    names = ("none", "fine_tuning", "fomaml", "reptile", "leap")
    for name, style in zip(names, STYLES, strict=True):
        (line,) = ax.plot(quantiles[f"{name}_median"], linestyle=style, label=label_of(name))
        low, high = quantiles[f"{name}_low"], quantiles[f"{name}_high"]
        ax.fill_between(
            arange(len(low)), low, high, color=line.get_color(), alpha=0.15, linewidth=0
        )
    ax.set_yscale("log")
    ax.legend()
    return figure


# The gallery, in the slides' order; all problems are our own, and all is in Float64

FIGURES = (
    Figure(
        "implicit-surface",
        "The inner path and two meta-gradients",
        "Contours of a training loss (blue) and a validation loss (green) over two parameters, "
        "quadratics of condition 5. Inner steps lead from w to the optimum of the training loss "
        "with its proximal term. The exact meta-gradient knows how that optimum moves with w; the "
        "first-order one does not.",
        surface,
        implicit.surface,
    ),
    Figure(
        "implicit-inner-steps",
        "Errors of the meta-gradient against inner steps",
        "On a quadratic of condition 10 in 20 dimensions, against the exact gradient by a dense "
        "solve. MAML and the exact solve of iMAML's equation fall with the inner loop's own error; "
        "five CG steps, five steps of back-propagation, and none, end where they end.",
        partial(errors, xlabel="Inner steps"),
        implicit.inner_errors,
    ),
    Figure(
        "implicit-cg-steps",
        "Errors of iMAML's gradient against CG steps",
        "At the inner optimum, by the condition number of the training loss (50 dimensions, "
        "regularisation 0.01). A curve ends in rounding.",
        partial(errors, xlabel="CG steps"),
        implicit.cg_errors,
    ),
    Figure(
        "implicit-distance",
        "The error grows with the distance from the inner optimum",
        "Slope 1, as the bound says, on a quadratic and on a sine network.",
        partial(errors, xlabel=r"Distance $\delta$ from the inner optimum", log_x=True),
        implicit.delta_errors,
    ),
    Figure(
        "implicit-steps-needed",
        "Steps needed against the condition number",
        "Until the residual is a millionth of the first: plain descent needs steps in proportion "
        "to the condition number, Nesterov's descent and conjugate gradients to its root.",
        steps_needed,
        implicit.steps_needed,
    ),
    Figure(
        "implicit-memory",
        "Memory and work against inner steps",
        "A 40-40 network on 20 points. Bytes of the tensors that autograd keeps, and operations in "
        "matrix products, both counted. Where the Hessian is indefinite CG ends before its five "
        "steps. The slides have memory and time, on Omniglot.",
        memory_and_work,
        implicit.memory,
    ),
    Figure(
        "implicit-vanishing",
        "What is left of the beginning of a long path",
        "The derivative of the k-th inner iterate by the first, for descent at rate 0.1 on "
        "parabolas of four curvatures. Where the inner loss is curved, back-propagation through "
        "a long path finds almost nothing.",
        vanishing,
        implicit.vanishing,
    ),
    Figure(
        "implicit-hyperparameter",
        "A regularisation tuned by its hypergradient",
        "The implicit function theorem gives the validation loss's derivative by the logarithm of "
        "a ridge regression's regularisation. Descent along it (dots, every third step; star, "
        "the last) ends where a grid of 161 has its minimum.",
        hyperparameter,
        implicit.hyperparameter,
    ),
    Figure(
        "implicit-leap",
        "Leap and four others on held-out sine tasks",
        "Mean loss over 20 held-out tasks during gradient descent from what each way of "
        "pretraining leaves: 25 meta-steps of 10 tasks and 20 inner steps. Lines are medians of "
        "16 networks, and half of them are within the bands. Meta-rates are not tuned.",
        learning_curves,
        implicit.learning_curves,
    ),
)
