"""JUnit XML, as CI services read it: one test case per parity case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from repro.checks import Verdict
from repro.reports.text import legal
from repro.reports.rows import explain, row
from repro.suite import Result
from repro.run import atomic

TAGS = {Verdict.FAIL: "failure", Verdict.ERROR: "error", Verdict.NOT_RUN: "skipped"}
"""What a verdict that is no pass becomes."""


def write_junit(results: Sequence[Result], path: Path) -> Path:
    """Write a run's results as JUnit XML.

    ``FAIL`` becomes a failure, ``ERROR`` an error, ``NOT_RUN`` a skipped test with its reason.
    The share of equal bits and the worst ratio of a case are in its ``system-out``.

    Returns:
        ``path``; folders above it are made, and it is never seen half written.
    """
    counts = Counter(TAGS.get(r.verdict) for r in results)
    totals = {
        "tests": str(len(results)),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"]),
        "skipped": str(counts["skipped"]),
        "time": f"{sum(r.seconds for r in results):.3f}",
    }
    root = Element("testsuites", totals)
    suite = SubElement(root, "testsuite", {"name": "repro parity", **totals})
    for result in results:
        _add(suite, result)
    ElementTree.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        ElementTree.ElementTree(root).write(temporary, "utf-8", xml_declaration=True)
    return path


def _add(suite: Element, result: Result) -> None:
    about = {
        "classname": f"repro.checks.{result.case.function}",
        "name": legal(result.case.name),
        "time": f"{result.seconds:.3f}",
    }
    test = SubElement(suite, "testcase", about)
    tag = TAGS.get(result.verdict)
    if tag is not None:
        why = _why(result)
        message = {"message": why.splitlines()[0], "type": str(result.verdict)}
        SubElement(test, tag, message).text = why
    _, verdict, equal, _, ratio, divergence = row(result)
    if result.report is not None:
        SubElement(test, "system-out").text = (
            f"{verdict}: {equal} equal bit for bit, largest difference over its tolerance {ratio}, "
            f"first divergence {legal(divergence)}"
        )


def _why(result: Result) -> str:
    return legal(explain(result)) or str(result.verdict)
