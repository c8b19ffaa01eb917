"""Where in the first wrong array the error sits, and both sides' values there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from repro.checks import Check, Pair
from repro.checks.agreement import difference
from repro.reports.drawn import BLUE, GREY, RED, Chart, drawn
from repro.run import Quantity, base_name

MOST = 200
"""Rows and columns of an image; of more, the largest of each block is drawn."""


@dataclass(frozen=True)
class Wrong:
    """The first wrong array: both sides, and how far off each element is.

    Attributes:
        title: name and step, or the steps.
        a, b: the reference's and the port's, of one shape, one or two axes.
        error: over tolerance, or as it is where nothing may differ.
        unit: what the error is measured in.
        axes: what the axes are, the last one first.
    """

    title: str
    a: np.ndarray
    b: np.ndarray
    error: np.ndarray
    unit: str
    axes: tuple[str, ...]

    @property
    def limit(self) -> float:
        """Above it an element is wrong."""
        return 1.0 if "tolerance" in self.unit else 0.0

    @property
    def words(self) -> str:
        worst = [int(i) for i in np.unravel_index(int(np.argmax(self.error)), self.error.shape)]
        wrong = int((self.error > self.limit).sum())
        return (
            f"{self.title}: {wrong} of {self.error.size} elements are wrong, most of all {worst}, "
            f"{self.unit} {self.error.max():.3g}"
        )


def where(check: Check) -> list[Chart]:
    """Two charts of the first wrong name: the error with its histogram, and the values. None where
    nothing is wrong, or the two arrays cannot be laid beside each other."""
    first = check.first
    pair = None if first is None else check.pair(first.way)
    wrong = None if pair is None else _wrong(pair)
    return [] if wrong is None else [_errors(wrong), _values(wrong)]


def _wrong(pair: Pair) -> Wrong | None:
    c = pair.first_excess
    if c is None or c.first_excess is None or c.name not in pair.reference.quantities:
        return None
    expected, found = pair.reference[c.name], pair.port.quantities.get(c.name)
    if found is None or found.values.shape[1:] != expected.values.shape[1:]:
        return None
    single = expected.values[0].size == 1
    steps = np.intersect1d(expected.steps, found.steps) if single else np.array([c.first_excess])
    if not np.isin(steps, found.steps).all() or not len(steps) or not expected.values[0].size:
        return None
    here = Quantity(steps, expected.at(steps), expected.kind)
    a, b = here.values, found.at(steps)
    error, unit = _measure(pair, c.name, here, difference(a, b))
    title = f"{base_name(c.name)}, " + ("step by step" if single else f"step {steps[0]}")
    shape, axes = _flat(a.shape[1:]) if not single else ((len(steps),), ("step",))
    return Wrong(title, a.reshape(shape), b.reshape(shape), error.reshape(shape), unit, axes)


def _measure(pair: Pair, name: str, here: Quantity, off: np.ndarray) -> tuple[np.ndarray, str]:
    nothing = off, "error (nothing may differ)"
    if pair.tolerance is None or here.values.dtype.kind != "f":
        return nothing
    allowed = np.broadcast_to(pair.tolerance(name, here), off.shape)
    if not allowed.any():
        return nothing
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(off == 0, 0.0, off / allowed), "error / tolerance"


def _flat(shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """As at most two axes, the last one kept."""
    if len(shape) == 1:
        return shape, ("element",)
    rows = "row" if len(shape) == 2 else f"axes 0 to {len(shape) - 2}, flattened"
    return (int(np.prod(shape[:-1])), shape[-1]), ("column", rows)


def _errors(wrong: Wrong) -> Chart:
    figure = Figure(figsize=(5.6, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    shown = _positive(wrong.error)
    if wrong.error.ndim == 1:
        left.plot(shown, color=RED, lw=1, marker="." if shown.size <= 60 else "")
        left.set_yscale("log")
        left.set(xlabel=wrong.axes[0], ylabel=wrong.unit)
        if wrong.limit:
            left.axhline(1, color=GREY, lw=1, ls="--")
    else:
        figure.colorbar(_image(left, wrong, np.log10(shown), "inferno"), ax=left)
        left.set_title(f"log10 of {wrong.unit}, white where equal", fontsize=8)
    known = np.log10(shown[np.isfinite(shown)])
    right.hist(known, bins=min(40, max(known.size, 1)), color=RED)
    if wrong.limit:
        right.axvline(0, color=GREY, lw=1, ls="--")
    equal = int((wrong.error == 0).sum())
    right.set_xlabel(f"log10 of {wrong.unit}", fontsize=8)
    right.set_ylabel("elements")
    right.set_title(f"{equal} equal" if equal else "none equal", fontsize=8)
    heading = f"{wrong.title}: where the error sits"
    return drawn(figure, heading, f"{heading}. {wrong.words}")


def _values(wrong: Wrong) -> Chart:
    figure = Figure(figsize=(5.6, 2.9), layout="constrained")
    sides = (("reference", wrong.a, BLUE), ("port", wrong.b, RED))
    if wrong.error.ndim == 1:
        axes = figure.subplots()
        for (label, values, colour), width in zip(sides, (4, 1.2), strict=True):
            axes.plot(_finite(values), color=colour, lw=width, label=label,
                      alpha=0.45 if width > 2 else 1,
                      marker="." if values.size <= 60 else "")  # fmt: skip
        axes.set(xlabel=wrong.axes[0], ylabel="value")
        axes.legend(fontsize=7)
    else:
        both = np.concatenate([_finite(wrong.a).ravel(), _finite(wrong.b).ravel()])
        known = both[np.isfinite(both)]
        span = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        for axes, (label, values, _) in zip(figure.subplots(1, 2), sides, strict=True):
            image = _image(axes, wrong, _finite(values), "viridis")
            image.set_clim(*span)
            axes.set_title(label, fontsize=8)
        figure.colorbar(image, ax=figure.axes)
    heading = f"{wrong.title}: both sides' values"
    return drawn(figure, heading, f"{heading}. {_range('reference', wrong.a)}, "
                                  f"{_range('port', wrong.b)}")  # fmt: skip


def _image(axes: Axes, wrong: Wrong, values: np.ndarray, colours: str) -> AxesImage:
    rows, columns = values.shape
    image = axes.imshow(
        _blocks(values), cmap=colours, aspect="auto", interpolation="nearest",
        extent=(-0.5, columns - 0.5, rows - 0.5, -0.5),
    )  # fmt: skip
    axes.set(xlabel=wrong.axes[0], ylabel=wrong.axes[1])
    return image


def _blocks(values: np.ndarray) -> np.ndarray:
    """At most ``MOST`` by ``MOST``, each the largest of its block."""
    for axis in (0, 1):
        n = values.shape[axis]
        if n > MOST:
            starts = np.unique(np.linspace(0, n, MOST, endpoint=False).astype(int))
            values = np.fmax.reduceat(values, starts, axis=axis)
    return values


def _positive(error: np.ndarray) -> np.ndarray:
    """For a logarithmic axis: NaN where it is 0, ten times the largest where it is infinite."""
    known = error[np.isfinite(error) & (error > 0)]
    most = 10 * float(known.max(initial=0.1))
    return np.where(error == 0, np.nan, np.where(np.isfinite(error), error, most))


def _finite(values: np.ndarray) -> np.ndarray:
    wide = values.astype(np.float64)
    return np.where(np.isfinite(wide), wide, np.nan)


def _range(side: str, values: np.ndarray) -> str:
    known = _finite(values)
    known = known[np.isfinite(known)]
    return f"{side} {known.min():.4g} to {known.max():.4g}" if known.size else f"{side} not finite"
