"""The compiled loops beside the same in plain NumPy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from checks import plainly

from repro.checks.agreement import equal_bits
from repro.checks.compare import compare
from repro.checks.measured import floor
from repro.checks.noise import POINTWISE, Moves, Stream, half_ulp
from repro.run import Quantity, Run

DTYPES = [np.float16, np.float32, np.float64]
SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0, 3.0, 1e-7, 65504.0, -1e9, 1e20]


def values(dtype, seed, shape=(40, 30)):
    """Numbers of many sizes, some of them special, some subnormal; a row of each special one."""
    rng = np.random.default_rng(seed)
    with np.errstate(over="ignore"):
        found = (rng.normal(size=shape) * 10.0 ** rng.integers(-9, 9, shape)).astype(dtype)
        places = rng.random(shape) < 0.2
        found[places] = rng.choice(SPECIAL, places.sum()).astype(dtype)
        found[:12] = np.array(SPECIAL, dtype)[:, None]
    found[12, :5] = np.finfo(dtype).smallest_subnormal * np.arange(5)
    return found


def one(a):
    return Run({"a": Quantity(np.arange(len(a)), a)})


@pytest.mark.parametrize(("first", "second"), [*product(DTYPES, DTYPES)])
def test_two_arrays_are_held_beside_each_other_as_numpy_does(first, second):
    """Catches a NaN, an infinity or a subnormal that a loop takes for something else."""
    rng = np.random.default_rng(1)
    a = values(first, 2)
    with np.errstate(over="ignore"):
        b = np.where(rng.random(a.shape) < 0.5, a, np.nextafter(a, first(0)))
        b = np.where(rng.random(a.shape) < 0.1, values(first, 3), b).astype(second)
    allowed = np.abs(rng.normal(size=a.shape)) * 10.0 ** rng.integers(-9, 3, a.shape)
    allowed[rng.random(a.shape) < 0.2] = 0
    allowed[rng.random(a.shape) < 0.1] = np.inf
    blind = rng.random(a.shape) < 0.1
    found = compare(one(a), one(b), lambda n, q: allowed, blind=lambda n, q: blind)["a"]
    for name, wanted in plainly.held(a, b, allowed, blind).items():
        got = getattr(found, name) if hasattr(found, name) else getattr(found.judged, name)
        exact = 4e-16 if name == "ulp" else 0  # beyond 2^53 of them
        assert np.allclose(got, wanted, rtol=exact, atol=0, equal_nan=True), name


@pytest.mark.parametrize(("of", "meant"), [*product(DTYPES, DTYPES)])
def test_the_floor_is_numpy_s(of, meant):
    a = values(of, 4)
    assert np.array_equal(floor(a, np.dtype(meant)), plainly.floor(a, np.dtype(meant)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", ["contiguous", "transposed", "strided"])
def test_values_are_moved_where_they_lie(dtype, layout):
    """Catches a loop that moves a copy, or what is as it was before."""
    whole = np.random.default_rng(5).normal(size=(12, 8)).astype(dtype)
    part = {"contiguous": whole, "transposed": whole.T, "strided": whole[::2, 1:]}[layout]
    old, everything = part.copy(), whole.copy()
    before = np.where(np.arange(part.size).reshape(part.shape) % 3 == 0, part, dtype(0))
    wide = np.float64 if dtype == np.float64 else np.float32
    Stream(1).nudge(part, before.astype(dtype))
    by = (old.astype(wide) * Stream(1).xi(part.shape)).astype(float)
    moved = old + by * (POINTWISE * half_ulp(old.dtype))
    wanted = np.where(old == before, old, moved.astype(wide).astype(dtype))
    assert np.array_equal(part, wanted) and (part != old).any()
    assert (whole != everything).sum() == (part != old).sum()
    again = part.copy()
    Stream(2).shift(part, np.full(part.shape, 0.01), own=1.0)
    size = 0.01 + half_ulp(old.dtype) * np.abs(again.astype(float))
    moved = again + Stream(2).xi(part.shape) * size
    assert np.array_equal(part, moved.astype(wide).astype(dtype))


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_numbers_are_moved_by_their_modulus(dtype):
    """Catches a part moved by its own size, and whole, infinite or unchanged numbers that move."""
    rng = np.random.default_rng(6)
    z = (rng.normal(size=(9, 6)) + 1j * rng.normal(size=(9, 6))).astype(dtype)
    z[0], z[1], z[2] = z[0].real, 3 + 4j, complex(np.inf, 1.5)
    parts, xi = z.view(z.real.dtype).reshape(9, 6, 2), Stream(1).xi((9, 6, 2))
    old = np.where(rng.random(parts.shape) < 0.3, parts, 0)
    with np.errstate(all="ignore"):
        wanted = parts + np.abs(z)[..., None] * xi * (POINTWISE * half_ulp(z.dtype))
    still = (old == parts) | (np.trunc(parts) == parts).all(axis=-1, keepdims=True)
    still[2] = True
    wanted, plain = np.where(still, parts, wanted).astype(parts.dtype), parts.copy()
    Stream(1).nudge(z, old.reshape(9, 12).view(dtype), modulus=True)
    assert np.allclose(parts, wanted, rtol=2 * np.finfo(dtype).eps, atol=0)
    assert np.array_equal(parts == plain, still)


@pytest.mark.parametrize("coarse", [np.float16, np.float32, np.float64])
def test_what_rounds_coarser_is_moved_by_as_much_more(coarse):
    """Catches a loop that takes the array's own type for the coarser one that is meant."""
    x = np.random.default_rng(7).normal(size=50).astype(np.float32)
    moves = Moves(coarsest=half_ulp(np.dtype(coarse)))
    times = max(1.0, moves.coarsest / half_ulp(x.dtype))
    nudged, shifted = x.copy(), x.copy()
    Stream(1, moves).nudge(nudged)
    Stream(1, moves).shift(shifted, half_ulp(x.dtype) * np.ones(50), own=1.0)
    by = Stream(1).xi(x.shape) * half_ulp(x.dtype) * times
    assert np.allclose(nudged - x, POINTWISE * by * x, atol=half_ulp(x.dtype) * 4)
    assert np.allclose(shifted - x, by * (1 + np.abs(x)), atol=half_ulp(x.dtype) * 4)


@pytest.mark.parametrize("of", ["?", "i8", "f2", "f4", "f8", "c8", "c16", "U3"])
def test_bits_of_every_type_are_compared(of):
    """Catches a last number, a sign of zero or a letter that is not looked at."""
    a = np.array([[0, 1], [1, 0]]).astype(of)
    for shape in ((2, 2), (4,)):
        one, other = a.reshape(shape), a.T.reshape(shape)
        assert equal_bits(one, other) and equal_bits(a[0, 0, ...], a[1, 1, ...])
        other = other.copy()
        other.flat[-1] = "x" if of == "U3" else 1 if of in ("?", "i8") else -0.0
        assert not equal_bits(one, other)
    assert not equal_bits(a, a[0]) and not equal_bits(a, a.astype("c8" if of == "c16" else "c16"))
