"""Whether two pictures look alike.

Pictures are compared by the mean colour of their tiles. Letters and edges come out a little
differently with other versions of the drawing libraries: labels move by up to three pixels. So
two pictures count as alike while each tile differs by no more than it, or one beside it, does
when the reference is moved by three pixels. A line that is missing, in another colour or in
another place changes the tiles that it runs through by more.

Measured on the first post's figures at 900 by 600 pixels: Matplotlib 3.9.4, the oldest supported,
against 3.11.2 comes to 0.87 of what is allowed at most; a line left out, recoloured or moved by
2 % of the axis, a missing title or legend to between 1.4 and 15 times it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

TILE, SHIFT = 60, 3
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
        return Likeness(problem=f"has {_size(b)} pixels, not {_size(a)}")
    return Likeness(float((_apart(a, b) / allowed(a)).max()))


def allowed(pixels: np.ndarray) -> np.ndarray:
    """By tile, what moving the picture (h, w, 3) in any direction changes there or beside it."""
    steps = [step for step in product((-SHIFT, 0, SHIFT), repeat=2) if any(step)]
    moved = [np.roll(pixels, step, (0, 1)) for step in steps]
    changes = np.pad(np.max([_apart(pixels, m) for m in moved], axis=0), 1)
    beside = sliding_window_view(changes, (3, 3)).max(axis=(-2, -1))
    return np.asarray(np.maximum(beside, QUANTUM))


def tiles(pixels: np.ndarray) -> np.ndarray:
    """Mean colours (h / TILE, w / TILE, 3), the last tiles filled up with white."""
    h, w = (-(-n // TILE) for n in pixels.shape[:2])
    missing = h * TILE - pixels.shape[0], w * TILE - pixels.shape[1]
    whole = np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), constant_values=1)
    return np.asarray(whole.reshape(h, TILE, w, TILE, 3).mean(axis=(1, 3)))


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(tiles(a) - tiles(b)).max(axis=-1))


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.float64) / 255


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
