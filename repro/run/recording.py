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
from repro.run.values import StepError


def record(source: Source, path: str | Path, **kwargs: Any) -> Run:
    """Run a source and write what it yields, to be a reference later.

    The recording knows what it was made of (:func:`asked`).

    Raises:
        StepError: it broke off before its end, or yields something else than named arrays.
    """
    run = collect(source, "run to record", **kwargs)
    if run.broke_off is not None:
        raise StepError(f"nothing is recorded of a run that broke off ({run.broke_off}): mend it")
    if not run.provenance.asked:
        made_of = asked(source if callable(source) else run)
        run = replace(run, provenance=replace(run.provenance, asked=made_of))
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

    Of a Python function this is its own text and that of the functions, classes and constants of
    its own project that it names, and so on; of steps that are there, their content.
    """
    if isinstance(source, Asking):
        return dict(source.asked())
    if callable(source):
        return {"function": _called(source), "text": _sha256("\n".join(_texts(source, set())))}
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
        return [value.dtype.name, float(value)]
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


def _texts(value: Any, seen: set[int]) -> Iterator[str]:
    """The texts that decide what a function of the user's own gives."""
    if isinstance(value, functools.partial):
        yield json.dumps(described([value.args, value.keywords]))
        value = value.func
    value = inspect.unwrap(getattr(value, "__func__", value))
    if not isinstance(value, types.FunctionType | type):
        value = type(value)
    if id(value) in seen or not _own(value):
        return
    seen.add(id(value))
    try:
        yield inspect.getsource(value)
    except (OSError, TypeError):
        yield f"{value.__qualname__}, whose text is not known"
    functions = [value] if isinstance(value, types.FunctionType) else vars(value).values()
    for function in functions:
        function = getattr(function, "__func__", function)
        for used in _used(function) if isinstance(function, types.FunctionType) else ():
            yield from _constant_or_text(used, seen)


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


def _constant_or_text(value: Any, seen: set[int]) -> Iterator[str]:
    if isinstance(value, types.ModuleType):
        if _own(value):
            yield file_digest(Path(str(value.__file__)))
    elif isinstance(value, types.FunctionType | types.MethodType | type | functools.partial):
        yield from _texts(value, seen)
    elif isinstance(
        value, bool | int | float | str | tuple | list | dict | np.ndarray | np.generic
    ):
        yield json.dumps(described(value), sort_keys=True)


CONSTANTS = (bool, int, float, str, tuple, list, dict, np.ndarray, np.generic)
INSTALLED = tuple(sysconfig.get_paths()[place] for place in ("stdlib", "purelib", "platlib"))


def _own(value: Any) -> bool:
    """Whether its text lies in a project: neither in Python's own folders nor among packages."""
    try:
        path = inspect.getfile(value)
    except TypeError:
        return False
    return not (path.startswith(INSTALLED) or Path(path).is_relative_to(Path(__file__).parents[1]))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
