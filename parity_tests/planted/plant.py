"""Plant a fault in a port: one named change of its source, in a copy that only the test sees."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import repro
from repro.case import Case
from repro.run import Run

COPIED = ("repro.julia", "repro.flux", "repro.luna", "repro.case", "repro.port")
"""Modules that a planted port gets copies of: everything that the fault could be in or under."""


@dataclass(frozen=True)
class Change:
    """``old``, which must stand exactly once in the module's source, becomes ``new``."""

    module: str
    old: str
    new: str

    def apply(self, source: str) -> str:
        if source.count(self.old) != 1:
            raise ValueError(
                f"{self.old!r} stands {source.count(self.old)} times in {self.module}, not once: "
                "write the fault again for today's source"
            )
        return source.replace(self.old, self.new)


class _Loader(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Finds and loads one module from its source as changed."""

    def __init__(self, changes: tuple[Change, ...]) -> None:
        self.changes = {c.module: [d for d in changes if d.module == c.module] for c in changes}

    def find_spec(self, name, path=None, target=None):
        if name not in self.changes:
            return None
        return importlib.util.spec_from_loader(name, self, origin=self.get_filename(name))

    def get_filename(self, name: str) -> str:
        return str(Path(repro.__file__).parents[1].joinpath(*name.split(".")).with_suffix(".py"))

    def get_data(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def path_stats(self, path: str):
        raise OSError("no byte code is kept of a changed source")

    def get_code(self, name: str):
        source = self.get_data(self.get_filename(name)).decode()
        for change in self.changes[name]:
            source = change.apply(source)
        return compile(source, f"{self.get_filename(name)} (planted)", "exec")


@contextmanager
def planted(*changes: Change) -> Iterator[ModuleType]:
    """A copy of :mod:`repro.port`, and of all below it, with these changes.

    Inside the block ``import repro.luna`` and so on find the copies.
    """
    mine = {n: m for n, m in sys.modules.items() if n.startswith(COPIED)}
    attributes = {n: getattr(repro, n) for n in vars(repro) if f"repro.{n}" in mine}
    loader = _Loader(changes)
    for name in mine:
        del sys.modules[name]
    for name in attributes:
        delattr(repro, name)
    sys.meta_path.insert(0, loader)
    try:
        yield importlib.import_module("repro.port")
    finally:
        sys.meta_path.remove(loader)
        for name in [n for n in sys.modules if n.startswith(COPIED)]:
            del sys.modules[name]
        sys.modules.update(mine)
        vars(repro).update(attributes)


def planted_run(*changes: Change) -> Callable[..., Run]:
    """:func:`repro.port.run` with these changes planted."""
    with planted(*changes) as port:
        case_type = sys.modules["repro.case"].Case

    def run(case: Case, **kwargs) -> Run:
        return port.run(case_type(**vars(case)), **kwargs)

    return run
