"""JUnit XML: parses, counts, and never turns a bad end into a good one."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from repro.localise import Finding, Localised
from repro.checks import Verdict
from repro.reports import write_junit


def written(results, tmp_path):
    root = ElementTree.parse(write_junit(results, tmp_path / "new" / "junit.xml")).getroot()
    return root, root.find("testsuite")


def test_counts_are_those_of_the_verdicts(results, tmp_path):
    for element in written(results, tmp_path):
        counts = {n: int(element.get(n)) for n in ("tests", "failures", "errors", "skipped")}
        assert counts == {"tests": 6, "failures": 2, "errors": 1, "skipped": 1}
        assert float(element.get("time")) == sum(r.seconds for r in results)


def test_each_verdict_has_its_element_and_reason(results, tmp_path):
    _, suite = written(results, tmp_path)
    same, close, wrong, absent, broken, _ = suite.findall("testcase")
    for passed in (same, close):
        assert [child.tag for child in passed] == ["system-out"]
    assert wrong.find("failure").get("type") == "FAIL"
    assert "exceeds its tolerance" in wrong.find("failure").text
    assert absent.find("skipped").get("message").endswith("run `repro julia install`")
    assert "nothing in common" in broken.find("error").get("message")
    assert "PASS_BITWISE: 100.00 %" in same.find("system-out").text


def test_names_that_xml_cannot_hold_are_made_legal(results, tmp_path):
    _, suite = written(results, tmp_path)
    assert suite.findall("testcase")[-1].get("name") == "<script>alert('x')</script>&\"\ufffd"


def test_every_verdict_but_the_passes_is_marked(results, tmp_path):
    one = results[0]
    for verdict in Verdict:
        _, suite = written([replace(one, verdict=verdict)], tmp_path)
        marks = {"failure", "error", "skipped"} & {e.tag for e in suite.find("testcase")}
        assert bool(marks) == (not verdict)


def test_a_finding_is_told(results, tmp_path):
    _, suite = written(
        [replace(results[2], finding=Localised(Finding(1, "loss", "off"), 1, {}))], tmp_path
    )
    assert "first wrong in iteration 1: `loss`" in suite.find("testcase/failure").text
