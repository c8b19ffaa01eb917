"""How far one operation may be off, counted from what it computes, given the reference's inputs.

Every operation is judged on the reference's own inputs (see :mod:`repro.localise`), so what is
left is its own rounding. With u the unit roundoff (2**-24 in Float32) and each of the two sides
rounding in its own order:

* draws, permutations, updates, restored weights, sums over tasks, Reptile's differences and steps
  are single, correctly rounded operations in a stated precision: **0**;
* a wave is a sine within one ulp on each side and a product: **3 ulp** of the value; over the
  Float64 range of test points Julia adds the phase to the *range*, whose elements are rounded
  once, where ours are rounded before and after: an ulp of the argument more;
* ``pre = W x + b`` sums k products: at most **2 (k - 1) u** times ``|W| |x|``, and an ulp for the
  bias (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1);
* tanh is within 2 ulp on each side: **4 ulp**; the identity is 0;
* a loss over n points is a sum of n non-negative terms: **2 (n + 4) u** of its value;
* a gradient is a chain of the above, bounded by running the backward pass on absolute values:
  **2 (terms on the path) u** of that. ``1 - h^2`` near zero keeps an absolute error of u.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

EXACT = ("amplitude", "phase_shift", "x", "permutation")
EXACT_PER_PARAMETER = ("init", "update", "restore", "sum", "difference", "step")

WAVE_ULP, TANH_ULP = 3, 4

Arrays = Mapping[str, np.ndarray]


def roundoff(values: np.ndarray) -> float:
    """u: half the distance from 1 to the next number."""
    return float(np.finfo(values.dtype).eps) / 2


def ulps(values: np.ndarray, count: float) -> np.ndarray:
    """``count`` ulp of every value, as float64."""
    return count * np.spacing(np.abs(values)).astype(np.float64)


def wave(y: np.ndarray, over_range: bool) -> np.ndarray:
    """Bound for ``amplitude * sin(x + phase)``; amplitudes reach 5, arguments 12."""
    extra = 5 * np.spacing(12.0) if over_range and y.dtype == np.float64 else 0.0
    return ulps(y, WAVE_ULP) + extra


def pre_activation(weight: np.ndarray, x: np.ndarray, pre: np.ndarray) -> np.ndarray:
    """Bound for ``W x + b``. weight (m, k), x (k, n), pre (m, n)."""
    u, k = roundoff(pre), weight.shape[1]
    return 2 * (k - 1) * u * (np.abs(weight).astype(np.float64) @ np.abs(x)) + ulps(pre, k > 1)


def loss(value: np.ndarray, n: int) -> np.ndarray:
    """Bound for the mean of n squares; the difference inside each counts twice."""
    return 2 * (n + 4) * roundoff(value) * np.abs(value).astype(np.float64)


def gradients(
    weights: Arrays, x: np.ndarray, outs: list[np.ndarray], y: np.ndarray
) -> dict[str, np.ndarray]:
    """Bounds for every parameter's gradient of the mean square.

    Args:
        weights: by name, ``layers.0.weight`` (m, k) and so on.
        x: (1, n) the batch; y: (1, n) its targets.
        outs: (m, n) each layer's output, all from the reference.
    """
    inputs = [x, *outs[:-1]]
    n = x.shape[1]
    u = max(roundoff(outs[-1]), 2.0**-24)
    delta = np.abs(2 * (outs[-1] - y) / n).astype(np.float64)
    terms = 4.0
    bounds = {}
    for layer in reversed(range(len(outs))):
        h = np.abs(inputs[layer]).astype(np.float64)
        path = 2 * (terms + n) * u
        bounds[f"layers.{layer}.weight"] = path * (delta @ h.T)
        bounds[f"layers.{layer}.bias"] = path * delta.sum(axis=1)
        if layer:
            weight = np.abs(weights[f"layers.{layer}.weight"]).astype(np.float64)
            # 1 - h^2 with its error: relative where it is large, u where it cancels.
            slope = 1 - inputs[layer].astype(np.float64) ** 2 + 1 / (2 * terms)
            delta = (weight.T @ delta) * slope
            terms += weight.shape[0] + 3
    return bounds
