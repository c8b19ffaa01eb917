"""What the compiled loops of `repro.checks.kernels` compute, in plain NumPy, to hold them by."""

from __future__ import annotations

import numpy as np

from repro.checks.agreement import difference


def same_bits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Equal bit for bit, elementwise, except that any NaN equals any NaN (Julia and torch sign
    them apart). Both of one type."""
    integer = f"i{a.dtype.itemsize}"
    bits = np.ascontiguousarray(a).view(integer) == np.ascontiguousarray(b).view(integer)
    return np.asarray(bits.reshape(a.shape) | (np.isnan(a) & np.isnan(b)))


_INTEGERS = {
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


def floor(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """(k, n): ulp of the largest value of each row in a binade at most p // 2 above each."""
    bits, found = np.finfo(dtype).nmant + 1, np.empty(values.shape)
    smallest = float(np.finfo(dtype).smallest_subnormal)
    for row, out in zip(values.astype(np.float64), found, strict=True):
        sizes = np.where(np.isfinite(row), np.abs(row), 0)
        binades = np.maximum(np.frexp(sizes)[1], np.finfo(dtype).minexp)
        binades[sizes == 0] = np.finfo(dtype).minexp
        within = [binades[binades <= e + bits // 2].max() for e in binades]
        out[:] = np.maximum(np.ldexp(1.0, np.array(within) - bits), smallest)
    return found


def held(a: np.ndarray, b: np.ndarray, allowed: np.ndarray, blind: np.ndarray) -> dict:
    """Of (k, n) floating values, what :class:`repro.checks.compare.Comparison` has of each row."""
    apart, cast = difference(a, b), b.astype(a.dtype)
    allowed = np.where(np.isfinite(allowed), allowed, 0.0)
    with np.errstate(all="ignore"):
        ratio = np.where(apart == 0, 0.0, apart / allowed)
        size = allowed / np.abs(a.astype(np.float64))
    finite = np.isfinite(a)
    missing = np.isnan(a) & np.isnan(b) | np.isinf(a) & ~finite.any(axis=1, keepdims=True)
    here = finite & (a != 0)
    dull = here & ((size > 1) | blind)
    known = [np.sort(s[h]) for s, h in zip(size, here, strict=True)]
    return {
        "equal": same_bits(a, cast).mean(axis=1),
        "absolute": apart.max(axis=1),
        "ulp": ulp_distance(a, cast).max(axis=1, initial=0, where=apart != 0).astype(float),
        "allowed": allowed[np.arange(len(a)), ratio.argmax(axis=1)],
        "ratio": ratio.max(axis=1),
        "finite": finite.sum(),
        "candidates": (here | missing).sum(axis=1),
        "dull": (dull | missing).sum(axis=1),
        "missing": missing.sum(axis=1),
        "median": np.array([s[(len(s) - 1) // 2] if len(s) else np.nan for s in known]),
        "furthest": np.array([*map(furthest, a, b, cast)]),
        "worst": np.array([s[-1] if len(s) else np.nan for s in known]),
    }


def furthest(a: np.ndarray, b: np.ndarray, cast: np.ndarray) -> tuple[float, float]:
    """Of two rows, the numbers that are most ulp apart, the first of several."""
    apart = np.where(a == b, 0.0, ulp_distance(a, cast).astype(float))
    j = int(apart.argmax())
    return (float(a[j]), float(b[j])) if apart[j] else (np.nan, np.nan)


def sum_size(terms: np.ndarray, result: np.ndarray, u: float, loop: float) -> np.ndarray:
    """See :func:`repro.checks.noise.sum_size`."""
    partial = np.add.accumulate(terms, axis=-1)
    paired = terms.sum(axis=-1, dtype=np.float64)
    apart = np.maximum(difference(partial[..., -1], result), difference(paired, result))
    return u * np.sqrt(np.square(partial, dtype=np.float64).sum(axis=-1)) + loop * apart
