"""The page: complete, self-contained, escaped, and what failed first."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from html.parser import HTMLParser

import pytest
from reports.conftest import HOSTILE, PORT, RECORDED, outcome

from repro import __version__
from repro.cases import Case
from repro.checks import Report, Way
from repro.reports import Outcome, write_html
from repro.reports.command import case_command
from repro.reports.facts import UNKNOWN, facts
from repro.reports.outcome import told_apart
from repro.reports.page import SCHEMA
from repro.run import Provenance
from repro.run.settings import settings
from repro.sides import recorded
from repro.sides.choosing import live_case

WHEN = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)
VOID = {"meta", "br", "img", "link"}


class Page(HTMLParser):
    """Elements, references and text; complains of tags that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attributes)
        self.references += [v for n, v in attributes if n in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def page(outcomes, folder, **options) -> str:
    options = {"command": ["x"], "when": WHEN, **options}
    return write_html(outcomes, folder, settings=settings(), **options).read_text("utf-8")


@pytest.fixture(scope="module")
def text(outcomes, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("page") / "new"
    found = page(outcomes, folder, command=["repro", "parity", HOSTILE], commit="abc123")
    assert [p.name for p in folder.iterdir()] == ["index.html"]
    return found


def test_nothing_comes_from_elsewhere(text):
    references = Page(text).references
    assert references and all(r.startswith(("#", "data:image/svg+xml")) for r in references)
    assert not re.search(r"https?:|@import|url\(", re.sub(r"data:[^\"]*", "", text))
    assert "default-src 'none'" in text


def test_every_case_and_verdict_is_there(text, outcomes):
    words = Page(text).words
    for one in outcomes:
        assert one.case.name.replace("\0", "\ufffd") in words
        assert f'class="verdict {one.verdict}"' in text
    assert "2 of\n6 cases pass" in words and "ERROR" in words
    assert "no Julia: run `repro julia install`" in words
    assert "2026-01-02 03:04 UTC, commit abc123" in words
    assert f"julia-parity\n{__version__}, report schema {SCHEMA}" in words


def test_hostile_names_stay_text(text):
    assert "script" not in Page(text).tags
    assert "<script" not in text and "&lt;script&gt;" in text and "\0" not in text


def test_what_failed_comes_first_passes_are_folded_and_settings_last(text):
    order = ['class="causes"', "<h2>Verdicts", "<h2>What did not pass"]
    order += ["<h2>What passed", "<h2>Numeric settings"]
    places = [text.index(heading) for heading in order]
    assert places == sorted(places)
    passed = text[places[3] : places[4]]
    assert passed.count("<details><summary id=") == 2 and "<details open" not in text
    verdicts = re.findall(r'<td class="verdict (\w+)">', text[places[1] : places[2]])
    passes = [verdict.startswith("PASS") for verdict in verdicts]
    assert len(passes) == 6 and passes == sorted(passes)


def test_one_cause_is_told_once_and_its_other_cases_are_folded(tmp_path):
    """Catches fourteen cases that say the same sentence over fourteen screens."""
    text = page([outcome(name, 1e-2) for name in "abc"], tmp_path)
    head = text[: text.index("<h2>Verdicts")]
    assert head.count("is where the port parts") == 1 and "and 2\nmore" in head
    failed = text[text.index("<h2>What did not pass") : text.index("<h2>Numeric settings")]
    assert failed.count('<section class="failed">') == 1
    assert "The same in 2 more" in failed and failed.count("<details><summary id=") == 2


def test_a_failing_case_says_why_and_what_next(tmp_path):
    words = Page(page([outcome("a", 1e-2)], tmp_path)).words
    assert "first wrong: `weights` in step 1" in words and "Next: read the line" in words


def test_what_following_found_is_told(outcomes, tmp_path):
    pair = outcomes[2].check.own
    comparisons = tuple(replace(c, operation="out") for c in pair.report.comparisons)
    way = replace(pair, way=Way.FOLLOWED, report=Report(comparisons))
    found = replace(outcomes[2], check=replace(outcomes[2].check, pairs=(pair, way)))
    words = Page(page([found], tmp_path)).words
    assert "of its budget" in words and "operation by operation: FAIL" in words


def test_two_numbers_have_the_digits_that_tell_them_apart():
    assert told_apart(1.0, 0.75) == ("1", "0.75")
    assert told_apart(0.1, 0.1 + 2.0**-56) == ("0.10000000000000001", "0.10000000000000002")
    assert told_apart(0.12345678, 0.12345684) == ("0.12345678", "0.12345684")
    assert told_apart(float("nan"), 1.0) == ("nan", "1")


def test_charts_are_pictures_with_words(tmp_path):
    text = page([outcome("a", 1e-2)], tmp_path)
    found = re.findall(r'<img src="data:image/svg\+xml;base64,[^"]+" alt="([^"]+)">', text)
    assert [words.split(":")[0] for words in found] == [
        "weights, step 1",
        "weights, step 1",
        "test_losses, before fine-tuning",
        "test_losses, after update 32",
        "weights, per layer",
    ]
    assert all("0.01 apart" in words for words in found[2:])
    assert "4353 of 4353 elements are wrong" in found[0] and "port 1.01 to 1.01" in found[1]


def test_the_same_outcomes_give_the_same_bytes(outcomes, tmp_path):
    some = outcomes[2:4]
    assert page(some, tmp_path / "a") == page(some, tmp_path / "b")


def test_differences_of_the_settings_come_first():
    (found,) = facts([outcome("a")], settings())
    order = [s.status for s in found.settings]
    assert order == sorted(order, key=["differs", "unknown", "same"].index)
    assert order[0] == "differs" and found.settings[0].name == "program"
    assert {s.name for s in found.settings if s.status == "same"} >= {"precision", "device"}


def by_name(one: Outcome) -> dict:
    (found,) = facts([one], settings())
    return {s.name: s for s in found.settings}


def test_another_precision_is_a_difference_and_a_remark_is_none():
    about = {**settings(), "threads": 1}
    port = Provenance("port", dtype="float64", device="cpu", details={"settings": about})
    reference = Provenance("recorded", details={"threads": "1 (OPENBLAS_NUM_THREADS=1)"})
    found = by_name(outcome("a", reference=reference, port=port))
    assert found["precision"].status == "differs"
    assert found["threads"].status == "same" and "(" in found["threads"].reference


def test_a_live_julia_says_its_own_settings():
    about = {"julia": "1.10.4", "cpu_target": "native", "blas": "libopenblas64_", "threads": 2}
    live = Provenance("julia", generator="MersenneTwister(5) of Julia 1.10.4", details=about)
    about_port = Provenance("port", details={"settings": settings()})
    found = by_name(outcome("a", reference=live, port=about_port))
    assert found["program"].reference == "Julia 1.10.4"
    assert found["instruction set"].reference == "native"
    assert found["processor"].reference == UNKNOWN
    assert found["random numbers"].status == "same"


def test_an_engine_multiplies_on_its_own():
    port = Provenance("port", engine="exact", details={"settings": settings()})
    found = by_name(outcome("a", port=port))
    assert "exact engine" in found["program"].port
    assert found["matrix products"].port.startswith("the engine's own loops")


def test_cases_with_other_settings_have_a_table_of_their_own(outcomes):
    other = replace(outcome("notebook"), case=Case("notebook", "ecoffet_notebook", 0))
    found = facts([*outcomes, other], settings())
    assert ("notebook",) in [s.cases for s in found]


def command(case: Case, reference: Provenance = RECORDED, port: Provenance = PORT) -> str | None:
    return case_command(replace(outcome("a", reference=reference, port=port), case=case))


def test_the_command_of_a_recorded_case():
    case = recorded.load("reptile_seed0_dense").case
    assert command(case.upto(40)) == "repro parity --case reptile_seed0_dense"
    assert command(case) == "repro parity --case reptile_seed0_dense --full"
    there = command(case.upto(40), port=Provenance("port", dtype="float64", device="cuda:1"))
    assert there == "repro parity --case reptile_seed0_dense --device cuda:1 --dtype float64"
    exact = command(case.upto(40), port=Provenance("port", engine="exact"))
    assert exact.endswith("--engine exact")


def test_the_command_of_a_live_case_can_be_typed():
    case = live_case("fomaml", 7, 5, {"meta_opt": "ADAM(0.001)", "n_tasks": "2"})
    assert command(case, Provenance("julia")) == (
        "repro parity --reference julia --case fomaml --seed 7 --iterations 5 "
        "'meta_opt=ADAM(0.001)' n_tasks=2"
    )


def test_where_no_command_fits_the_page_gives_the_runs_own(outcomes, tmp_path):
    case = recorded.load("reptile_seed0_dense").case
    assert command(case.upto(7)) is None
    assert command(case, Provenance("elsewhere")) is None
    text = page(outcomes[3:5], tmp_path, command=["mine", "a b"])
    assert text.count("Reproduce it: <code>mine &#39;a b&#39;</code>") == 2
