"""Move what a port computes by one ulp, operation by operation, as another rounding would.

To move a step's inputs alone is not enough: a sigmoid near 0 halves them away, and then rounds its
own result, 0.5, far more coarsely than they came in. So results are moved where they arise: those
of torch's operations by a dispatch mode, those of NumPy's by arrays that know when they are
computed with. Other libraries' operations stay as they are. (The idea is that of stochastic
arithmetic: Vignes, "A stochastic arithmetic for reliable scientific computation", 1993.)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


def nudged(values: Any, seed: int, dtype: Any = None) -> np.ndarray:
    """Every floating value moved to one of its two neighbours, at random; others as they are.

    Zeros move to the smallest number there is, which moves nothing: where a port starts from
    zeros, perturb what they meet as well.

    Args:
        values: of any shape and type.
        seed: of the directions.
        dtype: the type whose neighbours are meant, where values of a narrower type are held in a
            wider one; by default their own.
    """
    values = np.asarray(values)
    own = values if dtype is None else values.astype(dtype)
    return _moved(own, np.random.default_rng(seed)).astype(values.dtype)


def rounded(values: Any, generator: np.random.Generator) -> np.ndarray:
    """The same in the generator's next directions; but whole numbers stay.

    A label, mask or count moved by an ulp is none any more, and a probability of 1 no probability.
    """
    values = np.asarray(values)
    whole = values == np.trunc(values) if values.dtype.kind == "f" else True
    return np.where(whole, values, _moved(values, generator))


def _moved(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    if values.dtype.kind != "f":
        return values.copy()
    up = generator.integers(0, 2, values.shape).astype(bool)
    towards = np.where(up, np.inf, -np.inf).astype(values.dtype)
    return np.asarray(np.nextafter(values, towards))


@contextmanager
def torch_rounding(generator: np.random.Generator) -> Iterator[None]:
    """Inside the block every result of a torch operation is moved by one ulp.

    Views, what is written in place, and whole numbers stay as they are. Nothing happens where the
    program has not imported torch.
    """
    if "torch" not in sys.modules:
        yield
        return
    from repro.checks.perturb_torch import Rounding

    with Rounding(generator):
        yield


def rounding_array(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A copy that behaves like the array, and whose results are moved by one ulp, and so on."""
    array = np.array(values).view(_Rounding)
    array.generator = generator
    return array


class _Rounding(np.ndarray):
    """An array that moves the floating results of every ufunc it takes part in."""

    generator: np.random.Generator | None = None

    def __array_finalize__(self, parent: Any) -> None:
        self.generator = getattr(parent, "generator", None)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: tuple[Any, ...] = (), **kwargs: Any
    ) -> Any:
        plain = [_plain(a) for a in inputs]
        if out:
            kwargs["out"] = tuple(_plain(a) for a in out)
        result = getattr(ufunc, method)(*plain, **kwargs)
        generator = next(
            a.generator for a in (*inputs, *out) if isinstance(a, _Rounding) and a.generator
        )
        if out:
            for a in kwargs["out"]:
                a[...] = rounded(a, generator)
            return out[0] if len(out) == 1 else out
        if isinstance(result, tuple):
            return tuple(rounding_array(rounded(a, generator), generator) for a in result)
        return None if result is None else rounding_array(rounded(result, generator), generator)


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, _Rounding) else value
