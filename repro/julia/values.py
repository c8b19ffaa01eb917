"""What Julia's `rand` picks from, as Python has it: types, dimensions, ranges, collections."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Dims = tuple[int, ...]

FLOATS = (np.float64, np.float32, np.float16)
COMPLEX = (np.complex128, np.complex64)
WHOLE = (
    *(np.int64, np.int32, np.int16, np.int8),
    *(np.uint64, np.uint32, np.uint16, np.uint8),
    np.bool_,
)


def julia_type(dtype: Any, allowed: tuple[Any, ...] = FLOATS + COMPLEX + WHOLE) -> np.dtype[Any]:
    """The NumPy type, if Julia draws it. TypeError otherwise."""
    kind = np.dtype(np.float64 if dtype is None else dtype)
    if kind.type not in allowed or not kind.isnative:
        names = ", ".join(each.__name__.rstrip("_") for each in allowed)
        raise TypeError(f"MethodError: Julia's stream is not drawn as {kind} here; give {names}")
    return kind


def julia_dims(dims: Sequence[Any]) -> Dims:
    """Dimensions given one by one or as one tuple. ValueError where one is negative."""
    if len(dims) == 1 and isinstance(dims[0], tuple):
        dims = dims[0]
    sizes = tuple(operator.index(size) for size in dims)
    if min(sizes, default=0) < 0:
        raise ValueError(
            f"ArgumentError: invalid Array dimensions {sizes}; give sizes of 0 or more"
        )
    return sizes


def is_size(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)


def shaped(flat: Array, dims: Dims) -> Array:
    """Julia's array of these dimensions: the first index runs fastest."""
    return flat.reshape(dims, order="F")


def scalar(values: Array) -> Any:
    """The one value of an array: a Python float, complex, int or bool where that is its type."""
    kind = values.dtype.type
    return (
        values[0].item() if kind in (np.float64, np.complex128, np.int64, np.bool_) else values[0]
    )


@dataclass(frozen=True)
class Range:
    """Julia's `first:last` or `first:step:last`, of a NumPy type: `Range(1, 10)` is `1:10`.

    Attributes:
        first: the first element.
        last: the upper bound, which may not be reached (as in Julia, and unlike `range`).
        step: 1 by default.
        dtype: the elements' type; int64, or float64 where a bound is a float.
        one_to: whether it is a `Base.OneTo(last)`, which Julia 1.9 and later shuffle otherwise.
    """

    first: Any
    last: Any
    step: Any = 1
    dtype: Any = None
    one_to: bool = False

    @cached_property
    def kind(self) -> np.dtype[Any]:
        floats = any(isinstance(v, float) for v in (self.first, self.last, self.step))
        return np.dtype(self.dtype or (np.float64 if floats else np.int64))

    @cached_property
    def length(self) -> int:
        """How many elements; 2^64 is possible."""
        lift = _simplest if self.kind.kind == "f" else operator.index
        first, last, step = (lift(v) for v in (self.first, self.last, self.step))
        if step == 0:
            raise ValueError("ArgumentError: step cannot be zero; give another step")
        return max(0, int((last - first) // step) + 1)

    def __getitem__(self, index: Array) -> Array:
        """The elements at these places, from 0 on."""
        if self.kind.kind == "f":
            first, step = _simplest(self.first), _simplest(self.step)
            return np.array([float(first + int(i) * step) for i in index], dtype=self.kind)
        steps = index * np.uint64(int(self.step) % 2**64)
        return (steps + np.uint64(int(self.first) % 2**64)).astype(self.kind)

    def collect(self) -> Array:
        return self[np.arange(self.length, dtype=np.uint64)]


def one_to(n: int) -> Range:
    """`Base.OneTo(n)`."""
    return Range(1, n, one_to=True)


def _simplest(value: Any) -> Fraction:
    """The simple fraction a float stands for, as Julia lifts the ends of a range: 0.1 is 1//10."""
    if not isinstance(value, float | np.floating):
        return Fraction(operator.index(value))
    simple = Fraction(float(value)).limit_denominator(1 << 20)
    return simple if float(simple) == float(value) else Fraction(float(value))


@dataclass(frozen=True)
class Collection:
    """Something to pick from: how many there are, how a place is drawn, what is there."""

    length: int
    drawn_as: str  # "64" or "32" bits, or "tuple"
    pick: Callable[[Array], Array]


def collection(source: Any) -> Collection:
    """What `rand` picks from in a range, a tuple, a list or an array (by columns).

    Raises TypeError for what Julia would not index, and for strings, sets and dictionaries, whose
    draws are left out here.
    """
    if isinstance(source, range | Range):
        return _ranged(source)
    if isinstance(source, np.ndarray):
        flat = source.ravel(order="F")
        return Collection(flat.size, "64", lambda places: flat[places.astype(np.int64)])
    if isinstance(source, list | tuple):
        way = "tuple" if isinstance(source, tuple) else "64"
        return Collection(len(source), way, lambda places: _items(source, places))
    raise TypeError(
        f"MethodError: nothing is drawn from a {type(source).__name__} here; give dimensions, a "
        "range, a list, a tuple or an array (strings, sets and dictionaries are left out)"
    )


@lru_cache(256)
def _ranged(source: range | Range) -> Collection:
    if isinstance(source, range):
        source = Range(source.start, source.stop - (1 if source.step > 0 else -1), source.step)
    narrow = source.step == 1 and source.kind.kind != "f" and source.kind.itemsize < 8
    return Collection(source.length, "32" if narrow else "64", source.__getitem__)


def _items(source: Sequence[Any], places: Array) -> Array:
    picked = [source[int(i)] for i in places]
    array = np.array(picked)
    if array.ndim == 1 and array.dtype.kind in "iufcb":
        return array
    array = np.empty(len(picked), dtype=object)
    array[:] = picked
    return array


def size_of(dims: Dims) -> int:
    """How many elements an array of these dimensions has."""
    return prod(dims)
