"""Results and checkpoints on disk, each named by what made it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from repro.errors import ReproError
from repro.run import Trajectory, RunError

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
    """A folder with one trajectory per key: ``KEY.npz`` when finished, ``KEY.part.npz`` before.

    A damaged file is set aside under another name, with a word about it, and counts as missing.

    Args:
        folder: made when first written to.
        warn: called with a line about each damaged file.
    """

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        self.folder = folder
        self._warn = warn

    def result(self, key: str) -> Trajectory | None:
        return self._load(self.folder / f"{key}.npz")

    def checkpoint(self, key: str) -> Trajectory | None:
        return self._load(self._part(key))

    def keep_result(self, key: str, result: Trajectory) -> None:
        """Write a finished result; its checkpoint is of no more use."""
        self._save(self.folder / f"{key}.npz", result)
        self._part(key).unlink(missing_ok=True)

    def keep_checkpoint(self, key: str, so_far: Trajectory) -> None:
        self._save(self._part(key), so_far)

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

    def _part(self, key: str) -> Path:
        return self.folder / f"{key}.part.npz"

    def _load(self, path: Path) -> Trajectory | None:
        if not path.exists():
            return None
        try:
            return Trajectory.load(path)
        except (RunError, KeyError, ValueError):
            aside = path.with_name(f"{path.name}.damaged")
            with self._writing(aside):
                path.replace(aside)
            self._warn(f"{path} is damaged: set aside as {aside.name}, and computed anew")
            return None

    def _save(self, path: Path, trajectory: Trajectory) -> None:
        with self._writing(path):
            trajectory.save(path)

    def _writing(self, path: Path):
        return writing(path, "name another folder in REPRO_CACHE_DIR")
