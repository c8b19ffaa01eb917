"""Line charts as inline SVG: panels above each other over one axis of iterations.

Colours, widths and dashes come from the page's style sheet, so that a chart follows the page
from light to dark; a line is told from its neighbours by its dashes too, not by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape

WIDTH, LEFT, RIGHT = 560, 62, 12
HEIGHTS = {False: 150, True: 200}
"""Of a panel with a linear axis, and with a logarithmic one."""
TOP, GAP, BOTTOM, ROW = 22, 30, 34, 14
MOST_POINTS, MOST_MARKS = 400, 60


@dataclass(frozen=True)
class Line:
    """One line of a panel.

    Attributes:
        label: for the legend.
        style: name of its class in the style sheet.
        x, y: (n,) its points. On a logarithmic axis zeros and infinities are marks in a row of
            their own; NaN is a gap.
        filled: shade what lies below.
    """

    label: str
    style: str
    x: np.ndarray
    y: np.ndarray
    filled: bool = False


@dataclass(frozen=True)
class Panel:
    """Lines over the same y axis.

    Attributes:
        title: says what is on the y axis.
        lines: drawn in this order.
        log: a logarithmic axis, for differences.
    """

    title: str
    lines: Sequence[Line]
    log: bool = False


@dataclass(frozen=True)
class Scale:
    """From values to heights: ``low`` at ``bottom``, ``high`` at ``top``."""

    low: float
    high: float
    top: float
    bottom: float

    def __call__(self, values: np.ndarray) -> np.ndarray:
        share = (np.asarray(values, dtype=np.float64) - self.low) / (self.high - self.low)
        return self.bottom + share * (self.top - self.bottom)


def svg(panels: Sequence[Panel], x_label: str, description: str) -> Markup:
    """Draw panels above each other. The same arrays give the same text.

    Args:
        panels: from the top.
        x_label: of the axis that they share.
        description: for those who hear the page.
    """
    steps = np.concatenate([line.x for panel in panels for line in panel.lines])
    low, high = float(steps.min()), float(steps.max())
    across = Scale(low, high if high > low else low + 1, LEFT, WIDTH - RIGHT)
    across = Scale(across.low, across.high, across.bottom, across.top)
    parts, top = [], TOP
    for panel in panels:
        bottom = top + HEIGHTS[panel.log]
        parts.append(_panel(panel, across, top, bottom))
        top = bottom + GAP
    height = bottom + BOTTOM
    parts.append(_x_axis(across, bottom, x_label))
    return Markup(
        '<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-label="{d}">{body}</svg>'
    ).format(w=WIDTH, h=height, d=description, body=Markup("\n").join(parts))


def swatch(line: Line) -> Markup:
    """A line's look, for the legend."""
    area = Markup('<rect class="area {s}" x="0" y="5" width="30" height="7"/>')
    body = area.format(s=line.style) if line.filled else Markup("")
    stroke = Markup('<path class="line {s}" d="M0 5H30"/>').format(s=line.style)
    return Markup('<svg class="swatch" viewBox="0 0 30 12" aria-hidden="true">{}{}</svg>').format(
        body, stroke
    )


def _panel(panel: Panel, across: Scale, top: float, bottom: float) -> Markup:
    values = np.concatenate([np.asarray(line.y, dtype=np.float64) for line in panel.lines])
    scale, ticks = (_log if panel.log else _linear)(values, top, bottom)
    parts = [_text(LEFT, top - 7, "start", panel.title, "title")]
    parts += [_tick(float(scale(np.array(v))), label) for v, label in ticks]
    if panel.log:
        if np.any(values == 0):
            parts.append(_tick(bottom, "0"))
        if np.any(np.isinf(values)):
            parts.append(_tick(top, "∞"))
    parts += [_line(line, panel.log, across, scale, top, bottom) for line in panel.lines]
    return Markup("").join(parts)


def _linear(values: np.ndarray, top: float, bottom: float) -> tuple[Scale, list]:
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    margin = 0.06 * (high - low) or max(abs(high) * 0.1, 1e-12)
    scale = Scale(low - margin, high + margin, top, bottom)
    return scale, [(v, f"{v:.4g}") for v in nice_ticks(scale.low, scale.high, 6)]


def _log(values: np.ndarray, top: float, bottom: float) -> tuple[Scale, list]:
    """In powers of ten; a row at the bottom is for zeros, one at the top for infinities."""
    positive = values[np.isfinite(values) & (values > 0)]
    ends = np.log10([positive.min(), positive.max()]) if positive.size else np.array([-1.0, 0.0])
    low, high = np.floor(ends[0]), max(np.ceil(ends[1]), np.floor(ends[0]) + 1)
    upper = top + ROW if np.any(np.isinf(values)) else top
    lower = bottom - ROW if np.any(values == 0) else bottom
    every = int(np.ceil((high - low) / 7))
    decades = np.arange(low, high + 1, every)
    return Scale(low, high, upper, lower), [(v, f"1e{v:+03.0f}") for v in decades]


def nice_ticks(low: float, high: float, count: int) -> np.ndarray:
    """About ``count`` round numbers in [low, high]: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / count
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    ticks = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return ticks + 0.0


def _line(line: Line, log: bool, across: Scale, scale: Scale, top: float, bottom: float) -> Markup:
    x, y = thinned(np.asarray(line.x, np.float64), np.asarray(line.y, np.float64))
    drawn = np.isfinite(y) & ((y > 0) if log else True)
    with np.errstate(divide="ignore", invalid="ignore"):
        heights = scale(np.log10(y) if log else y)
    points = [(a, b, ok) for a, b, ok in zip(across(x), heights, drawn, strict=True)]
    parts = []
    if line.filled:
        parts += [_area(line.style, run, bottom) for run in _unbroken(points) if len(run) > 1]
    path = " ".join(_path(run) for run in _unbroken(points))
    if path:
        parts.append(Markup('<path class="line {}" d="{}"/>').format(line.style, path))
    marked = [run for run in _unbroken(points) if len(x) <= MOST_MARKS or len(run) == 1]
    if not line.filled or len(x) == 1:
        parts += [_dot(line.style, a, b) for run in marked for a, b in run]
    if log:
        parts += [_dot(line.style, a, bottom) for a in across(x[y == 0])]
        parts += [_dot(line.style, a, top) for a in across(x[np.isinf(y)])]
    return Markup("").join(parts)


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most about ``MOST_POINTS`` points; the lowest and highest of each bucket stay, and one
    that is not finite."""
    if len(x) <= MOST_POINTS:
        return x, y
    kept: set[int] = {0, len(x) - 1}
    for bucket in np.array_split(np.arange(len(x)), MOST_POINTS // 2):
        values = y[bucket]
        odd = bucket[~np.isfinite(values)]
        finite = bucket[np.isfinite(values)]
        kept.update(odd[:1].tolist())
        if len(finite):
            kept.update((int(finite[y[finite].argmin()]), int(finite[y[finite].argmax()])))
    chosen = np.array(sorted(kept))
    return x[chosen], y[chosen]


def _unbroken(points: list) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for a, b, ok in points:
        if ok:
            runs[-1].append((a, b))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _path(run: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in run)


def _area(style: str, run: list[tuple[float, float]], bottom: float) -> Markup:
    closed = f"{_path(run)}L{run[-1][0]:.1f} {bottom:.1f}L{run[0][0]:.1f} {bottom:.1f}Z"
    return Markup('<path class="area {}" d="{}"/>').format(style, closed)


def _dot(style: str, x: float, y: float) -> Markup:
    return Markup('<circle class="dot {}" cx="{}" cy="{}" r="2"/>').format(
        style, f"{x:.1f}", f"{y:.1f}"
    )


def _tick(y: float, label: str) -> Markup:
    grid = Markup('<path class="grid" d="M{} {}H{}"/>').format(LEFT, f"{y:.1f}", WIDTH - RIGHT)
    return grid + _text(LEFT - 6, y + 4, "end", label)


def _x_axis(across: Scale, bottom: float, label: str) -> Markup:
    low, high = across.low, across.high
    ticks = sorted({int(t) for t in nice_ticks(low, high, 8)} & set(range(int(low), int(high) + 1)))
    parts = [Markup('<path class="axis" d="M{} {}H{}"/>').format(LEFT, bottom, WIDTH - RIGHT)]
    parts += [_text(float(across(np.array(t))), bottom + 15, "middle", str(t)) for t in ticks]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, bottom + 30, "middle", label))
    return Markup("").join(parts)


def _text(x: float, y: float, anchor: str, text: str, style: str = "tick") -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        style, f"{x:.1f}", f"{y:.1f}", anchor, escape(text)
    )
