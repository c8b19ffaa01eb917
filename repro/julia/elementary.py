"""The tables behind Julia's `log` and `exp`, and of the ziggurat, computed to the last bit."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal, localcontext
from functools import cache
from typing import Any, NamedTuple

import numpy as np

_DIGITS = 60


class Ziggurat(NamedTuple):
    """Layers of equal area under a density f: 256 of them, the last reaching `r` and the tail.

    `k`: uint64 (256,), numbers below lie under the density for certain; `w`: float64 (256,), a
    number times this is the abscissa; `f`: float64 (256,), the density at the layer's edge.
    """

    k: Any
    w: Any
    f: Any
    r: float
    inv_r: float
    exponential: bool
    from_1: bool
    logs: Any


@cache
def ziggurat(exponential: bool, from_1: bool) -> Ziggurat:
    """The layers of the exponential or of the normal density.

    Numbers have 52 bits for the one, 51 for the other, whose last bit is the sign. `from_1` says
    how the tail takes its logarithms: of 1 - u from Julia 1.11 on, else of u.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        return _ziggurat(exponential, from_1)


def _ziggurat(exponential: bool, from_1: bool) -> Ziggurat:
    def density(x: Decimal) -> Decimal:
        return (-x if exponential else -x * x / 2).exp()

    def inverse(y: Decimal) -> Decimal:
        return -y.ln() if exponential else (-2 * y.ln()).sqrt()

    # Where the last layer begins (Marsaglia and Tsang): the edges then close at the density's top.
    r = Decimal(
        "7.69711747013104971404462804811408952334"
        if exponential
        else "3.65415288536100879635194725185604664813"
    )
    area = r * density(r) + density(r) * (1 if exponential else _mills(r))
    scale = Decimal(2) ** (52 if exponential else 51)
    k, w, f = [Decimal(0)] * 256, [Decimal(0)] * 256, [Decimal(1)] * 256
    edge = r
    k[0], w[0] = r * density(r) / area * scale, area / density(r) / scale
    w[255], f[255] = r / scale, density(r)
    for i in range(254, 0, -1):
        inner = inverse(area / edge + f[i + 1])
        k[i + 1], w[i], f[i] = inner / edge * scale, inner / scale, density(inner)
        edge = inner
    return Ziggurat(
        np.array([int(each) for each in k], dtype=np.uint64),
        np.array([float(each) for each in w]),
        np.array([float(each) for each in f]),
        float(r),
        1 / float(r),
        exponential,
        from_1,
        log_table(),
    )


def _mills(x: Decimal) -> Decimal:
    """The area under exp(-t^2/2) beyond x, over exp(-x^2/2), by Laplace's continued fraction."""
    value = x
    for i in range(600, 0, -1):
        value = x + i / value
    return 1 / value


@cache
def log_table() -> Any:
    """log(1 + j/128), j = 0..128: float64 (129, 2), to 39 bits after the point, and the rest."""
    with localcontext() as context:
        context.prec = _DIGITS
        rows = []
        for j in range(129):
            exact = (1 + Decimal(j) / 128).ln()
            hi = round(exact * 2**39) * 2.0**-39
            rows.append([hi, float(exact - Decimal(hi))])
    return np.array(rows)


@cache
def exp_table() -> Any:
    """2^(j/256), j = 0..255: float64 (256, 2), rounded down, and what Julia adds to it.

    Julia packs both into 64 bits: the first without its exponent, and 12 bits of the rest, whose
    lower bits are then read from where the first one stands.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        rows = []
        for j in range(256):
            exact = Decimal(2) ** (Decimal(j) / 256)
            upper = int((exact * 2**52).to_integral_value(ROUND_FLOOR))
            rest = int(np.float64(float(exact - Decimal(upper) / 2**52)).view(np.uint64))
            packed = (rest >> 44 & 0xFFF) << 44 | (upper & (1 << 52) - 1) >> 8
            lower = np.uint64(0x3C00000000000000 | packed).view(np.float64)
            rows.append([upper * 2.0**-52, float(lower)])
    return np.array(rows)
