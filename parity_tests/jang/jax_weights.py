"""Print nothing; save live JAX's weights before every iteration. Run by a Python with JAX.

REPRO_JAX parity_tests/jang/jax_weights.py PART ITERATIONS SEED DTYPE FILE.npz
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "repro" / "jang"))
import jax_reference  # noqa: E402

if __name__ == "__main__":
    part, iterations, seed, dtype, path = sys.argv[1:]
    run = jax_reference.steps(part, iterations=int(iterations), seed=int(seed), dtype=dtype)
    found = list(run)
    losses = np.array([step["loss"] for step in found[1:]])
    np.savez(path, weights=np.array([jax_reference.flat(step) for step in found]), losses=losses)
