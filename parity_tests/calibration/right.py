"""Hold every right pair as `repro.check` holds a step: nothing may fail, hardly anything stay open.

``make calibrate`` runs all of it, and the wrong ports of ``wrong.py``.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from calibration import aside, families, pairs

from repro.checks import Report, Verdict
from repro.checks.measured import Measured, judge
from repro.checks.stepping import Roles, Stepper
from repro.run import Run, arrays, run_of

FAMILIES = {**pairs.FAMILIES, **families.FAMILIES}

ASIDE = aside.FAMILIES
"""Of which nothing was derived."""

ZERO_IN_THEORY = {"sum_centred": "s", "sum_smooth": "s"}
"""Sums of which nothing is left but rounding (of a full sine in Float16): they may stay open."""

LARGEST = {"2": 1000, "4": 100_000, "8": 100_000}
"""By width. A loop over 1e4 positive terms stands still in Float16: it is no sum."""

SEEDS = range(1, 33)

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Held:
    """One port beside one reference: the family, n, width, seed, and what came of it."""

    family: str
    n: int
    width: str
    port: str
    reference: str
    report: Report
    runs: int

    def __str__(self) -> str:
        return f"{self.family} n={self.n} Float{8 * int(self.width)} {self.port}/{self.reference}"


class Port:
    """An implementation on given inputs; its perturbed runs are made once."""

    def __init__(self, given: Arrays, function: Callable[[Arrays], Arrays]) -> None:
        self.given, self.function = given, function
        self._runs: dict[int | None, Run] = {}

    def beside(self, expected: Arrays) -> tuple[Report, Measured]:
        reference = self._reference(expected)
        function = self.function

        def step(state: Arrays, draws: Arrays) -> Arrays:
            made = function({name.removeprefix("in_"): a for name, a in draws.items()})
            return {**made, "step": np.int64(1)}

        draws = [f"in_{name}" for name in self.given]
        stepper = Stepper.on(step, reference, Roles(draws))

        def run(seed: int | None, steps: np.ndarray | None = None) -> Run:
            if seed not in self._runs:
                self._runs[seed] = stepper.resynchronised(seed)
            return self._runs[seed]

        measured = Measured(run(None), run, stepper.moves)
        return judge(stepper.compared(reference), measured, SEEDS, strict=False), measured

    def _reference(self, expected: Arrays) -> Run:
        given = {f"in_{name}": a for name, a in self.given.items()}
        later = {**given, **arrays(expected, "the reference"), "step": np.int64(1)}
        return run_of([{"step": np.int64(0)}, later])


def implementations(name: str, n: int, width: str, seed: int) -> tuple[Arrays, dict[str, Callable]]:
    make = (FAMILIES | ASIDE)[name][0]
    given, found = make(np.dtype(f"f{width}"), n, np.random.default_rng([seed, n]))
    return {key: np.asarray(a) for key, a in given.items()}, found


def is_port(name: str) -> bool:
    """Made of operations that can be moved."""
    return name.startswith(("np", "t"))


def held(names: Sequence[str], seeds: Sequence[int], largest: int) -> Iterator[Held]:
    """Every port beside every other implementation, in all sizes up to ``largest``."""
    for name in names:
        _, sizes, widths = (FAMILIES | ASIDE)[name]
        for n, width in product(sizes, widths):
            for seed in seeds if n <= min(largest, LARGEST[width]) else ():
                yield from _held(name, n, width, seed)


def _held(name: str, n: int, width: str, seed: int) -> Iterator[Held]:
    given, found = implementations(name, n, width, seed)
    made = {key: function(dict(given)) for key, function in found.items()}
    for port in filter(is_port, found):
        one = Port(given, found[port])
        for reference in made:
            if reference != port:
                report, measured = one.beside(made[reference])
                yield Held(name, n, width, port, reference, report, measured.runs)


def less_exact(one: Held, name: str) -> bool:
    """Whether the reference is known to lose digits that the port keeps."""
    known = aside.LESS_EXACT.get((one.family, name), ())
    return one.reference in known and one.port not in known


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--largest", type=int, default=100_000)
    parser.add_argument("families", nargs="*", default=[*FAMILIES, *ASIDE])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    total: Counter[str] = Counter()
    for name in options.families:
        counts, worst, runs = Counter(), 0.0, Counter()
        for found in held([name], range(options.seeds), options.largest):
            runs[found.runs] += 1
            for c in found.report.comparisons:
                if c.name == "step":
                    continue
                verdict = str(c.verdict)
                if c.verdict is Verdict.UNDECIDED and ZERO_IN_THEORY.get(name) == c.name:
                    verdict = "zero in theory"
                elif not c.verdict and less_exact(found, c.name):
                    verdict = "less exact reference"
                elif not c.verdict:
                    print(f"{c.verdict}: {found} `{c.name}` {c.worst_ratio:.2f}")
                counts[verdict] += 1
                worst = max(worst, c.worst_ratio)
        total += counts
        print(f"{name:16s} {dict(counts)}; closest {worst:.2f}; runs {dict(runs)}", flush=True)
    compared = sum(total.values())
    print(f"{compared} comparisons: {dict(total)}")
    return int(total["FAIL"] > 0 or total["UNDECIDED"] > 0.005 * compared)


if __name__ == "__main__":
    raise SystemExit(main())
