"""MersenneTwister against what Julia 1.5.3 drew, and what that recording would catch."""

from __future__ import annotations

import numpy as np
import pytest

from repro.julia import MersenneTwister, dsfmt, mersenne, stream


def test_every_recorded_draw_is_equal(recorded, first_difference):
    assert first_difference(MersenneTwister, recorded) is None


def test_the_recording_holds_the_cases_that_are_listed(recorded, recorder):
    assert [case for case, _ in recorded] == recorder.cases()


# Plausible wrong ports. Each is the right one but for one line, and each must be caught.


class MaskAlwaysSmallest(MersenneTwister):
    def randperm(self, n):
        perm = list(range(1, n + 1))
        for i in range(1, n):
            j = self._up_to(i, (1 << i.bit_length()) - 1)
            perm[i], perm[j] = perm[j], i + 1
        return np.array(perm, dtype=np.int64)


class MaskGrowsLate(MersenneTwister):
    def _up_to(self, top, mask):
        return super()._up_to(top, mask >> 1 if top == mask >> 1 and mask > 3 else mask)


class ModuloForRejection(MersenneTwister):
    def _up_to(self, top, mask):
        return self._masked(mask) % (top + 1)


class ShuffleLikeLaterJulia(MersenneTwister):
    def shuffle(self, values):
        return [values[i - 1] for i in self.randperm(len(values))]


class NoCacheBypass(MersenneTwister):
    def _array_words(self, n):
        return self.next_words(n)


class BypassOneLater(MersenneTwister):
    def _array_words(self, n):
        return self.next_words(n) if n < 386 else super()._array_words(n)


class WholeArrayPastTheCache(MersenneTwister):
    def _array_words(self, n):
        if n < 384 or n % 2:
            return super()._array_words(n)
        return dsfmt.generate(self._dsfmt, n)


class BypassDropsTheCache(MersenneTwister):
    def _array_words(self, n):
        if n >= 384:
            self._position = mersenne.CACHE
        return super()._array_words(n)


class EmptyArrayLeavesTheCacheSpent(MersenneTwister):
    def _array_words(self, n):
        return super()._array_words(n) if n else self.next_words(0)


class ScalarRefillsEarly(MersenneTwister):
    def _masked(self, mask):
        word = super()._masked(mask)
        self._refill_if_spent()
        return word


class Float32FromHighBits(MersenneTwister):
    def _scalar32(self):
        return np.float32(self.rand())


class Float32ArrayOfScalars(MersenneTwister):
    def _array32(self, n):
        return np.array([self._scalar32() for _ in range(n)], dtype=np.float32)


class Float32WithoutCarry(MersenneTwister):
    def _array32(self, n):
        whole = n // 4
        words = self._array_words(2 * whole)
        bits = (words ^ words << np.uint64(26)).view("<u4") & np.uint32(0x7FFFFF)
        head = (bits | np.uint32(0x3F800000)).view("<f4") - np.float32(1)
        return np.concatenate([head, [self._scalar32() for _ in range(n - 4 * whole)]], dtype="<f4")


class Float32RemainderFromFours(MersenneTwister):
    def _array32(self, n):
        return super()._array32(-(-n // 4) * 4)[:n]


class UniformThroughArrays(MersenneTwister):
    def _floats(self, n):
        return self.rand(n)


class UniformRowMajorFill(MersenneTwister):
    def uniform(self, a, b, size=None):
        return (a + (b - a) * self._floats(int(np.prod(size)))).reshape(size)


class SeedOfOneWord(MersenneTwister):
    def __init__(self, seed):
        super().__init__(seed if isinstance(seed, list) else seed & 0xFFFFFFFF)


class SeedHighestWordFirst(MersenneTwister):
    def __init__(self, seed):
        super().__init__(stream.seed_words(seed)[::-1])


class SeedPaddedToTwoWords(MersenneTwister):
    def __init__(self, seed):
        words = stream.seed_words(seed)
        super().__init__(words + [0] * (2 - len(words)))


class LongKeyCut(MersenneTwister):
    def __init__(self, seed):
        super().__init__(stream.seed_words(seed)[:767])


FAULTS = [
    MaskAlwaysSmallest,
    MaskGrowsLate,
    ModuloForRejection,
    ShuffleLikeLaterJulia,
    NoCacheBypass,
    BypassOneLater,
    WholeArrayPastTheCache,
    BypassDropsTheCache,
    EmptyArrayLeavesTheCacheSpent,
    ScalarRefillsEarly,
    Float32FromHighBits,
    Float32ArrayOfScalars,
    Float32WithoutCarry,
    Float32RemainderFromFours,
    UniformThroughArrays,
    UniformRowMajorFill,
    SeedOfOneWord,
    SeedHighestWordFirst,
    SeedPaddedToTwoWords,
    LongKeyCut,
]


@pytest.mark.parametrize("wrong", FAULTS)
def test_a_wrong_port_is_caught(wrong, recorded, first_difference):
    assert first_difference(wrong, recorded) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_certify_period", lambda lung: None),
        ("_reverse_every_other", lambda rows: None),
        ("_SHIFT_LEFT", np.uint64(18)),
        ("_SHIFT_RIGHT", np.uint64(11)),
        ("_LAG", 7),
        ("_MASK", dsfmt._MASK[::-1]),
    ],
)
def test_a_wrong_generator_is_caught(name, value, recorded, first_difference, monkeypatch):
    monkeypatch.setattr(dsfmt, name, value)
    assert first_difference(MersenneTwister, recorded) is not None
