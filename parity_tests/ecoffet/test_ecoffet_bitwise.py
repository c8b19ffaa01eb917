"""Equality with the notebook bit for bit, wherever its kernels can be had.

The recordings come from PyTorch 2.13 on MKL's AVX-512 kernels. MKL offers them to Intel's
processors only, so elsewhere a preloaded library vouches for the processor. A port that adds up
in another order, or draws one number more, is caught here at its first step.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

HERE = Path(__file__).parent
RECORDED = HERE.parents[1] / "repro" / "sides" / "recorded" / "ecoffet_notebook_small.npz"
RUN = """
import sys, numpy, torch
torch.set_num_threads(1)
from repro.ecoffet import notebook_small
numpy.savez(sys.argv[1], **notebook_small())
"""
RUN_BATCHES = """
import sys, numpy, torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[2])
from meta_batches import port_run
numpy.savez(sys.argv[1], **port_run())
"""


def processor() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """The environment in which torch takes the recordings' kernels; NOT RUN without one."""
    lacking = {
        "torch 2.13": torch.__version__.startswith("2.13."),
        "torch with MKL": torch.backends.mkl.is_available(),
        "Linux on x86-64": (sys.platform, platform.machine()) == ("linux", "x86_64"),
        "AVX-512": "avx512" in processor(),
        "a C compiler": "GenuineIntel" in processor() or shutil.which("cc") is not None,
    }
    missing = [name for name, there in lacking.items() if not there]
    if missing:
        pytest.skip(f"NOT RUN: equality bit for bit needs {', '.join(missing)}")
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    if "GenuineIntel" not in processor():
        library = tmp_path_factory.mktemp("kernels") / "intel_kernels.so"
        source = HERE / "intel_kernels.c"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        env["LD_PRELOAD"] = str(library)
    return env


def arrays_of(script: str, env: dict[str, str], out: Path) -> dict[str, np.ndarray]:
    command = [sys.executable, "-c", script, str(out), str(HERE)]
    subprocess.run(command, env=env, check=True, cwd=HERE.parents[1])
    return dict(np.load(out))


@pytest.mark.parametrize(
    ("script", "recording"),
    [
        pytest.param(RUN, RECORDED, id="notebook_small"),
        pytest.param(
            RUN_BATCHES, HERE / "notebook_batches.npz", id="meta_batches", marks=pytest.mark.slow
        ),
    ],
)
def test_every_recorded_quantity_is_equal_bit_for_bit(environment, tmp_path, script, recording):
    recorded = np.load(recording)
    found = arrays_of(script, environment, tmp_path / "found.npz")
    assert set(recorded) <= set(found)
    for name in recorded:
        assert found[name].dtype == recorded[name].dtype
        assert found[name].tobytes() == recorded[name].tobytes(), f"{name} differs"
