"""Draw docs/tolerances.png: an array, how far perturbed runs of it go, and what it is held to."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from repro.checks.measured import Measured
from repro.checks.noise import Stream
from repro.checks.perturb import moved_input
from repro.checks.perturb_numpy import perturbed
from repro.run import Run, run_of

N = 60
MASKED = slice(48, 60)


def function(x):
    """A softmax's scores: sums of products, some cancelling, and a mask."""
    scores = x @ np.linspace(-1, 1, x.shape[1]).astype(x.dtype)
    return np.where(np.arange(N) < MASKED.start, scores, scores.dtype.type(-1e9))


def run(x: np.ndarray, seed: int | None) -> Run:
    if seed is None:
        return run_of([{"y": function(x)}])
    stream = Stream(seed)
    return run_of([{"y": np.array(function(perturbed(moved_input(x, stream), stream)))}])


def main() -> None:
    x = np.random.default_rng(3).normal(size=(N, 40)).astype(np.float32)
    x[7] = x[7, ::-1] + 1.001 * x[7]  # its terms cancel
    port = run(x, None)
    measured = Measured(port, lambda seed, steps: run(x, seed))
    for seed in (1, 2):
        measured.add(seed)
    q = port["y"]
    size, growth, allowed = (
        np.abs(np.asarray(a, np.float64))[0]
        for a in (q.values, measured.growth("y", q.steps), measured("y", q))
    )
    pooled = np.full(N, 10 * np.spacing(np.float32(1e9)))
    figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
    at = np.arange(N)
    axes.semilogy(at, size, "k.", label="the numbers: 48 scores, 12 masked by $-10^9$")
    axes.semilogy(at, np.maximum(growth, 1e-9), "C0x", label="$g$: how far two perturbed runs went")
    axes.semilogy(at, allowed, "C3_", ms=9, mew=2, label="tolerance: $10\\,\\max(g,$ ulp$(w))$")
    axes.semilogy(at, pooled, "C7--", lw=1, label="ten ulp of the largest number, for all")
    axes.set(xlabel="element", ylabel="absolute size", ylim=(1e-9, 1e13))
    axes.legend(loc="upper left", fontsize="small", ncols=2)
    figure.savefig(Path(__file__).parents[2] / "docs" / "tolerances.png", dpi=120)


if __name__ == "__main__":
    main()
