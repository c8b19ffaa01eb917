"""JUnit XML: parses, counts, and never turns a bad end into a good one."""

from __future__ import annotations

from xml.etree import ElementTree

from repro.reports import write_junit


def written(outcomes, tmp_path):
    root = ElementTree.parse(write_junit(outcomes, tmp_path / "new" / "junit.xml")).getroot()
    return root, root.find("testsuite")


def test_counts_are_those_of_the_verdicts(outcomes, tmp_path):
    for element in written(outcomes, tmp_path):
        counts = {n: int(element.get(n)) for n in ("tests", "failures", "errors", "skipped")}
        assert counts == {"tests": 6, "failures": 2, "errors": 1, "skipped": 1}
        assert float(element.get("time")) == sum(o.seconds for o in outcomes) > 0


def test_each_verdict_has_its_element_and_reason(outcomes, tmp_path):
    _, suite = written(outcomes, tmp_path)
    same, close, wrong, absent, broken, _ = suite.findall("testcase")
    for passed in (same, close):
        assert [child.tag for child in passed] == ["system-out"]
    assert wrong.find("failure").get("type") == "FAIL"
    assert "first wrong: `weights` in step 1" in wrong.find("failure").text
    assert absent.find("skipped").get("message").endswith("run `repro julia install`")
    assert "nothing in common" in broken.find("error").get("message")
    assert "PASS_BITWISE: 100.00 %" in same.find("system-out").text


def test_names_that_xml_cannot_hold_are_made_legal(outcomes, tmp_path):
    _, suite = written(outcomes, tmp_path)
    assert suite.findall("testcase")[-1].get("name").startswith("<script>alert('x')</script>&")


def test_every_verdict_but_the_passes_is_marked(outcomes, tmp_path):
    for one in outcomes:
        _, suite = written([one], tmp_path)
        marks = {"failure", "error", "skipped"} & {e.tag for e in suite.find("testcase")}
        assert bool(marks) == (not one)
