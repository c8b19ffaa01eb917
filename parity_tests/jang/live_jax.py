"""An interpreter with JAX for the tests: `REPRO_JAX`, or this one where it has JAX."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REFERENCE = HERE.parents[1] / "repro" / "jang" / "jax_reference.py"
ENVIRONMENT = {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2", "JAX_PLATFORMS": "cpu"}
MISSING = "no JAX: pip install jax (Python 3.11), or name an interpreter that has it in REPRO_JAX"


def interpreter() -> str | None:
    """The path of a Python that imports jax, or None."""
    if named := os.environ.get("REPRO_JAX"):
        return named
    return sys.executable if find_spec("jax") else None


def run_script(python: str, script: Path, *arguments: str, **variables: str) -> str:
    """What the script prints; its complaint is shown where it fails."""
    environ = {**os.environ, **ENVIRONMENT, **variables}
    environ.pop("PYTHONPATH", None)
    command = [python, str(script), *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[-2000:]}"
    return done.stdout


def asked(python: str, script: Path, *arguments: str) -> Any:
    """What the script prints, read as JSON."""
    return json.loads(run_script(python, script, *arguments))
