"""Pages that anybody can use: axe-core in Chromium, at a desk's width and a phone's, all
unfolded, in the light and in the dark."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
from browser import DARK, browse
from browser import chromium as chromium
from reports.conftest import outcome

from repro.folders import shipped
from repro.reports import write_html
from repro.run.settings import settings

GALLERY = shipped("figures") / "gallery" / "index.html"
WIDTHS = (1280, 390)
"""A desk's and a phone's, in CSS pixels."""
GRAVE = {"serious", "critical"}

# Each page is looked at in a frame of its own, which may be narrower than a window can be, and
# tells the page around it what was found.
FRAMES = """<!DOCTYPE html><title>frames</title>{frames}<script>
const found = {{}};
addEventListener("message", event => {{
  found[event.data.id] = event.data;
  document.documentElement.dataset.found = btoa(unescape(encodeURIComponent(
    JSON.stringify(found))));
}});
</script>"""
ASK = """<script>{axe}</script><script>
document.querySelectorAll("details").forEach(d => d.open = true);
axe.run(document, {{resultTypes: ["violations"]}}).then(done => parent.postMessage({{
  id: {id}, width: innerWidth, needed: document.documentElement.scrollWidth,
  passes: done.passes.length,
  violations: done.violations.map(v => ({{
    id: v.id, impact: v.impact, places: v.nodes.map(n => n.html.slice(0, 120))}}))
}}, "*"));
</script></body>"""


@dataclass(frozen=True)
class Seen:
    """What axe-core and the layout say of a page at a width.

    Attributes:
        width: that the page was given, in CSS pixels.
        needed: that it takes; more than ``width`` scrolls sideways.
        passes: rules of axe-core that found something to look at, and nothing wrong.
        violations: the rest, with impact and places.
    """

    id: str
    width: int
    needed: int
    passes: int
    violations: list[dict]

    @property
    def grave(self) -> list[str]:
        return [f"{v['id']}: {v['places'][:3]}" for v in self.violations if v["impact"] in GRAVE]


def look(
    chromium: str,
    pages: dict[str, Path],
    folder: Path,
    *options: str,
    widths: Sequence[int] = WIDTHS,
) -> dict[str, Seen]:
    """Every page at every width, by one start of Chromium."""
    axe = (files("axe_core_python") / "axe.min.js").read_text().replace("</script", "<\\/script")
    frames = ""
    for name, page in pages.items():
        for width in widths:
            identity = f"{name} at {width}"
            text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
            ask = ASK.format(axe=axe, id=json.dumps(identity))
            framed = folder / f"{name}-{width}.html"
            framed.write_text(
                text.replace("<head>", f'<head><base href="file://{page.parent}/">').replace(
                    "</body>", ask
                )
            )
            frames += f'<iframe src="{framed.name}" width="{width}" height="900" style="border:0">'
            frames += "</iframe>"
    outer = folder / "frames.html"
    outer.write_text(FRAMES.format(frames=frames))
    dom, _ = browse(
        chromium, outer, folder / "profile", "--dump-dom", "--virtual-time-budget=60000", *options
    )
    found = re.search(r'data-found="([^"]*)"', dom)
    return {n: Seen(**v) for n, v in json.loads(b64decode(found[1])).items()} if found else {}


@pytest.fixture(scope="module")
def pages(tmp_path_factory, outcomes) -> dict[str, Path]:
    """Of a run in which all passed, of one with every verdict, and the gallery."""
    folder, said = tmp_path_factory.mktemp("pages"), {"command": ["x"], "settings": settings()}
    passing = write_html([outcome("a"), outcome("b", 1e-6)], folder / "passing", **said)
    failing = write_html(outcomes, folder / "failing", **said)
    return {"passing": passing, "failing": failing, "gallery": GALLERY}


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_nothing_grave_is_found_and_no_page_scrolls_sideways(chromium, pages, tmp_path, scheme):
    """Catches text too pale, pictures without words, tables that a keyboard cannot scroll."""
    found = look(chromium, pages, tmp_path, *([DARK] if scheme == "dark" else []))
    assert [*found] and {*found} == {f"{name} at {width}" for name in pages for width in WIDTHS}
    assert {s.width for s in found.values()} == {*WIDTHS}
    assert all(s.passes > 10 for s in found.values()), "axe-core has not looked"
    assert {name: s.grave for name, s in found.items() if s.grave} == {}
    assert {name: s.needed for name, s in found.items() if s.needed > s.width} == {}


PLANTED = {
    "color-contrast": ("--soft: #5c5c5c", "--soft: #b0b0b0"),
    "image-alt": (' alt="', ' data-alt="'),
    "html-has-lang": ('<html lang="en">', "<html>"),
    "nested-interactive": ("Distances from the float64 run", '<a href="#">Distances</a>'),
}
WIDE = '<div style="width: 2000px">wide</div>'


def test_a_page_that_shuts_somebody_out_is_noticed(chromium, pages, tmp_path):
    """Without this, an axe-core that finds nothing at all would pass."""
    text = pages["failing"].read_text()
    for right, wrong in [*PLANTED.values(), ("<main>", f"<main>{WIDE}")]:
        assert right in text
        text = text.replace(right, wrong)
    planted = tmp_path / "planted.html"
    planted.write_text(text)
    (seen,) = look(chromium, {"planted": planted}, tmp_path, widths=WIDTHS[1:]).values()
    assert {line.partition(":")[0] for line in seen.grave} == {*PLANTED}
    assert seen.needed > 390
