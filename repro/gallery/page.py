"""The gallery's page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repro.gallery import manifest
from repro.gallery.figure import ADDRESSES, POSTS, known
from repro.gallery.manifest import Entry
from repro.reports.html import template_of

SHOWN = ("png", "svg")


def write_page(out: Path) -> Path:
    """Write ``index.html`` for every figure that the gallery's manifest knows."""
    entries = manifest.read(out)
    posts: dict[str, list[dict[str, Any]]] = {}
    for figure in known().values():
        if figure.name in entries:
            shown = {"figure": figure, **_shown(figure.name, entries[figure.name])}
            posts.setdefault(POSTS[figure.post], []).append(shown)
    addresses = {title: ADDRESSES.get(post) for post, title in POSTS.items()}
    path = out / "index.html"
    template = template_of("repro.gallery", "page.html.jinja")
    manifest.write_text(path, template.render(posts=posts, addresses=addresses))
    return path


def _shown(name: str, entry: Entry) -> dict[str, Any]:
    picture = next((kind for kind in SHOWN if kind in entry["formats"]), None)
    links = [(kind.upper(), f"{name}.{kind}") for kind in entry["formats"]]
    return {
        "entry": entry,
        "picture": picture and f"{name}.{picture}",
        "over": picture and entry["original"] is not None and f"{name}.original.{picture}",
        "links": [*links, ("data", f"{name}.npz")],
        "trained": [_run(run, about) for run, about in entry["runs"].items() if about["epochs"]],
    }


def _run(name: str, about: dict[str, Any]) -> str:
    return f"{name}: {about['epochs']:,} iterations in {about['seconds']:.0f} s" + (
        f" ({about['engine']} engine)" if "engine" in about else ""
    )
