"""Runs whose every operation is moved as another rounding would move it.

To move a step's inputs alone is not enough: a sigmoid near 0 halves them away, and then rounds its
own result, 0.5, far more coarsely than they came in. So results are moved where they arise, by as
much as :mod:`repro.checks.noise` says: those of torch by a dispatch mode, those of NumPy by arrays
that know when they are computed with. Other libraries' operations stay as they are. (The idea is
that of stochastic arithmetic: Vignes, "A stochastic arithmetic for reliable scientific
computation", 1993; CADNA; Monte Carlo arithmetic and Verificarlo.)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from repro.checks.noise import Stream
from repro.checks.perturb_numpy import knowing, perturbed

_STREAM: ContextVar[Stream | None] = ContextVar("stream", default=None)


def nudged(values: Any, seed: int, dtype: Any = None) -> np.ndarray:
    """Every floating value moved to one of its two neighbours, at random; others as they are.

    Zeros move to the smallest number there is, which moves nothing: where a port starts from
    zeros, perturb what they meet as well. In a perturbed run of :func:`repro.check` the result
    also knows when it is computed with, so that NumPy's operations on it are moved too.

    Args:
        values: of any shape and type.
        seed: of the directions.
        dtype: the type whose neighbours are meant, where values of a narrower type are held in a
            wider one; by default their own.
    """
    values = np.asarray(values)
    own = values if dtype is None else values.astype(dtype)
    moved = _moved(own, np.random.default_rng(seed)).astype(values.dtype)
    stream = _STREAM.get()
    return moved if stream is None else perturbed(moved, stream)


def _moved(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    if values.dtype.kind != "f":
        return values.copy()
    up = generator.integers(0, 2, values.shape).astype(bool)
    towards = np.where(up, np.inf, -np.inf).astype(values.dtype)
    return np.asarray(np.nextafter(values, towards))


def moved_input(values: Any, stream: Stream) -> Any:
    """A copy of a step's input, moved; whole numbers and texts stay, a single one as Python's."""
    moved = np.array(values)
    stream.nudge(moved)
    return moved.item() if moved.dtype.kind == "U" and not moved.ndim else moved


def knowing_input(values: Any, stream: Stream) -> Any:
    """A step's input that knows when it is computed with; texts are not."""
    text = isinstance(values, str) or values.dtype.kind == "U"
    return values if text else knowing(values, stream)


def perturbed_by() -> Stream | None:
    """The randomness of the perturbed run that goes on here, for whatever cannot be moved from
    outside and moves itself; None in a run as it is."""
    return _STREAM.get()


@contextmanager
def perturbing(stream: Stream) -> Iterator[None]:
    """Inside the block every result of a torch operation is moved, and :func:`nudged` gives arrays
    whose NumPy operations are.

    Without torch imported by the program, nothing of it happens.
    """
    token = _STREAM.set(stream)
    try:
        if "torch" not in sys.modules:
            yield
        else:
            from repro.checks.perturb_torch import Perturbing

            with Perturbing(stream):
                yield
    finally:
        _STREAM.reset(token)
