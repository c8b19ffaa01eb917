"""Julia's Base beside NumPy, torch and Python: what `base.jl` prints beside what they give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from differences.row import Effects, Row, relative, share

SCRIPT = Path(__file__).with_name("base.jl")
NUMBERS, ARRAYS, DRAWS = "Numbers", "Arrays", "Random streams"

K = np.array([37 * i % 101 - 50 for i in range(1, 101)])
X = np.array([37 * i % 101 / 10 - 5 for i in range(1, 101)])
LONG = np.array([37 * i % 101 / 10 for i in range(1, 10_001)], np.float32)
MATRIX = np.array([[1 / (i + j) for j in range(1, 7)] for i in range(1, 7)])


def answers(printed: str) -> dict[str, np.ndarray]:
    """By row what Julia printed."""
    lines = (line.split() for line in printed.splitlines())
    return {key: np.array([float(v) for v in values]) for key, *values in lines}


def ten(function):
    """Of ten numbers, and of a hundred."""

    def effect(julia) -> Effects:
        one, hundred = (float(function(v)) for v in (X[:10], X))
        return relative(julia[:1], np.array([one])), relative(julia[1:], np.array([hundred]))

    return effect


def shares(values):
    """Of one value, and of all."""

    def effect(julia) -> Effects:
        found = np.asarray(values(), np.float64)
        return share(julia[:1], found[:1]), share(julia, found)

    return effect


def largest(values):
    """The largest difference of one value, and of all."""

    def effect(julia) -> Effects:
        found = np.asarray(values(), np.float64)
        return relative(julia[:1], found[:1]), relative(julia, found)

    return effect


def sums(julia) -> Effects:
    return relative(julia[:1], LONG[:10].sum()[None]), relative(julia[1:], LONG.sum()[None])


def half_sums(julia) -> Effects:
    half = np.abs(X).astype(np.float16)
    return relative(julia[:1], half[:10].sum()[None]), relative(julia[1:], half.sum()[None])


def running(julia) -> Effects:
    found = np.cumsum(LONG)
    return share(julia[:100], found[:100]), share(julia, found)


def ties(julia) -> Effects:
    found = np.argsort(K % 3) + 1
    return 0.0, float(bool(share(julia, found)))


def vectors(julia) -> Effects:
    """Columns that point the other way; apart from that they are the same."""
    found = np.linalg.eigh(MATRIX)[1]
    turned = np.sign((julia.reshape(6, 6).T * found).sum(0))
    assert relative(julia.reshape(6, 6).T, found * turned) < 1e-9
    return 0.0, float(np.mean(turned < 0))


def fft_axes() -> Effects:
    x = np.random.default_rng(0).normal(size=(4, 6))
    return (relative(np.abs(np.fft.fftn(x)), np.abs(np.fft.fft(x))),) * 2


def rows() -> list[Row]:
    return [
        Row("std", ARRAYS, "`std`, `var`", "over n − 1", "NumPy: over n; torch: over n − 1", "live", ten(np.std), note="`ddof=1`"),
        Row("median", ARRAYS, "`median` of an even number", "the mean of the middle two, as NumPy's", "torch: the lower one", "live",
            ten(lambda v: torch.median(torch.tensor(v)))),
        Row("quantile", ARRAYS, "`quantile(x, p)`", "interpolates at 1 + (n − 1) p", "the same", "live", ten(lambda v: np.quantile(v, 0.3))),
        Row("sum", ARRAYS, "`sum` of 10, of 10,000 Float32", "pairwise, blocks of 1024 in lanes", "NumPy: pairwise, blocks of 128 in eight", "live", sums, "rounding"),
        Row("half-sum", ARRAYS, "`sum` of Float16", "adds in Float16", "NumPy adds in Float32, rounds once", "live", half_sums, "rounding"),
        Row("cumsum", ARRAYS, "`cumsum` of 100, of 10,000 Float32", "the first plus a running sum of the others, in blocks of 128", "one after the other", "live", running, "share"),
        Row("sort-zeros", ARRAYS, "`sort` of 0.0 and −0.0", "−0.0 first", "equal: left where they are", "live",
            shares(lambda: np.signbit(np.sort([0.0, -0.0, 0.0, -0.0]))), "share"),
        Row("ties", ARRAYS, "`sortperm` / `argsort`, equal values", "in their order", "in no order: `kind=\"stable\"`", "live", ties, "any"),
        Row("search", ARRAYS, "`searchsortedfirst` / `searchsorted`", "from 1", "from 0, like all indices", "live",
            shares(lambda: np.searchsorted(np.arange(1, 11), [1, 5, 11])), "share"),
        Row("reshape", ARRAYS, "`reshape(1:6, 2, 3)`", "column by column", "row by row: `order=\"F\"`", "live",
            shares(lambda: np.arange(1, 7).reshape(2, 3).ravel()), "share"),
        Row("norm", ARRAYS, "`norm(A, 2)` of a matrix", "of all elements; `opnorm` is the largest singular value", "the largest singular value", "live",
            largest(lambda: [np.linalg.norm(np.array([[1.0, 2], [3, 4]]), 2)])),
        Row("eigenvalues", ARRAYS, "`eigvals` of a general matrix", "sorted", "as LAPACK gives them", "live",
            shares(lambda: np.linalg.eigvals(np.array([[3.0, 1, 0], [0, 1, 1], [0, 0, 2]]))), "share"),
        Row("eigenvectors", ARRAYS, "`eigen(Symmetric(A))`'s vectors", "of either sign, as another LAPACK routine leaves it", "of either sign", "live", vectors, "share",
            note="fix a sign on both sides"),
        Row("fft-axes", ARRAYS, "`fft` of a matrix", "over all axes; `ifft` over n, `bfft` not", "`np.fft.fft`: the last axis; `fftn`: all; norms the same", "AbstractFFTs' documentation", fft_axes),
        Row("range", NUMBERS, "`range(0, 1, length=101)` / `linspace`", "in twice the precision, rounded once", "start + i × step", "live",
            shares(lambda: np.linspace(0, 1, 101)), "share", note="`repro.julia.julia_range`"),
        Row("step-range", NUMBERS, "`0:0.1:10` / `arange`", "the nearest to i / 10", "0 + i × 0.1", "live", shares(lambda: np.arange(0, 10.05, 0.1)), "share"),
        Row("round", NUMBERS, "`round`", "half to even", "half to even, torch too", "live", shares(lambda: np.round(X / 2)), "share"),
        Row("round-digits", NUMBERS, "`round(x, digits=2)`", "round(100 x) / 100", "NumPy the same; Python's `round`: the decimal that is nearest", "live",
            shares(lambda: [round(float(v), 2) for v in (2 * K + 1) / 200]), "share"),
        Row("rem", NUMBERS, "`%`", "`rem`: the dividend's sign; `mod` is the other", "`mod`: the divisor's; `fmod` is the other", "live", shares(lambda: K % 7), "share"),
        Row("div", NUMBERS, "`÷` / `//`", "towards 0; `fld` is down", "down", "live", shares(lambda: K // 7), "share"),
        Row("cube", NUMBERS, "`x^3`", "x x x", "pow(x, 3)", "live", largest(lambda: np.power(X, 3)), "rounding"),
        Row("exp", NUMBERS, "`exp`", "Julia's own", "the C library's or vectorised", "live", largest(lambda: np.exp(X)), "rounding"),
        Row("literal", NUMBERS, "`0.1f0 * 0.3`", "Float64", "`np.float32(0.1) * 0.3` is float32", "live",
            largest(lambda: [np.float32(0.1) * float(v) for v in X]), "rounding"),
        Row("overflow", NUMBERS, "`typemax(Int64) + 1`", "wraps; NumPy's arrays too", "Python's integers grow", "live", largest(lambda: [2**63])),
        Row("isapprox", NUMBERS, "`1 ≈ 1 + 1e-6`", "rtol = √eps, no atol: false", "`isclose`: rtol 1e-5, atol 1e-8: true", "live",
            shares(lambda: [np.isclose(1, 1 + 1e-6)]), "share"),
        Row("max-nan", NUMBERS, "`max(1, NaN)`", "NaN, as `np.maximum`", "Python's `max`: whichever is first", "live", shares(lambda: [np.isnan(max(1.0, np.nan))]), "share"),
        Row("domain", NUMBERS, "`sqrt(-1.0)`, `log(-1.0)`", "DomainError", "NaN", "live", shares(lambda: [False]), "share"),
        Row("random", DRAWS, "`rand`, seed 1", "`MersenneTwister(1)`: dSFMT, seeded by an array", "`RandomState(1)`: MT19937", "live",
            shares(lambda: np.random.RandomState(1).rand(100)), "share", note="`repro.julia.MersenneTwister(1)`"),
        Row("permutation", DRAWS, "`randperm`, seed 1", "from the front, a mask of bits", "from the back", "live",
            shares(lambda: np.random.RandomState(1).permutation(100) + 1), "share", note="`repro.julia`"),
    ]  # fmt: skip
