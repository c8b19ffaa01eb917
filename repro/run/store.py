"""Results on disk, each named by what made it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock

from repro.errors import ReproError
from repro.run.files import RunError
from repro.run.quantity import Run

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def writing(path: Path, instead: str) -> Iterator[None]:
    """Turn an ``OSError`` inside the block into one line that ends with what to do next.

    Args:
        path: what is being written.
        instead: how to name another place.

    Raises:
        ReproError: the disk is full, or the place cannot be written to.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        advice = "free some space" if error.errno in FULL else "make it writable"
        raise ReproError(
            f"{path} cannot be written ({reason}); everything written before is intact: "
            f"{advice} or {instead}, and run again"
        ) from None


class Store:
    """A folder with one run per key, ``KEY.npz``.

    A damaged file is set aside under another name, with a word about it, and counts as missing.

    Args:
        folder: made when first written to.
        warn: called with a line about each damaged file.
    """

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        self.folder = folder
        self._warn = warn

    def result(self, key: str) -> Run | None:
        return self._load(self.folder / f"{key}.npz")

    def keep_result(self, key: str, result: Run) -> None:
        """Write a finished result."""
        path = self.folder / f"{key}.npz"
        with self._writing(path):
            result.save(path)

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Hold off other processes that want to compute the same."""
        path = self.folder / f"{key}.lock"
        with self._writing(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _load(self, path: Path) -> Run | None:
        if not path.exists():
            return None
        try:
            return Run.load(path)
        except (RunError, KeyError, ValueError):
            aside = path.with_name(f"{path.name}.damaged")
            with self._writing(aside):
                path.replace(aside)
            self._warn(f"{path} is damaged: set aside as {aside.name}, and computed anew")
            return None

    def _writing(self, path: Path) -> AbstractContextManager[None]:
        return writing(path, "name another folder in REPRO_CACHE_DIR")
