"""FOMAML and Reptile side by side: eager, exact, fast, many seeds at once, JAX, a live Julia.

    python -m pytest parity_tests/benchmarks/bench_luna.py

Not collected by default. The table at the end has microseconds per meta-iteration of one run
(median over the rounds), ratios, the arithmetic floor and the peak memory of a process that does
nothing else. Rounds of all contenders take turns, so that a busy machine is as bad for each.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest
from benchmarks.contenders import ALGORITHMS, ITERATIONS, RUNS, contender, stop_julia
from benchmarks.floor import floor_us

from repro.sides.julia.find import JuliaNotFound

NAMES = ("eager", "julia", "jax", "exact", "fast", "seeds")
ROUNDS = int(os.environ.get("REPRO_BENCH_ROUNDS", "5"))
MEMORY = """
from benchmarks.contenders import contender
contender({0!r}, {1!r})(60)
lines = open("/proc/self/status").read().splitlines()
print(next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")))
"""


def _one_round(algorithm: str, name: str, train) -> float:
    """Microseconds per meta-iteration of one run."""
    start = perf_counter()
    train(ITERATIONS[name])
    return 1e6 * (perf_counter() - start) / ITERATIONS[name] / RUNS.get(name, 1)


@pytest.fixture(scope="module")
def contenders():
    """Everyone there is, compiled and warm, and all on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    found, missing = {}, {}
    for name in NAMES:
        try:
            for algorithm in ALGORITHMS:
                found[algorithm, name] = train = contender(algorithm, name)
                train(ITERATIONS[name])
        except (JuliaNotFound, ImportError) as error:
            missing[name] = str(error)
    yield found, missing
    stop_julia()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_side_by_side(algorithm, contenders, benchmark, capsys):
    found, missing = contenders
    present = [name for name in NAMES if (algorithm, name) in found]
    rounds: dict[str, list[float]] = {name: [] for name in present}

    def turn() -> None:
        for name in present:
            rounds[name].append(_one_round(algorithm, name, found[algorithm, name]))

    benchmark.pedantic(turn, rounds=ROUNDS, iterations=1)
    median = {name: sorted(times)[len(times) // 2] for name, times in rounds.items()}
    products, tanhs = floor_us(algorithm)
    benchmark.extra_info.update(median, floor=products + tanhs)
    with capsys.disabled():
        print(f"\n\n{algorithm}, microseconds per meta-iteration of one run, {ROUNDS} rounds")
        print(f"{'':8}{'median':>9}{'least':>9}{'x floor':>9}{'/ jax':>8}{'/ fast':>8}"
              f"{'eager /':>9}"
              f"{'julia /':>9}{'peak MiB':>10}")  # fmt: skip
        for name, time in median.items():
            ratios = [
                time / (products + tanhs),
                time / median.get("jax", float("nan")),
                time / median["fast"],
                median["eager"] / time,
                median.get("julia", float("nan")) / time,
            ]
            row = "".join(f"{r:>{w}.2f}" for r, w in zip(ratios, (9, 8, 8, 9, 9), strict=True))
            least = min(rounds[name])
            print(f"{name:8}{time:>9.1f}{least:>9.1f}{row}{_peak(algorithm, name):>10}")
        print(f"floor   {products + tanhs:>9.1f}: multiply-adds {products:.1f}, tanh {tanhs:.1f}")
        for name, reason in missing.items():
            print(f"NOT RUN: {name}: {reason}")
    assert median["fast"] < median["eager"]


def _peak(algorithm: str, name: str) -> str:
    """Peak memory of a process that only trains; Julia is a process of its own."""
    if name == "julia" or not Path("/proc/self/status").exists():
        return "-"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path]),
    }
    done = subprocess.run(
        [sys.executable, "-c", MEMORY.format(algorithm, name)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
