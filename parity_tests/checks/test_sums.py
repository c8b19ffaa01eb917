"""How far sums may be off, beside NumPy's; compiled loops alone round as they do here."""

from __future__ import annotations

import numpy as np
import pytest
from checks import plainly

from repro.checks.noise import LOOP, half_ulp, product_size, sum_size


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 7, 1000])
def test_the_size_of_a_sum_is_numpy_s(dtype, n):
    terms = np.random.default_rng(n).normal(size=(5, n)).astype(dtype)
    result = terms.sum(axis=1)
    wanted = plainly.sum_size(terms, result, half_ulp(result.dtype), LOOP)
    assert np.allclose(sum_size(terms, result), wanted, rtol=1e-3 if dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("n", [5, 64, 300])
def test_the_size_of_a_complex_product_is_that_of_its_parts(n):
    """Catches partial sums of complex products that cancel in a square without a modulus."""
    rng = np.random.default_rng(n)
    a, b = (rng.normal(size=s) + 1j * rng.normal(size=s) for s in ((6, n), (n, 4)))
    a, b = a.astype(np.complex64), b.astype(np.complex64)
    size = product_size(a, b, a @ b)
    off = np.zeros((6, 4), np.complex64)
    for k in range(n):
        off += a[:, k : k + 1] * b[k]
    off = np.abs(off - a.astype(np.complex128) @ b)
    assert size.shape == (6, 4) and (off < 10 * size).all()
    assert np.median(size) < 60 * np.median(off)
