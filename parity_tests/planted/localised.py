"""Every planted fault, followed beside a live Julia: found or not, when, and what is blamed.

python -m planted.localised [--write docs/faults.md]      (or: make faults)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from planted.catalogue import CATALOGUE, Fault
from planted.plant import PlantedPort

from repro.cases import Case
from repro.checks import Comparison, Pair
from repro.run import atomic
from repro.sides.choosing import live_case
from repro.sides.julia.find import RECORDED_BY, JuliaNotFound, find_julia
from repro.sides.julia.reference import JuliaReference
from repro.sides.live import Live
from repro.sides.parity import followed


@dataclass(frozen=True)
class Outcome:
    """What became of a planted fault."""

    fault: Fault
    found: Pair

    @property
    def detected(self) -> bool:
        return not self.found.verdict

    @property
    def first(self) -> Comparison | None:
        return self.found.first_excess

    @property
    def named(self) -> bool:
        """Whether the planted operation, in the planted iteration, was blamed."""
        return (
            self.first is not None
            and self.first.first_excess == self.fault.iteration
            and f"{self.first.name}.".startswith(f"{self.fault.operation}.")
        )

    def row(self) -> tuple[str, ...]:
        settings = " ".join(f"{k}={v}" for k, v in self.fault.settings)
        where = f"{self.fault.function} {settings}".strip()
        if self.first is None:
            return self.fault.name, where, "no", "-", "-", self.fault.operation
        blamed = f"`{self.first.name}`"
        planted = "yes" if self.named else f"no: `{self.fault.operation}`"
        return self.fault.name, where, "yes", str(self.first.first_excess), blamed, planted


def case_of(fault: Fault) -> Case:
    """The case a fault is followed in: one iteration more than it needs to show."""
    case = live_case(fault.function, 0, fault.iteration + 1, dict(fault.settings))
    return replace(case, eval_interval=fault.eval_interval)


def follow(fault: Fault, live: Live) -> Outcome:
    case = case_of(fault)
    return Outcome(fault, followed(case, live.operations(case), PlantedPort(*fault.changes)))


HEAD = ("planted", "in", "detected", "iteration", "blamed", "is the planted one")


def markdown(outcomes: Iterable[Outcome]) -> str:
    rows = [HEAD, ("---",) * len(HEAD), *(o.row() for o in outcomes)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def summary(outcomes: list[Outcome]) -> str:
    detected, named = sum(o.detected for o in outcomes), sum(o.named for o in outcomes)
    return (
        f"{detected} of {len(outcomes)} planted faults detected, "
        f"{named} named exactly ({named / len(outcomes):.1%})."
    )


PREFACE = """# Planted faults

What people get wrong in ports, each planted in ours as one change of its source and followed
beside a live Julia. Written by `make faults`; the catalogue is `parity_tests/planted/catalogue.py`.

"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="write the table to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        chosen = find_julia(version=RECORDED_BY)
    except JuliaNotFound as problem:
        print(f"NOT RUN: {problem}", file=sys.stderr)
        return 2
    outcomes = []
    with JuliaReference("worker", chosen) as julia:
        version = julia.version
        for fault in CATALOGUE:
            outcomes.append(follow(fault, Live(julia)))
            print(" | ".join(outcomes[-1].row()), flush=True)
    print(summary(outcomes))
    if arguments.write:
        with atomic(arguments.write) as temporary:
            head = f"Reference: our Julia package on Julia {version}. {summary(outcomes)}\n\n"
            temporary.write_text(PREFACE + head + markdown(outcomes))
    return 0 if all(o.detected for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
