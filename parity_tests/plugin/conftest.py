"""pytester runs pytest inside of this process, and forgets what is imported there."""

from __future__ import annotations

import numpy as np
import pytest

from repro.checks.loops import kernels


@pytest.fixture(scope="session", autouse=True)
def numba_once() -> None:
    """Numba registers its types when it first compiles, and does not stand being forgotten."""
    kernels().whole(np.ones(1), 1.0)
