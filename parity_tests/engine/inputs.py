"""The fixed numbers of `primitives.jl` in Python, and what the engine makes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from repro.engine import Arithmetic
from repro.engine.compiling import jit
from repro.engine.network import transpose

RECORDED = Path(__file__).with_name("primitives_1.5.3.txt")
SPREADS = {"sine": (100, 1009), "sine_large": (3.0e8, 1511), "tanh": (30, 1013)}


def recorded() -> dict[str, str]:
    """Digest by name, as `primitives.jl` printed them under Julia 1.5.3 and the pins."""
    return parse(RECORDED.read_text())


def parse(text: str) -> dict[str, str]:
    return dict(line.split() for line in text.splitlines())


def numbers(n: int, stream: int) -> np.ndarray:
    k = np.arange(1, n + 1, dtype=np.int64)
    hashed = (k + 1000003 * stream) * 2654435761 % 2**32 // 256
    return ((hashed - 2**23) / 2**23).astype(np.float32)


def spread(last: float, step: int) -> np.ndarray:
    stop = int(np.float32(last).view(np.uint32)) + 1
    up = np.arange(0, stop, step, dtype=np.uint32).view(np.float32)
    return np.concatenate([up, -up])


def digest(values: np.ndarray) -> str:
    assert values.dtype == np.float32
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


@jit
def _elements(arithmetic, x, out, sine):
    for i in range(x.size):
        out[i] = arithmetic.sine(x[i]) if sine else arithmetic.tanh(x[i])


@jit
def _sums(arithmetic, d, ones, columns):
    out = np.empty(64, np.float32)
    arithmetic.sum_columns(out, d, ones, columns)
    return out


@jit
def _sum_row(arithmetic, d, out):
    out[0] = arithmetic.sum_row(d, d.size)


@jit
def _sum_all(arithmetic, a, out, i):
    out[i] = arithmetic.sum_all(a, a.size)


@jit
def _product(arithmetic, c, a, b, b_row, b_column, columns, inner):
    arithmetic.product(c, a, b, b_row, b_column, columns, inner)


@jit
def _narrow(arithmetic, which, out, a, b, columns):
    if which == 0:
        arithmetic.row_times_matrix(out, a, b, columns)
    elif which == 1:
        arithmetic.row_gradient(out, a, b, columns)
    else:
        arithmetic.column_gradient(out, b, a, columns)


def elements(arithmetic: Arithmetic) -> Iterator[tuple[str, np.ndarray]]:
    """Sine and tanh of millions of values."""
    for name, (last, step) in SPREADS.items():
        x = spread(last, step)
        out = np.empty_like(x)
        _elements(arithmetic, x, out, name != "tanh")
        yield name, out


def products(arithmetic: Arithmetic, n: int) -> Iterator[tuple[str, np.ndarray]]:
    """Every product and sum of a gradient on n points."""
    w, row = numbers(4096, 1), numbers(64, 2)
    h, delta = numbers(64 * n, 3), numbers(64 * n, 4)
    d, x = numbers(n, 5), numbers(n, 6)
    across = np.empty_like(w)
    transpose(across, w)
    wide, carried, square = (np.empty(k, np.float32) for k in (64 * n, 64 * n, 4096))
    column, last, out, one = (np.empty(k, np.float32) for k in (64, 64, n, 1))
    h2, delta2 = h.reshape(n, 64), delta.reshape(n, 64)

    _product(arithmetic, wide, w, h, 1, 64, n, 64)
    yield f"forward_{n}", wide
    _product(arithmetic, carried, across, delta, 1, 64, n, 64)
    yield f"carried_{n}", carried
    _product(arithmetic, square, delta, h, 64, 1, 64, n)
    yield f"weight_gradient_{n}", square
    _narrow(arithmetic, 0, out, row, h2, n)
    yield f"output_{n}", out
    _narrow(arithmetic, 1, column, d, h2, n)
    yield f"row_gradient_{n}", column
    _narrow(arithmetic, 2, last, x, delta2, n)
    yield f"column_gradient_{n}", last
    yield f"sum_columns_{n}", _sums(arithmetic, delta2, np.ones(16, np.float32), n)
    _sum_row(arithmetic, d, one)
    yield f"sum_row_{n}", one


def sums(arithmetic: Arithmetic, n: int) -> np.ndarray:
    """The sums of a vector and of a row with n elements."""
    out = np.empty(2, np.float32)
    for i, stream in enumerate((7, 8)):
        _sum_all(arithmetic, numbers(n, stream), out, i)
    return out
