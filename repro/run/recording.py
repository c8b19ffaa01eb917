"""Recordings: they know what they were made of, so that a stale one is noticed."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import sysconfig
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from repro.run.collecting import Source, collect
from repro.run.files import digest
from repro.run.provenance import Provenance
from repro.run.quantity import Run
from repro.run.values import StepError, as_array


def record(source: Source, path: str | Path, **kwargs: Any) -> Run:
    """Run a source and write what it yields, to be a reference later.

    The recording knows what it was made of (:func:`asked`).

    Raises:
        StepError: it broke off before its end, or yields something else than named arrays.
    """
    made_of = asked(source) if callable(source) else {}  # before it runs, which may change it
    run = collect(source, "run to record", **kwargs)
    if run.broke_off is not None:
        raise StepError(f"nothing is recorded of a run that broke off ({run.broke_off}): mend it")
    if not run.provenance.asked:
        run = replace(run, provenance=replace(run.provenance, asked=made_of or asked(run)))
    run.save(path)
    return run


@runtime_checkable
class Asking(Protocol):
    """A source that says what it is asked for.

    Attributes:
        folder: where the files that it names count from.
    """

    @property
    def folder(self) -> Path: ...

    def asked(self) -> Mapping[str, Any]:
        """JSON values that change when it is asked for something else; None where all will do."""


def asked(source: Source) -> dict[str, Any]:
    """What a source is asked for, as JSON values.

    Of a Python function or object this is its own text and that of the functions, classes and
    constants of its own project that it names, holds, wraps or inherits from, and so on; of steps
    that are there, their content.
    """
    if isinstance(source, Asking):
        return dict(source.asked())
    if callable(source):
        return {"function": _called(source), "text": _sha256("\n".join(_texts(source, {})))}
    run = collect(source)
    return {"content": digest({name: q.values for name, q in run.quantities.items()})}


def outdated(run: Run, source: Source) -> str | None:
    """In what a recording differs from what its source is asked for; None where in nothing."""
    made = run.provenance
    if not made.asked:
        return "it does not say what it was made of"
    changes = list(_changes(made, asked(source)))
    if isinstance(source, Asking):
        changes += _changed_files(made.texts, source.folder)
    return "; ".join(changes) or None


def _changes(made: Provenance, now: Mapping[str, Any]) -> Iterator[str]:
    for name in {**made.asked, **now}:
        if name in now and now[name] is None and name == "julia":
            continue  # any will do
        before, after = (json.dumps(found.get(name), sort_keys=True) for found in (made.asked, now))
        if before != after and name in ("text", "content"):
            yield f"the {name} of {made.source} has changed"
        elif before != after:
            yield f"{name}: recorded with {before}, asked for is {after}"


def _changed_files(texts: Mapping[str, str], folder: Path) -> list[str]:
    found = {path: file_digest(folder / path) for path in texts}
    return [
        f"{path} {'has changed' if found[path] != 'absent' else 'is gone'}"
        for path, expected in texts.items()
        if found[path] != expected
    ]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes; ``absent`` where there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "absent"


def described(value: Any) -> Any:
    """An argument as JSON values that tell it from any other, alike in Python and in Julia."""
    if value is None or isinstance(value, bool | int | float | str):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        whole = value.dtype.kind in "iu" and int(float(value)) != int(value)  # above 2^53
        return [value.dtype.name, str(value) if whole else float(value)]
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return [value.dtype.name, list(value.shape), content]
    if isinstance(value, Mapping):
        return {str(key): described(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [described(item) for item in value]
    return str(value)


def _called(source: Callable[..., Any]) -> str:
    while isinstance(source, functools.partial):
        source = source.func
    return str(getattr(source, "__qualname__", type(source).__qualname__))


def _texts(
    value: Any, seen: dict[int, tuple[int, Any]], within: tuple[int, ...] = ()
) -> Iterator[str]:
    """What decides what a value of the user's own gives, as texts: what it is, and the same of its
    parts.

    Args:
        seen: the functions, classes and objects before it by identity, each with its number.
        within: the lists and dicts that hold it, by identity.
    """
    if isinstance(value, PLAIN):
        yield json.dumps(described(value))
        return
    if isinstance(value, HOLDING):
        yield f"{type(value).__name__} of {len(value)}"
        if id(value) in within:
            return
        within = (*within, id(value))
    elif id(value) in seen:
        yield f"number {seen[id(value)][0]}"
        return
    else:
        seen[id(value)] = len(seen), value
        if isinstance(value, types.FunctionType | type | types.ModuleType) and _own(value):
            yield _text(value)
    for part in _parts(value):
        yield from _texts(part, seen, within)


PLAIN = (bool, int, float, complex, str, bytes, type(None), np.ndarray, np.generic)
HOLDING = (dict, list, tuple, set, frozenset)
WRAPPING = ("__self__", "__func__", "__wrapped__", "fget", "func", "args", "keywords")
"""Where methods, properties, caches and partial functions have what they are made of."""


def _text(value: Any) -> str:
    if isinstance(value, types.ModuleType):
        return file_digest(Path(str(value.__file__)))
    try:
        # The code's: a decorated function would give the text of what it wraps.
        return inspect.getsource(getattr(value, "__code__", value))
    except (OSError, TypeError):
        return f"{value.__qualname__}, whose text is not known"


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from (part for pair in value.items() for part in pair)
    elif isinstance(value, set | frozenset):
        yield from sorted(map(str, value))
    elif isinstance(value, HOLDING):
        yield from value
    elif isinstance(value, types.FunctionType):
        yield getattr(value, "__wrapped__", None)
        if _own(value):
            yield from (value.__defaults__, value.__kwdefaults__, *_used(value))
    elif isinstance(value, type):
        if _own(value):
            yield from value.__bases__
            yield from (v for n, v in vars(value).items() if n[:2] != "__" or callable(v))
    elif _own(type(value)):
        yield from (type(value), getattr(value, "__dict__", None))
    elif hasattr(value, "detach"):
        yield as_array(value, "a constant")
    elif hasattr(value, "__array__"):
        yield np.asarray(value)
    elif not isinstance(value, types.ModuleType):
        yield from (getattr(value, name, None) for name in WRAPPING)


def _used(function: types.FunctionType) -> Iterator[Any]:
    """What a function finds among its globals, and what it closes over."""
    for name in dict.fromkeys(_names(function.__code__)):
        if name in function.__globals__:
            yield function.__globals__[name]
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a name that is not bound yet
            continue


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _names(inner)


INSTALLED = tuple(sysconfig.get_paths()[place] for place in ("stdlib", "purelib", "platlib"))


def _own(value: Any) -> bool:
    """Whether its text lies in a project: neither in Python's own folders nor among packages."""
    try:
        path = inspect.getfile(value)
    except (TypeError, OSError):
        return False
    return not (path.startswith(INSTALLED) or Path(path).is_relative_to(Path(__file__).parents[1]))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
