"""How far one operation may be off, counted from what it computes, given the reference's inputs.

Every operation is judged on the reference's own inputs (see :mod:`repro.checks.follow`), so what is
left is its own rounding. With u the unit roundoff (2**-24 in Float32) and each of the two sides
rounding in its own order:

* draws, permutations, updates, restored weights, sums over tasks, Reptile's differences and steps
  are single, correctly rounded operations in a stated precision: **0**;
* a wave is a sine within one ulp on each side and a product: **3 ulp** of the value; over the
  Float64 range of test points Julia adds the phase to the *range*, whose elements are rounded
  once, where ours are rounded before and after: an ulp of the argument more;
* ``pre = W x + b`` sums k products: at most **2 (k - 1) u** times ``|W| |x|``, and an ulp for the
  bias (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1); between two builds of
  a library, one of which may fuse, also 2 u times that and **k u** of the bias;
* tanh is within 2 ulp on each side: **4 ulp**; the identity is 0;
* a loss over n points is a sum of n non-negative terms: **2 (n + 4) u** of its value;
* a gradient is a chain of the above, bounded by running the backward pass on absolute values:
  **2 (terms on the path) u** of that. ``1 - h^2`` near zero keeps an absolute error of u.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from repro.trace import Noted

WAVE_ULP, TANH_ULP = 3, 4

Bound = np.ndarray | float


class LunaRounding:
    """The counted budgets as a rule for :func:`repro.checks.follow`.

    It remembers the forward pass at hand, which a gradient's budget is counted from.

    Args:
        fused: one side may add to a product without rounding it first, as between two builds of a
            library; the original and its port both round it.
    """

    words = "counted: the roundings of each operation, on the reference's own inputs"

    def __init__(self, fused: bool = False) -> None:
        self.fused = fused
        self._passed: list[_Layer] = []
        self._target = np.empty(0)
        self._complete = False

    def bounds(self, noted: list[Noted], expected: list[np.ndarray]) -> list[Bound]:
        """See :class:`repro.checks.Counted`; an operation that is not counted is exact."""
        counted: dict[str, Callable[[Noted, np.ndarray], Bound]] = {
            "y": lambda one, y: wave(y, over_range=False),
            "testy": lambda one, y: wave(y, over_range=True),
            "pre": self._pre,
            "out": self._out,
            "loss": self._loss,
        }
        if noted and noted[0].operation == "grad":
            return self._gradients()
        exact: Callable[[Noted, np.ndarray], Bound] = lambda one, value: 0.0  # noqa: E731
        return [
            counted.get(one.operation, exact)(one, value)
            for one, value in zip(noted, expected, strict=True)
        ]

    def _pre(self, one: Noted, pre: np.ndarray) -> Bound:
        if self._complete:
            self._passed, self._complete = [], False
        weight, x = map(_array, one.operands)
        self._passed.append(_Layer(weight, x, pre))
        own = pre_activation(weight, x, pre)
        return own + fusing(weight, x, pre) if self.fused else own

    def _out(self, one: Noted, out: np.ndarray) -> Bound:
        self._passed[-1].out = out
        return 0.0 if one.value is one.operands[0] else ulps(out, TANH_ULP)

    def _loss(self, one: Noted, value: np.ndarray) -> Bound:
        self._complete, self._target = True, _array(one.operands[1])
        return loss(value, self._target.size)

    def _gradients(self) -> list[Bound]:
        return gradients(self._passed, self._target)


@dataclass
class _Layer:
    """A layer's forward pass: its weights, what came in, and what went out."""

    weight: np.ndarray
    x: np.ndarray
    out: np.ndarray


def _array(value: Any) -> np.ndarray:
    return np.asarray(value.detach().cpu().numpy())


def roundoff(values: np.ndarray) -> float:
    """u: half the distance from 1 to the next number."""
    return float(np.finfo(values.dtype).eps) / 2


def ulps(values: np.ndarray, count: float) -> np.ndarray:
    """``count`` ulp of every value, as float64."""
    return np.asarray(count * np.spacing(np.abs(values)).astype(np.float64))


def wave(y: np.ndarray, *, over_range: bool) -> np.ndarray:
    """Bound for ``amplitude * sin(x + phase)``; amplitudes reach 5, arguments 12."""
    extra = 5 * np.spacing(12.0) if over_range and y.dtype == np.float64 else 0.0
    return ulps(y, WAVE_ULP) + extra


def pre_activation(weight: np.ndarray, x: np.ndarray, pre: np.ndarray) -> np.ndarray:
    """Bound for ``W x + b``. weight (m, k), x (k, n), pre (m, n)."""
    u, k = roundoff(pre), weight.shape[1]
    return np.asarray(
        2 * (k - 1) * u * (np.abs(weight).astype(np.float64) @ np.abs(x)) + ulps(pre, k > 1)
    )


def fusing(weight: np.ndarray, x: np.ndarray, pre: np.ndarray) -> np.ndarray:
    """What fusing may move ``W x + b`` by besides: each product's own rounding, on either side; the
    bias in each of the k sums, where they begin with it; and the last."""
    k, wide = weight.shape[1], weight.astype(np.float64)
    products, bias = np.abs(wide) @ np.abs(x), pre - wide @ x
    return np.asarray(roundoff(pre) * (2 * products + k * np.abs(bias)) + ulps(pre, 1))


def loss(value: np.ndarray, n: int) -> np.ndarray:
    """Bound for the mean of n squares; the difference inside each counts twice."""
    return np.asarray(2 * (n + 4) * roundoff(value) * np.abs(value).astype(np.float64))


def gradients(passed: list[_Layer], y: np.ndarray) -> list[Bound]:
    """Bounds for every parameter's gradient of the mean square, layer by layer, W then b.

    Args:
        passed: the layers of the forward pass; W (m, k), x (k, n), out (m, n).
        y: (1, n) the batch's targets.
    """
    n = y.shape[1]
    output = passed[-1].out
    u = max(roundoff(output), 2.0**-24)
    delta = np.abs(2 * (output - y) / n).astype(np.float64)
    terms = 4.0
    bounds: list[Bound] = []
    for i, layer in reversed([*enumerate(passed)]):
        h = np.abs(layer.x).astype(np.float64)
        path = 2 * (terms + n) * u
        bounds = [path * (delta @ h.T), path * delta.sum(axis=1), *bounds]
        if i:
            weight = np.abs(layer.weight).astype(np.float64)
            # 1 - h^2 with its error: relative where it is large, u where it cancels.
            slope = 1 - layer.x.astype(np.float64) ** 2 + 1 / (2 * terms)
            delta = (weight.T @ delta) * slope
            terms += weight.shape[0] + 3
    return bounds
