"""Ensembles of the original that come with the package: references that need no computing.

The exact engine, which is held to the recordings and to a live Julia bit for bit, has made them;
``repro ensemble --record`` makes them anew. A reference of another origin is one more entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from repro.cases import CaseError
from repro.run import Ensemble
from repro.sides.members import CaseMember

FOLDER = Path(__file__).parent / "recorded_ensembles"

SEEDS = range(256)

SHIPPED: Mapping[str, CaseMember] = {
    name: CaseMember(name, "exact") for name in ("transfer_learn", "fomaml", "reptile")
}
"""By case, what made its ensemble."""


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
