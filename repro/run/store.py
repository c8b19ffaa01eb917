"""Results on disk, each named by what made it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from repro.run.files import RunError, alone, writing
from repro.run.quantity import Run

INSTEAD = "name another folder in REPRO_CACHE_DIR"


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

    def alone(self, key: str) -> AbstractContextManager[None]:
        """Hold off other processes that want to compute the same."""
        return alone(self.folder / f"{key}.lock", INSTEAD)

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
        return writing(path, INSTEAD)
