"""A chart as a page holds it: an SVG with words for those who cannot see it."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, RED, GREY, GREEN, PINK = "#0072b2", "#d55e00", "#8a8a8a", "#00805e", "#b0508a"


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


def drawn(figure: Figure, heading: str, words: str) -> Chart:
    """The same bytes for the same figure."""
    import matplotlib  # takes a second: a page without charts does not wait for it

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "repro"}):
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    source = "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode()
    return Chart(heading, words, source)
