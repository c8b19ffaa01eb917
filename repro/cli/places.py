"""Where a command will write, looked at before anything is computed."""

from __future__ import annotations

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
