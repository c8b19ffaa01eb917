"""Arrays on disk: whole or not at all, never unpickled, and damage is noticed."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock

from repro.errors import ReproError


class RunError(ReproError, ValueError):
    """A file that holds no run, or not an intact one. The message names it."""


class WritingError(ReproError):
    """A file or folder that cannot be written.

    Attributes:
        problem: what the system said.
    """

    def __init__(self, path: Path, problem: OSError, instead: str) -> None:
        reason = problem.strerror or str(problem)
        advice = "free some space" if problem.errno in FULL else "make it writable"
        super().__init__(
            f"{path} cannot be written ({reason}); everything written before is intact: "
            f"{advice} or {instead}, and run again"
        )
        self.problem = problem


FULL = (errno.ENOSPC, errno.EDQUOT)


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
        RunError: the file is missing, unreadable, damaged, holds Python objects, or unpacks to
            more than ``MOST_UNPACKED`` and ``MOST_TIMES`` its size.
    """
    with unfit(path, "cannot be read as arrays"), open(path, "rb") as file:
        npz = np.load(file, allow_pickle=False)
        if isinstance(npz, np.ndarray):
            raise RunError(f"{path} is a single array: write its steps, numpy.savez(path, "
                           "**{'0:NAME': array})")  # fmt: skip
        unpacked = sum(member.file_size for member in npz.zip.infolist())
        if unpacked > max(MOST_UNPACKED, MOST_TIMES * os.fstat(file.fileno()).st_size):
            raise RunError(f"{path} would unpack to {unpacked:,} bytes, which is suspicious of one "
                           "so small: if it is right, write it by numpy.savez")  # fmt: skip
        # By the members' own names: `npz["a.npy"]` would be a's, where both are there.
        return {name.removesuffix(".npy"): npz[name] for name in npz.zip.namelist()}


MOST_UNPACKED, MOST_TIMES = 1 << 28, 200
"""Bytes that any file may unpack to, and times its own size. Deflate reaches 1030 on zeros, and
about 1.1 on the weights of a training run."""


@contextmanager
def unfit(path: str | Path, how: str) -> Iterator[None]:
    """Turn whatever a file's content leads to inside the block into one line that names it: a
    checksum that fits says who wrote it as little as it says what.

    Raises:
        RunError: anything was raised.
    """
    try:
        yield
    except FileNotFoundError:
        raise RunError(f"{path} does not exist: check the path") from None
    except ReproError:
        raise
    except Exception as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise RunError(f"{path} {how} ({said}): make it again, or restore it from a copy") from None


LONGEST_NAME = 60_000
"""Bytes. A zip file counts a member's in 16 bits."""


def storable(name: str) -> bool:
    """Whether a zip file gives this name back: it cuts one off at a NUL."""
    try:
        return "\0" not in name and len(name.encode()) <= LONGEST_NAME
    except UnicodeEncodeError:
        return False


def write_npz(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays to a temporary name and rename: the old file lives until the new is whole."""
    with atomic(Path(path)) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


@contextmanager
def writing(path: Path, instead: str = "name another place") -> Iterator[None]:
    """Turn an ``OSError`` inside the block into one line that ends with what to do next. Of one
    block in another the outer knows better what is being written.

    Args:
        path: what is being written.
        instead: how to name another place.

    Raises:
        WritingError: the disk is full, or the place cannot be written to.
    """
    try:
        yield
    except WritingError as error:
        raise WritingError(path, error.problem, instead) from None
    except OSError as error:
        raise WritingError(path, error, instead) from None


@contextmanager
def alone(path: Path, instead: str = "name another place") -> Iterator[None]:
    """Hold off other processes that ask for the same lock file, whose folder is made.

    Raises:
        WritingError: it cannot be written.
    """
    with writing(path, instead):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire()
    try:
        yield
    finally:
        with suppress(OSError):  # of the file; it is let go of all the same
            lock.release()


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, renamed to it when the block ends without an error. The
    folders above are made; the old file lives until the new one is whole and on the disk.

    Raises:
        WritingError: it cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            os.close(descriptor)
            yield temporary
            temporary.chmod(0o644)
            with open(temporary, "rb") as file:  # else a power cut may leave the name without it
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
