"""The arithmetic primitives on NumPy arrays, to put one of them into another program.

For measuring what each contributes to the difference between the original and a port. Matrices
are Julia's: a product has shapes (64, k) (k, n), (1, k) (k, n) with k or n 64, or (64, n) (n,).
"""

from __future__ import annotations

import numpy as np

from repro.engine.arithmetic import EXACT, Arithmetic
from repro.engine.compiling import jit
from repro.engine.tiles import ROWS


def sine(x: np.ndarray, arithmetic: Arithmetic = EXACT) -> np.ndarray:
    """Elementwise, Float32 of any shape."""
    return _elementwise(arithmetic, x, True)


def tanh(x: np.ndarray, arithmetic: Arithmetic = EXACT) -> np.ndarray:
    """Elementwise, Float32 of any shape."""
    return _elementwise(arithmetic, x, False)


def product(a: np.ndarray, b: np.ndarray, arithmetic: Arithmetic = EXACT) -> np.ndarray:
    """a times b, Float32, as the original's call of BLAS for these shapes would round it.

    Raises:
        ValueError: the shapes are none of those that the network's products have.
    """
    if a.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError(f"no product of {a.shape} and {b.shape}: transpose one of them")
    rows, inner = a.shape
    left = np.array(a, np.float32, order="F").ravel(order="F")
    right = np.array(b, np.float32, order="F")
    if b.ndim == 1 and rows == ROWS:
        out = np.empty(rows, np.float32)
        _column_gradient(arithmetic, out, left.reshape(inner, rows), right)
        return out
    columns = b.shape[1]
    if rows == ROWS:
        out = np.empty(rows * columns, np.float32)
        _product(arithmetic, out, left, right.ravel(order="F"), columns, inner)
    elif rows == 1 and inner == ROWS:
        out = np.empty(columns, np.float32)
        _row(arithmetic, out, left, np.ascontiguousarray(right.T))
    elif rows == 1 and columns == ROWS:
        out = np.empty(columns, np.float32)
        _row_gradient(arithmetic, out, left, np.ascontiguousarray(right))
    else:
        raise ValueError(f"no product of {a.shape} and {b.shape} occurs: one side must be {ROWS}")
    return out.reshape((rows, columns), order="F")


def sum_all(a: np.ndarray, arithmetic: Arithmetic = EXACT) -> np.float32:
    """The sum of a whole array, as the loss takes it."""
    return np.float32(_sum_all(arithmetic, np.array(a, np.float32).ravel(order="F")))


def sum_rows(a: np.ndarray, arithmetic: Arithmetic = EXACT) -> np.ndarray:
    """The sum of each row, (64, n) to (64,) or (1, n) to (1,), as bias gradients take it.

    Raises:
        ValueError: another number of rows.
    """
    values = np.ascontiguousarray(np.asarray(a, np.float32).T)
    if a.shape[0] == 1:
        return np.array([_sum_row(arithmetic, values.ravel())], np.float32)
    if a.shape[0] != ROWS:
        raise ValueError(f"{a.shape[0]} rows do not occur: give 1 or {ROWS}")
    out = np.empty(ROWS, np.float32)
    _sum_columns(arithmetic, out, values, np.ones(16, np.float32))
    return out


def _elementwise(arithmetic: Arithmetic, x: np.ndarray, is_sine: bool) -> np.ndarray:
    values = np.array(x, np.float32)
    flat = values.reshape(-1)
    (_sines if is_sine else _tanhs)(arithmetic, flat)
    return flat.reshape(values.shape)


@jit
def _sines(arithmetic, x):
    for i in range(x.size):
        x[i] = arithmetic.sine(x[i])


@jit
def _tanhs(arithmetic, x):
    for i in range(x.size):
        x[i] = arithmetic.activation(x[i])


@jit
def _product(arithmetic, c, a, b, columns, inner):
    arithmetic.product(c, a, b, 1, inner, columns, inner)


@jit
def _row(arithmetic, out, row, h):
    arithmetic.row_times_matrix(out, row, h, out.size)


@jit
def _row_gradient(arithmetic, out, d, h):
    arithmetic.row_gradient(out, d, h, d.size)


@jit
def _column_gradient(arithmetic, out, d, x):
    arithmetic.column_gradient(out, d, x, x.size)


@jit
def _sum_all(arithmetic, a):
    return arithmetic.sum_all(a, a.size)


@jit
def _sum_row(arithmetic, a):
    return arithmetic.sum_row(a, a.size)


@jit
def _sum_columns(arithmetic, out, d, ones):
    arithmetic.sum_columns(out, d, ones, d.shape[0])
