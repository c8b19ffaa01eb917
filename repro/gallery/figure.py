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

from repro.errors import ReproError, nearest
from repro.folders import shipped
from repro.run import Kind, Quantity, Run

if TYPE_CHECKING:
    from repro.gallery.runs import Finding, Runs

POSTS = {
    "luna": "“Meta-Learning”, Dominique Luna, 2019",
    "ecoffet": "“Paper repro: Deep Metalearning using MAML and Reptile”, Adrien Ecoffet, 2018",
    "jang": "“Meta-Learning in 50 Lines of JAX”, Eric Jang, 2019",
    "claims": "What the first two posts say in words, over 64 networks of each kind",
    "implicit": "“Meta-Learning, Part I: From MAML to iMAML”, A. Fedorov's slides, 2020",
}
"""The posts and their titles, each a module in the folder ``figures`` with a tuple ``FIGURES``."""

ADDRESSES = {
    "luna": "https://domluna.com/meta-learning/",
    "ecoffet": "https://towardsdatascience.com/"
    "paper-repro-deep-metalearning-using-maml-and-reptile-fd1df1cc81b0",
    "jang": "https://blog.evjang.com/2019/02/maml-jax.html",
}
"""Where the posts are to be read."""

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
        extra: whether it is none of the post's.
    """

    name: str
    heading: str
    caption: str
    draw: Draw
    data: Callable[[Runs], Run]
    parity: tuple[Callable[[Runs], Finding], ...] = ()
    original: Callable[[Runs], Arrays | None] | None = None
    extra: bool = False

    @property
    def post(self) -> str:
        return self.name.split("-", 1)[0]


def plotted(
    *,
    draw: Arrays | None = None,
    results: Arrays | None = None,
    rows: Arrays | None = None,
) -> Run:
    """The arrays of a figure, for instance ``plotted(draw={"x": x}, results={"y": y})``.

    Args:
        draw: what is drawn, and so the same on every machine.
        results: what is computed from runs.
        rows: the same, a last-bit difference growing along each row.
    """
    groups = {Kind.DRAW: draw, Kind.RESULT: results, Kind.ROWS: rows}
    return Run(
        {
            name: Quantity.once(values, kind)
            for kind, arrays in groups.items()
            for name, values in (arrays or {}).items()
        }
    )


def arrays_of(data: Run) -> dict[str, np.ndarray]:
    """What :func:`plotted` was given."""
    return {name: quantity.values[0] for name, quantity in data.quantities.items()}


def folder() -> Path:
    """The folder ``figures``."""
    return shipped("figures")


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
                f"or a whole post: {', '.join(POSTS)}.{nearest(name, (*figures, *POSTS))}"
            )
    return [f for f in figures.values() if not names or f.name in names or f.post in names]
