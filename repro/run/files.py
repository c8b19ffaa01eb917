"""Arrays on disk: whole or not at all, never unpickled, and damage is noticed."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from repro.errors import ReproError


class RunError(ReproError, ValueError):
    """A file that holds no run, or not an intact one. The message names it."""


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, dtypes, shapes and bytes, whatever the order of the names."""
    h = hashlib.sha256()
    for name in sorted(arrays):
        a = np.ascontiguousarray(arrays[name])
        h.update(f"{name} {a.dtype.str} {a.shape}\n".encode())
        h.update(a.tobytes())
    return h.hexdigest()


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz``, never unpickling anything.

    Raises:
        RunError: the file is missing, unreadable, damaged, or holds Python objects.
    """
    try:
        with open(path, "rb") as file:
            npz = np.load(file, allow_pickle=False)
            if isinstance(npz, np.ndarray):
                raise RunError(f"{path} is a single array: write its steps, numpy.savez(path, "
                               "**{'0:NAME': array})")  # fmt: skip
            return {name: npz[name] for name in npz.files}
    except FileNotFoundError:
        raise RunError(f"{path} does not exist: check the path") from None
    except RunError:
        raise
    except (OSError, ValueError, BadZipFile, EOFError, NotImplementedError, zlib.error) as error:
        raise RunError(
            f"{path} cannot be read as arrays ({error}): make it again, or restore it from a copy"
        ) from None


def write_npz(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to a temporary name and rename: the old file lives until the new is whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, renamed to it when the block ends without an error."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
