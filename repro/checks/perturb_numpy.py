"""NumPy's operations, moved: arrays that know when they are computed with.

An array in a perturbed run is a :class:`PerturbedArray`. Whatever is computed from it is one too,
0-d results among them (NumPy's own scalars cannot tell anybody).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from repro.checks.noise import (
    NUMPY,
    SATURATE,
    Noise,
    Stream,
    backward,
    cumulative_size,
    last,
    move_product,
    norm_size,
    sum_size,
    walk_size,
    whole,
)


def perturbed(values: Any, stream: Stream) -> PerturbedArray:
    """A copy that behaves like the array, and whose results are moved, and so on."""
    return knowing(np.array(values), stream)


def knowing(values: np.ndarray, stream: Stream) -> PerturbedArray:
    """The array itself, its memory, that knows when it is computed with."""
    array = np.asarray(values).view(PerturbedArray)
    array.stream = stream
    return array


class PerturbedArray(np.ndarray):
    """An array whose results are moved by :mod:`repro.checks.noise`'s table."""

    stream: Stream

    def __array_finalize__(self, parent: Any) -> None:
        found = getattr(parent, "stream", None)
        if found is not None:
            self.stream = found

    def __getitem__(self, key: Any) -> Any:
        return self._kept(super().__getitem__(key))

    def __round__(self, digits: int | None = None) -> Any:
        """Of a number, as of NumPy's: it is for people to read."""
        return round(self.item(), digits)

    def __hash__(self) -> int:  # type: ignore[override]
        if self.ndim:
            raise TypeError("unhashable type: 'numpy.ndarray'")
        return hash(self.item())

    def dot(self, b: Any, out: Any = None) -> Any:
        return np.dot(self, b, out) if out is not None else np.dot(self, b)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: tuple[Any, ...] = (), **kwargs: Any
    ) -> Any:
        plain = [_plain(a) for a in inputs]
        kwargs = {name: _plain(value) for name, value in kwargs.items()}
        stream = _stream((*inputs, *out))
        if any(hasattr(a, "detach") for a in plain):  # a tensor times an array is NumPy's
            made = getattr(ufunc, method)(*plain, **kwargs)
            _move_ufunc(ufunc, method, plain, kwargs, np.asarray(made), None, stream)
            return made
        target = tuple(_plain(a) for a in out) or ((plain[0],) if method == "at" else ())
        before = [None if a is None else a.copy() for a in target]
        if out:
            kwargs["out"] = target
        operands = _before(plain, target) if target else plain
        result = getattr(ufunc, method)(*plain, **kwargs)
        found = target or (result if isinstance(result, tuple) else (result,))
        arrays = [np.asarray(a) for a in found]
        for i, a in enumerate(arrays):
            _move_ufunc(ufunc, method, operands, kwargs, a, before[i] if target else None, stream)
        if method == "at":
            return None
        if out:
            return out[0] if len(out) == 1 else out
        wrapped = tuple(knowing(a, stream) for a in arrays)
        return wrapped if isinstance(result, tuple) else wrapped[0]

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = _name(func)
        row = NUMPY.get(name)
        move = _FUNCTIONS.get(row) if row is not None else None
        stream = self.stream if hasattr(self, "stream") else _stream((args, kwargs))
        if move is not None:
            return _each(move(func, _deep(args), _deep(kwargs), stream, name), stream)
        counted = stream.moves.moved.total()
        inherit = super().__array_function__
        result = inherit(func, [t for t in types if issubclass(t, np.ndarray)], args, kwargs)
        unknown = row is None and stream.moves.moved.total() == counted
        if unknown and func.__module__.startswith("numpy") and not _composed(func):
            _each(result, stream, lambda a: _unlisted(a, stream, name))
        return _each(result, stream)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """torch is handed what it gets in a run that is not perturbed: plain arrays. (An array of
        an own class, and 0-d, would be promoted otherwise.)"""
        return func(*_deep(args), **_deep(kwargs or {}))

    def _kept(self, found: Any) -> Any:
        """A NumPy scalar as a 0-d array that goes on being moved."""
        if isinstance(found, np.inexact) and hasattr(self, "stream"):
            return knowing(np.asarray(found), self.stream)
        return found


def _move_ufunc(
    ufunc: np.ufunc,
    method: str,
    operands: list[Any],
    kwargs: dict[str, Any],
    result: np.ndarray,
    before: np.ndarray | None,
    stream: Stream,
) -> None:
    if result.dtype.kind not in "fc":
        return
    row = NUMPY.get(ufunc.__name__, Noise.UNLISTED)
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    if row is Noise.NONE:
        return
    if ufunc is np.add and method in ("reduce", "accumulate", "reduceat"):
        row = Noise.CUMULATIVE if method == "accumulate" else Noise.SUM
        _move_sum(method, operands[0], kwargs, result, before, stream)
    elif ufunc is np.add and method == "at":
        row = Noise.SCATTER
        _move_scattered(operands[1], operands[2], result, before, stream)
    elif row is Noise.PRODUCT:
        if not whole(result, *operands[:2]):
            _move_ufunc_product(ufunc, operands, result, before, stream)
    elif row is Noise.NEAR_ONE:
        stream.near_one(result, before)
    else:
        stream.nudge(result, before, modulus=ufunc not in (np.add, np.subtract))
        if name in SATURATE:
            stream.inward(name, result, operands[0], before)
    stream.count(name, row)


def _move_scattered(
    index: Any, values: Any, result: np.ndarray, before: np.ndarray | None, stream: Stream
) -> None:
    values = np.asarray(values)
    if whole(values):
        return
    terms, squares = np.zeros(result.shape), np.zeros(result.shape)
    np.add.at(terms, index, 1.0)
    np.add.at(squares, index, np.square(np.abs(values), dtype=np.float64))
    stream.shift(result, walk_size(result, squares, terms), before)


def _move_sum(
    method: str,
    terms: np.ndarray,
    kwargs: dict[str, Any],
    result: np.ndarray,
    before: np.ndarray | None,
    stream: Stream,
) -> None:
    terms = np.asarray(terms)
    if "where" in kwargs and kwargs["where"] is not True:
        terms = np.where(kwargs["where"], terms, 0)
    own = result.astype(np.float16) if terms.dtype == np.float16 else result  # np.mean widens it
    terms = terms.astype(own.dtype, copy=False)
    if whole(np.asarray(result), terms):
        return
    axis = kwargs.get("axis", 0)
    with np.errstate(all="ignore"):
        if method == "reduce":
            size = sum_size(last(terms, axis), own.reshape(_reduced(terms, axis)))
            stream.shift(result, size.reshape(result.shape), before)
        elif method == "accumulate":
            moved = cumulative_size(stream, result, axis)
            np.copyto(result, result + moved, where=np.isfinite(moved), casting="unsafe")
        else:
            stream.nudge(result, before, by=np.sqrt(terms.size / max(result.size, 1)) + 1)


def _reduced(terms: np.ndarray, axis: Any) -> tuple[int, ...]:
    if axis is None or not terms.ndim:
        return ()
    axes = {int(i) % terms.ndim for i in np.atleast_1d(axis)}
    return tuple(n for i, n in enumerate(terms.shape) if i not in axes)


def _move_ufunc_product(
    ufunc: np.ufunc,
    operands: list[Any],
    result: np.ndarray,
    before: np.ndarray | None,
    stream: Stream,
) -> None:
    a, b = (np.asarray(x) for x in operands[:2])
    with np.errstate(all="ignore"):
        if ufunc is np.matmul:
            move_product(stream, result, a, b, before)
        else:
            squares = ufunc(np.abs(a) ** 2, np.abs(b) ** 2)
            stream.shift(result, walk_size(result, squares, a.shape[-1]), before)


def _move_product(func: Any, args: Any, kwargs: Any, stream: Stream, name: str) -> Any:
    """A product by any function: as many terms as it gives of ones, and the sum of squares."""
    result = np.array(func(*args, **kwargs))
    arrays = [np.asarray(a) for a in _leaves(args)]
    if result.dtype.kind in "fc" and not whole(result, *arrays):
        with np.errstate(all="ignore"):
            if func is np.dot and all(0 < a.ndim <= 2 for a in arrays[:2]):
                move_product(stream, result, arrays[0], arrays[1])
            else:
                kwargs = {key: value for key, value in kwargs.items() if key != "out"}
                squares = func(*_mapped(args, lambda a: np.abs(a) ** 2), **kwargs)
                terms = func(*_mapped(args, lambda a: np.ones(a.shape)), **kwargs)
                stream.shift(result, walk_size(result, squares, terms))
    stream.count(name, Noise.PRODUCT)
    return result


def _move_norm(func: Any, args: Any, kwargs: Any, stream: Stream, name: str) -> Any:
    result = np.array(func(*args, **kwargs))
    n = np.size(args[0]) / max(result.size, 1)
    stream.shift(result, norm_size(result, n, root=True))
    stream.count(name, Noise.NORM)
    return result


def _move_inputs(func: Any, args: Any, kwargs: Any, stream: Stream, name: str) -> Any:
    row = NUMPY[name]
    args = _mapped(args, lambda a: backward(a, row, stream))
    result = func(*args, **kwargs)
    stream.count(name, row)
    return _each(result, stream, lambda a: stream.nudge(a))


def _move_result(func: Any, args: Any, kwargs: Any, stream: Stream, name: str) -> Any:
    result = func(*args, **kwargs)
    stream.count(name, Noise.POINTWISE)
    return _each(result, stream, lambda a: stream.nudge(a))


_FUNCTIONS: dict[Noise | None, Callable[..., Any]] = {
    Noise.PRODUCT: _move_product,
    Noise.NORM: _move_norm,
    Noise.SOLVE: _move_inputs,
    Noise.EIGEN: _move_inputs,
    Noise.FFT: _move_inputs,
    Noise.POINTWISE: _move_result,
}


def _composed(func: Any) -> bool:
    """Whether a function gives no floating result of its own making (comparisons, say)."""
    name: str = func.__name__
    return name.startswith(("is", "array_eq", "allclose", "count", "arg", "any", "all"))


def _unlisted(values: np.ndarray, stream: Stream, name: str) -> None:
    if values.dtype.kind in "fc":
        stream.nudge(values)
        stream.count(name, Noise.UNLISTED)


def _name(func: Any) -> str:
    home = (func.__module__ or "").removeprefix("numpy").strip(".")
    return f"{home}.{func.__name__}" if home else func.__name__


def _before(plain: list[Any], target: tuple[Any, ...]) -> list[Any]:
    """The operands as they are before they are written into."""
    shared = [isinstance(a, np.ndarray) and any(a is t or _overlap(a, t) for t in target)
              for a in plain]  # fmt: skip
    return [a.copy() if s else a for a, s in zip(plain, shared, strict=True)]


def _overlap(a: np.ndarray, b: Any) -> bool:
    return isinstance(b, np.ndarray) and np.may_share_memory(a, b)


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, PerturbedArray) else value


def _deep(value: Any) -> Any:
    """Plain arrays for perturbed ones, in tuples, lists and dicts."""
    return changed(value, lambda a: _plain(a))


def _mapped(value: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    def numbers(a: Any) -> Any:
        floating = isinstance(a, np.ndarray | np.generic) and a.dtype.kind in "fciub"
        return change(np.asarray(a)) if floating else a

    return changed(value, numbers)


def changed(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(changed(v, change) for v in value))
    if isinstance(value, tuple | list):
        return type(value)(changed(v, change) for v in value)
    if isinstance(value, dict):
        return {key: changed(v, change) for key, v in value.items()}
    return change(value)


def _leaves(value: Any) -> list[Any]:
    found: list[Any] = []

    def keep(a: np.ndarray) -> np.ndarray:
        found.append(a)
        return a

    _mapped(value, keep)
    return found


def _each(result: Any, stream: Stream, move: Callable[[np.ndarray], None] | None = None) -> Any:
    """Every floating array or scalar of a result moved, if asked for, and wrapped."""

    def wrap(a: Any) -> Any:
        if not isinstance(a, np.ndarray | np.inexact):
            return a
        values = _plain(a) if isinstance(a, np.ndarray) else np.array(a)
        if move is not None:
            values = values if values.flags.writeable else values.copy()
            move(values)
        return knowing(values, stream)

    return changed(result, wrap)


def _stream(values: Any) -> Stream:
    found: list[Stream] = []
    changed(values, lambda a: found.append(a.stream) if hasattr(a, "stream") else None)
    return found[0]
