"""How far one operation of the third post may be off, given the reference's inputs.

Every operation is judged on the reference's own inputs (see :mod:`repro.checks.follow`), so what is
left is its own rounding, on both sides. With u the unit roundoff:

* draws and initial weights are equal: **0**; a wave is a sine within an ulp on each side and a
  product: **3 ulp**;
* what lies inside the differentiated function is *measured*, as :class:`repro.checks.rules.Growth`
  measures: computed in Float64 as it is and eight times with its weights, points and targets moved
  by 1.5 u, it may be off by ten times the largest difference (of an array at least the median of
  its elements': eight runs may all miss one), and by no less than ten ulp of what may have
  cancelled to it;
* a relu whose pre-activation is no further from 0 than such a tolerance may be on in one side and
  off in the other: what that changes is allowed besides, for each such relu;
* Adam's moments take the gradient's tolerance over, since JAX computes the gradient that it trains
  with inside another program; its update is **8 roundings** of the step and an ulp of the weight,
  and powers of beta from the second on are within an ulp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.func import grad, vmap

from repro.cases.luna_rounding import Bound, roundoff, ulps
from repro.checks import FACTOR
from repro.checks.agreement import difference
from repro.checks.measured import floor
from repro.jang.net import NAMES, Params, sine_grid
from repro.trace import Noted

ALPHA, B1, B2 = 0.1, 0.9, 0.999
WAVE_ULP, UPDATE, MOVED = 3, 8, 8

Arrays = dict[str, np.ndarray]
Points = tuple[Tensor, ...]
"""Training x and y, validation x and y, (n, 1) float64; of the sine fit x and y."""
Relus = dict[tuple[str, int], Tensor]
"""Which relus (n, 40) are turned over: by the set of points and the layer before them."""


class JangRounding:
    """The budgets as a rule for :func:`repro.checks.follow`.

    It remembers the reference's values of the iteration at hand, and those handed on to it.

    Args:
        rate: Adam's.
    """

    words = (
        f"counted where it is one operation; inside the differentiated function {FACTOR:g} times "
        f"what moving its inputs by 1.5 u, {MOVED} times, grows to; on the reference's own inputs"
    )

    def __init__(self, rate: float) -> None:
        self.rate, self.updates = rate, 0
        self.known: Arrays = {}
        self.inside: dict[str, Arrays] = {}
        self.gradient: Arrays = {}

    def bounds(self, noted: list[Noted], expected: list[np.ndarray]) -> list[Bound]:
        """See :class:`repro.checks.Counted`; an operation that has no budget is exact."""
        if not noted:
            return []
        task = noted[0].name.partition(".")[0]
        budgets: dict[str, Callable[[], Iterator[Bound]]] = {
            "y1": lambda: (ulps(y, WAVE_ULP) for y in expected),
            "y2": lambda: (ulps(y, WAVE_ULP) for y in expected),
            "inner.grad": lambda: self._task(task, "inner.grad", expected),
            "adapted": lambda: self._task(task, "adapted", expected),
            "loss": lambda: self._loss(task, expected),
            "grad": lambda: self._grad(expected),
            "m": lambda: self._moments(expected, lambda g, e: (1 - B1) * e),
            "v": lambda: self._moments(expected, lambda g, e: (1 - B2) * (2 * g * e + e**2)),
            "weights": lambda: self._weights(expected),
        }
        found = list(budgets.get(noted[0].operation, lambda: (0.0 for _ in noted))())
        names = (one.name.replace("init.", "weights.") for one in noted)
        self.known |= dict(zip(names, map(np.asarray, expected), strict=True))
        return found

    def _task(self, task: str, operation: str, expected: list[np.ndarray]) -> Iterator[Bound]:
        names = [f"{task}.{name}" for name in ("x1", "y1", "x2", "y2")]
        if not self.known.keys() >= {*names}:  # not drawn, which is wrong already
            yield from (0.0 for _ in expected)
            return
        if operation == "inner.grad":
            points = tuple(torch.from_numpy(self.known[n]).reshape(-1, 1) for n in names)
            self.inside[task] = growth(adaptation, self._params(), points, self.u)
        for name, value in zip(NAMES, expected, strict=True):
            yield least(self.inside[task][f"{operation}.{name}"], value)

    def _loss(self, task: str, expected: list[np.ndarray]) -> Iterator[Bound]:
        if not self.inside:  # the sine fit, which has no tasks
            dtype = getattr(torch, str(self.known["weights.layers.0.weight"].dtype))
            points = tuple(t.double() for t in sine_grid(dtype))
            self.inside["fit"] = growth(plain, self._params(), points, self.u)
        each = [self.inside[task]] if task in self.inside else self.inside.values()
        yield least(np.mean([found["loss"] for found in each], axis=0), expected[0])

    def _grad(self, expected: list[np.ndarray]) -> Iterator[Bound]:
        for name, value in zip(NAMES, expected, strict=True):
            own = np.mean([found[f"grad.{name}"] for found in self.inside.values()], axis=0)
            self.gradient[name] = least(own, value)
            yield self.gradient[name]
        self.inside = {}

    def _moments(
        self, expected: list[np.ndarray], taken: Callable[[np.ndarray, np.ndarray], np.ndarray]
    ) -> Iterator[Bound]:
        """A moment's own roundings, and what it takes over of the gradient's tolerance; numbers
        below the smallest normal one may be 0 on one side."""
        for name, value in zip(NAMES, expected, strict=True):
            g = np.abs(self.known[f"grad.{name}"].astype(np.float64))
            own = 2 * ulps(value, 4) + 2 * 4 * self.u * taken(np.ones_like(g), g)
            yield own + taken(g, self.gradient[name]) + float(np.finfo(value.dtype).tiny)

    def _weights(self, expected: list[np.ndarray]) -> Iterator[Bound]:
        self.updates += 1
        relative = 2 * UPDATE * self.u + sum(self._power(beta) for beta in (B1, B2))
        for name, value in zip(NAMES, expected, strict=True):
            before = self.known[f"weights.{name}"]
            step = difference(before, value) + ulps(value, 1)
            yield relative * step + 2 * ulps(value, 1)

    def _power(self, beta: float) -> float:
        """What an ulp of beta's power makes of the correction 1 - beta^n; beta itself has none."""
        power = beta**self.updates if self.updates > 1 else 0.0
        return 2 * self.u * power / (1 - power)

    @property
    def u(self) -> float:
        return roundoff(self.known["weights.layers.0.weight"])

    def _params(self) -> Params:
        return {n: torch.from_numpy(self.known[f"weights.{n}"].astype(np.float64)) for n in NAMES}


def least(growth: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The tolerance of a value that grows so far."""
    smallest = floor(value[None], value.dtype)[0]
    return np.asarray(FACTOR * np.maximum(growth.reshape(value.shape), smallest))


Function = Callable[[Params, Points, Relus], tuple[dict[str, Tensor], Relus]]
"""Named results, and the pre-activations of all relus on the way."""


def growth(function: Function, p: Params, points: Points, u: float) -> Arrays:
    """How far each result goes when weights and points are moved, and doubtful relus turned."""
    generator = torch.Generator().manual_seed(0)

    def moved(value: Tensor) -> Tensor:
        xi = torch.rand((MOVED, *value.shape), generator=generator, dtype=torch.float64) * 2 - 1
        return value * (1 + 1.5 * u * xi)

    base, pres = function(p, points, {})
    others = {n: moved(v) for n, v in p.items()}, tuple(map(moved, points))
    results, around = vmap(lambda q, at: function(q, at, {}))(*others)
    found = {n: (results[n] - value).abs().amax(0) for n, value in base.items()}
    found = {n: torch.maximum(value, value.median()) for n, value in found.items()}
    for place, pre in pres.items():
        doubtful = pre.abs() <= FACTOR * (around[place] - pre).abs().amax(0)
        for sample, unit in doubtful.nonzero().tolist():
            turned = torch.zeros_like(pre, dtype=torch.bool)
            turned[sample, unit] = True
            other, _ = function(p, points, {place: turned})
            found = {n: value + (other[n] - base[n]).abs() / FACTOR for n, value in found.items()}
    return {name: value.numpy() for name, value in found.items()}


def loss(p: Params, x: Tensor, y: Tensor, relus: Relus, points: str) -> tuple[Tensor, Relus]:
    """The mean squared error, some relus turned over, and their pre-activations."""
    pres: Relus = {}
    for layer in range(3):
        if layer:
            place = points, layer
            pres[place] = x
            on = x > 0
            x = x * (on ^ relus[place] if place in relus else on)
        x = x @ p[f"layers.{layer}.weight"] + p[f"layers.{layer}.bias"]
    return torch.mean((y - x) ** 2), pres


def plain(p: Params, points: Points, relus: Relus) -> tuple[dict[str, Tensor], Relus]:
    """What the sine fit computes."""
    x, y = points
    value, pres = loss(p, x, y, relus, "fit")
    g = grad(lambda q: loss(q, x, y, relus, "fit")[0])(p)
    return {"loss": value} | {f"grad.{name}": g[name] for name in NAMES}, pres


def adaptation(p: Params, points: Points, relus: Relus) -> tuple[dict[str, Tensor], Relus]:
    """What is computed for one task."""
    x1, y1, x2, y2 = points

    def inner(q: Params) -> Params:
        found: Params = grad(lambda r: loss(r, x1, y1, relus, "training")[0])(q)
        return found

    def stepped(q: Params, g: Params) -> Params:
        return {name: q[name] - ALPHA * g[name] for name in NAMES}

    g = inner(p)
    p2 = stepped(p, g)
    _, first = loss(p, x1, y1, relus, "training")
    value, second = loss(p2, x2, y2, relus, "validation")
    outer = grad(lambda q: loss(stepped(q, inner(q)), x2, y2, relus, "validation")[0])(p)
    named = {f"inner.grad.{n}": g[n] for n in NAMES} | {f"adapted.{n}": p2[n] for n in NAMES}
    named |= {"loss": value} | {f"grad.{n}": outer[n] for n in NAMES}
    return named, first | second
