"""One second-order meta-step with Adam, 10 + 10 points: the fast engine and live JAX by turns.

    python -m pytest -s parity_tests/benchmarks/bench_second_order.py

Microseconds of processor time, medians over the rounds; the floor is the products' multiply-adds
at the rate of the engine's own tile on data in the first cache.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from repro.engine import relu
from repro.engine.compiling import jit
from repro.engine.relu_network import _COLUMN, _NEXT, _product
from repro.sides.live_jax import find_jax

ROUNDS = int(os.environ.get("REPRO_BENCH_ROUNDS", "7"))


def engine(tasks: int, inner: int, steps: int):
    rng = np.random.default_rng(0)
    w = rng.uniform(-0.16, 0.16, 1761).astype(np.float32)
    points = tuple(rng.uniform(-5, 5, (steps, tasks, 10)).astype(np.float32) for _ in range(4))
    how = {"lr_inner": 0.01, "rate": 1e-3, "options": (inner, False, False)}

    def run() -> float:
        moments = np.zeros((2, 1761), np.float32)
        before = time.process_time()
        relu.maml_steps(w.copy(), moments, points, relu.torch_corrections(steps), **how)
        return 1e6 * (time.process_time() - before) / steps

    run()
    return run


@jit
def _products(c, a, b, times):
    for _ in range(times):
        _product(c, a, b, _NEXT, _COLUMN, 10, _COLUMN)


def floor(tasks: int, inner: int) -> float:
    """Three products a gradient, and six a Hessian times a vector."""
    a, b, c = (np.ones(n, np.float32) for n in (1600, 400, 400))
    _products(c, a, b, 1)
    times = []
    for _ in range(20):
        before = time.process_time()
        _products(c, a, b, 500)
        times.append((time.process_time() - before) / 500)
    return 1e6 * min(times) * tasks * (3 * (inner + 1) + 6 * inner)


@pytest.mark.parametrize(("tasks", "inner"), [(1, 1), (4, 1), (25, 1), (10, 5)])
def test_side_by_side(tasks, inner):
    steps = max(4000 // tasks // inner, 100)
    script = str(Path(__file__).with_name("second_order_jax.py"))
    jax = subprocess.Popen([find_jax(), script], text=True, bufsize=1,
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    ours, theirs = [], []
    run = engine(tasks, inner, steps)
    for _ in range(ROUNDS):
        ours.append(run())
        jax.stdin.write(f"{tasks} {inner} {steps}\n")
        theirs.append(float(jax.stdout.readline()))
    jax.communicate()
    found, other, least = np.median(ours), np.median(theirs), floor(tasks, inner)
    times = f"engine {found:.1f} us, JAX {other:.1f}, ratio {found / other:.2f}"
    print(f"\n{tasks} tasks, {inner} inner steps: {times}")
    print(f"floor {least:.1f}, of which the engine is {found / least:.1f} times")
    assert found < other
