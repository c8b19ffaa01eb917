"""From arrays to files: the same bytes for the same arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure as Drawing

from repro.errors import ReproError
from repro.gallery.figure import Arrays, Figure, folder

FORMATS = ("png", "svg", "pdf")
METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""What Matplotlib would write of itself and of the time is left out."""


def read_formats(text: str) -> tuple[str, ...]:
    """Read ``png,svg``.

    Raises:
        ReproError: an unknown format.
    """
    formats = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",")))
    for one in formats:
        if one not in FORMATS:
            raise ReproError(f"format {one!r} is not known: choose from {', '.join(FORMATS)}")
    return formats


def draw(
    figure: Figure, arrays: Mapping[str, np.ndarray], original: Arrays | None = None
) -> Drawing:
    """Draw in the project's style, whatever the user's own settings are."""
    extra = {} if original is None else {"original": original}
    with matplotlib.style.context(["default", str(folder() / "repro.mplstyle")]):
        return figure.draw(**arrays, **extra)


def save(drawing: Drawing, stem: Path, formats: Sequence[str]) -> list[Path]:
    """Write ``stem.png`` and so on."""
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in formats]
    with matplotlib.style.context(["default", str(folder() / "repro.mplstyle")]):
        for path, kind in zip(paths, formats, strict=True):
            drawing.savefig(path, format=kind, metadata=METADATA[kind])
    return paths
