"""Float32 functions as XLA compiles them for a processor with fused multiply-adds, bit for bit.

`erf_inv` is M. Giles's single-precision polynomial ("Approximating the erfinv function", GPU
Computing Gems, 2011). Below it lie a `log1p` and a `log` with the coefficients of S. Moshier's
Cephes library (logl.c's rational function, logf.c's polynomial). Which products are rounded and
which are fused is XLA's choice, and read from what it compiles; only one order gives its bits.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float32s: TypeAlias = NDArray[np.float32]
Coefficients: TypeAlias = tuple[float, ...]
"""Of a polynomial, the highest power first."""

_CENTRAL: Coefficients = (
    2.81022636e-08,
    3.43273939e-07,
    -3.5233877e-06,
    -4.39150654e-06,
    0.00021858087,
)
_CENTRAL += (-0.00125372503, -0.00417768164, 0.246640727, 1.50140941)
_TAIL: Coefficients = (
    -0.000200214257,
    0.000100950558,
    0.00134934322,
    -0.00367342844,
    0.00573950773,
)
_TAIL += (-0.0076224613, 0.00943887047, 1.00167406, 2.83297682)

_LOG1P_ABOVE: Coefficients = (
    4.5270000862445199635215e-5,
    4.9854102823193375972212e-1,
    6.5787325942061044846969,
)
_LOG1P_ABOVE += (29.911919328553073277375, 60.949667980987787057556, 57.112963590585538103336)
_LOG1P_ABOVE += (20.039553499201281259648,)
_LOG1P_BELOW: Coefficients = (
    1.0,
    15.062909083469192043167,
    83.047565967967209469434,
    221.76239823732856465394,
)
_LOG1P_BELOW += (309.09872225312059774938, 216.42788614495947685003, 60.118660497603843919306)
_LOG1P_SMALL = np.array(0x3ED413CD, np.uint32).view(np.float32)  # sqrt(2) - 1

_LOG_CHAINS = (
    (0.070376836, -0.1151461, 0.11676998),
    (-0.12420141, 0.14249323, -0.16668057),
    (0.20000714, -0.24999994, 0.33333331),
)
_SQRT_HALF = np.array(0x3F3504F3, np.uint32).view(np.float32)

_ERF_ABOVE: Coefficients = (0.00022905065861350646, 0.0034082910107109506, 0.050955695062380861)
_ERF_ABOVE += (0.18520832239976145, 1.128379143519084)
_ERF_BELOW: Coefficients = (-1.1791602954361697e-7, 0.000023547966471313185, 0.0010179625278914885)
_ERF_BELOW += (0.014070470171167667, 0.11098505178285362, 0.49746925110067538, 1.0)
_TINY = np.finfo(np.float32).tiny
_ERF_ONE = np.float32(3.832506856900711)


def fma(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> Float32s:
    """a * b + c with one rounding, for Float32 arrays that broadcast.

    In Float64 the product is exact. The sum is rounded *to odd*, from where the rounding to
    Float32 is the only one that counts (S. Boldo and G. Melquiond, "Emulation of a FMA and
    correctly rounded sums", IEEE Trans. Comput. 57, 2008).
    """
    product = np.asarray(a, np.float32).astype(np.float64) * np.asarray(b, np.float32)
    addend = np.broadcast_to(np.asarray(c, np.float32).astype(np.float64), product.shape)
    total = np.atleast_1d(product + addend)
    virtual = total - product
    error = (product - (total - virtual)) + (addend - virtual)
    even = (total.view(np.int64) & 1) == 0
    away = np.where(error > 0, np.inf, -np.inf)
    odd = np.where((error != 0) & even, np.nextafter(total, away), total)
    return odd.astype(np.float32).reshape(product.shape)


def _horner(x: Float32s, coefficients: Coefficients) -> Float32s:
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = fma(value, x, np.float32(coefficient))
    return value


def erf_inv(x: ArrayLike) -> Float32s:
    """The inverse error function of Float32 numbers in [-1, 1]; infinite at the ends, NaN outside.

    Equal to `jax.scipy.special.erfinv` (`lax.erf_inv`) compiled for a CPU with AVX2 and FMA, where
    subnormal numbers become zero.
    """
    x = np.asarray(x, np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        w = -log1p(-(x * x))
        central = w < np.float32(5)
        t = np.where(central, w - np.float32(2.5), np.sqrt(w) - np.float32(3))
        value = np.where(central, _horner(t, _CENTRAL), _horner(t, _TAIL)) * x
        outside = x * np.where(np.abs(x) == 1, np.float32(np.inf), np.float32(np.nan))
        value = np.where(np.abs(x) < 1, value, outside)
    return np.where(np.abs(value) < _TINY, np.copysign(np.float32(0), value), value)


def log1p(x: ArrayLike) -> Float32s:
    """log(1 + x) of Float32 numbers."""
    x = np.asarray(x, np.float32)
    square = x * x
    ratio = _horner(x, _LOG1P_ABOVE) / _horner(x, _LOG1P_BELOW)
    small = x + fma(np.float32(-0.5), square, (x * square) * ratio)
    return np.where(np.abs(x) < _LOG1P_SMALL, small, log(np.float32(1) + x))


def log(x: ArrayLike) -> Float32s:
    """The natural logarithm of normal positive Float32 numbers."""
    x = np.asarray(x, np.float32)
    mantissa, exponent = np.frexp(x)
    low = mantissa < _SQRT_HALF
    e = (exponent - low).astype(np.float32)
    m = np.where(low, mantissa + mantissa, mantissa) - np.float32(1)
    square = m * m
    cube = m * square
    first, second, third = (_horner(m, chain) for chain in _LOG_CHAINS)
    y = fma(fma(first, cube, second), cube, third)
    y = fma(y, cube, e * np.float32(-2.12194440e-4))
    return fma(e, np.float32(0.693359375), (m - np.float32(0.5) * square) + y)


def erf(x: ArrayLike) -> Float32s:
    """The error function of Float32 numbers, the rational function of XLA."""
    x = np.clip(np.asarray(x, np.float32), -_ERF_ONE, _ERF_ONE)
    square = x * x
    return (x * _horner(square, _ERF_ABOVE)) / _horner(square, _ERF_BELOW)
