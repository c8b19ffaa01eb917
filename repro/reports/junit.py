"""JUnit XML, as CI services read it: one test case per parity case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from repro.checks import Verdict
from repro.reports.outcome import Outcome, explain, row
from repro.reports.text import legal
from repro.run import atomic

TAGS = {
    Verdict.FAIL: "failure",
    Verdict.UNDECIDED: "failure",
    Verdict.ERROR: "error",
    Verdict.NOT_RUN: "skipped",
}
"""What a verdict that is no pass becomes."""


def write_junit(outcomes: Sequence[Outcome], path: Path) -> Path:
    """Write a run's results as JUnit XML.

    ``FAIL`` becomes a failure, ``ERROR`` an error, ``NOT_RUN`` a skipped test with its reason.
    The share of equal bits and the worst ratio of a case are in its ``system-out``.

    Returns:
        ``path``; folders above it are made, and it is never seen half written.
    """
    counts = Counter(TAGS.get(o.verdict) for o in outcomes)
    totals = {
        "tests": str(len(outcomes)),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"]),
        "skipped": str(counts["skipped"]),
        "time": f"{sum(o.seconds for o in outcomes):.3f}",
    }
    root = Element("testsuites", totals)
    suite = SubElement(root, "testsuite", {"name": "repro parity", **totals})
    for outcome in outcomes:
        _add(suite, outcome)
    ElementTree.indent(root)
    with atomic(path) as temporary:
        ElementTree.ElementTree(root).write(temporary, "utf-8", xml_declaration=True)
    return path


def _add(suite: Element, outcome: Outcome) -> None:
    about = {
        "classname": f"repro.parity.{outcome.case.function}",
        "name": legal(outcome.label),
        "time": f"{outcome.seconds:.3f}",
    }
    test = SubElement(suite, "testcase", about)
    tag = TAGS.get(outcome.verdict)
    if tag is not None:
        why = _why(outcome)
        message = {"message": why.splitlines()[0], "type": str(outcome.verdict)}
        SubElement(test, tag, message).text = why
    _, verdict, ratio, equal, _, divergence = row(outcome)
    if outcome.report is not None:
        SubElement(test, "system-out").text = legal(
            f"{verdict}: {equal} equal bit for bit, largest difference over its tolerance {ratio}, "
            f"first divergence {divergence}{_accepted(outcome)}"
        )


def _accepted(outcome: Outcome) -> str:
    known = [f"{name} ({reason})" for name, reason in outcome.check.accepted.items()]
    return f", accepted differences: {', '.join(known)}" if known else ""


def _why(outcome: Outcome) -> str:
    return legal(explain(outcome)) or str(outcome.verdict)
