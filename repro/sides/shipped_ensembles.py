"""Ensembles of the original that come with the package: references that need no computing.

The first post's are by the exact engine, which is held to the recordings and to a live Julia bit
for bit. The second post's are by its port on torch's autograd, all networks of a method in one
stack. ``repro ensemble --record`` makes them anew. A reference of another origin is one more entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from repro.cases import RECORDS, CaseError
from repro.run import Ensemble
from repro.sides.members import CaseMember, watched_of

FOLDER = Path(__file__).parent / "recorded_ensembles"

SHIPPED: Mapping[str, CaseMember] = {
    name: CaseMember(name, record.watched.original)
    for name, record in RECORDS.items()
    if record.watched is not None
}
"""By case, what made its ensemble."""


def seeds_of(function: str) -> range:
    """The seeds that the ensemble of a case has."""
    return range(watched_of(function).seeds)


def shipped(function: str, folder: Path = FOLDER) -> Ensemble:
    """The ensemble of a case.

    Raises:
        CaseError: there is none of it.
        RunError: its file is missing or damaged.
    """
    if function not in SHIPPED:
        raise CaseError(
            f"no ensemble of {function!r} comes with the package, but of {', '.join(SHIPPED)}: "
            "have one computed, --reference exact"
        )
    return Ensemble.load(path_of(function, folder))


def path_of(function: str, folder: Path = FOLDER) -> Path:
    """Where a case's ensemble lies."""
    return folder / f"{function}.npz"
