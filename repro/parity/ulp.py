"""Differences in units in the last place."""

from __future__ import annotations

import numpy as np

_INTEGERS: dict[np.dtype, type[np.signedinteger]] = {
    np.dtype(np.float16): np.int16,
    np.dtype(np.float32): np.int32,
    np.dtype(np.float64): np.int64,
}


def ulp_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many representable numbers lie between a and b, elementwise.

    Args:
        a, b: of one shape and one dtype, float16, float32 or float64.

    Returns:
        float64; 0 for equal numbers (the two zeros too) and for NaN beside NaN, infinite for
        NaN beside a number.

    Raises:
        TypeError: the dtypes differ or are not floating.
    """
    if a.dtype != b.dtype or a.dtype not in _INTEGERS:
        raise TypeError(f"ulp needs one floating dtype, got {a.dtype} and {b.dtype}: cast first")
    distance = np.abs(_ordinal(a) - _ordinal(b))
    nan_a, nan_b = np.isnan(a), np.isnan(b)
    return np.where(nan_a & nan_b, 0.0, np.where(nan_a | nan_b, np.inf, distance))


def _ordinal(a: np.ndarray) -> np.ndarray:
    """Consecutive numbers for consecutive floats; float64 keeps up to 2**53 of them apart."""
    integer = _INTEGERS[a.dtype]
    bits = np.ascontiguousarray(a).view(integer)
    ordinal = np.where(bits >= 0, bits, np.iinfo(integer).min - bits)
    return ordinal.astype(np.longdouble if integer is np.int64 else np.float64)


def ulp_of(magnitude: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The distance from ``magnitude`` to the next number of ``dtype``, as float64."""
    finite = np.where(np.isfinite(magnitude), np.abs(magnitude), 0)
    return np.spacing(finite.astype(dtype)).astype(np.float64)
