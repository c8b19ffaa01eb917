"""Where the package's own files lie, and where things that can be made again are kept."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

from repro.errors import ReproError

PACKAGE = Path(__file__).resolve().parent


def user_cache() -> Path:
    """The user's cache folder for this project; `REPRO_CACHE_DIR` names another place."""
    named = os.environ.get("REPRO_CACHE_DIR")
    return Path(named) if named else user_cache_path("julia-parity")


def checkout(package: Path = PACKAGE) -> Path | None:
    """The checkout that the package lies in, if it lies in one."""
    project = package.parent
    there = (project / "pyproject.toml").is_file() or (project / ".git").exists()
    return project if there else None


def shipped(name: str, package: Path = PACKAGE) -> Path:
    """A folder that a checkout has beside the package, and a wheel inside it.

    Args:
        name: as it is called in a checkout; inside the package it begins with an underscore.

    Raises:
        ReproError: it is in neither place.
    """
    for folder in (package / f"_{name}", package.parent / name):
        if folder.is_dir():
            return folder
    raise ReproError(
        f"the folder {name} is neither in {package} nor beside it: reinstall repro, or restore it "
        "in the checkout"
    )
