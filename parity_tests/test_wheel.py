"""What is in a wheel: the package outside of its checkout, in an environment of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
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


OTHERS = ("3.10", "3.13")
"""The oldest Python that is supported, and the newest that is tested."""
KEPT = ROOT / ".cache" / "wheel"
"""Their environments, which take six gigabytes each with torch for CUDA, and minutes to make."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    wheels = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT]
    subprocess.run(wheels, check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(
    scope="module",
    params=["this", *(pytest.param(v, marks=pytest.mark.environments) for v in OTHERS)],
)
def installed(request, wheel) -> Path:
    """The folder of the programs of an environment with the wheel in it, on this Python and two
    others."""
    return _here(wheel) if request.param == "this" else _elsewhere(request.param, wheel)


def _here(wheel: Path) -> Path:
    """What the package depends on comes from this environment: a path in a .pth file brings its
    packages, but not the checkout."""
    folder = wheel.parent / "venv"
    venv.create(folder, with_pip=True)
    install(folder / "bin" / "python", "--no-deps", str(wheel))
    (site,) = (folder / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def _elsewhere(version: str, wheel: Path) -> Path:
    """With all that the wheel asks for, as a new user gets it. The environment is kept: only the
    wheel in it is new."""
    python, folder = _interpreter(version), KEPT / version
    if python is None:
        pytest.skip(
            f"NOT RUN: there is no Python {version} here. Install one: pyenv install {version}"
        )
    if not (folder / "bin" / "python").exists():
        subprocess.run([python, "-m", "venv", folder], check=True)
    install(folder / "bin" / "python", str(wheel), "pytest")
    install(folder / "bin" / "python", "--force-reinstall", "--no-deps", str(wheel))
    return folder / "bin"


def _interpreter(version: str) -> Path | None:
    """A Python of this version that starts: on the PATH, or one of pyenv's."""
    named = shutil.which(f"python{version}")
    kept = (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python")
    ask = ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    for python in [*([Path(named)] if named else []), *sorted(kept)]:
        done = subprocess.run([python, *ask], capture_output=True, text=True)
        if done.stdout.strip() == version:
            return python
    return None


def install(python: Path, *words: str) -> None:
    subprocess.run([python, "-m", "pip", "install", "--quiet", *words], check=True, cwd="/")


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


def test_on_an_index_the_description_links_to_nothing_that_is_not_there(wheel):
    """Catches README's relative links and pictures, which lead nowhere on a package index."""
    with zipfile.ZipFile(wheel) as files:
        (name,) = [n for n in files.namelist() if n.endswith("METADATA")]
        said = files.read(name).decode()
    assert "Does a PyTorch port compute" in said and "https://domluna.com/meta-learning/" in said
    assert re.findall(r"\]\((?!https?:)[^)]*\)|<img", said) == [] and "![" not in said
    assert "Requires-Python: >=3.10" in said and "Python :: 3.13" in said


def test_a_source_distribution_has_what_its_make_needs(tmp_path):
    """Catches an sdist whose ``make parity`` finds no constraints.txt."""
    make = "from hatchling.builders.sdist import SdistBuilder as S; print(*S('.').build(directory='"
    script = f"{make}{tmp_path}'))"
    with_hatchling = tmp_path / "build"
    venv.create(with_hatchling, with_pip=True)
    python = with_hatchling / "bin" / "python"
    install(python, "hatchling", "hatch-fancy-pypi-readme")
    subprocess.run([python, "-c", script], cwd=ROOT, check=True, capture_output=True)
    (made,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(made) as files:
        there = {name.partition("/")[2] for name in files.getnames()}
    assert {"constraints.txt", "Makefile", "pyproject.toml", "README.md", "LICENSE"} <= there
    assert {"CITATION.cff", "SECURITY.md", "parity_tests/test_wheel.py"} <= there
