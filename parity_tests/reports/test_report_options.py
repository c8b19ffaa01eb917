"""`repro parity --html DIR --junit FILE`, on real runs."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

import pytest

from repro.cases import luna
from repro.cli import main


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["repro", "parity", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.mark.parametrize(("rate", "status", "verdict"), [(0.02, 0, "PASS"), (0.021, 1, "FAIL")])
def test_both_files_tell_what_the_exit_status_tells(monkeypatch, tmp_path, rate, status, verdict):
    """The wrong port fine-tunes at another rate; the float64 run is wrong in the same way, and so
    is not asked."""
    monkeypatch.setitem(luna.UNTRAINED, "lr002", rate)
    page, junit = tmp_path / "page", tmp_path / "junit.xml"
    found = run(monkeypatch, "--case", "eval_model", "--html", str(page), "--junit", str(junit))
    assert found == status
    text = (page / "index.html").read_text()
    assert f'<h1>Parity: <span class="verdict {verdict}">' in text
    assert "repro parity --case eval_model_untrained_seed0" in text
    assert ("float64 run" in text) == (not status)
    assert ElementTree.parse(junit).getroot().get("failures") == str(status)
