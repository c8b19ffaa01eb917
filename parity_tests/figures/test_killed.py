"""A process killed outright in the middle of its training, and the one that goes on after it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ARGUMENTS = ("--only", "luna-transfer", "--iterations", "8000", "--engine", "eager")


def start(folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "repro", "figures", *ARGUMENTS, "--out", str(folder / "out")]
    environment = {**os.environ, "REPRO_CACHE_DIR": str(folder / "cache")}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path):
    with start(tmp_path / "whole") as whole:
        assert whole.wait(timeout=300) == 0

    with start(tmp_path / "killed") as killed:
        deadline = time.monotonic() + 300
        while not list((tmp_path / "killed").glob("cache/runs/*.part.npz")):
            assert killed.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        killed.kill()
    assert not list((tmp_path / "killed").glob("out/*.png")), "it was killed before it drew"

    with start(tmp_path / "killed") as resumed:
        _, said = resumed.communicate(timeout=300)
    assert resumed.returncode == 0 and "going on after" in said
    for name in ("luna-transfer.npz", "luna-transfer.png", "luna-transfer.svg"):
        found = [(tmp_path / side / "out" / name).read_bytes() for side in ("whole", "killed")]
        assert found[0] == found[1], name
