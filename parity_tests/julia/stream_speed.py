"""Arrays of 10^6 side by side with NumPy's own generators, and scalars; prints two tables."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

from repro.julia import MersenneTwister, Stream, Xoshiro

N = 10**6
PAIRS: dict[str, tuple[Callable[[Stream], Any], Callable[[np.random.Generator], Any]]] = {
    "rand(n)": (lambda r: r.rand(N), lambda g: g.random(N)),
    "rand(Float32, n)": (lambda r: r.rand(N, dtype="f4"), lambda g: g.random(N, dtype="f4")),
    "rand(Float16, n)": (
        lambda r: r.rand(N, dtype="f2"), lambda g: g.random(N, dtype="f4").astype("f2")
    ),
    "rand(ComplexF64, n)": (
        lambda r: r.rand(N, dtype=complex), lambda g: g.random(2 * N).view(complex)
    ),
    "rand(UInt8, n)": (
        lambda r: r.rand(N, dtype="u1"), lambda g: g.integers(0, 256, N, dtype="u1")
    ),
    "rand(Int64, n)": (
        lambda r: r.rand(N, dtype="i8"),
        lambda g: g.integers(-(2**63), 2**63 - 1, N, dtype="i8", endpoint=True),
    ),
    "rand(Bool, n)": (
        lambda r: r.rand(N, dtype=bool), lambda g: g.integers(0, 2, N, dtype=bool)
    ),
    "rand(1:10, n)": (lambda r: r.rand(range(1, 11), N), lambda g: g.integers(1, 11, N)),
    "randn(n)": (lambda r: r.randn(N), lambda g: g.standard_normal(N)),
    "randn(Float32, n)": (
        lambda r: r.randn(N, dtype="f4"), lambda g: g.standard_normal(N, dtype="f4")
    ),
    "randexp(n)": (lambda r: r.randexp(N), lambda g: g.standard_exponential(N)),
    "randperm(n)": (lambda r: r.randperm(N), lambda g: g.permutation(N)),
    "shuffle(array)": (lambda r: r.shuffle(np.arange(N)), lambda g: g.permutation(np.arange(N))),
}  # fmt: skip
SCALARS: dict[str, Callable[[Stream], Any]] = {
    "rand()": lambda r: r.rand(),
    "uniform(-5, 5)": lambda r: r.uniform(-5.0, 5.0),
    "rand(Float32)": lambda r: r.rand(dtype=np.float32),
    "randn()": lambda r: r.randn(),
    "rand(1:10)": lambda r: r.rand(range(1, 11)),
    "randperm(10)": lambda r: r.randperm(10),
}


def milliseconds(draw: Callable[[Any], Any], generator: Any, repeats: int = 9) -> float:
    """The least time of a draw, after one that compiles."""
    draw(generator)
    return 1e3 * min(timeit.repeat(lambda: draw(generator), number=1, repeat=repeats))


def ratios(name: str) -> list[float]:
    """How many times NumPy's time MersenneTwister and Xoshiro take."""
    ours, numpys = PAIRS[name]
    numpy = milliseconds(numpys, np.random.default_rng(0))
    return [milliseconds(ours, make(0)) / numpy for make in (MersenneTwister, Xoshiro)]


if __name__ == "__main__":
    print("| 10^6 | NumPy, ms | MersenneTwister, times that | Xoshiro |\n| --- | --- | --- | --- |")
    for name, (_, numpys) in PAIRS.items():
        least = milliseconds(numpys, np.random.default_rng(0))
        print(f"| `{name}` | {least:.1f} |", " | ".join(f"{r:.1f}" for r in ratios(name)), "|")
    print("\n| scalar | MersenneTwister, µs | Xoshiro |\n| --- | --- | --- |")
    for name, draw in SCALARS.items():
        times = []
        for rng in (MersenneTwister(0), Xoshiro(0)):
            draw(rng)
            times.append(1e6 * min(timeit.repeat(lambda: draw(rng), number=2000)) / 2000)  # noqa: B023
        print(f"| `{name}` |", " | ".join(f"{each:.2f}" for each in times), "|")
