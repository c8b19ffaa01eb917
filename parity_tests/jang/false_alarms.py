"""How often the faithful port of the third post is called wrong, beside live JAX.

    python -m jang.false_alarms --runs 200      (or: make false-alarms-jax)

Every run has a NumPy seed of its own, and is one of the three trainings in one of the precisions.
An alarm is a comparison outside its tolerance, or an operation outside its budget.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from itertools import islice

import torch
from jang.localised import Replayed
from planted.tally import tally

from repro.cases import Case
from repro.checks import Verdict
from repro.run import Run
from repro.sides.choosing import live_case, live_functions
from repro.sides.envelopes import growth
from repro.sides.live_jax import Step, find_jax, read, request, steps
from repro.sides.parity import parity

ITERATIONS = 10


class Answered:
    """Live JAX's steps of one case, already there, as a reference."""

    name = "jax"

    def __init__(self, found: tuple[Step, ...]) -> None:
        self.found = found

    def run(self, case: Case) -> Run:
        return Run(read(case, self.found))

    rule = staticmethod(growth)


def cases(runs: int, first: int = 0) -> list[Case]:
    """The runs' cases: training, precision and seed from a generator seeded with their number."""
    found = []
    for number in range(first, first + runs):
        rng = random.Random(number)
        function = rng.choice(live_functions("jax"))
        found.append(live_case(function, rng.randrange(2**32), ITERATIONS, {}))
    return found


def held(chosen: list[Case], python: str) -> Iterator[tuple[Case, Verdict, str]]:
    """Each case, and what comes of the faithful port in it."""
    answers = steps(python, *({**request(case), "parts": True} for case in chosen))
    for case in chosen:
        found = tuple(islice(answers, ITERATIONS + 1))
        check = parity(case, Answered(found), operations=Replayed(found))
        yield case, check.verdict, check.message


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    return tally(held(cases(arguments.runs, arguments.first), find_jax()), ITERATIONS)


if __name__ == "__main__":
    sys.exit(main())
