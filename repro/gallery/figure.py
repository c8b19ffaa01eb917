"""A figure: what it is called, what it plots, how it is drawn, and how close it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import matplotlib.figure
import numpy as np

from repro.errors import ReproError
from repro.run import Series, Trajectory

if TYPE_CHECKING:
    from repro.gallery.runs import Finding, Runs

POSTS = ("luna", "ecoffet")
"""The posts, each a module in the folder ``figures`` with a tuple ``FIGURES``."""

Arrays = Mapping[str, np.ndarray]
Draw = Callable[..., matplotlib.figure.Figure]


@dataclass(frozen=True)
class Figure:
    """One figure of a post.

    Attributes:
        name: of its files and of ``--only``; starts with the post's name and a hyphen.
        heading: above it in the gallery.
        caption: below it, in our own words.
        draw: ``draw(**arrays)`` gives a Matplotlib figure; it computes nothing.
        data: what is plotted, made from the runs behind it (see :func:`plotted`).
        parity: what holds the runs behind it against the original, as far as that is recorded.
        original: the original's own arrays, named as in ``data``, where they are recorded; None
            where they are not. ``draw`` then takes them as ``original``.
    """

    name: str
    heading: str
    caption: str
    draw: Draw
    data: Callable[[Runs], Trajectory]
    parity: tuple[Callable[[Runs], Finding], ...] = ()
    original: Callable[[Runs], Arrays | None] | None = None

    @property
    def post(self) -> str:
        return self.name.split("-", 1)[0]


def plotted(**kinds: Mapping[str, np.ndarray]) -> Trajectory:
    """The arrays of a figure by kind, for instance ``plotted(draw={"x": x}, results={"y": y})``.

    The kinds are those of :class:`repro.run.Series`: they say how a last-bit difference
    travels, and so what a redrawn figure may differ by.
    """
    return Trajectory(
        {
            name: Series(np.array([0]), np.asarray(values)[None], kind)
            for kind, arrays in kinds.items()
            for name, values in arrays.items()
        }
    )


def arrays_of(data: Trajectory) -> dict[str, np.ndarray]:
    """What :func:`plotted` was given."""
    return {name: series.values[0] for name, series in data.series.items()}


def folder() -> Path:
    """The folder ``figures``: inside an installed ``repro``, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_figures"
    return installed if installed.is_dir() else package.parent / "figures"


@cache
def load_post(name: str) -> ModuleType:
    """The module of a post's figures."""
    path = folder() / f"{name}.py"
    spec = spec_from_file_location(f"repro_figures_{name}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ReproError(f"{path} is missing: restore the folder figures, or reinstall repro")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def known() -> dict[str, Figure]:
    """All figures by name, in the posts' order."""
    found = [f for post in POSTS for f in getattr(load_post(post), "FIGURES", ())]
    return {figure.name: figure for figure in found}


def choose(names: Sequence[str] = ()) -> list[Figure]:
    """The figures of these names, in the posts' order; a post's name stands for all of its own.

    Raises:
        ReproError: an unknown name; the message lists the known ones.
    """
    figures = known()
    for name in names:
        if name not in figures and name not in POSTS:
            raise ReproError(
                f"no figure is called {name!r}: choose from {', '.join(figures)}, "
                f"or a whole post: {', '.join(POSTS)}"
            )
    return [f for f in figures.values() if not names or f.name in names or f.post in names]
