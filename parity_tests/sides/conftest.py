"""A Julia of today, played by a program: what a live 1.10.8 answered, replayed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.sides.julia.find import BLAS_PINS, Julia

HERE = Path(__file__).parent


@pytest.fixture
def replayed_julia(fake_julia: Callable[[str], str]) -> Julia:
    """Julia 1.10.8, whose worker is `replaying_worker.py`."""
    program = fake_julia(
        'case "$*" in *--version*) echo "julia version 1.10.8";; *"-e 0"*) ;;\n'
        f'*) exec "{sys.executable}" "{HERE / "replaying_worker.py"}" "$@";; esac'
    )
    environment = {**BLAS_PINS, "PYTHONPATH": str(HERE.parents[1])}
    return Julia(Path(program), "1.10.8", "made up", environment, ("-C", "haswell"))
