"""NumPy's operations, moved: arrays that know when they are computed with.

An array in a perturbed run is a :class:`PerturbedArray`. Whatever is computed from it is one too,
0-d results among them (NumPy's own scalars cannot tell anybody).
"""

from __future__ import annotations

import copy
import functools
import sys
import types
from collections.abc import Callable
from pathlib import Path
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
    return _tree(value, lambda a: _plain(a))


def _mapped(value: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    def numbers(a: Any) -> Any:
        floating = isinstance(a, np.ndarray | np.generic) and a.dtype.kind in "fciub"
        return change(np.asarray(a)) if floating else a

    return _tree(value, numbers)


def _tree(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_tree(v, change) for v in value))
    if isinstance(value, tuple | list):
        return type(value)(_tree(v, change) for v in value)
    if isinstance(value, dict):
        return {key: _tree(v, change) for key, v in value.items()}
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

    return _tree(result, wrap)


def _stream(values: Any) -> Stream:
    found: list[Stream] = []
    _tree(values, lambda a: found.append(a.stream) if hasattr(a, "stream") else None)
    return found[0]


CREATES = {
    *("array", "asarray", "ascontiguousarray", "ones", "zeros", "full", "empty", "arange", "eye"),
    *("linspace", "logspace", "geomspace", "identity", "tri", "vander", "diag", "frombuffer"),
    *("fromfile", "fromiter", "fromfunction", "fromstring", "loadtxt", "genfromtxt", "load"),
}
"""What gives new arrays."""


class _Creating:
    """Stands for the module ``numpy`` in a port's own code: new arrays are perturbed ones."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.random = _Drawing(stream)

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        return _giving(found, self._stream) if name in CREATES else found


class _Drawing:
    """Stands for ``numpy.random`` there: draws are perturbed arrays, as are those of generators."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.Generator = _drawing(np.random.Generator, stream)
        self.RandomState = _drawing(np.random.RandomState, stream)

    def default_rng(self, *seed: Any, **named: Any) -> Any:
        return self.Generator(np.random.default_rng(*seed, **named).bit_generator)

    def __getattr__(self, name: str) -> Any:
        found = getattr(np.random, name)
        return found if isinstance(found, type) else _giving(found, self._stream)


def _drawing(kind: Any, stream: Stream) -> Any:
    class Kind(type):
        def __instancecheck__(cls, value: Any) -> bool:
            return isinstance(value, kind)

    class Drawing(kind, metaclass=Kind):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            public = callable(found) and not name.startswith("_")
            return _giving(found, stream) if public else found

    return Drawing


def _giving(function: Any, stream: Stream) -> Any:
    """A function whose arrays know when they are computed with, those of a ``.npz`` too."""

    def given(*args: Any, **kwargs: Any) -> Any:
        found = function(*args, **kwargs)
        if isinstance(found, np.lib.npyio.NpzFile):
            return _Archive({name: given_array(found[name]) for name in found.files})
        return _tree(found, given_array)

    def given_array(found: Any) -> Any:
        return knowing(found, stream) if type(found) is np.ndarray else found

    return given


class _Archive(dict[str, Any]):
    """What ``np.load`` gives of a ``.npz``, read."""

    @property
    def files(self) -> list[str]:
        return list(self)

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> _Archive:
        return self

    def __exit__(self, *ended: object) -> None:
        return None


def aware(function: Any, stream: Stream) -> Any:
    """A callable of the port's own, with arrays and constants that know when they are computed
    with: what it closes over or finds among its globals or its object's attributes, in lists,
    dicts and objects of its own as well, and what NumPy makes, reads or draws for it.

    Constants round when they are computed with: ``1 - 0.999f0^t`` is off by 512 ulp where a power
    is off by one. Functions from elsewhere, and whatever is no code of Python's, stay as they are.
    """
    return _Aware(function, stream).of(function)


MOST_ITEMS = 10_000
"""Of a list or dict that is looked through for arrays."""


class _Aware:
    """What a port is made of, converted once: what is one thing to it stays one."""

    def __init__(self, port: Any, stream: Stream) -> None:
        self.stream, self.port = stream, port
        self.made: dict[int, Any] = {}
        self.scopes: dict[int, dict[str, Any]] = {}
        while not isinstance(self.port, types.FunctionType):
            inner = getattr(self.port, "func", getattr(self.port, "__func__", None))
            self.port = inner or type(self.port).__call__
            if isinstance(self.port, types.WrapperDescriptorType):
                break

    def of(self, function: Any) -> Any:
        if isinstance(function, functools.partial):
            arguments = [self.convert(a) for a in function.args]
            keywords = {name: self.convert(a) for name, a in function.keywords.items()}
            return functools.partial(self.of(function.func), *arguments, **keywords)
        if isinstance(function, types.MethodType):
            return types.MethodType(self.of(function.__func__), self._object(function.__self__))
        if isinstance(function, types.FunctionType):
            return self._remade(function)
        call = type(function).__call__
        if isinstance(call, types.FunctionType):
            return types.MethodType(self.of(call), self._object(function))
        return function

    def convert(self, value: Any) -> Any:
        if value is np:
            return _Creating(self.stream)
        if id(value) in self.made:
            return self.made[id(value)]
        if isinstance(value, types.FunctionType) and self._own(value):
            return self._remade(value)
        if isinstance(value, np.inexact) or type(value) is np.ndarray:
            self.made[id(value)] = perturbed(value, self.stream)
            return self.made[id(value)]
        if type(value) in (dict, list, tuple) and len(value) <= MOST_ITEMS:
            return self._held(value)
        return self._object(value) if self._own(type(value)) else value

    def _held(self, value: Any) -> Any:
        """A list, dict or tuple with its arrays such that know; itself, where it has none."""
        self.made[id(value)] = value  # as which it may hold itself
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        found = {key: self.convert(part) for key, part in parts}
        if any(found[key] is not part for key, part in zip(found, _items(value), strict=True)):
            self.made[id(value)] = found if isinstance(value, dict) else type(value)(found.values())
        return self.made[id(value)]

    def _object(self, own: Any) -> Any:
        """A copy of an object, its arrays such that know; the object itself, where it has none."""
        held = getattr(own, "__dict__", {})
        if isinstance(own, type | types.ModuleType) or id(own) in self.made:
            return self.made.get(id(own), own)
        self.made[id(own)] = own
        found = {name: self.convert(part) for name, part in held.items()}
        if any(found[name] is not part for name, part in held.items()):
            self.made[id(own)] = copy.copy(own)
            self.made[id(own)].__dict__.update(found)
        return self.made[id(own)]

    def _scope(self, home: dict[str, Any]) -> dict[str, Any]:
        """A module's globals, converted once; functions that know each other come round to it."""
        if id(home) not in self.scopes:
            self.scopes[id(home)] = dict(home)
            found = {n: self.convert(v) for n, v in home.items() if not n.startswith("__")}
            self.scopes[id(home)].update(found)
        return self.scopes[id(home)]

    def _remade(self, old: types.FunctionType) -> Any:
        if id(old) in self.made:
            return self.made[id(old)]
        cells = tuple(types.CellType() for _ in old.__closure__ or ())
        scope = self._scope(old.__globals__)
        if id(old) in self.made:  # it stands among its own globals
            return self.made[id(old)]
        new = types.FunctionType(old.__code__, scope, old.__name__, None, cells or None)
        self.made[id(old)] = new
        for cell, before in zip(cells, old.__closure__ or (), strict=True):
            try:
                cell.cell_contents = self.convert(before.cell_contents)
            except ValueError:  # a name that is not bound yet
                continue
        defaults, named = old.__defaults__, old.__kwdefaults__ or {}
        new.__defaults__ = None if defaults is None else tuple(map(self.convert, defaults))
        new.__kwdefaults__ = {name: self.convert(v) for name, v in named.items()} or None
        return new

    def _own(self, value: Any) -> bool:
        """Whether a function or class is the port's: of its package, or of a file beside or below
        its own."""
        if not isinstance(self.port, types.FunctionType):
            return False
        (name, file), (package, home) = (_home(one) for one in (value, self.port))
        if name == package:
            return True
        return Path(file).is_relative_to(Path(home).parent) and "site-packages" not in file


def _home(value: Any) -> tuple[str, str]:
    """A function's or class's package and file."""
    if isinstance(value, types.FunctionType):
        found, file = value.__globals__, value.__code__.co_filename
    else:
        found = getattr(sys.modules.get(str(value.__module__)), "__dict__", {})
        file = str(found.get("__file__"))
    return str(found.get("__name__", "")).partition(".")[0], file


def _items(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value
