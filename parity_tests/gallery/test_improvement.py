"""The statistics of pairs, beside their definitions and beside formulas that are wrong."""

from __future__ import annotations

from math import comb, inf, sqrt

import numpy as np
import pytest

from repro.gallery.improvement import (
    LEVEL,
    Proportion,
    improvement,
    interquartile_interval,
    interquartile_mean,
)

TAIL = (1 - LEVEL) / 2
COUNTS = [(61, 64), (32, 64), (1, 64), (7, 10)]


def at_least(wins: int, pairs: int, p: float) -> float:
    """The chance of so many wins or more, by the binomial sum."""
    return sum(comb(pairs, k) * p**k * (1 - p) ** (pairs - k) for k in range(wins, pairs + 1))


def is_exact(wins: int, pairs: int, low: float, high: float) -> bool:
    """What defines Clopper and Pearson's interval: at each end the data are just this unlikely."""
    ends = at_least(wins, pairs, low), 1 - at_least(wins + 1, pairs, high)
    return ends == pytest.approx((TAIL, TAIL), rel=1e-6)


def wald(wins: int, pairs: int) -> tuple[float, float]:
    p = wins / pairs
    return p - 1.96 * sqrt(p * (1 - p) / pairs), p + 1.96 * sqrt(p * (1 - p) / pairs)


def wilson(wins: int, pairs: int) -> tuple[float, float]:
    p, z = wins / pairs, 1.96
    middle, half = p + z * z / 2 / pairs, z * sqrt(p * (1 - p) / pairs + (z / 2 / pairs) ** 2)
    return (middle - half) / (1 + z * z / pairs), (middle + half) / (1 + z * z / pairs)


@pytest.mark.parametrize(("wins", "pairs"), COUNTS)
def test_the_interval_is_the_exact_one(wins, pairs):
    assert is_exact(wins, pairs, *Proportion(wins, pairs).interval)


@pytest.mark.parametrize("wrong", [wald, wilson])
@pytest.mark.parametrize(("wins", "pairs"), COUNTS)
def test_another_interval_is_noticed(wins, pairs, wrong):
    low, high = (min(max(end, 0), 1) for end in wrong(wins, pairs))
    assert not is_exact(wins, pairs, low, high)


def test_nothing_and_everything_have_one_open_end():
    assert Proportion(0, 64).interval.low == 0 and Proportion(64, 64).interval.high == 1
    assert Proportion(64, 64).interval.low == pytest.approx(TAIL ** (1 / 64))


@pytest.fixture
def pairs():
    """A tenth better in every pair, where the pairs themselves are much further apart."""
    worse = np.random.default_rng(5).normal(0, 1, 64)
    return worse - 0.1, worse


def unpaired(better, worse):
    return (better[:, None] < worse[None, :]).mean()


def test_the_probability_is_that_of_pairs(pairs):
    """A formula over all 64 x 64 combinations would say 0.53 where every pair improves."""
    better, worse = pairs
    assert improvement(better, worse).probability == 1
    assert unpaired(better, worse) < 0.6


def test_a_swapped_pair_flips_the_probability(pairs):
    better, worse = pairs
    better = better.copy()
    better[:16] += 0.2
    there, back = improvement(better, worse), improvement(worse, better)
    assert (there.wins, back.wins) == (48, 16)
    assert back.interval == pytest.approx([1 - end for end in there.interval][::-1])


def test_pairs_in_another_order_are_other_pairs(pairs):
    better, worse = pairs
    assert improvement(better, np.roll(worse, 1)).wins < 50


def test_what_diverged_loses_and_two_that_did_are_no_pair():
    better, worse = np.array([1.0, inf, inf, 1.0]), np.array([inf, inf, 1.0, 2.0])
    assert improvement(better, worse) == Proportion(2, 3)
    assert improvement(worse, better) == Proportion(1, 3)
    with pytest.raises(ValueError, match="ties"):
        improvement(better, better)


def test_unequal_lengths_are_no_pairs(pairs):
    with pytest.raises(ValueError, match="pairs"):
        improvement(pairs[0], pairs[1][:63])


def test_the_interquartile_mean_leaves_a_quarter_out_on_either_side():
    values = np.array([inf, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -1e9])
    assert interquartile_mean(values) == np.mean([2, 3, 4, 5])


def test_the_bootstrap_covers_about_as_often_as_it_says():
    """Of 120 samples of 64; below 0.88 or always would be three standard errors off."""
    generator = np.random.default_rng(2)
    inside = 0
    for _ in range(120):
        low, high = interquartile_interval(generator.normal(0, 1, 64))
        inside += low <= 0 <= high
    assert 0.88 <= inside / 120 < 1


def test_the_interval_is_the_same_each_time(pairs):
    assert interquartile_interval(pairs[0]) == interquartile_interval(pairs[0])
