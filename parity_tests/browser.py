"""A Chromium that looks at a page: where it is, how it is started, what its console said."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
INSTALL = "apt-get install chromium"
DARK = "--blink-settings=preferredColorScheme=0"


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of one; the test says that it did not run where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(
            f"NOT RUN: there is no Chromium to look at the page with. Install one: {INSTALL}"
        )
    return found


def browse(
    chromium: str, page: Path, profile: Path, *options: str, size: str = "1280,3000"
) -> tuple[str, Sequence[str]]:
    """Open a page once, without a network's services: standard output, lines of the console."""
    found = subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--hide-scrollbars", "--enable-logging=stderr", f"--user-data-dir={profile}",
            f"--window-size={size}", *options, f"file://{page}",
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return found.stdout, [line for line in found.stderr.splitlines() if "CONSOLE" in line]
