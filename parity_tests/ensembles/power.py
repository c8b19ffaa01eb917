"""What wrong ports end in, unpaired and in pairs, and how many seeds each needs.

``python -m ensembles.power FOLDER [--write docs/ensembles.md]``: computes the wrong ports over 64
seeds (those whose effect is subtle over 16), keeps them in the folder, and prints the table, or
writes it below the page's comment.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ensembles.wrong_ports import PACKAGE, WRONG, Wrong

from repro.checks.ensembles import EnsembleCheck, EnsembleVerdict, check_ensembles
from repro.run import Ensemble, atomic, gather
from repro.run.settings import source_digest
from repro.sides.executors import cores
from repro.sides.members import CaseMember, watched_of
from repro.sides.shipped_ensembles import shipped

GRID = (10, 12, 14, 16, 24, 32, 48, 64)
FIRST, AGAIN = 16, 12
"""Seeds a side of a first comparison, and how many of those there are."""

HEAD = "| wrong port | function | unpaired | in pairs | a second run, unpaired |"
MARK = "<!-- wrong-ports -->"


def kept_in(wrong: Wrong, folder: Path) -> Ensemble:
    """A wrong port's runs, computed where they are not there yet."""
    name = re.sub("[^a-z0-9]+", "-", f"{wrong.function} {wrong.name}".lower())
    path = folder / f"{name}-{_made_of(wrong)}.npz"
    if not path.exists():
        with tempfile.TemporaryDirectory() as place:
            wrong.ensemble(range(wrong.seeds), Path(place)).save(path)
    return Ensemble.load(path)


def _made_of(wrong: Wrong) -> str:
    """A digest of the wrong port and of what computes it."""
    rooms = ("julia", "flux", "luna", "engine")
    sources = source_digest(path for room in rooms for path in (PACKAGE / room).glob("*.py"))
    return hashlib.sha256(f"{wrong!r} {sources}".encode()).hexdigest()[:12]


def right(wrong: Wrong) -> Ensemble:
    """The original, with the arguments under which the fault shows."""
    if not wrong.right:
        return shipped(wrong.function)
    with cores(compiled=True) as executor:
        return gather(CaseMember(wrong.function, "exact", arguments=wrong.right),
                      range(wrong.seeds), executor=executor)  # fmt: skip


def held(original: Ensemble, port: Ensemble, function: str, paired: bool, n: int) -> EnsembleCheck:
    """The first n of the port's seeds; unpaired, against n others of the original."""
    summaries, own = watched_of(function).summaries, port.chosen(np.arange(n))
    if paired:
        return check_ensembles(original, own, summaries=summaries)
    other = original.chosen(np.arange(len(original) - n, len(original)))
    return check_ensembles(other, own, paired=False, summaries=summaries)


def row(wrong: Wrong, folder: Path) -> Iterator[str]:
    """Name, function, verdict and number of seeds, unpaired and in pairs, and second runs."""
    port, original = kept_in(wrong, folder), right(wrong)
    yield wrong.name + ("" if wrong.draws else " (other draws)")
    yield wrong.function
    unpaired = "-"  # the original was computed for these very seeds alone
    if len(original) >= 2 * len(port):
        unpaired = _ends(original, port, wrong.function, paired=False)
    yield unpaired
    yield _ends(original, port, wrong.function, paired=True)
    yield second_runs(original, port, wrong.function) if "UNDECIDED" in unpaired else ""


def _ends(original: Ensemble, port: Ensemble, function: str, paired: bool) -> str:
    for n in [n for n in GRID if n <= len(port)]:
        found = held(original, port, function, paired, n)
        if found.verdict is EnsembleVerdict.DIFFERENT:
            return f"`DIFFERENT` with {n}"
    needed = f", {found.seeds_to_decide} would decide" if found.seeds_to_decide else ""
    return f"`{found.verdict}` with {n}{needed}"


def second_runs(original: Ensemble, port: Ensemble, function: str) -> str:
    """Of comparisons of 16 seeds a side that end UNDECIDED, how many a second one decides, with as
    many seeds as the first names. Runs are drawn anew from those of either side: two programs that
    leave just these."""
    rng, ends, named = np.random.default_rng(0), [], []

    def compared(n: int) -> EnsembleCheck:
        a, b = (side.chosen(rng.integers(len(side), size=n)) for side in (original, port))
        return check_ensembles(a, b, paired=False, summaries=watched_of(function).summaries)

    for _ in range(AGAIN):
        first = compared(FIRST)
        if first.verdict is EnsembleVerdict.UNDECIDED:
            n = first.seeds_to_decide
            ends.append(n is not None and compared(n).verdict is not EnsembleVerdict.UNDECIDED)
            named.append(n or 0)
    return f"{sum(ends)} of {len(ends)} decided, with {min(named)} to {max(named)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    lines = [HEAD, "|---|---|---|---|---|"]
    for wrong in WRONG:
        lines.append(f"| {' | '.join(row(wrong, asked.folder))} |")
        print(lines[-1], flush=True)
    if asked.write is not None:
        table = "\n".join([MARK, *lines, "\n"])
        page, count = re.subn(rf"{MARK}\n(?:\|.*\n)*\n", lambda _: table, asked.write.read_text())
        if count != 1:
            raise SystemExit(f"{asked.write} has {count} tables below {MARK}: give it one")
        with atomic(asked.write) as temporary:
            temporary.write_text(page)


if __name__ == "__main__":
    main()
