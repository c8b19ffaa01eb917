"""What a port is made of, with arrays that know when they are computed with.

Constants round when they are computed with: ``1 - 0.999f0^t`` is off by 512 ulp where a power is
off by one. So a port is run as a copy, whose data are perturbed arrays, and whose ``numpy`` makes
such. Functions from elsewhere, and whatever is no code of Python's, stay as they are.
"""

from __future__ import annotations

import copy
import functools
import os
import sys
import types
from typing import Any

import numpy as np

from repro.checks.noise import Stream
from repro.checks.perturb_numpy import changed, knowing, perturbed

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

    @functools.cached_property
    def random(self) -> _Drawing:
        return _Drawing(self._stream)

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        return _giving(found, self._stream) if name in CREATES else found


class _Drawing:
    """Stands for ``numpy.random`` there: draws are perturbed arrays, as are those of generators."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    @functools.cached_property
    def Generator(self) -> Any:  # noqa: N802
        return _drawing(np.random.Generator, self._stream)

    @functools.cached_property
    def RandomState(self) -> Any:  # noqa: N802
        return _drawing(np.random.RandomState, self._stream)

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
        return changed(found, given_array)

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
    dicts and objects of its own as well, and what NumPy makes, reads or draws for it."""
    return _Aware(stream).of(function)


MOST_ITEMS = 10_000
"""Of a list or dict that is looked through for arrays."""


class _Aware:
    """A port's parts, each converted once: what is one thing to it stays one."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.package, self.folder = "", ""
        self.made: dict[int, Any] = {}
        self.scopes: dict[int, dict[str, Any]] = {}
        self.classes: dict[type, bool] = {}

    def of(self, function: Any) -> Any:
        """The port itself; its function first, which says what else is the port's own."""
        if isinstance(function, functools.partial):
            inner = self.of(function.func)
            keywords = {name: self.convert(a) for name, a in function.keywords.items()}
            return functools.partial(inner, *map(self.convert, function.args), **keywords)
        if isinstance(function, types.MethodType):
            return types.MethodType(self.of(function.__func__), self._object(function.__self__))
        if isinstance(function, types.FunctionType):
            self.package, file = _home(function)
            self.folder = os.path.join(os.path.dirname(file), "")
            return self._remade(function)
        call = type(function).__call__
        if isinstance(call, types.FunctionType):
            return types.MethodType(self.of(call), self._object(function))
        return function

    def convert(self, value: Any) -> Any:
        if id(value) in self.made:
            return self.made[id(value)]
        if value is np:
            self.made[id(value)] = _Creating(self.stream)
            return self.made[id(value)]
        if isinstance(value, np.inexact) or type(value) is np.ndarray:
            self.made[id(value)] = perturbed(value, self.stream)
            return self.made[id(value)]
        if type(value) in (dict, list, tuple) and len(value) <= MOST_ITEMS:
            return self._held(value)
        if isinstance(value, types.FunctionType):
            return self._remade(value) if self._own(value) else value
        return self._object(value) if self._own_class(type(value)) else value

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
        name, file = _home(value)
        beside = self.folder != "" and file.startswith(self.folder)
        return name == self.package or (beside and "site-packages" not in file)

    def _own_class(self, kind: type) -> bool:
        if kind not in self.classes:
            self.classes[kind] = self._own(kind)
        return self.classes[kind]


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
