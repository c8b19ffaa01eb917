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
    ("repro/julia/stream.py",
     "return (out + 1).astype(n.dtype if isinstance(n, np.integer) else np.int64, copy=False)",
     "return (out + 1).astype(n.dtype if isinstance(n, np.integer) else np.int64, copy=None)",
     "copied or not, the numbers are the same"),
    ("repro/julia/xoshiro.py",
     'given = [state[name] for name in fields] if fields[0] in state else state["state"]',
     'given = [state[name] for name in fields] if fields[1] in state else state["state"]',
     "a state has all four fields or none"),
    ("repro/checks/compare.py",
     'return ", ".join(sorted(run.quantities)) or "none"',
     'return ", ".join(sorted(run.quantities)) and "none"',
     "a list in a message: its wording"),
    ("repro/checks/agreement.py",
     "bits = [np.ascontiguousarray(values).reshape(-1).view(integer) for values in (a, b)]",
     "bits = [np.ascontiguousarray(values).reshape(None).view(integer) for values in (a, b)]",
     "in its own shape, which is the other's too, it has the same bits"),
]
"""The file, the line as it is, the line with the fault, and why they mean the same."""
