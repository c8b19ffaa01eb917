"""What wrong ports end in, unpaired and in pairs, and how many seeds each needs.

``python -m ensembles.power FOLDER``: computes the wrong ports over 64 seeds (those whose effect is
subtle over 16), keeps them in the folder, and prints the table.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from ensembles import wrong_ports
from ensembles.wrong_ports import GROSS, PACKAGE, WRONG, Wrong

from repro.cases import RECORDS
from repro.checks.ensembles import EnsembleCheck, EnsembleVerdict, check_ensembles
from repro.run import Ensemble, gather
from repro.run.settings import source_digest
from repro.sides.executors import cores
from repro.sides.members import CaseMember
from repro.sides.shipped_ensembles import shipped

GRID = (10, 12, 14, 16, 24, 32, 48, 64)


def kept(wrong: Wrong, folder: Path) -> Ensemble:
    """A wrong port's runs, computed where they are not there yet."""
    name = re.sub("[^a-z0-9]+", "-", f"{wrong.function} {wrong.name}".lower())
    path = folder / f"{name}-{_sources()}.npz"
    if not path.exists():
        with tempfile.TemporaryDirectory() as place:
            seeds = range(64 if wrong in GROSS else 16)
            wrong.ensemble(seeds, Path(place)).save(path)
    return Ensemble.load(path)


@cache
def _sources() -> str:
    """The digest of what computes them: another package's are computed anew."""
    return source_digest([*PACKAGE.rglob("*.py"), Path(wrong_ports.__file__)])[:12]


def right(wrong: Wrong, seeds: range) -> Ensemble:
    """The original, with the arguments under which the fault shows."""
    if not wrong.right:
        return shipped(wrong.function)
    with cores(compiled=True) as executor:
        return gather(CaseMember(wrong.function, "exact", arguments=wrong.right), seeds,
                      executor=executor)  # fmt: skip


def held(original: Ensemble, port: Ensemble, function: str, paired: bool, n: int) -> EnsembleCheck:
    """The first n of the port's seeds; unpaired, against n others of the original."""
    watched = RECORDS[function].watched
    assert watched is not None
    own = port.chosen(np.arange(n))
    if paired:
        return check_ensembles(original, own, summaries=watched.summaries)
    other = original.chosen(np.arange(len(original) - n, len(original)))
    return check_ensembles(other, own, paired=False, summaries=watched.summaries)


def row(wrong: Wrong, folder: Path) -> Iterator[str]:
    """Name, function, verdict and number of seeds, unpaired and in pairs."""
    port = kept(wrong, folder)
    original = right(wrong, range(len(port)))
    yield wrong.name
    yield wrong.function
    for paired in (False, True):
        if not paired and len(original) < 2 * len(port):
            yield "-"  # the original was computed for these very seeds alone
            continue
        yield _ends(original, port, wrong.function, paired)


def _ends(original: Ensemble, port: Ensemble, function: str, paired: bool) -> str:
    for n in [n for n in GRID if n <= len(port)]:
        found = held(original, port, function, paired, n)
        if found.verdict is EnsembleVerdict.DIFFERENT:
            return f"DIFFERENT with {n}"
    needed = f", {found.seeds_to_decide} would decide" if found.seeds_to_decide else ""
    return f"{found.verdict} with {n}{needed}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    print("| wrong port | function | unpaired | in pairs |\n|---|---|---|---|")
    for wrong in WRONG:
        print(f"| {' | '.join(row(wrong, asked.folder))} |", flush=True)


if __name__ == "__main__":
    main()
