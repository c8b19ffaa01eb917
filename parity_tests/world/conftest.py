"""A world whose writing calls fail when told."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from world.hostile import HERE, World, world


@pytest.fixture(scope="module")
def hostile(
    tmp_path_factory: pytest.TempPathFactory, not_run: Callable[[str], None]
) -> Iterator[World]:
    """The world; NOT RUN where there is no C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        not_run("no C compiler makes the library that fails: install gcc")
    folder: Path = tmp_path_factory.mktemp("hostile")
    library = folder / "shim.so"
    source = str(HERE / "shim.c")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    with world(folder / "world", library) as found:
        yield found
