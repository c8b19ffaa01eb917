"""Where a command will write, looked at before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile

from repro.errors import ReproError


def check_places(files: dict[str, Path | None], folders: dict[str, Path | None]) -> None:
    """Make sure that results will find their place. Nothing is left behind.

    Args:
        files, folders: by the option that names them; None where it is not given.

    Raises:
        ReproError: one cannot be written; the message names the option.
    """
    for option, file in files.items():
        if file is None or file == Path("-"):
            continue
        if file.is_dir():
            raise ReproError(f"{option} {file} cannot be written (it is a folder): name a file")
        _check(option, file, file.parent)
    for option, folder in folders.items():
        if folder is not None:
            _check(option, folder, folder)


WRITTEN = {
    "--save": ("reference.npz", "port.npz", "resynchronised.npz"),
    "--reproduction": (
        "reference.npz", "port.npz", "state.npz", "draws.npz", "inputs.npz",
        "show.py", "the_port.py",
    ),
}  # fmt: skip
"""By option, the files that it puts into its folder."""


def spare(sides: Iterable[Path], places: dict[str, Path | None]) -> None:
    """Make sure that no result replaces what it is a result of.

    Args:
        sides: the files that are compared.
        places: by the option that names them, files and folders; None where it is not given.

    Raises:
        ReproError: one would; the message names the option.
    """
    known = {side.resolve(): side for side in sides}
    for option, place in places.items():
        if place is None:
            continue
        for name in WRITTEN.get(option, (".",)):
            side = known.get((place / name).resolve())
            if side is not None:
                raise ReproError(f"{option} {place} would replace {side}: name another place")


def _check(option: str, named: Path, folder: Path) -> None:
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        with TemporaryFile(dir=there):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReproError(
            f"{option} {named} cannot be written ({there}: {reason}): name another place"
        ) from None
