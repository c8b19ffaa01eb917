"""Whether two pictures look alike.

Pictures are compared by the mean colour of their tiles. Fonts and edges come out a little
differently with other versions of the drawing libraries, by less than a pixel. So two pictures
count as alike while each tile differs by no more than it, or one beside it, does when the
reference is moved by one pixel. A line that is missing, in another colour or in another place
changes the tiles that it runs through by more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

TILE = 25
"""Pixels: three to four times the width of a letter's stroke and of a line together."""


QUANTUM = 1 / 255
"""The smallest step of a colour: no tile is asked to be closer."""


@dataclass(frozen=True)
class Likeness:
    """How far apart two pictures are; true when alike.

    Attributes:
        ratio: the largest difference of a tile's mean colour over what the tile is allowed:
            above 1 is too much.
        problem: why they could not be compared.
    """

    ratio: float = np.inf
    problem: str | None = None

    def __bool__(self) -> bool:
        return self.problem is None and self.ratio <= 1


def alike(reference: Path, found: Path) -> Likeness:
    """Compare two PNG files."""
    try:
        a, b = (_pixels(path) for path in (reference, found))
    except OSError as error:
        return Likeness(problem=f"cannot be read ({error})")
    if a.shape != b.shape:
        return Likeness(problem=f"has {b.shape[1]} x {b.shape[0]} pixels, not {_size(a)}")
    return Likeness(float((_apart(a, b) / allowed(a)).max()))


def allowed(pixels: np.ndarray) -> np.ndarray:
    """By tile, what moving the picture (h, w, 3) by one pixel changes there or beside it."""
    moved = [np.roll(pixels, step, axis) for axis in (0, 1) for step in (-1, 1)]
    changes = np.pad(np.max([_apart(pixels, m) for m in moved], axis=0), 1)
    beside = sliding_window_view(changes, (3, 3)).max(axis=(-2, -1))
    return np.maximum(beside, QUANTUM)


def tiles(pixels: np.ndarray) -> np.ndarray:
    """Mean colours of whole tiles; what is left at the right and lower edge joins none."""
    h, w = (n // TILE for n in pixels.shape[:2])
    cut = pixels[: h * TILE, : w * TILE]
    return cut.reshape(h, TILE, w, TILE, 3).mean(axis=(1, 3))


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(tiles(a) - tiles(b)).max(axis=-1)


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.float64) / 255


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
