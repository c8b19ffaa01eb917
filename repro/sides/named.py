"""Sides by their names on a command line: ``model.jl:train(1)``, ``port.py:step``, ``run.npz``."""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from repro.errors import ReproError
from repro.run import Source, load
from repro.sides.julia import JuliaFunction
from repro.sides.python import PythonFunction

FORMS = (
    "FILE.jl:FUNCTION(ARGUMENTS), FILE.py:NAME, FILE.py:FUNCTION(ARGUMENTS), a saved run (.npz), "
    "or a folder that `repro check --save` or Check.save wrote"
)
CALL = re.compile(r"(?P<file>.+\.(?:jl|py)):(?P<name>[^():]+)(?:\((?P<arguments>.*)\))?", re.S)


class SideError(ReproError, ValueError):
    """A side that is not there, or that was named in another way than there is."""


@dataclass(frozen=True)
class Julia:
    """How the Julia files among them are run: :class:`repro.JuliaFunction`'s arguments."""

    options: dict[str, Any] = field(default_factory=dict)


def named(text: str, role: str, julia: Julia | None = None, python: str | None = None) -> Source:
    """The side that a text names. A Python file is imported; nothing else is run.

    Args:
        text: see :data:`FORMS`. Arguments are literals; nothing in them is evaluated. Lists of
            numbers are arrays for Julia.
        python: an interpreter that runs Python files in a process of its own; by default they are
            imported here.
        role: ``"reference"`` or ``"port"``; which of a folder's runs is meant.

    Raises:
        SideError: it names nothing that is there.
        RunError: a file that holds no run, or a damaged one.
    """
    call = CALL.fullmatch(text)
    if call is not None:
        file, name, arguments = Path(call["file"]), call["name"], call["arguments"]
        if python is not None and file.suffix == ".py":
            given, keywords = literals(arguments or "", f"{file}:{name}")
            return PythonFunction(file, name, *given, python=python, **keywords)
        return _called(file, name, arguments, julia or Julia())
    path = file_of(text, role)
    if Path(text).is_dir() and not path.is_file():
        raise SideError(f"{text} holds no {role}.npz: name a run by its file, {text}/RUN.npz")
    if path.suffix != ".npz":
        raise SideError(f"{text!r} names no side: give {FORMS}")
    return load(path)


def file_of(text: str, role: str) -> Path:
    """The file that a side is read from, whether it is there or not."""
    call = CALL.fullmatch(text)
    path = Path(text if call is None else call["file"])
    return path / f"{role}.npz" if path.is_dir() else path


def _called(file: Path, name: str, arguments: str | None, julia: Julia) -> Source:
    if not file.is_file():
        raise SideError(
            f"{file} is not there: check the path; a relative one counts from the current directory"
        )
    given, keywords = literals(arguments or "", f"{file}:{name}")
    if file.suffix == ".jl":
        clash = keywords.keys() & julia.options.keys()
        if clash:
            raise SideError(f"{', '.join(clash)} is ours, not the function's: use its own option")
        return JuliaFunction(
            file, name, *map(_array, given),
            **julia.options, **{key: _array(value) for key, value in keywords.items()},
        )  # fmt: skip
    found = _attribute(_imported(file), name, file)
    if arguments is None:
        return found  # type: ignore[no-any-return]
    if not callable(found):
        raise SideError(f"{name} of {file} is a {type(found).__name__}, which takes no arguments")
    _bound(found, given, keywords, f"{name} of {file}")
    return functools.partial(found, *given, **keywords)


def _bound(function: Any, given: list[Any], keywords: dict[str, Any], where: str) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind_partial(*given, **keywords)
    except TypeError as problem:
        raise SideError(f"{where} takes {signature}: {problem}. Give it those") from None


def literals(text: str, where: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call written as text.

    Raises:
        SideError: one of them is no literal.
    """
    try:
        call = ast.parse(f"f({text}\n)", mode="eval").body
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
            raise ValueError
        keywords = {k.arg or "**": ast.literal_eval(k.value) for k in call.keywords}
        if "**" in keywords or len(keywords) < len(call.keywords):
            raise ValueError
        return [ast.literal_eval(a) for a in call.args], keywords
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise SideError(
            f"the arguments of {where}({text}) are no literals: write numbers, 'texts', True, "
            "None, lists and tuples of such, and NAME=VALUE; nothing is evaluated"
        ) from None


def _array(value: Any) -> Any:
    return np.array(value) if isinstance(value, list) else value


def _imported(file: Path) -> ModuleType:
    """A Python file as a module; what lies beside it can be imported by it."""
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    before = sys.modules.get(file.stem)
    place = getattr(before, "__file__", None)  # a module that is built in has none
    if before is not None and place and Path(place).resolve() == file.resolve():
        return before
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        del sys.modules[file.stem]
        number = _line(problem, file)
        line = "" if number is None else f", line {number}"
        raise SideError(
            f"{file} cannot be imported: {type(problem).__name__}: {problem}{line}. Mend it, and "
            f"try it by itself: python {file}"
        ) from problem
    finally:
        if before is not None:
            sys.modules[file.stem] = before
    return module


@contextmanager
def blamed(*sides: str) -> Iterator[None]:
    """While the Python files among these sides run: what they raise, as one line. Their
    ``sys.exit`` too, or a port would choose the status of its own check.

    Raises:
        SideError: which file, and where.
    """
    try:
        yield
    except ReproError:
        raise
    except (Exception, SystemExit) as problem:
        calls = (CALL.fullmatch(side) for side in sides)
        places = [(c["file"], _line(problem, Path(c["file"]))) for c in calls if c is not None]
        file, line = next((place for place in places if place[1] is not None), (None, None))
        if file is None:
            raise
        said = next(iter(str(problem).splitlines()), "")
        raise SideError(
            f"{file}, line {line}, ended the check: {type(problem).__name__}: {said}. Mend it, and "
            "try it by itself"
        ) from problem


def _line(problem: BaseException, file: Path) -> int | None:
    """Which line of a file raised it, or called what did."""
    stack = traceback.extract_tb(problem.__traceback__)
    lines = [f.lineno for f in stack if Path(f.filename).resolve() == file.resolve()]
    return lines[-1] if lines else None


def _attribute(module: ModuleType, name: str, file: Path) -> Any:
    if not hasattr(module, name):
        there = vars(module).items()
        own = [n for n, v in there if getattr(v, "__module__", "") == module.__name__]
        raise SideError(f"{file} has no {name}: choose {', '.join(own) or 'another file'}")
    return getattr(module, name)
