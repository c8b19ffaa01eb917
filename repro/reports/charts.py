"""What a case's charts show: losses, weights, and how far the sides are apart."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from repro.checks.agreement import difference
from repro.reports.outcome import Outcome
from repro.run import Kind, Quantity, RunError, rows

BLUE, RED, GREY, GREEN, PINK = "#0072b2", "#d55e00", "#8a8a8a", "#00805e", "#b0508a"


Pick = Callable[[np.ndarray], np.ndarray]
"""One line out of a quantity's values."""


@dataclass(frozen=True)
class Chart:
    """A drawn chart.

    Attributes:
        heading: above it.
        words: what it shows, for those who cannot see it.
        source: an SVG as a ``data:`` address.
    """

    heading: str
    words: str
    source: str


@dataclass(frozen=True)
class Both:
    """One quantity of both sides and, where there was one, of the arbiter, at common steps.

    Attributes:
        name: the quantity's.
        kind: its kind.
        steps: (k,) common to all.
        reference, port: (k, ...) their values.
        exact: (k, ...) the arbiter's; None without one.
        allowed: (k, ...) the tolerance; None where the rule does not cover the quantity.
    """

    name: str
    kind: Kind
    steps: np.ndarray
    reference: np.ndarray
    port: np.ndarray
    exact: np.ndarray | None
    allowed: np.ndarray | None

    @property
    def apart(self) -> np.ndarray:
        return difference(self.reference, self.port)

    def distances(self) -> Iterator[tuple[str, str, np.ndarray]]:
        """Of each side from the arbiter: label, colour, (k, ...)."""
        if self.exact is not None:
            yield "|reference − float64|", BLUE, difference(self.reference, self.exact)
            yield "|port − float64|", RED, difference(self.port, self.exact)


def charts(outcome: Outcome) -> list[Chart]:
    """All charts of a case, none where a side left nothing to draw."""
    if outcome.record is None:
        return []
    layers = outcome.record.layers
    found = [*_both(outcome)]
    drawn = [chart for both in found if both.kind is Kind.ROWS for chart in _losses(both)]
    return drawn + [
        _weights(both, layers) for both in found if both.kind is Kind.STATE and len(both.steps) > 1
    ]


def layer_differences(outcome: Outcome) -> list[tuple[str, list[str]]]:
    """Largest difference per layer of a state that was kept at one step alone."""
    if outcome.record is None:
        return []
    layers = outcome.record.layers
    return [
        (
            f"{both.name}, iteration {both.steps[0]}",
            [f"{a.max(initial=0):.1e}" for _, a in _per_layer(both.apart, layers)],
        )
        for both in _both(outcome)
        if both.kind is Kind.STATE and len(both.steps) == 1
    ]


def _both(outcome: Outcome) -> Iterator[Both]:
    own, arbiter = outcome.check.own, outcome.check.arbiter
    if own is None:
        return
    for name, expected in own.reference.quantities.items():
        found = own.port.quantities.get(name)
        exact = arbiter.run.quantities.get(name) if arbiter is not None else None
        if found is None or not _alike(expected, found):
            continue
        exact = exact if exact is not None and _alike(expected, exact) else None
        steps = np.intersect1d(expected.steps, found.steps)
        steps = steps if exact is None else np.intersect1d(steps, exact.steps)
        if not len(steps):
            continue
        here = Quantity(steps, expected.at(steps), expected.kind)
        try:
            allowed = own.tolerance(name, here) if own.tolerance is not None else None
        except RunError:
            allowed = None
        yield Both(
            name, expected.kind, steps, here.values, found.at(steps),
            None if exact is None else exact.at(steps),
            None if allowed is None else np.broadcast_to(allowed, here.values.shape),
        )  # fmt: skip


def _alike(a: Quantity, b: Quantity) -> bool:
    return a.values.shape[1:] == b.values.shape[1:] and {
        a.values.dtype.kind, b.values.dtype.kind
    } == {"f"}  # fmt: skip


def _losses(both: Both) -> Iterator[Chart]:
    updates = both.reference.shape[-1] - 1
    if len(both.steps) > 1:
        steps = both.steps
        yield _two_panels(
            f"{both.name}, before fine-tuning", steps, "iteration", both, lambda v: v[..., 0]
        )
        yield _two_panels(
            f"{both.name}, after update {updates}", steps, "iteration", both, lambda v: v[..., -1]
        )
        return
    tasks = both.apart[0].reshape(-1, updates + 1)
    worst = int(np.argmax(tasks.max(axis=1)))  # of several tasks, the one furthest apart

    def pick(values: np.ndarray) -> np.ndarray:
        return np.asarray(values[0].reshape(-1, updates + 1)[worst])

    heading = f"{both.name}, over a fine-tuning run"
    yield _two_panels(heading, np.arange(updates + 1), "update", both, pick)


def _two_panels(heading: str, x: np.ndarray, x_label: str, both: Both, pick: Pick) -> Chart:
    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    top, below = figure.subplots(2, sharex=True)
    top.plot(x, _finite(pick(both.reference)), color=BLUE, lw=4, alpha=0.45, label="reference")
    top.plot(x, _finite(pick(both.port)), color=RED, lw=1.2, label="port")
    top.set_ylabel("test loss")
    top.legend(fontsize=7)
    lines = [(label, colour, pick(d)) for label, colour, d in both.distances()]
    allowed = None if both.allowed is None else pick(both.allowed)
    _differences(below, x, [*lines, ("|port − reference|", "black", pick(both.apart))], allowed)
    below.set(xlabel=x_label, ylabel="difference")
    return _drawn(figure, heading, pick(both.apart))


def _weights(both: Both, layers: Sequence[int]) -> Chart:
    figure = Figure(figsize=(5.6, 3.4), layout="constrained")
    axes = figure.subplots()
    colours = (GREEN, "black", PINK)
    lines = [(label, colour, _most(d)) for label, colour, d in both.distances()]
    lines += [
        (label, colours[i % 3], _most(a))
        for i, (label, a) in enumerate(_per_layer(both.apart, layers))
    ]
    allowed = None if both.allowed is None else _most(both.allowed)
    _differences(axes, both.steps, lines, allowed)
    axes.set(xlabel="iteration", ylabel="largest difference of a weight")
    return _drawn(figure, f"{both.name}, per layer", both.apart)


def _differences(
    axes: Axes,
    x: np.ndarray,
    lines: Sequence[tuple[str, str, np.ndarray]],
    allowed: np.ndarray | None,
) -> None:
    """Distances on a logarithmic axis, a mark on its floor where they are 0."""
    if allowed is not None:
        axes.fill_between(x, allowed, color=GREY, alpha=0.2, lw=0, label="tolerance")
    positive = [v[np.isfinite(v) & (v > 0)] for _, _, v in lines]
    floor = min((v.min() for v in positive if v.size), default=1e-9) / 3
    dashes = ("-", "--", ":", "-.")
    for i, (label, colour, values) in enumerate(lines):
        shown = np.where(values == 0, floor, _finite(values))
        marker = "." if len(x) <= 60 else ""
        axes.plot(x, shown, dashes[i % 4], color=colour, lw=1.2, marker=marker, label=label)
    axes.set_yscale("log")
    axes.legend(fontsize=7)


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)


def _most(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = rows(values).max(axis=1, initial=0)
    return found


def _per_layer(values: np.ndarray, layers: Sequence[int]) -> list[tuple[str, np.ndarray]]:
    """(k, n) weights as one (k, m) array per layer, with its label."""
    flat = rows(values)
    if sum(layers) != flat.shape[1]:
        return [("all weights", flat)]
    parts = np.split(flat, np.cumsum(layers)[:-1], axis=1)
    return [
        (f"layer {i} ({n} weights)", part)
        for i, (n, part) in enumerate(zip(layers, parts, strict=True), start=1)
    ]


def _drawn(figure: Figure, heading: str, apart: np.ndarray) -> Chart:
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "repro"}):
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    source = "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode()
    largest = np.max(apart, initial=0)
    words = f"{heading}: both sides' values, at most {largest:.2g} apart"
    return Chart(heading, words, source)
