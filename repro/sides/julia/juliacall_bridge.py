"""Starting Julia inside this process, through juliacall: everything about that is here.

Julia can be started once in a process, and be called from its main thread only; from another
thread it crashes.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

from repro.errors import ReproError
from repro.sides.julia.find import CPU_TARGET, Julia, find_julia
from repro.sides.julia.install import default_folder
from repro.sides.julia.worker import JuliaError

# The oldest Julia for which juliacall can fetch its Julia half by itself.
_OLDEST_WITH_REGISTRY = (1, 10)
_OTHERWISE = "A Julia in a process of its own needs no juliacall: --julia worker."

_started: tuple[Julia, ModuleType] | None = None
_failure: str | None = None


class JuliacallUnavailable(JuliaError):
    """juliacall cannot be used here, or not in this way; the message says what to do instead."""


def start(julia: Julia) -> ModuleType:
    """Start Julia in this process, unless it runs, and give back the module `juliacall`.

    The pins hold while Julia starts and are taken back then: other libraries do not see them.

    Args:
        julia: what to start. A process can have only one.

    Raises:
        JuliacallUnavailable: this is not the main thread; juliacall is not installed, is not set
            up for this Julia, was imported by other code, or did not start; or another Julia
            runs in this process.
    """
    global _started, _failure
    require_main_thread()
    if _started is not None:
        running, juliacall = _started
        if running.executable != julia.executable:
            raise JuliacallUnavailable(
                f"this process runs {running.executable} and cannot run {julia.executable} as "
                f"well. Use another process. {_OTHERWISE}"
            )
        return juliacall
    if _failure is None:
        settings = _settings(julia)
        try:
            with environment(settings | julia.environment):
                _preload(julia.preload)
                _started = (julia, _import(julia))
            return _started[1]
        except Exception as problem:
            # Not tried again: a Julia that was half started crashes when it is started anew.
            said = getattr(problem, "stderr", None) or ""
            _failure = (
                f"juliacall did not start: {type(problem).__name__}: {problem} {said}\n{_OTHERWISE}"
            )
    raise JuliacallUnavailable(_failure)


def running() -> Julia | None:
    """The Julia that this process runs, if it does."""
    return None if _started is None else _started[0]


def require_main_thread() -> None:
    """Raise `JuliacallUnavailable` in any other thread than Python's main one."""
    if threading.current_thread() is not threading.main_thread():
        raise JuliacallUnavailable(
            "Julia in this process can be called from the main thread only, and crashes in this "
            f"one ({threading.current_thread().name}). Call from the main thread. {_OTHERWISE}"
        )


def _settings(julia: Julia) -> dict[str, str]:
    """juliacall's settings, or why it cannot be used."""
    if "juliacall" in sys.modules:
        raise JuliacallUnavailable(
            "other code imported juliacall in this process before, without the settings under "
            f"which results can be compared. Import it later, or not at all. {_OTHERWISE}"
        )
    if importlib.util.find_spec("juliacall") is None:
        raise JuliacallUnavailable(
            f"juliacall is not installed: pip install juliacall. {_OTHERWISE}"
        )
    settings = {}
    if not (_is_set("threads") or os.environ.get("JULIA_NUM_THREADS")):
        settings["PYTHON_JULIACALL_THREADS"] = "1"
    if not _is_set("handle-signals"):
        # Ctrl-C then stays Python's. With "yes" Julia takes it, and Python never hears of it; in
        # exchange a stack overflow in Julia would be an exception, and so it is a crash.
        settings["PYTHON_JULIACALL_HANDLE_SIGNALS"] = "no"
    named = _is_set("exe")
    made = _made_for(julia) if named is None and _is_set("project") is None else None
    if made is not None:
        named = str(julia.executable)
        settings |= {"PYTHON_JULIACALL_EXE": named, "PYTHON_JULIACALL_PROJECT": str(made)}
    if named is None and julia.version_info < _OLDEST_WITH_REGISTRY:
        raise JuliacallUnavailable(
            f"juliacall is not set up for Julia {julia.version}: from 1.10 on it sets itself up; "
            "for an older one PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT have to name the "
            "program and an environment with PythonCall. In a checkout `make juliacall` (`python "
            f"parity_tests/juliacall_env/setup.py`) makes one, which is found. {_OTHERWISE}"
        )
    if named is None:
        settings["PYTHON_JULIAPKG_EXE"] = str(julia.executable)
    elif Path(named).resolve() != julia.executable.resolve():
        raise JuliacallUnavailable(
            f"juliacall is set up for {named} (PYTHON_JULIACALL_EXE), not for {julia.executable}. "
            "Name the former with REPRO_JULIA, or unset PYTHON_JULIACALL_EXE and _PROJECT."
        )
    return settings


def _made_for(julia: Julia) -> Path | None:
    """The environment that `make juliacall` made, if it was made for this Julia and the juliacall
    that is installed."""
    folder = default_folder() / "juliacall"
    try:
        stamp = json.loads((folder / "stamp.json").read_text())
        fits = stamp["juliacall"] == version("juliacall")
        fits &= Path(stamp["julia"]).resolve() == julia.executable.resolve()
    except (OSError, ValueError, KeyError, TypeError, PackageNotFoundError):
        return None
    return folder if fits else None


def _is_set(option: str) -> str | None:
    """What the user chose for one of juliacall's options, in either of its two ways."""
    chosen = sys._xoptions.get(f"juliacall-{option}")
    if chosen is None:
        chosen = os.environ.get(f"PYTHON_JULIACALL_{option.upper().replace('-', '_')}")
    return None if chosen is None else str(chosen)


def _import(julia: Julia) -> ModuleType:
    with warnings.catch_warnings():
        # juliacall warns that torch imported first may crash it. That was so with torch builds
        # whose libraries clashed with Julia's; both orders are tested here, arrays included.
        warnings.filterwarnings("ignore", message="torch was imported before juliacall")
        # juliacall has no option for the processor to compile for, but takes any of Julia's that
        # is in CONFIG when it starts; so it is imported first and started then.
        with environment({"PYTHON_JULIACALL_INIT": "no"}):
            import juliacall
        if julia.pinned:
            juliacall.CONFIG["opt_cpu_target"] = CPU_TARGET
        juliacall.init()
    if not juliacall.CONFIG["inited"]:
        raise RuntimeError("its own settings forbid it; unset PYTHON_JULIACALL_INIT")
    return juliacall


def _preload(libraries: tuple[Path, ...]) -> None:
    """Open what an unpacked Julia needs; in this process it is too late for a library path.

    The system's own come first, since other modules of this process may need ones so new; not
    so libunwind, of which only the version that Julia was built with works.
    """
    if libraries:
        _keep_the_unwinder()
    for library in libraries:
        try:
            ctypes.CDLL(str(library) if library.name.startswith("libunwind") else library.name)
        except OSError:
            ctypes.CDLL(str(library))


def _keep_the_unwinder() -> None:
    """See that C++ exceptions of other modules go on using the system's unwinder.

    libunwind has functions of the same names, and juliacall makes the names of all of Julia's
    libraries known to the whole process. Were libunwind's found first, the next exception inside
    torch would end Python: "terminate called".
    """
    ctypes.CDLL("libgcc_s.so.1", mode=ctypes.RTLD_GLOBAL)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def main() -> None:
    """Start juliacall with the Julia that the command line names; `repro julia status` runs it."""
    try:
        start(find_julia(sys.argv[1]))
    except ReproError as problem:
        sys.exit(str(problem))
