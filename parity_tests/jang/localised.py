"""Every wrong port of the third post, followed beside live JAX: found or not, and what is blamed.

python -m jang.localised [--write docs/faults-jax.md]      (or: make faults-jax)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest.mock import patch

import torch
from jang.faults import FAULTS, Fault

from repro.checks import Comparison, Pair
from repro.run import atomic
from repro.sides.choosing import live_case
from repro.sides.live_jax import Step, find_jax, steps
from repro.sides.parity import followed

ITERATIONS = 3


@cache
def reference(python: str, dtype: str) -> tuple[Step, ...]:
    """The batched training's first iterations, operation by operation."""
    request = {"part": "batched", "dtype": dtype, "seed": 0, "iterations": ITERATIONS}
    return tuple(steps(python, request | {"parts": True}))


class Replayed:
    """Steps that were computed before, as a reference to follow."""

    def __init__(self, found: tuple[Step, ...]) -> None:
        self.found = found

    def values(self, step: int) -> Step:
        return self.found[step]


@dataclass(frozen=True)
class Outcome:
    """What became of a planted fault."""

    fault: Fault
    found: Pair

    @property
    def first(self) -> Comparison | None:
        return self.found.first_excess

    @property
    def named(self) -> bool:
        """Whether the planted operation, in the planted iteration, was blamed."""
        first = self.first
        return (
            first is not None
            and first.first_excess == self.fault.iteration
            and f"{first.name}.".startswith(f"{self.fault.operation}.")
        )

    def row(self) -> tuple[str, ...]:
        if self.first is None:
            return self.fault.name, "no", "-", "-", f"no: `{self.fault.operation}`"
        planted = "yes" if self.named else f"no: `{self.fault.operation}`"
        iteration = str(self.first.first_excess)
        return self.fault.name, "yes", iteration, f"`{self.first.name}`", planted


def follow(fault: Fault | None, python: str, dtype: str | None = None) -> Pair:
    """The port with a fault planted, or as it is, beside what JAX computed."""
    dtype = dtype or (fault.dtype if fault else "float64")
    case = live_case(f"jax_batched_{dtype}", 0, ITERATIONS, {})
    with ExitStack() as stack:
        for target, name, wrong in fault.patches if fault else ():
            stack.enter_context(patch.object(target, name, wrong))
        return followed(case, Replayed(reference(python, dtype)))


HEAD = ("planted", "detected", "iteration", "blamed", "is the planted one")
PREFACE = """# Planted faults: the third post

What people get wrong in this one, each planted in our port as one change of a function and followed
beside live JAX, in Float64 but for the last. Written by `make faults-jax`; the faults are in
`parity_tests/jang/faults.py`.

"""


def markdown(outcomes: Iterable[Outcome]) -> str:
    rows = [HEAD, ("---",) * len(HEAD), *(o.row() for o in outcomes)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def summary(outcomes: list[Outcome]) -> str:
    found = sum(not o.found.verdict for o in outcomes)
    named = sum(o.named for o in outcomes)
    share = 100 * named / len(outcomes)
    return (
        f"{found} of {len(outcomes)} planted faults detected, {named} named exactly ({share:.1f}%)."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="write the table to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    python = find_jax()
    outcomes = [Outcome(fault, follow(fault, python)) for fault in FAULTS]
    print(markdown(outcomes), summary(outcomes))
    if arguments.write:
        with atomic(arguments.write) as temporary:
            temporary.write_text(f"{PREFACE}{summary(outcomes)}\n\n{markdown(outcomes)}")
    return 0 if all(not o.found.verdict for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
