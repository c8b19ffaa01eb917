"""Where things that can be made again are kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user_cache() -> Path:
    """The user's cache folder for this project; `REPRO_CACHE_DIR` names another place."""
    if named := os.environ.get("REPRO_CACHE_DIR"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "julia-parity"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/julia-parity"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "julia-parity"
