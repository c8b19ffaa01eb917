"""Run a test file beside a fault in a copy of the checkout: for what is read from files, compiled,
or run in another process, where a fault planted in memory would not be met.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mutants.mutations import mutants_of
from mutants.running import Unsound

SECONDS = 600
PYTEST = ("-m", "pytest", "-x", "-q", "-p", "no:benchmark", "-p", "no:cacheprovider")
MARKS = ("not slow and not environments", "not environments")
"""The slow tests are run where a file has no others."""
KEPT = (".venv", ".julia", ".jax")
"""What is installed, which the copy has links to."""
NO_TESTS = 5


def noticed(test: str, subject: str, most: int) -> int | None:
    """How many faults it took until one was noticed; None where none of so many was.

    Raises:
        Unsound: the tests fail as they are, or there are none.
    """
    with copied() as root:
        ends = ((marks, run(root, test, marks)) for marks in MARKS)
        marks, end = next((e for e in ends if e[1] != NO_TESTS), ("", NO_TESTS))
        if end != 0:
            raise Unsound("it fails as it is, or has no test that runs here")
        right = (root / subject).read_text()
        for tried, wrong in enumerate(faults(subject, most), 1):
            (root / subject).write_text(wrong)
            if run(root, test, marks) != 0:
                return tried
            (root / subject).write_text(right)
    return None


def faults(subject: str, most: int) -> list[str]:
    """Whole texts with a fault: of Python a mutant; of another file a line is missing."""
    text = Path(subject).read_text()
    if subject.endswith(".py"):
        wrong = [mutant.source for mutant in mutants_of(subject)]
    else:
        lines = text.splitlines(keepends=True)
        full = [i for i, line in enumerate(lines) if line.strip() and line.strip()[0] not in "#%"]
        wrong = ["".join(lines[:i] + lines[i + 1 :]) for i in full]
    return random.Random(22).sample(wrong, min(most, len(wrong)))


@contextmanager
def copied() -> Iterator[Path]:
    """The checkout's own files in another folder."""
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True)
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for name in listed.stdout.splitlines():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(name, root / name)
        for name in KEPT:
            if Path(name).exists():
                (root / name).symlink_to(Path(name).resolve())
        yield root


def run(root: Path, test: str, marks: str) -> int:
    """pytest's exit status, or one of failure where it takes too long."""
    command = [sys.executable, *PYTEST, "-m", marks, f"parity_tests/{test}"]
    env = {**os.environ, "PYTHONPATH": str(root), "REPRO_CACHE_DIR": str(root / "cache")}
    try:
        done = subprocess.run(command, cwd=root, env=env, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return 1
    return done.returncode
