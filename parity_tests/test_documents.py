"""The documents say what is there: commands, variables, fields, links, and the built site."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from repro.cli import app
from repro.reports.outcome import Outcome, as_json
from repro.sides import parity, recorded
from repro.sides.recorded import Recorded

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
TEXTS = {page.name: page.read_text() for page in PAGES}


def commands() -> list[str]:
    """Every command of ours that a page shows at a prompt, without its remark."""
    found = re.findall(r"^ *\$ (repro .*)$", "\n".join(TEXTS.values()), re.M)
    return sorted({command.split("  #")[0].strip() for command in found})


def parses(command: str) -> None:
    """Read the command's words as the command line does; SystemExit or UsageError if it cannot."""
    group, words = get_command(app), shlex.split(command)[1:]
    context = group.make_context("repro", words[:1], resilient_parsing=True)
    while hasattr(group, "commands"):
        name, *words = words
        group = group.commands[name]
        context = group.make_context(name, [*words], parent=context) if words else context


@pytest.mark.parametrize("command", commands())
def test_every_command_that_is_shown_can_be_given(command):
    parses(command)


def test_a_command_that_is_gone_is_noticed():
    with pytest.raises(Exception, match="No such option"):
        parses("repro parity --referense julia")
    with pytest.raises(KeyError):
        parses("repro parrot")


def test_every_command_is_on_the_page():
    shown = "\n".join(commands())
    assert [c for c in get_command(app).commands if f"repro {c}" not in shown] == []


def test_every_variable_is_on_the_page():
    sources = "\n".join(p.read_text() for p in (ROOT / "repro").rglob("*.py"))
    read = set(re.findall(r"""environ(?:\.get\(|\[)\s*["'](\w+)""", sources))
    assert len(read) >= 7, "the pattern finds them no more"
    assert {name for name in read if name not in TEXTS["environment.md"]} == set()


def fields(value: object) -> set[str]:
    """The names of all fields below, but for those that a user's data name."""
    if isinstance(value, list):
        return set().union(*map(fields, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    free = {"arguments", "reference", "port", "moved", "rounding"}
    below = (fields(v) for k, v in value.items() if k not in free)
    return {*value}.union(*below)


def test_every_field_of_the_report_is_on_the_page():
    case = recorded.load("transfer_learn_blog_seed0_dense").case.upto(1)
    found = fields(as_json(Outcome(case, parity.parity(case, Recorded()))))
    assert "worst_ratio" in found
    assert {name for name in found if f"`{name}`" not in TEXTS["report.md"]} == set()


@pytest.mark.parametrize("epochs", [1, 20])
def test_readmes_listing_runs_however_short(epochs):
    """Catches an example that takes the last of no evaluations."""
    (listing,) = re.findall(r"```python\n(.*?)```", TEXTS["README.md"], re.S)
    assert "epochs=1000" in listing
    exec(listing.replace("epochs=1000", f"epochs={epochs}"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_within_the_project_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_page_is_in_the_contents():
    contents = (ROOT / "mkdocs.yml").read_text()
    assert [p.name for p in DOCS.glob("*.md") if p.name not in contents] == []


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr
    page = (tmp_path / "api" / "index.html").read_text()
    assert all(name in page for name in ("fomaml", "JuliaFunction", "MersenneTwister", "check"))
