"""What a result's charts show: losses, weights, and how far the sides are apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from repro.checks.envelope import rows
from repro.checks.rules import difference
from repro.reports.chart import Line, Panel, svg, swatch
from repro.suite import Result
from repro.run import Series, RunError

LAYERS = {4353: (128, 4160, 65), 1761: (80, 1640, 41)}
"""Weights and biases per layer of the two posts' models, by the length of their flat vectors."""


@dataclass(frozen=True)
class Chart:
    """A drawn chart with its heading, what is to be known of it, and its legend."""

    heading: str
    note: str
    svg: Markup
    legend: tuple[tuple[Markup, str], ...]


@dataclass(frozen=True)
class Three:
    """One quantity of both sides and, where there was one, of the arbiter, at common steps.

    Attributes:
        steps: (k,) common to all.
        reference, port: (k, ...) their values.
        arbiter: (k, ...) or None.
        allowed: (k, ...) the envelope's tolerance; None where it does not cover the quantity.
    """

    steps: np.ndarray
    reference: np.ndarray
    port: np.ndarray
    arbiter: np.ndarray | None
    allowed: np.ndarray | None

    def distances(self) -> dict[str, np.ndarray]:
        """Absolute: of the sides from each other and of each from the arbiter."""
        found = {"apart": difference(self.reference, self.port)}
        if self.arbiter is not None:
            found["reference"] = difference(self.reference, self.arbiter)
            found["port"] = difference(self.port, self.arbiter)
        return found


def charts(result: Result) -> list[Chart]:
    """All charts of a result, none where a side left nothing to draw."""
    drawn: list[Chart] = []
    for name, series in (result.reference.series if result.reference else {}).items():
        three = _three(result, name, series)
        if three is None or not len(three.steps):
            continue
        if series.kind == "runs" and len(three.steps) > 1:
            drawn += [_losses(name, three, column) for column in (0, -1)]
        elif series.kind == "runs":
            drawn.append(_one_run(name, three))
        elif series.kind == "state" and len(three.steps) > 1:
            drawn.append(_weights(name, three))
    return sorted(drawn, key=lambda chart: "weights" in chart.heading)


def layer_differences(result: Result) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Largest difference per layer of weights that were kept at one step alone.

    Returns:
        The layers' headings and, per quantity and step, its differences.
    """
    table = []
    for name, series in (result.reference.series if result.reference else {}).items():
        three = _three(result, name, series)
        if series.kind == "draw" or not name.endswith("weights"):
            continue
        if three is not None and len(three.steps) == 1:
            apart = _per_layer(three.distances()["apart"])
            cells = [f"{a.max(initial=0):.1e}" if a.any() else "0" for _, a in apart]
            table.append((f"{name}, iteration {three.steps[0]}", cells))
    most = max((len(cells) for _, cells in table), default=0)
    return [f"layer {i + 1}" for i in range(most)], table


def _three(result: Result, name: str, expected: Series) -> Three | None:
    found = result.port.series.get(name) if result.port is not None else None
    if found is None or found.values.shape[1:] != expected.values.shape[1:]:
        return None
    if {expected.values.dtype.kind, found.values.dtype.kind} != {"f"}:
        return None
    exact = result.arbiter.run.series.get(name) if result.arbiter is not None else None
    if exact is not None and exact.values.shape[1:] != expected.values.shape[1:]:
        exact = None
    steps = np.intersect1d(expected.steps, found.steps)
    if exact is not None:
        steps = np.intersect1d(steps, exact.steps)
    here = Series(steps, expected.at(steps), expected.kind)
    return Three(
        steps,
        here.values,
        found.at(steps),
        None if exact is None else exact.at(steps),
        _allowed(result, name, here),
    )


def _allowed(result: Result, name: str, here: Series) -> np.ndarray | None:
    if result.envelope is None:
        return None
    try:
        allowed = result.envelope.tolerance(name, here)
    except RunError:
        return None
    return np.broadcast_to(allowed, here.values.shape)


def _losses(name: str, three: Three, column: int) -> Chart:
    updates = three.reference.shape[-1] - 1
    when = "before fine-tuning" if column == 0 else f"after update {updates}"
    pick = np.full(len(three.steps), column % (updates + 1))
    chosen = {n: _at(a, pick) for n, a in _arrays(three).items()}
    panels = [_top("test loss", three.steps, chosen), _below(three.steps, chosen)]
    return _chart(f"{name}, {when}", "", panels, "iteration")


def _one_run(name: str, three: Three) -> Chart:
    """Fine-tuning runs of one step, over their updates; of several, the worst at each."""
    arrays = {n: a[0].reshape(-1, a.shape[-1]) for n, a in _arrays(three).items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(arrays["apart"] == 0, 0, arrays["apart"] / arrays.get("allowed", 1))
    pick = ratio.argmax(axis=0)
    chosen = {n: _at(a.T, pick) for n, a in arrays.items()}
    tasks = len(ratio)
    note = f"Of {tasks} tasks, at each update the one closest to its tolerance." * (tasks > 1)
    updates = np.arange(len(pick))
    panels = [_top("test loss", updates, chosen), _below(updates, chosen)]
    return _chart(f"{name}, over a fine-tuning run", note, panels, "update")


def _weights(name: str, three: Three) -> Chart:
    found = {n: rows(a) for n, a in _arrays(three).items()}
    layers = _per_layer(found["apart"])
    lines = [
        Line(label, f"layer{i % 3 + 1}", three.steps, a.max(axis=1, initial=0))
        for i, (label, a) in enumerate(layers)
    ]
    chosen = {n: a.max(axis=1, initial=0) for n, a in found.items() if n not in ("apart",)}
    panel = Panel("largest difference of a weight", [*_judges(three.steps, chosen), *lines], True)
    note = "Distances from the float64 run are those of the weight that is furthest off."
    return _chart(f"{name}, per layer", note if "to_port" in chosen else "", [panel], "iteration")


def _arrays(three: Three) -> dict[str, np.ndarray]:
    distances = three.distances()
    found = {"reference": three.reference, "port": three.port, "apart": distances.pop("apart")}
    if three.allowed is not None:
        found["allowed"] = three.allowed
    return {**found, **{f"to_{side}": d for side, d in distances.items()}}


def _at(values: np.ndarray, pick: np.ndarray) -> np.ndarray:
    """One value per row."""
    return np.take_along_axis(values, pick[:, None], axis=1)[:, 0]


def _top(title: str, x: np.ndarray, chosen: dict[str, np.ndarray]) -> Panel:
    return Panel(
        title,
        [
            Line("reference", "reference", x, chosen["reference"]),
            Line("port", "port", x, chosen["port"]),
        ],
    )


def _below(x: np.ndarray, chosen: dict[str, np.ndarray]) -> Panel:
    apart = Line("|port − reference|", "apart", x, chosen["apart"])
    return Panel("difference", [*_judges(x, chosen), apart], log=True)


def _judges(x: np.ndarray, chosen: dict[str, np.ndarray]) -> list[Line]:
    """The tolerance, and each side's distance from the arbiter."""
    known = [
        Line("tolerance (envelope)", "allowed", x, chosen["allowed"], filled=True)
        if "allowed" in chosen
        else None,
        Line("|reference − float64|", "to-reference", x, chosen["to_reference"])
        if "to_reference" in chosen
        else None,
        Line("|port − float64|", "to-port", x, chosen["to_port"]) if "to_port" in chosen else None,
    ]
    return [line for line in known if line is not None]


def _per_layer(values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """(k, n) weights as one (k, m) array per layer, with its label."""
    flat = rows(values)
    sizes = LAYERS.get(flat.shape[1])
    if sizes is None:
        return [("all weights", flat)]
    parts = np.split(flat, np.cumsum(sizes)[:-1], axis=1)
    return [
        (f"layer {i + 1} ({n} weights)", p)
        for i, (n, p) in enumerate(zip(sizes, parts, strict=True))
    ]


def _chart(heading: str, note: str, panels: Sequence[Panel], x_label: str) -> Chart:
    lines = [line for panel in panels for line in panel.lines]
    legend = tuple((swatch(line), line.label) for line in lines)
    return Chart(heading, note, svg(panels, x_label, heading), legend)
