"""How the engines are compiled, and where the compiled code is kept.

No fast-math anywhere: Numba hands LLVM plain IEEE operations, and LLVM neither contracts nor
reorders those. Where a fused multiply-add or another order is wanted it is written out.

Compiled functions are kept in the user's own cache folder, under a name made from every source
file of the engine and from the stream's loops: Numba itself looks only at the file a function
stands in, and would go on using code whose primitives have changed since.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

from repro.folders import user_cache
from repro.julia import kernels
from repro.luna.sine import OFFSETS

#: For the parts: compiled into whatever calls them. Division by zero gives infinity, as in IEEE.
jit = partial(numba.njit, error_model="numpy", nogil=True)
#: For functions that make views and give no array back: to count references takes a tenth of the
#: time. `_nrt` is Numba's own name for it.
uncounted = partial(jit, _nrt=False)
#: For functions of one element: a call left in a loop would keep LLVM from vectorising it.
inlined = partial(jit, forceinline=True)


def entry(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls, and keep the result on disk where that is safe."""
    compiled: Any = jit(function)
    if cache_folder() is not None:
        compiled._cache = _Cache(function)
    return compiled


@cache
def cache_folder() -> Path | None:
    """The folder for compiled code, made if need be; None where there is no safe one.

    `REPRO_CACHE_DIR` names another place. Cached code is loaded and run, so a folder that belongs
    to somebody else or that others may write to is not used: everything still works, but compiles
    anew in each process.
    """
    folder = user_cache() / "engine" / _fingerprint()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        return None
    return folder if _is_ours(folder) else None


def _is_ours(folder: Path) -> bool:
    if not hasattr(os, "getuid"):
        return True
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


@cache
def _fingerprint() -> str:
    digest = hashlib.sha256(f"{numba.__version__} {sys.version} {OFFSETS}".encode())
    for source in (Path(kernels.__file__), *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:16]


class _Locator(_CacheLocator):
    def __init__(self, function: Callable[..., Any]) -> None:
        self._line = function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        return str(cache_folder())

    def get_source_stamp(self) -> str:
        return _fingerprint()

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _Locator:
        return cls(py_func)


class _CacheImpl(CompileResultCacheImpl):
    _locator_classes: list[Any] = [_Locator]


class _Cache(FunctionCache):
    """Keeps what was compiled from the engine's own sources, which the folder's name stands for."""

    _impl_class = _CacheImpl

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        if not _from_our_sources(sig):
            return None
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a damaged file, whatever it holds: compile anew, and replace it
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        if _from_our_sources(sig):
            with suppress(OSError):  # a full disk: the next process compiles anew
                super().save_overload(sig, data)


def _from_our_sources(signature: Any) -> bool:
    """Whether no argument brings code from elsewhere, like an `Arithmetic` with own primitives."""
    return all(getattr(argument, "cachable", True) for argument in signature)
