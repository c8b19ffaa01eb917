"""The page in a real browser: it draws, asks for nothing, and its console stays empty."""

from __future__ import annotations

import numpy as np
import pytest
from browser import DARK, browse
from browser import chromium as chromium
from matplotlib.image import imread
from reports.conftest import outcome

from repro.reports import write_html
from repro.run.settings import settings

RED = (0xD5, 0x5E, 0x00)
"""The port's line."""


@pytest.fixture
def look(chromium, tmp_path):
    """`look(page)`: what it looks like, as (height, width, 3) of 0 to 255, and its console."""

    def take(page, *options: str) -> tuple[np.ndarray, list[str]]:
        picture = tmp_path / "shot.png"
        picture.unlink(missing_ok=True)
        _, console = browse(
            chromium, page, tmp_path / "profile", f"--screenshot={picture}", *options
        )
        return (imread(picture)[..., :3] * 255).round(), console

    return take


def share(picture: np.ndarray, colour: tuple[int, ...]) -> int:
    """How many pixels have this colour, but for rounding."""
    return int(np.all(np.abs(picture - colour) <= 2, axis=2).sum())


def test_the_page_is_drawn_and_the_console_is_empty(look, tmp_path):
    page = write_html([outcome("a", 1e-2)], tmp_path, command=["x"], settings=settings())
    picture, console = look(page)
    assert console == []
    assert share(picture, (255, 255, 255)) > picture.shape[0] * picture.shape[1] / 2
    assert share(picture, RED) > 200, "the port's line is not there"


def test_the_page_follows_into_the_dark(look, tmp_path):
    page = write_html([outcome("a", 1e-2)], tmp_path, command=["x"], settings=settings())
    picture, console = look(page, DARK)
    assert console == []
    assert share(picture, (0x16, 0x18, 0x1B)) > picture.shape[0] * picture.shape[1] / 2


@pytest.mark.parametrize(
    "planted", ["<script>1</script>", '<img src="http://example.invalid/a.png">']
)
def test_a_page_that_would_run_or_load_something_is_noticed(look, tmp_path, planted):
    """Without this, a browser that reported nothing at all would pass."""
    page = write_html([outcome("a")], tmp_path, command=["x"], settings=settings())
    page.write_text(page.read_text().replace("</body>", f"{planted}</body>"))
    _, console = look(page)
    assert console and "Content Security Policy" in console[0]
