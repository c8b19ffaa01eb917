"""MersenneTwister against what Julia 1.5.3 drew, and what that recording would catch."""

from __future__ import annotations

import numpy as np
import pytest

from repro.julia import MersenneTwister, dsfmt, mersenne, seeds


def test_every_recorded_draw_is_equal(recorded, first_difference):
    assert first_difference(MersenneTwister, recorded) is None


def test_the_recording_holds_the_cases_that_are_listed(recorded, recorder):
    assert [case for case, _ in recorded] == recorder.cases()


# Plausible wrong ports that only this recording would notice; `planted_streams.py` has the others.


class UniformThroughArrays(MersenneTwister):
    def uniform(self, a, b, size=None):
        return (a + (b - a) * self.rand(int(np.prod(size)))).reshape(size, order="F")


class UniformRowMajorFill(MersenneTwister):
    def uniform(self, a, b, size=None):
        return super().uniform(a, b, int(np.prod(size))).reshape(size)


class LongKeyCut(MersenneTwister):
    def seed_(self, seed):
        return super().seed_(seeds.seed_words(seed)[:767])


class BypassDropsTheCache(MersenneTwister):
    def _array_words(self, n):
        if n >= 384:
            self._position = mersenne.CACHE
        return super()._array_words(n)


class Float32RemainderFromFours(MersenneTwister):
    def _array_values(self, n, kind):
        return super()._array_values(-(-n // 4) * 4, kind)[:n]


FAULTS = [
    UniformThroughArrays,
    UniformRowMajorFill,
    LongKeyCut,
    BypassDropsTheCache,
    Float32RemainderFromFours,
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
