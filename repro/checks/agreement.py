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


def equal_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays have one type, one shape, and every bit in common, those of NaN too."""
    return (a.dtype, a.shape) == (b.dtype, b.shape) and a.tobytes() == b.tobytes()


def ulp_of(magnitude: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The distance from ``magnitude`` to the next number of ``dtype``, as float64."""
    finite = np.where(np.isfinite(magnitude), np.abs(magnitude), 0)
    return np.asarray(np.spacing(finite.astype(dtype)).astype(np.float64))
