"""A row of docs/differences.md: one thing that two libraries compute differently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

Effects = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """What differs.

    Attributes:
        key: by which its test is found.
        topic: the page's heading it stands under.
        what: the thing, by name.
        julia, python: what each side computes, as formulas.
        shown: where the Julia side comes from: ``recorded`` (what Flux 0.7.3 itself gave),
            ``live`` (Julia 1.5.3), or the source's version, whose formula is computed here.
        measure: the effect after one step and after a hundred; of a live row it takes what Julia
            answered.
        unit: ``relative`` difference; the ``share`` of the values that differ; of what hangs on
            the machine an upper bound of the relative difference (``rounding``), or whether there
            is ``any``.
        note: what to do.
    """

    key: str
    topic: str
    what: str
    julia: str
    python: str
    shown: str
    measure: Callable[..., Effects]
    unit: str = "relative"
    note: str = ""


def text(value: float, unit: str) -> str:
    """An effect as the page prints it."""
    if unit == "rounding":
        return f"below {10.0 ** np.ceil(np.log10(max(value, 2e-16))):.0e}" if value else "rounding"
    if value == 0:
        return "0"
    if unit == "any":
        return "some differ"
    if unit == "share":
        return f"{100 * value:.0f} %"
    if value < 1e-12:
        return "rounding"
    return f"{value:.0e}" if value < 0.01 or value >= 100 else f"{value:.2g}"


def same(printed: str, value: float, unit: str) -> bool:
    """Whether a measured effect is the printed one: machines differ by a few values in a hundred,
    or by a factor of two where rounding is what differs."""
    here = text(value, unit)
    if printed == here:
        return True
    if unit == "rounding":
        return value <= (1e-6 if printed == "rounding" else float(printed.removeprefix("below")))
    if unit == "relative" and {printed, here} == {"0", "rounding"}:
        return True
    try:
        a, b = (float(t.removesuffix(" %")) for t in (printed, here))
    except ValueError:
        return False
    return abs(a - b) <= 10 if unit == "share" else 0.5 <= a / b <= 2 if a and b else False


def relative(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference over the largest value."""
    a, b = (np.asarray(x, np.float64) for x in (a, b))
    size = np.abs(a).max()
    return float(np.abs(a - b).max() / size) if size else float(np.abs(b).max() > 0)


def share(a: np.ndarray, b: np.ndarray) -> float:
    """Of the values, how many differ at all."""
    return float(np.mean(np.asarray(a) != np.asarray(b)))


def moved(a: np.ndarray, b: np.ndarray) -> Effects:
    """(steps, n) of both sides, what is subtracted: where one and a hundred of them lead."""
    ends = ((np.cumsum(x, axis=0)[k] for x in (a, b)) for k in (0, 99))
    one, hundred = (relative(*pair) for pair in ends)
    return one, hundred


def trained(flux: Callable, torchs: Callable, rate: float = 0.1) -> Effects:
    """Weights after one and a hundred steps of descent on either loss of (logits, labels)."""
    rng = np.random.default_rng(3)
    x = torch.tensor(rng.normal(size=(20, 4)))
    y = torch.tensor(rng.integers(0, 3, 20))
    made = []
    for loss in (flux, torchs):
        w = torch.zeros(4, 3, dtype=torch.float64, requires_grad=True)
        ends = []
        for _ in range(100):
            (g,) = torch.autograd.grad(loss(x @ w, y), w)
            w = (w - rate * g).detach().requires_grad_()
            ends.append(w.detach().numpy().copy())
        made.append(ends)
    return relative(made[0][0], made[1][0]), relative(made[0][99], made[1][99])
