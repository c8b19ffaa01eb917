"""Plant a fault in a port: one named change of its source, in a copy that only the test sees."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import repro
from repro.cases import Case, Perturbation
from repro.run import Run

COPIED = ("repro.julia", "repro.flux", "repro.luna", "repro.cases", "repro.sides.port")
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
    """A copy of :mod:`repro.sides.port`, and of the ports below it, with these changes.

    Inside the block ``import repro.luna`` and so on find the copies.
    """
    for name in COPIED:
        importlib.import_module(name)
    mine = {n: m for n, m in sys.modules.items() if n.startswith(COPIED)}
    loader = _Loader(changes)
    for name in mine:
        del sys.modules[name]
    for name in COPIED:  # or `from repro import luna` would find the original
        parent, _, own = name.rpartition(".")
        delattr(sys.modules[parent], own)
    sys.meta_path.insert(0, loader)
    try:
        yield importlib.import_module("repro.sides.port")
    finally:
        sys.meta_path.remove(loader)
        for name in [n for n in sys.modules if n.startswith(COPIED)]:
            del sys.modules[name]
        sys.modules.update(mine)
        for name in COPIED:  # importing a copy made it its parent's attribute
            parent, _, own = name.rpartition(".")
            setattr(sys.modules[parent], own, mine[name])


class PlantedPort:
    """:class:`repro.sides.port.Port`, the eager one, with these changes planted."""

    name = "planted"

    def __init__(self, *changes: Change) -> None:
        with planted(*changes) as module:
            self._port = module.Port()
            self._case = sys.modules["repro.cases.case"].Case

    def run(self, case: Case, perturbation: Perturbation | None = None) -> Run:
        return self._port.run(self._case(**vars(case)), perturbation)
