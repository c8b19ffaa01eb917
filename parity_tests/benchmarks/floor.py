"""The least time an iteration can take on one core: its arithmetic at the measured full rate."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from repro.engine.compiling import jit
from repro.engine.fast_arithmetic import fast_activation
from repro.engine.handover import aligned
from repro.engine.tiles import product_tile

HIDDEN = 64
#: Points that one meta-iteration computes a gradient on.
POINTS = {"fomaml": 3 * (10 + 50), "reptile": 5 * 10}

_tile = product_tile(64, 6)


@jit
def _products(c, a, b, times):
    for _ in range(times):
        for j in range(0, 48, 6):
            _tile(c, a, b, 64 * j, 0, 64 * j, 1, 64, 64)


@jit
def _tanhs(out, x, times):
    for _ in range(times):
        for i in range(x.size):
            out[i] = fast_activation(x[i])


def _best(function, *arguments, times: int) -> float:
    function(*arguments, 1)
    rounds = []
    for _ in range(20):
        start = perf_counter()
        function(*arguments, times)
        rounds.append((perf_counter() - start) / times)
    return min(rounds)


def flops(algorithm: str) -> int:
    """Floating-point operations of one meta-iteration, a multiply-add counting as two."""
    forward = HIDDEN + HIDDEN * HIDDEN + HIDDEN
    # Backward, each W has a gradient of the forward product's size, and all but the first pass
    # one back as well.
    backward = forward + HIDDEN * HIDDEN + HIDDEN
    return 2 * POINTS[algorithm] * (forward + backward)


def floor_us(algorithm: str) -> tuple[float, float]:
    """Microseconds for the multiply-adds and for the tanhs of one meta-iteration."""
    a, b, c = (aligned(4096) for _ in range(3))
    a[:] = b[:] = np.linspace(-1, 1, 4096)
    rate = 2 * 64 * 64 * 48 / _best(_products, c, a, b, times=500)
    x, out = aligned(3200), aligned(3200)
    x[:] = np.linspace(-2, 2, 3200)
    each = _best(_tanhs, out, x, times=500) / 3200
    return 1e6 * flops(algorithm) / rate, 1e6 * 2 * HIDDEN * POINTS[algorithm] * each
