"""What is in a wheel: the package outside of its checkout, in an environment of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PORT = """
import numpy as np

def reference():
    yield {"w": np.ones(2)}

def test_port(parity):
    assert parity(reference, reference)

def test_where_it_lies(parity):
    import repro
    assert "site-packages" in repro.__file__
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder of an environment's programs. What the package depends on comes from this
    environment: a path in a .pth file brings its packages, but not the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    wheels = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT]
    subprocess.run(wheels, check=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True, cwd=folder
    )
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv" / "bin"


def run(program: Path, *arguments: str, folder: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "REPRO_JULIA")}
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_ports_pass(installed, tmp_path):
    out = run(installed / "repro", "parity", folder=tmp_path)
    assert re.search(r"^([1-9]\d+) of \1 cases pass", out, re.M), out


def test_figures_are_drawn(installed, tmp_path):
    options = ("--only", "luna-sine-wave", "--format", "png", "--out", "drawn")
    run(installed / "repro", "figures", *options, folder=tmp_path)
    assert (tmp_path / "drawn" / "index.html").is_file()
    assert [*(tmp_path / "drawn").glob("luna-sine-wave*.png")]


def test_the_fixture_works(installed, tmp_path):
    (tmp_path / "test_port.py").write_text(PORT)
    assert "2 passed" in run(installed / "python", "-m", "pytest", "-q", folder=tmp_path)
