"""Faults that no test notices, each with the reason why none can."""

from __future__ import annotations

EQUIVALENT: list[tuple[str, str, str, str]] = [
    ("repro/checks/compare.py",
     "nothing = Comparison(name, nowhere, _count(quantity), none, none, none, none, none)",
     "nothing = Comparison(name, nowhere, _count(quantity), none, none, none, none, None)",
     "of no step nothing is written into the steps that are filled"),
    ("repro/checks/agreement.py",
     'if dtype.kind not in KINDS or (dtype.kind != "U" and dtype.itemsize > 8):',
     'if dtype.kind not in KINDS or (dtype.kind != "U" and dtype.itemsize > 9):',
     "no type has nine bytes"),
    ("repro/checks/judged.py",
     "places = np.maximum(counts - 1, 0) // 2",
     "places = np.maximum(counts - 1, 1) // 2",
     "halved, 0 and 1 are the same"),
]
"""The file, the line as it is, the line with the fault, and why they mean the same."""
