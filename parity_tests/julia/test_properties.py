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
DRAWS = st.one_of(
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
    found = []
    for name, kind, *sizes in script:
        options = {} if kind is None else {"dtype": kind}
        found.append(np.asarray(getattr(rng, name)(*sizes, **options)).tobytes())
    return found


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
