"""Alias tables (A. J. Walker, ACM Trans. Math. Softw. 3, 1977), as two Julia packages build them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from repro.julia.stream import Stream
from repro.julia.values import Array

_WORD = 1 << 64


def stats_base_alias(weights: Array, total: float) -> tuple[Array, Array]:
    """StatsBase's own table: probabilities to stay in a cell, and where to go otherwise."""
    stay = weights * (len(weights) / total)
    alias = np.zeros(len(weights), dtype=np.int64)
    larges = np.flatnonzero(stay > 1.0).tolist()
    smalls = np.flatnonzero(stay < 1.0).tolist()
    while larges and smalls:
        small, large = smalls.pop(), larges.pop()
        alias[small] = large
        stay[large] = (stay[large] - 1.0) + stay[small]
        (larges if stay[large] > 1.0 else smalls).append(large)
    stay[smalls] = 1.0
    return stay, alias


def draw_stats_base(rng: Stream, weights: Array, total: float, k: int) -> Array:
    """k places by `rand(1:n)` and `rand()` each."""
    stay, alias = stats_base_alias(weights, total)
    places = np.empty(k, dtype=np.int64)
    for i in range(k):
        cell = rng._below(len(weights), 1)[0]
        places[i] = cell if rng.rand() < stay[cell] else alias[cell]
    return places


class AliasTable:
    """AliasTables.jl 1: cells of 2^64 / 2^b numbers each; some of a cell belong to another place.

    Raises ValueError where no weight is positive, or one is negative or not finite.
    """

    def __init__(self, weights: Sequence[float] | Array) -> None:
        given = np.asarray(weights).tolist()
        if min(given, default=-1) < 0 or not 0 < sum(given) < math.inf:
            raise ValueError(
                "ArgumentError: weights must be 0 or more, finite and not all 0; give such weights"
            )
        self.shift = 64 - (len(given) - 1).bit_length()
        self.cell = 1 << self.shift
        self.moved = [(0, i) for i in range(1 << (64 - self.shift))]
        positive = [i for i, w in enumerate(given) if w]
        if len(positive) == 1:
            self.moved = [(_WORD, positive[0])] * len(self.moved)
        else:
            self._fill(_whole(given))

    def _fill(self, weights: list[int]) -> None:
        divisor = math.gcd(*weights, _WORD)
        if _WORD // divisor < len(self.moved):
            self._look_up([w // divisor for w in weights])
        else:
            self._alias(weights)

    def _look_up(self, counts: list[int]) -> None:
        """Fewer different numbers than cells: whole cells belong to a place."""
        whose = [i for i, count in enumerate(counts) for _ in range(count)]
        self.moved = [(_WORD, whose[j % len(whose)]) for j in range(len(self.moved))]

    def _alias(self, weights: list[int]) -> None:
        """Cells with too few numbers of their own pass the rest on to the current thirsty place."""
        wanted = weights + [0] * (len(self.moved) - len(weights))
        thirsty = (i for i in range(1, len(weights)) if wanted[i] >= self.cell)
        surplus = (i for i in range(1, len(wanted)) if wanted[i] < self.cell)
        current, want = 0, wanted[0]
        while True:
            if want < self.cell:
                excess, following = self.cell - want, next(thirsty)
                self.moved[current] = (excess, following)
                current, want = following, wanted[following] - excess
            else:
                place = next(surplus, None)
                if place is None:
                    return
                self.moved[place] = (self.cell - wanted[place], current)
                want -= self.cell - wanted[place]

    def place(self, word: int) -> int:
        """The place, from 0 on, that a word of 64 bits falls to."""
        cell = word >> self.shift
        limit, other = self.moved[cell]
        return other if word & self.cell - 1 < limit else cell

    def draw(self, rng: Stream, k: int) -> Array:
        """k places, one UInt64 each."""
        words = rng._scalar_values(k, np.dtype(np.uint64)).tolist()
        return np.array([self.place(word) for word in words], dtype=np.int64)


def _whole(weights: list[float]) -> list[int]:
    """Weights as whole numbers whose sum is 2^64."""
    if not all(isinstance(w, int) for w in weights):
        total = 0.0
        for w in weights:
            total += w
        exponent = math.frexp(total + math.sqrt(math.ulp(total)))[1] - 1
        weights = [math.ceil(Fraction(w) * Fraction(2) ** (63 - exponent)) for w in weights]
    total = sum(weights)
    whole = [int(w) * _WORD // int(total) for w in weights]
    for i in range(_WORD - sum(whole)):
        whole[i] += 1
    return whole
