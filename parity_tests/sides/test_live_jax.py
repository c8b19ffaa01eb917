"""Live JAX when it fails: one line with its last words, and no process left."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from repro.sides import live_jax
from repro.sides.live_jax import JaxUnavailable, steps

WHOLE = "np.savez(b, w=np.ones(3)); b = b.getvalue(); out.write(len(b).to_bytes(8, 'little') + b); "


@pytest.fixture
def fake_jax(tmp_path: Path) -> Callable[[str], str]:
    """`fake_jax(lines)`: a Python that runs these instead of the reference."""

    def make(lines: str) -> str:
        program = tmp_path / "python"
        first = "import io, os, sys, time, numpy as np; b, out = io.BytesIO(), sys.stdout.buffer; "
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{first}{lines}"\n')
        program.chmod(0o755)
        return str(program)

    return make


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (WHOLE + "out.write(b'Illegal instruction')", "a step of .* ended after"),
        (WHOLE + "out.write(len(b).to_bytes(8, 'little') + b[:-9])", "ended after"),
        (WHOLE + "out.write((9).to_bytes(8, 'little') + b'no arrays')", "allow_pickle|cannot be"),
        (WHOLE + "out.write((2**60).to_bytes(8, 'little'))", "a step of .* ended after 0"),
        (WHOLE + "sys.stderr.write('a' * 10**6 + 'the end'); sys.exit(3)", "status 3.*aaathe end$"),
    ],
)
def test_what_is_no_step_is_one_line(fake_jax, lines, said):
    """Planted: what comes is read as it is, so that it ends in a traceback of NumPy's."""
    answers = steps(fake_jax(lines))
    assert next(answers)["w"].shape == (3,)
    with pytest.raises(JaxUnavailable, match=said) as caught:
        next(answers)
    assert len(str(caught.value)) < 2500


def test_one_that_hangs_is_ended(fake_jax, monkeypatch, tmp_path):
    """Planted: a read without a limit."""
    monkeypatch.setattr(live_jax, "REQUEST_SECONDS", 1)
    hangs = f"open('{tmp_path}/pid', 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(JaxUnavailable, match="gave no step within 1 s"):
        next(steps(fake_jax(hangs)))
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_an_interrupt_at_the_terminal_does_not_reach_it(fake_jax):
    """Planted: one session for both."""
    session = "np.savez(b, w=np.array([os.getsid(0)])); "
    answers = steps(fake_jax(session + WHOLE.partition("; ")[2]))
    assert np.all(next(answers)["w"] != os.getsid(0))
