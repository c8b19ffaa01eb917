"""Who is compared: each trains for a number of meta-iterations, everything included.

Included are random numbers, evaluations (every 1000 iterations), and Python's part.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from repro import luna
from repro.engine import ENGINES, train_seeds
from repro.folders import shipped
from repro.julia import MersenneTwister
from repro.sides.julia.find import BLAS_PINS, find_julia

Train = Callable[[int], object]

ALGORITHMS = ("fomaml", "reptile")
SEEDS = 64
#: Meta-iterations per round: about half a second each, at least one evaluation for the quick. Many
#: seeds at once take seconds, but the start of a run must weigh as much as in a single one.
ITERATIONS = {"eager": 60, "julia": 200, "exact": 2000, "fast": 2000, "jax": 2000, "seeds": 2000}
#: How many runs one round of a contender is.
RUNS = {"seeds": SEEDS}


def ported(algorithm: str, side: Any) -> Train:
    def train(iterations: int) -> object:
        rng = MersenneTwister(1)
        model = luna.sine_model(rng)
        return getattr(side, algorithm)(model, epochs=iterations, rng=rng)

    return train


def seeds(algorithm: str) -> Train:
    """Many seeds at once on one core."""
    return lambda n: train_seeds(algorithm, range(SEEDS), threads=1, epochs=n)


def in_jax(algorithm: str) -> Train:
    """JAX's `lax.scan`; Reptile's permutations are given, since JAX draws them by sorting."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    import jax
    import numpy as np
    from benchmarks import jax_scan

    key = jax.random.PRNGKey(1)
    start = jax_scan.init(key), key

    def train(iterations: int) -> object:
        if algorithm == "fomaml":
            trained = jax_scan.train(jax_scan.fomaml_iteration, start, iterations)
        else:
            orders = permutations(iterations)
            trained = jax_scan.train_ordered(start, orders, iterations)
        return jax.block_until_ready(trained)

    @cache
    def permutations(n: int) -> object:
        rng = np.random.default_rng(1)
        return jax.numpy.array(np.stack([rng.permutation(50) for _ in range(n)]))

    return train


@cache
def _julia() -> subprocess.Popen[str]:
    julia = find_julia()
    return subprocess.Popen(
        [
            *map(str, julia.command()),
            str(__file__).replace("contenders.py", "julia_loop.jl"),
            str(shipped("julia_ref") / "src" / "JuliaRef.jl"),
        ],
        env=julia.environ() | BLAS_PINS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def stop_julia() -> None:
    """End the Julia that was started, if one was."""
    if _julia.cache_info().currsize:
        _julia().communicate()
        _julia.cache_clear()


def in_julia(algorithm: str) -> Train:
    """Our Julia package, which spares itself the original's tape: quicker than Flux was."""
    process = _julia()

    def train(iterations: int) -> object:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{algorithm} {iterations}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"
        return None

    return train


def contender(algorithm: str, name: str) -> Train:
    """The training function of that name."""
    makers: dict[str, Callable[[], Train]] = {
        "eager": partial(ported, algorithm, luna),
        "exact": partial(ported, algorithm, ENGINES["exact"]),
        "fast": partial(ported, algorithm, ENGINES["fast"]),
        "seeds": partial(seeds, algorithm),
        "jax": partial(in_jax, algorithm),
        "julia": partial(in_julia, algorithm),
    }
    return makers[name]()
