"""Two at once, an output that nobody takes, compiled code that is damaged."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock, Timeout

from repro.cli import main
from repro.engine import compiling
from repro.engine.arithmetic import EXACT, implements
from repro.gallery import manifest
from repro.gallery.build import build
from repro.sides import recorded

PROJECT = Path(__file__).parents[2]


def at_once(*calls) -> None:
    """Each in a process of its own, all at the same time."""
    children = []
    for call in calls:
        if (child := os.fork()) == 0:
            try:
                call()
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def test_two_that_record_into_one_folder_lose_nothing(tmp_path: Path):
    """Planted: `index.json` read and written without a lock."""
    whole = recorded.load("fomaml_seed2_batch13_rates")
    run = whole.run()

    def save(*numbers: int) -> None:
        for number in numbers:
            recorded.save(replace(whole.case, name=f"run{number}"), run, tmp_path)

    at_once(lambda: save(0, 2, 4, 6), lambda: save(1, 3, 5, 7))
    assert recorded.names(tmp_path) == tuple(f"run{i}" for i in range(8))
    for name in recorded.names(tmp_path):
        loaded = recorded.load(name, tmp_path).arrays["weights"]
        assert loaded.tobytes() == whole.arrays["weights"].tobytes()


def test_two_that_draw_into_one_gallery_lose_nothing(tmp_path: Path, monkeypatch):
    """Planted: the manifest read and written without a lock."""
    from types import SimpleNamespace as Some

    monkeypatch.setattr("repro.gallery.build.build_one", lambda figure, *rest: {"n": figure.name})
    monkeypatch.setattr("repro.gallery.build.write_page", lambda out: None)

    def draw(start: int) -> None:
        figures = [Some(name=f"figure{i}") for i in range(start, 12, 2)]
        build(figures, Some(seconds={}, used={}), tmp_path)

    at_once(lambda: draw(0), lambda: draw(1))
    assert manifest.read(tmp_path).keys() == {f"figure{i}" for i in range(12)}


def test_a_gallery_is_prepared_by_one_process_at_a_time(tmp_path: Path, monkeypatch):
    """Planted: what is read is written back without a lock, over what was drawn meanwhile."""

    def read(out: Path) -> dict:
        with pytest.raises(Timeout):
            FileLock(out / ".lock").acquire(timeout=0)
        return {}

    monkeypatch.setattr(manifest, "read", read)
    manifest.prepare(tmp_path)


@pytest.mark.parametrize(
    ("output", "said"),
    [("/dev/full", "free some space"), ("a pipe", "let what reads the output read all of it")],
)
def test_an_output_that_takes_nothing_is_one_line_and_status_2(output: str, said: str):
    """Planted: status 1, which says that something was compared, as both libraries have it."""
    command = [sys.executable, "-m", "repro", "stream", "Xoshiro(1)", "rand(3)"]
    if output == "a pipe":
        reading, writing = os.pipe()
        os.close(reading)
    else:
        writing = os.open(output, os.O_WRONLY)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment
    )
    os.close(writing)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and line.startswith("repro: ") and said in line


def test_no_temporary_folder_is_one_line(monkeypatch, capsys):
    def none() -> None:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("repro.cli.app", none)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2 and "in TMPDIR, and run again" in capsys.readouterr().err


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch):
    """Compiles a function anew, its code kept in a folder of the test's own."""
    monkeypatch.setenv("REPRO_CACHE_DIR", str(tmp_path))
    compiling.cache_folder.cache_clear()
    yield lambda function=_one_more: compiling.entry(function)
    compiling.cache_folder.cache_clear()


def _one_more(a):
    return a + 1


@pytest.mark.parametrize("ending", ["nbc", "nbi"])
def test_compiled_code_that_is_damaged_is_made_anew(compiled, tmp_path: Path, ending: str):
    """Planted: what the file leads to goes up to the user, in every run until it is deleted."""
    assert compiled()(1) == 2
    (file,) = tmp_path.rglob(f"*.{ending}")
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"rubbish" * 99):
        file.write_bytes(damaged)
        assert compiled()(1) == 2
    assert len(next(iter(tmp_path.rglob("*.nbc"))).read_bytes()) > 700


def test_a_disk_too_full_for_compiled_code_is_no_reason_to_stop(compiled, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", full)
    assert compiled()(np.int64(1)) == 2


@compiling.jit
def own_sine(x):
    return x


def _sine(arithmetic, x):
    return arithmetic.sine(x)


def test_code_that_an_arithmetic_of_ones_own_brings_is_not_kept(compiled, tmp_path: Path):
    """Its name does not say what it does: another process may call something else by it."""
    implements("sine", "own", own_sine)
    sine = compiled(_sine)
    assert sine(replace(EXACT, sine="own"), np.float32(2)) == 2 and not [*tmp_path.rglob("*.nb?")]
    assert sine(EXACT, np.float32(0)) == 0 and [*tmp_path.rglob("*.nbc")]


def test_what_the_driver_computes_once_is_there():
    """Planted by a function that moved: the driver ended, and took every later test with it."""
    tree = ast.parse(Path(__file__).with_name("driver.py").read_text())
    (once,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ONCE"
    )
    assert once and all(callable(getattr(import_module(where), name)) for _, where, name in once)
