"""How often a faithful port is called wrong: many runs over seeds and settings, live Julia beside.

    python -m planted.false_alarms --runs 1000      (or: make false-alarms)

Every run is drawn from a seed of its own: the function, its arguments, the optimisers and their
rates. An alarm is a comparison outside its envelope, or an operation outside its budget. Runs that
cannot be held, because both sides break off or chaos has eaten them, are shown and are no alarm.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterable
from dataclasses import replace

import torch
from planted.tally import tally
from rich.progress import track

from repro.cases import Case
from repro.checks import Verdict
from repro.cli.console import errors
from repro.errors import NonFiniteLossError
from repro.sides.choosing import live_case
from repro.sides.julia.find import RECORDED_BY, JuliaNotFound, find_julia
from repro.sides.julia.reference import JuliaReference
from repro.sides.julia.worker import JuliaError
from repro.sides.live import Live
from repro.sides.parity import parity
from repro.sides.port import Port

ITERATIONS = 20


def draw(number: int) -> Case:
    """The case of one run: every argument from a generator seeded with the run's number."""
    rng = random.Random(number)
    function = rng.choice(["fomaml", "reptile", "transfer_learn", "transfer_learn_blog"])
    settings = {"eval_batch_size": str(rng.randint(1, 20))}
    settings["train_batch_size"] = str(rng.randint(1, 50))
    if function == "fomaml":
        settings["n_tasks"] = str(rng.randint(1, 5))
    for name in ("meta_opt", "inner_opt") if function in ("fomaml", "reptile") else ("opt",):
        eta = 0.1 if (function, name) == ("reptile", "meta_opt") else 0.01
        settings[name] = _optimiser(rng, eta)
    case = live_case(function, rng.randrange(2**32), ITERATIONS, settings)
    return replace(case, eval_interval=ITERATIONS)


def _optimiser(rng: random.Random, eta: float) -> str:
    eta = round(eta * 10 ** rng.uniform(-1, 0.3), 5)
    kind = rng.choice(["Descent", "Descent", "Momentum", "ADAM"])
    return f"{kind}({eta / 10 if kind == 'ADAM' else eta:g})"


def held(case: Case, live: Live) -> tuple[Verdict, str]:
    """What comes of a faithful port in this case. Where both sides break off, or a perturbed run
    does, there is nothing to hold."""
    try:
        found = parity(case, live, operations=live.operations(case))
    except JuliaError as error:
        both = "loss" in str(error).lower() and _port_breaks_off(case)
        return (Verdict.NOT_RUN, "both break off") if both else (Verdict.ERROR, str(error))
    except NonFiniteLossError:
        return Verdict.NOT_RUN, "a perturbed run broke off: there is no envelope"
    return found.verdict, found.message


def _port_breaks_off(case: Case) -> bool:
    try:
        Port().run(case)
    except NonFiniteLossError:
        return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    numbers: Iterable[int] = range(arguments.first, arguments.first + arguments.runs)
    if errors.is_terminal:
        numbers = track(numbers, "runs", console=errors)
    try:
        chosen = find_julia(version=RECORDED_BY)
    except JuliaNotFound as problem:
        print(f"NOT RUN: {problem}", file=sys.stderr)
        return 2
    with JuliaReference("worker", chosen) as julia:
        cases = map(draw, numbers)
        return tally(((case, *held(case, Live(julia))) for case in cases), ITERATIONS)


if __name__ == "__main__":
    sys.exit(main())
