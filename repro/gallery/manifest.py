"""What is known of every figure in a gallery, beside the pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from repro.errors import ReproError
from repro.run import alone, atomic, writing

FILE = "gallery.json"
Entry = dict[str, Any]
OUT = "name another folder with --out"


def prepare(out: Path) -> None:
    """Make a gallery's folder and try whether it can be written to, before any long run. What
    another process writes meanwhile stays.

    Raises:
        ReproError: it cannot.
    """
    with writing(out, OUT), locked(out):
        write_text(out / FILE, _text(read(out)))


def locked(out: Path) -> AbstractContextManager[None]:
    """Hold off other processes that read a gallery to write it anew."""
    return alone(out / ".lock", OUT)


def read(out: Path) -> dict[str, Entry]:
    """The entries by figure; none where there is no gallery yet.

    Raises:
        ReproError: the file is not what :func:`add` wrote.
    """
    path = out / FILE
    if not path.exists():
        return {}
    try:
        entries = json.loads(path.read_text())["figures"]
        return dict(entries)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReproError(
            f"{path} cannot be read ({error}): restore it, or remove it and draw all figures anew"
        ) from None


def add(out: Path, name: str, entry: Entry) -> None:
    """Write a figure's entry, all others as they are."""
    write_text(out / FILE, _text({**read(out), name: entry}))


def write_text(path: Path, text: str) -> None:
    """Replace a file once the new one is whole."""
    with writing(path, OUT), atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _text(entries: Mapping[str, Entry]) -> str:
    return json.dumps({"figures": entries}, indent=1, sort_keys=True) + "\n"
