"""Run tests against a file with a fault in it, in a process that is forked and thrown away.

Everything is imported and every test collected once; a process then puts the faulty functions'
code in the place of the right ones', runs the tests up to the first that fails, and ends. So a
fault costs what its tests cost, and nothing is written anywhere.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from inspect import isfunction
from types import FunctionType
from typing import Any

import numba
import pytest
from mutants.mutations import Mutant

OPTIONS = (
    *("-x", "-q", "-p", "no:benchmark", "-p", "no:cacheprovider", "-p", "no:xdist"),
    *("-m", "not slow and not julia", "--no-header", "--no-summary"),
    *(
        "--tb=no",
        "--assert=plain",
        "--hypothesis-profile=first",
    ),  # nobody reads why: to say it takes longer than to find it
    # Loops that are not compiled, to be planted in, divide by zero as loudly as NumPy does.
    *(("-W", "ignore::RuntimeWarning") if numba.config.DISABLE_JIT else ()),
)
MARK = "trial: "
NOT_PLANTED = 77
SECONDS, BYTES = 30, 16 << 30
"""What one fault may take of a processor, and of memory: some never end."""


class End(str, Enum):
    """What became of a fault: noticed by a test, or by taking too long, or not at all; or it is
    none, for it compiles to the same code."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"
    SAME = "the same code"


@dataclass(frozen=True)
class Trial:
    """A fault, what became of it, and after how many seconds."""

    mutant: Mutant
    end: End
    seconds: float


@dataclass(frozen=True)
class Group:
    """Faults, and the test files that stand before them, those first that are likelier to fail."""

    mutants: tuple[Mutant, ...]
    tests: tuple[str, ...]


class Unsound(Exception):
    """Tests that fail without a fault, or a fault that no function has: nothing would be learnt."""


def trials(groups: Sequence[Group], enough: int | None = None) -> list[Trial]:
    """Each fault before its group's tests, which are collected once for all.

    Args:
        enough: so many faults of a group that are noticed; by default all are planted.

    Raises:
        Unsound: a group's tests fail as it is.
    """
    found = _Trying(groups, enough)
    wanted = dict.fromkeys(test for group in groups for test in group.tests)
    pytest.main([*OPTIONS, *wanted], plugins=[found])
    if not found.ended:
        raise Unsound(found.unsound or "the tests were not collected: run them by themselves")
    return found.trials


class _Trying:
    """In the place of pytest's loop over the tests."""

    def __init__(self, groups: Sequence[Group], enough: int | None) -> None:
        self.groups, self.enough = groups, enough
        self.trials: list[Trial] = []
        self.unsound, self.ended = "", False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        everything = list(session.items)
        gc.freeze()  # else every process touches, and so copies, all that is imported
        for group in self.groups:
            order = [os.path.abspath(test) for test in group.tests]
            here = [item for item in everything if str(item.path) in order]
            session.items = sorted(here, key=lambda item: order.index(str(item.path)))
            if not here or _forked(lambda: _failed(session)) is not End.SURVIVED:
                self.unsound = f"{', '.join(group.tests)} fails as it is, or has no test: mend it"
                return True
            self._group(group, session)
        self.ended = True
        return True

    def _group(self, group: Group, session: pytest.Session) -> None:
        noticed = 0
        for mutant in group.mutants:
            if noticed == self.enough:
                break
            self.trials.append(_tried(mutant, session))
            noticed += self.trials[-1].end in (End.KILLED, End.TIMEOUT)


def _tried(mutant: Mutant, session: pytest.Session) -> Trial:
    start = time.monotonic()

    def child() -> bool:
        try:
            plant(mutant)
        except Unsound:
            os._exit(NOT_PLANTED)
        return _failed(session)

    end = _forked(child)
    trial = Trial(mutant, end, time.monotonic() - start)
    print(f"{end.value} {trial.seconds:.1f} s  {mutant}", file=sys.__stderr__, flush=True)
    return trial


def _failed(session: pytest.Session) -> bool:
    from _pytest.main import pytest_runtestloop

    try:
        pytest_runtestloop(session)
    except (session.Failed, session.Interrupted):
        return True
    return session.testsfailed > 0


def _forked(run: Callable[[], bool]) -> End:
    child = os.fork()
    if not child:
        status = 1
        try:
            signal.alarm(10 * SECONDS)
            resource.setrlimit(resource.RLIMIT_CPU, (_used() + SECONDS, _used() + SECONDS))
            resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
            status = int(run())
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    if os.WIFSIGNALED(ended) and os.WTERMSIG(ended) in (signal.SIGALRM, signal.SIGXCPU):
        return End.TIMEOUT
    if os.WIFEXITED(ended) and os.WEXITSTATUS(ended) == NOT_PLANTED:
        return End.SAME
    return End.SURVIVED if ended == 0 else End.KILLED


def _used() -> int:
    return int(time.process_time()) + 1


def plant(mutant: Mutant) -> None:
    """Put the faulty code in the place of the right one, in this process.

    Raises:
        Unsound: no function is changed by it.
    """
    changed = list(faulty_functions(mutant))
    if not changed:
        raise Unsound(f"no function is changed: {mutant}")
    for function, other in changed:
        for part in PARTS:
            setattr(function, part, getattr(other, part))


PARTS = ("__code__", "__defaults__", "__kwdefaults__")


def faulty_functions(mutant: Mutant) -> Iterator[tuple[FunctionType, FunctionType]]:
    """The functions that are otherwise, as they are and with the fault."""
    module = sys.modules[mutant.module]
    faulty: dict[str, Any] = {"__name__": mutant.module, "__file__": module.__file__}
    faulty["__package__"] = module.__package__
    exec(compile(mutant.source, str(module.__file__), "exec", dont_inherit=True), faulty)
    theirs = dict(_functions(faulty, mutant.module))
    for name, function in _functions(vars(module), mutant.module):
        if any(getattr(function, part) != getattr(theirs[name], part) for part in PARTS):
            yield function, theirs[name]


def _functions(names: Mapping[str, Any], module: str) -> Iterator[tuple[str, FunctionType]]:
    """A module's own, those of its classes too, without what decorates them."""
    for value in list(names.values()):
        if isinstance(value, type) and value.__module__ == module:
            yield from _functions(vars(value), module)
            continue
        function = _bare(value)
        if isfunction(function) and function.__module__ == module:
            yield function.__qualname__, function


def _bare(value: Any) -> Any:
    if isinstance(value, property):
        return value.fget
    if isinstance(value, functools.cached_property):
        return value.func
    value = getattr(value, "py_func", value)  # of Numba's
    while hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    return getattr(value, "__func__", value)


def main() -> None:
    """For another process: what it asks as JSON, and a line for each trial."""
    asked = json.load(sys.stdin)
    mutants = [Mutant(**found) for found in asked["mutants"]]
    groups = [
        Group(tuple(m for m in mutants if m.file == file), tuple(asked["tests"][file]))
        for file in dict.fromkeys(m.file for m in mutants)
    ]
    out = os.fdopen(os.dup(1), "w")
    for trial in trials(groups):
        found = {k: v for k, v in vars(trial.mutant).items() if k != "source"}
        found |= {"end": trial.end.value, "seconds": trial.seconds}
        print(f"\n{MARK}{json.dumps(found)}", file=out, flush=True)


if __name__ == "__main__":
    main()
