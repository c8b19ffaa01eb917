"""The compiled relu engine computes the same bits on processors of other kinds.

So figures of the second post, whose tolerances kinks make wide, are the same in every bit wherever
there is a fused multiply-add. Here it is compiled for others than this one, in vectors of 32 bytes
and of 64, and run.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from numba import config

PROGRAM = """
import hashlib
from repro.ecoffet import experiment
from repro.engine import fast, relu_loops

for method in ("transfer", "maml", "maml_first_order", "reptile"):
    weights = experiment.train(method, n_train=60, models=2, epochs=2, by=fast)
    losses = experiment.test_losses(weights, experiment.draw(10, 20).test, 12, by=fast)
    print(method, *(hashlib.sha256(a.tobytes()).hexdigest() for a in (weights, losses)))
print("zmm", *("zmm" in asm for asm in relu_loops.transfer.inspect_asm().values()))
"""


def bits(tmp_path, **environment: str) -> list[str]:
    """What the program prints; its last line, whether it computes in vectors of 64 bytes."""
    env = {**os.environ, "REPRO_CACHE_DIR": str(tmp_path), "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, "-c", PROGRAM]
    found = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return found.stdout.splitlines()


@pytest.mark.slow
def test_the_same_bits_in_vectors_of_another_width(tmp_path):
    if config.CPU_NAME is not None:
        pytest.skip("NOT RUN: NUMBA_CPU_NAME is set: unset it")
    here, haswell = (
        bits(tmp_path / "here"),
        bits(tmp_path / "haswell", NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES=""),
    )
    if "True" not in here[-1]:
        pytest.skip("NOT RUN: this processor has no vectors of 64 bytes: run where AVX-512 is")
    assert haswell[-1] == "zmm False"
    assert haswell[:-1] == here[:-1] and len(here) == 5
