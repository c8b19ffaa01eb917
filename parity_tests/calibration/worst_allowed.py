"""The worst error that any recorded case allows, quantity by quantity, beside an earlier commit's.

git worktree add ../before 77d6b5b
python -m calibration.worst_allowed ../before
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from repro.run import Kind
from repro.sides.recorded import Recorded, load, names

BEFORE = """
import json
from repro.reference.recorded import FOLDER, load, names
from repro.parity.envelope import Envelope
from repro.suite import ZOO_LIMITS
found = {}
for name in names():
    envelope, series = Envelope.load(FOLDER / "envelopes" / f"{name}.npz"), load(name).trajectory
    limits = ZOO_LIMITS if name.startswith("zoo") else {}
    found[name] = {quantity: min(float(envelope.tolerance(quantity, s).max(initial=0)),
                                 limits.get(quantity, float("inf")))
                   for quantity, s in series.series.items() if s.kind != "draw"}
print(json.dumps(found))
"""
"""The same by the names that things had in commit 77d6b5b."""

Allowed = dict[str, dict[str, float]]


def allowed() -> Allowed:
    """The largest tolerance over all steps and elements, by recording and quantity."""
    side, found = Recorded(), Allowed()
    for name in names():
        recording = load(name)
        tolerance = side.rule(recording.case).bind(None)
        found[name] = {
            label: float(tolerance(label, q).max(initial=0))
            for label, q in recording.run().quantities.items()
            if q.kind is not Kind.DRAW
        }
    return found


def allowed_before(tree: Path) -> Allowed:
    answer = subprocess.run(
        [sys.executable, "-c", BEFORE],
        env={**os.environ, "PYTHONPATH": str(tree)},
        cwd=tree,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(answer.stdout))


def table(pairs: dict[str, list[tuple[float, float]]]) -> Iterator[str]:
    """A row each quantity: of all recordings that have it, the widest of both, and how many are
    held duller, or sharper, than before."""
    yield "| quantity | recordings | before | now | duller | sharper |"
    yield "|---|---|---|---|---|---|"
    for label, found in pairs.items():
        widest = " | ".join(f"{max(values):.1e}" for values in zip(*found, strict=True))
        sharper = sum(b > a for b, a in found)
        yield f"| `{label}` | {len(found)} | {widest} | {duller(found)} | {sharper} |"


def duller(pairs: list[tuple[float, float]]) -> int:
    """How many are held duller than before."""
    return sum(b < a for b, a in pairs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", type=Path, help="the earlier commit's folder")
    before = allowed_before(parser.parse_args().tree.resolve())
    pairs: dict[str, list[tuple[float, float]]] = {}
    now = allowed()
    for name, found in before.items():  # what has been recorded since has nothing beside it
        for label, worst in found.items():
            pairs.setdefault(label, []).append((worst, now[name][label]))
    print("\n".join(table(pairs)))
    return int(any(map(duller, pairs.values())))


if __name__ == "__main__":
    raise SystemExit(main())
