"""One thread for torch; the live Julia that tests ask, and what happens where there is none."""

from __future__ import annotations

import os

# Before torch is imported: matrices this small are fastest on one thread, and several workers of
# pytest with a pool of threads each bring a small machine to a halt.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import signal

# What a shell runs in the background ignores interrupts, and so would the tests about them.
signal.signal(signal.SIGINT, signal.default_int_handler)

# ruff: noqa: E402
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import torch
from juliacall_env import setup

from repro.sides.julia.find import Julia, JuliaNotFound, find_julia
from repro.sides.julia.reference import JuliaReference
from repro.sides.live_jax import JaxUnavailable, find_jax

# Before Triton is imported: without a GPU its kernels are interpreted on the CPU.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

# Few examples, the same ones every time; `make test-slow` looks at more.
_COMMON = {"deadline": None, "database": None, "suppress_health_check": [*hypothesis.HealthCheck]}
hypothesis.settings.register_profile("few", derandomize=True, max_examples=30, **_COMMON)
hypothesis.settings.register_profile("many", derandomize=True, max_examples=200, **_COMMON)
# Beside a planted fault the first example that fails will do; to make it smaller takes long.
_FIRST = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
hypothesis.settings.register_profile(
    "first", derandomize=True, max_examples=30, phases=_FIRST, **_COMMON
)
hypothesis.settings.load_profile("few")

SETUP_COMMAND = "python parity_tests/juliacall_env/setup.py   (or: make test)"


def not_run(reason: str, program: str = "JULIA") -> None:
    """Say that a test did not run; where REPRO_REQUIRE_JULIA (or _JAX) is 1, fail it for that."""
    if os.environ.get(f"REPRO_REQUIRE_{program}") == "1":
        pytest.fail(f"REPRO_REQUIRE_{program}=1, but {reason}", pytrace=False)
    pytest.skip(f"NOT RUN: {reason}")


@pytest.fixture(scope="session", name="not_run")
def _not_run() -> Callable[[str], None]:
    """`not_run(reason)`: skip with that reason, or fail where Julia is required."""
    return not_run


@pytest.fixture(scope="session")
def julia() -> Julia:
    """The Julia that `repro` finds."""
    try:
        return find_julia()
    except JuliaNotFound as problem:
        not_run(str(problem))
        raise


@pytest.fixture(scope="session")
def live_julia(julia: Julia) -> Iterator[JuliaReference]:
    """One worker for all tests that only ask: each further one compiles for five seconds."""
    with JuliaReference("worker", julia) as reference:
        yield reference


@pytest.fixture(scope="session")
def jax_python() -> str:
    """The path of a Python that has JAX."""
    try:
        return find_jax()
    except JaxUnavailable as problem:
        not_run(str(problem), "JAX")
        raise


@pytest.fixture(scope="session")
def juliacall_variables(julia: Julia) -> dict[str, str]:
    """The environment variables under which juliacall starts `julia`."""
    from repro.cli.julia import juliacall_problem

    if "PYTHON_JULIACALL_PROJECT" in os.environ:
        names = ("PYTHON_JULIACALL_EXE", "PYTHON_JULIACALL_PROJECT")
        return {name: os.environ[name] for name in names if name in os.environ}
    if setup.is_set_up(julia):
        return setup.variables(julia)
    if julia.version_info < (1, 10):
        not_run(f"juliacall is not set up for Julia {julia.version}. Do so with: {SETUP_COMMAND}")
    problem = juliacall_problem(julia)
    if problem is not None:
        not_run(f"juliacall does not start: {problem}\nSet it up with: {SETUP_COMMAND}")
    return {}


@pytest.fixture
def fake_julia(tmp_path: Path) -> Callable[[str], str]:
    """`fake_julia(script)`: the path of a program called `julia` that runs these shell lines."""

    def make(script: str) -> str:
        program = tmp_path / "julia"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return str(program)

    return make
