"""A comparison of ensembles as a page and as JUnit XML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from repro.checks.ensembles import EnsembleCheck, EnsembleVerdict, Limits
from repro.reports.ensemble_charts import ensemble_charts
from repro.reports.html import rendered
from repro.reports.text import legal
from repro.run import atomic


def write_ensemble_page(
    name: str, found: EnsembleCheck, limits: Limits | None, folder: Path, command: Sequence[str]
) -> Path:
    """Write ``index.html`` about a comparison: the verdict, what it rests on, pictures, limits.

    Args:
        name: of the case, as the page calls it.
        limits: what so many seeds can see; None where too few runs came to their end.
        folder: made where it is missing. The page is its only file.
        command: the run's own, word by word.

    Returns:
        The page's path.
    """
    return rendered(
        "ensemble.html.jinja",
        folder,
        command,
        name=name,
        found=found,
        charts=ensemble_charts(found, limits) if found.tests is not None else [],
        limits=limits_table(limits) if limits is not None else None,
        sides={"reference": found.reference.provenance, "port": found.port.provenance},
    )


def limits_table(limits: Limits) -> list[list[str]]:
    """Heading and rows: by quantity, the smallest change seen with so many seeds, in its own unit
    (per cent, where it is positive everywhere)."""
    kind = "pairs" if limits.paired else "seeds"
    table = [["smallest change found in 9 of 10", *(f"{n} {kind}" for n in limits.seeds)]]
    for name, smallest in limits.smallest.items():
        log = name in limits.logs
        table.append([name, *(f"{100 * np.expm1(v):.2g} %" if log else f"{v:.2g}"
                              for v in smallest)])  # fmt: skip
    return table


def write_ensemble_junit(name: str, found: EnsembleCheck, path: Path, seconds: float) -> Path:
    """Write the comparison as JUnit XML: one test, failed unless it is ``EQUIVALENT``."""
    failed = not found
    totals = {"tests": "1", "failures": str(int(failed)), "errors": "0", "skipped": "0"}
    root = Element("testsuites", totals)
    suite = SubElement(root, "testsuite", {"name": "repro ensemble", **totals})
    about = {"classname": "repro.ensemble", "name": legal(name), "time": f"{seconds:.3f}"}
    test = SubElement(suite, "testcase", about)
    if failed:
        first = {"message": legal(found.message.splitlines()[0]), "type": str(found.verdict)}
        SubElement(test, "failure", first).text = legal(found.message)
    SubElement(test, "system-out").text = legal(found.message)
    ElementTree.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        ElementTree.ElementTree(root).write(temporary, "utf-8", xml_declaration=True)
    return path


def exit_status(found: EnsembleCheck) -> int:
    """0 for ``EQUIVALENT``, else 1."""
    return 0 if found.verdict is EnsembleVerdict.EQUIVALENT else 1
