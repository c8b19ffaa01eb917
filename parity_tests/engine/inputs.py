"""The fixed numbers of `primitives.jl` in Python, and what the engine makes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from engine import primitives

from repro.engine import Arithmetic

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


def elements(arithmetic: Arithmetic) -> Iterator[tuple[str, np.ndarray]]:
    """Sine and tanh of millions of values."""
    for name, (last, step) in SPREADS.items():
        function = primitives.tanh if name == "tanh" else primitives.sine
        yield name, function(spread(last, step), arithmetic)


def products(arithmetic: Arithmetic, n: int) -> Iterator[tuple[str, np.ndarray]]:
    """Every product and sum of a gradient on n points, in Julia's order in memory."""
    w, row = matrix(numbers(4096, 1), 64), matrix(numbers(64, 2), 1)
    h, delta = matrix(numbers(64 * n, 3), 64), matrix(numbers(64 * n, 4), 64)
    d, x = matrix(numbers(n, 5), 1), numbers(n, 6)
    factors = {
        "forward": (w, h),
        "carried": (w.T, delta),
        "weight_gradient": (delta, h.T),
        "output": (row, h),
        "row_gradient": (d, h.T),
        "column_gradient": (delta, x),
    }
    for name, (a, b) in factors.items():
        yield f"{name}_{n}", primitives.product(a, b, arithmetic).ravel(order="F")
    yield f"sum_columns_{n}", primitives.sum_rows(delta, arithmetic)
    yield f"sum_row_{n}", primitives.sum_rows(d, arithmetic)


def matrix(values: np.ndarray, rows: int) -> np.ndarray:
    return values.reshape((rows, -1), order="F")


def sums(arithmetic: Arithmetic, n: int) -> np.ndarray:
    """The sums of a vector and of a row with n elements."""
    return np.array([primitives.sum_all(numbers(n, k), arithmetic) for k in (7, 8)], np.float32)
