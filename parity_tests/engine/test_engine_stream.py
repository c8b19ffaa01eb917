"""The compiled stream against `repro.julia.MersenneTwister`, which is held to Julia itself.

Catches: a wrong recursion, a refill at the wrong place, another mask, draws lost on the way in or
out of compiled code.
"""

from __future__ import annotations

import numpy as np
import pytest

from repro.engine import stream
from repro.engine.compiling import jit
from repro.julia import MersenneTwister


@jit
def draw(compiled, a, b, n):
    out = np.empty(n)
    for i in range(n):
        out[i] = stream.uniform(compiled, a, b)
    return out


@jit
def permutations(compiled, sizes):
    """The last element of a permutation of each size, and the sum of squares of places * values."""
    out = np.empty((sizes.size, 2), np.int64)
    for row in range(sizes.size):
        p = np.empty(sizes[row], np.int64)
        stream.randperm(compiled, p)
        out[row, 0] = p[-1]
        out[row, 1] = np.sum(p * np.arange(p.size) * np.arange(p.size))
    return out


@pytest.mark.parametrize("seed", [0, 42, 2**40 + 7])
@pytest.mark.parametrize("spent", [0, 1, 501, 1001, 1002, 1003])
def test_uniform_numbers_and_the_place_left_in(seed, spent):
    rng, python = MersenneTwister(seed), MersenneTwister(seed)
    if spent:
        rng.uniform(0, 1, spent), python.uniform(0, 1, spent)
    compiled = stream.take(rng)
    assert np.array_equal(draw(compiled, -5.0, 5.0, 5003), python.uniform(-5.0, 5.0, 5003))
    stream.hand_back(compiled, rng)
    assert rng.state().keys() == python.state().keys()
    for name, value in python.state().items():
        assert np.array_equal(rng.state()[name], value), name
    assert rng.rand(400).tolist() == python.rand(400).tolist()


def test_a_generator_stays_one_of_its_julia():
    """From Julia 1.11 on shuffles go upwards, and a seed starts another stream."""
    rng, python = MersenneTwister(1, "1.11"), MersenneTwister(1, "1.11")
    compiled = stream.take(rng)
    draw(compiled, 0.0, 1.0, 5), python.uniform(0, 1, 5)
    stream.hand_back(compiled, rng)
    assert rng.shuffle([*range(20)]) == python.shuffle([*range(20)])
    assert rng.seed_(1) == python.seed_(1)


def test_permutations():
    sizes = np.tile(np.arange(1, 71), 5)
    python = MersenneTwister(3)
    found = permutations(stream.take(MersenneTwister(3)), sizes)
    for row, n in zip(found, sizes.tolist(), strict=True):
        p = python.randperm(n) - 1
        assert row.tolist() == [p[-1], np.sum(p * np.arange(n) ** 2)]


def test_taking_leaves_the_generator_where_it_was():
    rng = MersenneTwister(1)
    draw(stream.take(rng), 0.0, 1.0, 2000)
    assert rng.rand() == MersenneTwister(1).rand()
