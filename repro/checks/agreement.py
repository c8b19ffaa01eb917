"""When two arrays agree: the rules that every comparison here keeps.

* Shapes must be equal; nothing is broadcast. Arrays without elements agree when their shapes do.
* Kinds must be equal: Bool, integer, floating and text are four kinds. Complex numbers have to be
  compared as real and imaginary parts.
* Integers of any width, Bools and texts agree when they are equal. No tolerance is asked.
* Floating numbers of two widths can be compared, but are never equal bit for bit; a strict
  comparison refuses them.
* NaN beside NaN agrees whatever its sign and payload, and so does an infinity beside the same
  infinity. NaN or an infinity beside anything else is infinitely far apart.
* The two zeros are no distance apart, but they are different bits.
"""

from __future__ import annotations

import numpy as np

KINDS = {"b": "Bool", "i": "an integer", "u": "an integer", "f": "floating", "U": "text"}


def mismatch(
    expected: np.dtype, found: np.dtype, *, strict: bool = False, who: str = "the port's"
) -> str | None:
    """Why values of these types cannot be compared, in words; None where they can.

    Args:
        strict: refuse two floating types of different width too.
        who: whose type ``found`` is.
    """
    for dtype in (expected, found):
        if dtype.kind not in KINDS or (dtype.kind != "U" and dtype.itemsize > 8):
            return f"values of type {dtype} are not compared: give real numbers of 64 bits at most"
    kinds = KINDS[expected.kind], KINDS[found.kind]
    if kinds[0] != kinds[1] or (strict and expected.kind == "f" and expected != found):
        names = ("text" if d.kind == "U" else d for d in (found, expected))
        return "{} type is {}, not {}".format(who, *names)
    return None


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``|a - b|`` in float64: 0 where both are the same infinity or both NaN, else infinite.

    Unequal integers are at least 1 apart, however large they are; unequal texts are 1 apart.
    """
    if a.dtype.kind == "U":
        return np.where(a == b, 0.0, 1.0)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(a.astype(np.float64) - b.astype(np.float64))
    if a.dtype.kind != "f" and b.dtype.kind != "f":
        apart = np.maximum(apart, 1.0)
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


def same_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Equal bit for bit, elementwise, except that any NaN equals any NaN (Julia and torch sign
    them apart). Both of one type."""
    integer = f"i{a.dtype.itemsize}"
    bits = np.ascontiguousarray(a).view(integer) == np.ascontiguousarray(b).view(integer)
    return np.asarray(bits.reshape(a.shape) | (np.isnan(a) & np.isnan(b)))


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
    return np.asarray(np.spacing(finite.astype(dtype)).astype(np.float64))
