"""Scripts run by the interpreter that has JAX (the fixture `jax_python`)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from repro.sides.live_jax import REFERENCE as REFERENCE
from repro.sides.live_jax import environment

HERE = Path(__file__).resolve().parent


def run_script(python: str, script: Path, *arguments: str, **variables: str) -> str:
    """What the script prints; its complaint is shown where it fails."""
    command = [python, str(script), *arguments]
    environ = {**environment(), **variables}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[-2000:]}"
    return done.stdout


def asked(python: str, script: Path, *arguments: str) -> Any:
    """What the script prints, read as JSON."""
    return json.loads(run_script(python, script, *arguments))
