"""The page: complete, self-contained, escaped, and with the settings' differences first."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from report.conftest import HOSTILE, result, trajectory

from repro.case import Case, live_case
from repro.localise import Finding, Localised, Rounding
from repro.checks import Verdict
from repro.checks.envelope import FACTOR
from repro.sides import recorded
from repro.reports import write_html
from repro.reports.chart import MOST_POINTS, Line, Panel, nice_ticks, svg, thinned
from repro.reports.command import case_command
from repro.reports.page import needed
from repro.reports.sides import UNKNOWN, sides
from repro.run.settings import settings
from repro.suite import Result

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


@pytest.fixture
def text(results, tmp_path) -> str:
    command = ["repro", "parity", HOSTILE]
    path = write_html(results, tmp_path / "new", command=command, settings=settings())
    assert [p.name for p in path.parent.iterdir()] == ["index.html"]
    return path.read_text(encoding="utf-8")


def test_nothing_comes_from_elsewhere(text):
    page = Page(text)
    assert page.references and all(r.startswith("#") for r in page.references)
    assert not re.search(r"https?:|//\w|@import|url\(", text)
    assert "default-src 'none'" in text


def test_every_case_and_verdict_is_there(text, results):
    page = Page(text)
    for one in results:
        assert one.case.name.replace("\0", "\ufffd") in page.words
        assert f'class="verdict {one.verdict}"' in text
    assert "2 of\n6 cases pass" in page.words and "ERROR" in page.words
    assert "no Julia: run `repro julia install`" in page.words


def test_hostile_names_stay_text(text):
    assert "script" not in Page(text).tags
    assert "<script" not in text and "&lt;script&gt;" in text and "\0" not in text


def test_a_passing_case_gives_no_reason_and_a_failing_one_does(tmp_path):
    for off, reasons in ((0.0, 0), (1e-2, 2)):
        path = write_html([result("a", off)], tmp_path, command=["x"], settings=settings())
        found = path.read_text()
        assert found.count("exceeds its tolerance from iteration 1 on") == reasons


def test_the_finding_and_the_arbiter_are_told(results, tmp_path):
    finding = Finding(1, "task1.loss", "off by 3, budget 1")
    rounding = {"out": Rounding(200, 137, 2.0, 0.5)}
    found = replace(results[2], finding=Localised(finding, 1, rounding))
    path = write_html([found, *results], tmp_path, command=["x"], settings=settings())
    words = Page(path.read_text()).words
    assert "first wrong in iteration 1: `task1.loss`" in words
    assert "68.50 %" in words and "of its budget" in words
    assert "times further than the reference ever was" in words
    assert "the operations were not followed one by one" in words


def test_charts_show_both_sides_the_envelope_the_arbiter_and_each_layer(tmp_path):
    path = write_html([result("a", 1e-2)], tmp_path, command=["x"], settings=settings())
    text = path.read_text()
    assert text.count('<svg class="chart"') == 3
    for style in ("reference", "port", "allowed", "to-reference", "to-port", "apart"):
        assert text.count(f'class="line {style}" d="M') >= 2
    for layer in (1, 2, 3):
        assert f'class="line layer{layer}"' in text and f"layer {layer} (" in text


def test_the_same_results_give_the_same_bytes(results, tmp_path):
    pages = [
        write_html(results, tmp_path / d, command=["x"], settings=settings()).read_bytes()
        for d in ("a", "b")
    ]
    assert pages[0] == pages[1]


def test_differences_of_the_settings_come_first():
    (found,) = sides([result("a")], settings())
    order = [s.status for s in found.settings]
    assert order == sorted(order, key=["differs", "unknown", "same"].index)
    assert order[0] == "differs" and found.settings[0].name == "program"
    assert {s.name for s in found.settings if s.status == "same"} >= {"precision", "device"}


def test_another_precision_is_a_difference_and_a_remark_is_none():
    one = result("a")
    port = trajectory(dtype="float64", device="cpu", settings={**settings(), "threads": 1})
    (found,) = sides([Result(one.case, Verdict.PASS, reference=one.reference, port=port)], {})
    by_name = {s.name: s for s in found.settings}
    assert by_name["precision"].status == "differs"
    assert by_name["threads"].status == "same" and "(" in by_name["threads"].reference


def test_a_live_julia_says_its_own_settings():
    one = result("a")
    about = {"blas": "libopenblas64_", "draws": "MersenneTwister(5) of Julia 1.10.4", "threads": 2}
    live = trajectory(source="julia", julia="1.10.4", cpu_target="native", **about)
    (found,) = sides([Result(one.case, Verdict.PASS, reference=live, port=one.port)], settings())
    by_name = {s.name: s for s in found.settings}
    assert by_name["program"].reference == "Julia 1.10.4"
    assert by_name["instruction set"].reference == "native"
    assert by_name["processor"].reference == UNKNOWN
    assert by_name["random numbers"].status == "same"


def test_an_engine_multiplies_on_its_own():
    one = result("a")
    port = trajectory(engine="exact", settings=settings())
    (found,) = sides([replace(one, port=port)], {})
    by_name = {s.name: s for s in found.settings}
    assert "exact engine" in by_name["program"].port
    assert by_name["matrix products"].port.startswith("the engine's own loops")


def test_cases_with_other_settings_have_a_table_of_their_own(results):
    torch_made = trajectory(source="recorded", notebook="1", torch="2.13")
    other = Result(Case("notebook", "ecoffet_notebook", 0), Verdict.PASS, reference=torch_made)
    found = sides([*results, other], settings())
    assert ("notebook",) in [s.cases for s in found]


def test_needed_is_the_factor_that_would_have_passed():
    one = result("a", 1e-2)
    worst = one.report.worst
    factor = float(needed(one, worst).split()[0])
    assert factor >= worst.worst_ratio * FACTOR >= factor * 0.9
    assert needed(one, result("b").report.worst) == "0"


def test_a_draw_that_differs_has_no_tolerance_that_helps():
    one = result("a")
    changed = one.report["eval_x"].__class__(
        **{**vars(one.report["eval_x"]), "ratio": np.array([0, np.inf])}
    )
    assert needed(one, changed) == "none would"


def command(case, reference=None, **port) -> str | None:
    one = result("a")
    made = trajectory(**port)
    return case_command(replace(one, case=case, port=made, reference=reference or one.reference))


def test_the_command_of_a_recorded_case():
    case = recorded.load("reptile_seed0_dense").case
    assert command(case.upto(40)) == "repro parity --case reptile_seed0_dense"
    assert command(case) == "repro parity --case reptile_seed0_dense --full"
    there = command(case.upto(40), dtype="float64", device="cuda:1", engine="eager")
    assert there == "repro parity --case reptile_seed0_dense --device cuda:1 --dtype float64"
    assert command(case.upto(40), engine="exact").endswith("--engine exact")


def test_the_command_of_a_live_case_can_be_typed():
    case = live_case("fomaml", 7, 5, {"meta_opt": "ADAM(0.001)", "n_tasks": "2"})
    live = trajectory(source="julia", julia="1.10")
    assert command(case, live) == (
        "repro parity --reference julia --case fomaml --seed 7 --iterations 5 "
        "'meta_opt=ADAM(0.001)' n_tasks=2"
    )


def test_where_no_command_fits_the_page_gives_the_runs_own(results, tmp_path):
    case = recorded.load("reptile_seed0_dense").case
    assert command(case.upto(7)) is None
    assert command(case, trajectory(source="elsewhere")) is None
    assert all(case_command(r) is None for r in results)
    path = write_html(results, tmp_path, command=["mine", "a b"], settings=settings())
    assert path.read_text().count("Reproduce it: <code>mine &#39;a b&#39;</code>") == len(results)


def test_a_failing_cases_first_divergence_is_told(tmp_path):
    path = write_html([result("a", 1e-2)], tmp_path, command=["x"], settings=settings())
    assert "<td>weights @ 1</td>" in path.read_text()


def test_zeros_infinities_and_gaps_have_their_own_marks():
    values = np.array([0.0, 1e-8, np.nan, np.inf, 1e-3])
    drawn = svg([Panel("d", [Line("l", "apart", np.arange(5), values)], log=True)], "x", "d")
    assert ">0</text>" in drawn and ">∞</text>" in drawn and "nan" not in drawn
    assert drawn.count("<circle") == 4 and "inf" not in drawn


@pytest.mark.parametrize("values", [[0.0], [np.nan, np.nan], [np.inf], [5.0, 5.0], [-1e300, 1e300]])
@pytest.mark.parametrize("log", [False, True])
def test_any_values_can_be_drawn(values, log):
    drawn = svg([Panel("d", [Line("l", "a", np.arange(len(values)), values)], log)], "x", "d")
    assert "nan" not in drawn and "inf" not in drawn


def test_thinning_keeps_every_peak():
    y = np.zeros(100_000)
    y[[777, 50_001]] = 3.0, np.inf
    x, kept = thinned(np.arange(100_000), y)
    assert len(x) <= 2 * MOST_POINTS and 3.0 in kept and np.inf in kept
    assert x[kept == 3.0] == 777


def test_ticks_are_round():
    np.testing.assert_allclose(nice_ticks(0, 40, 8), np.arange(0, 41, 5))
