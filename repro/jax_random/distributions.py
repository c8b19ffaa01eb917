"""Uniform and normal Float32 numbers as `jax.random` draws them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from repro.jax_random.float32 import Float32s, erf, erf_inv, fma
from repro.jax_random.threefry import Shape, random_bits

_SQRT2: np.float32 = np.sqrt(np.float32(2))
_ONE = np.float32(1)


def uniform(
    key: ArrayLike,
    shape: Shape = (),
    minval: float = 0.0,
    maxval: float = 1.0,
    *,
    partitionable: bool = True,
) -> Float32s:
    """`jax.random.uniform`: Float32 in [minval, maxval), 23 random bits each."""
    bits = random_bits(key, shape, partitionable=partitionable)
    unit = (bits >> np.uint32(9) | _ONE.view(np.uint32)).view(np.float32) - _ONE
    low, high = np.float32(minval), np.float32(maxval)
    drawn: Float32s = np.maximum(low, fma(unit, high - low, low))
    return drawn


def normal(key: ArrayLike, shape: Shape = (), *, partitionable: bool = True) -> Float32s:
    """`jax.random.normal`: standard normal Float32, by the inverse error function."""
    low = np.nextafter(np.float32(-1), np.float32(0))
    return _SQRT2 * erf_inv(uniform(key, shape, low, 1.0, partitionable=partitionable))


def truncated_normal(
    key: ArrayLike,
    lower: float,
    upper: float,
    shape: Shape = (),
    *,
    partitionable: bool = True,
) -> Float32s:
    """`jax.random.truncated_normal`: standard normal Float32 strictly between two numbers.

    Raises:
        ValueError: `lower` is not below `upper`.
    """
    if not lower < upper:
        raise ValueError(f"nothing lies between {lower} and {upper}: give the lower bound first")
    low, high = np.float32(lower), np.float32(upper)
    # XLA compiles the division by the constant sqrt(2) to a product.
    ends = erf(np.array([low, high]) * (_ONE / _SQRT2))
    u = uniform(key, shape, ends[0], ends[1], partitionable=partitionable)
    infinity = np.float32(np.inf)
    inside = np.nextafter(low, infinity), np.nextafter(high, -infinity)
    drawn: Float32s = np.clip(_SQRT2 * erf_inv(u), *inside)
    return drawn
