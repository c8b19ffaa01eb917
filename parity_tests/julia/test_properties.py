"""A stream may be left and taken up anywhere: any script of draws, split by `state()`."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.julia import MersenneTwister, Xoshiro
from repro.julia.tasks import TaskLocal

SIZES = st.sampled_from([0, 1, 2, 7, 8, 64, 383, 384, 500, 1002, 1003])
KINDS = st.sampled_from(["?", "i1", "i8", "u8", "f2", "f4", "f8", "c16", "i4"]).map(np.dtype)
FLOATS = st.sampled_from(["f2", "f4", "f8"]).map(np.dtype)
ENDS = st.sampled_from([1, 2, 10, 2**31, 2**32 + 1, 2**53 + 1, 2**62])
RANGES = st.tuples(ENDS, st.integers(1, 3)).map(lambda found: range(1, found[0] + 1, found[1]))
DRAWS = st.one_of(
    st.tuples(st.just("rand"), st.none(), RANGES, SIZES),
    st.tuples(st.just("rand"), st.none(), RANGES),
    st.tuples(st.sampled_from(["rand_", "randn_", "randexp_"]), FLOATS, SIZES),
    st.tuples(st.just("randsubseq"), st.none(), SIZES.map(range), st.sampled_from([0.1, 0.5, 1.0])),
    st.tuples(st.just("fork"), st.none()),
    st.tuples(st.just("rand"), KINDS),
    st.tuples(st.just("rand"), KINDS, SIZES),
    st.tuples(st.sampled_from(["randn", "randexp"]), FLOATS, SIZES),
    st.tuples(st.sampled_from(["randn", "randexp"]), FLOATS),
    st.tuples(st.just("rand"), st.none()),
    st.tuples(st.sampled_from(["randperm", "randcycle", "bitrand"]), st.none(), SIZES),
    st.tuples(st.just("shuffle"), st.none(), SIZES.map(range).map(list)),
)
SCRIPTS = st.lists(DRAWS, min_size=1, max_size=8)


def drawn(rng, script) -> list[bytes]:
    return [np.asarray(one_draw(rng, *draw)).tobytes() for draw in script]


def one_draw(rng, name, kind, *sizes):
    if name == "fork":
        return rng.fork().rand(3) if isinstance(rng, TaskLocal) else 0
    if name.endswith("_"):
        return getattr(rng, name)(np.empty(*sizes, kind))
    return getattr(rng, name)(*sizes, **({} if kind is None else {"dtype": kind}))


def through_a_file(state):
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    return np.load(file, allow_pickle=False)


@pytest.mark.parametrize("generator", [MersenneTwister, Xoshiro, TaskLocal])
@given(script=SCRIPTS, cut=st.integers(0, 8), seed=st.integers(0, 2**70), data=st.data())
def test_a_stream_goes_on_from_any_of_its_states(generator, script, cut, seed, data):
    first = 5 if generator is MersenneTwister else 7
    julia = f"1.{data.draw(st.integers(first, 12))}"
    whole = drawn(generator(seed, julia), script)
    rng = generator(seed, julia)
    assert drawn(rng, script[:cut]) == whole[:cut]
    state = rng.state()
    taken_up = generator.from_state(through_a_file(state), julia)
    assert drawn(taken_up, script[cut:]) == drawn(rng, script[cut:]) == whole[cut:]
    twice = generator.from_state(state, julia)
    assert drawn(twice, script[cut:]) == whole[cut:], "the first one changed the state"
    assert taken_up == rng == twice
