"""Frames for any content, and commands for any words."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from repro.checks.agreement import equal_bits
from repro.sides.frame import FrameError, Symbol, encode, read_frame

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXT
SCALARS |= TEXT.map(Symbol) | st.complex_numbers()
TUPLES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6)
DTYPES = st.sampled_from(
    [np.dtype(t) for t in ("?", "i8", "u1", "u4", "u8", "f2", "f4", "f8", "c8")]
)
ARRAYS = DTYPES.flatmap(
    lambda d: arrays_of.arrays(d, arrays_of.array_shapes(min_dims=1, min_side=0, max_side=3))
)
ITEMS = st.dictionaries(TEXT, TUPLES | ARRAYS, max_size=4)


def decode(data):
    return read_frame(io.BytesIO(data).read)


@given(ITEMS)
def test_any_items_come_back(items):
    found = decode(encode(items))
    assert list(found) == list(items)
    for name, value in items.items():
        if isinstance(value, np.ndarray):
            assert equal_bits(found[name], value)
        else:
            assert repr(found[name]) == repr(value) and type(found[name]) is type(value)


@given(ITEMS, st.data())
def test_any_part_of_a_frame_is_refused(items, data):
    frame = encode(items)
    with pytest.raises(FrameError):
        decode(frame[: data.draw(st.integers(0, len(frame) - 1))])


@given(ITEMS, st.data())
def test_any_flipped_bit_is_refused(items, data):
    frame = bytearray(encode(items))
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(FrameError):
        decode(bytes(frame))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_refused(data):
    with pytest.raises(FrameError):
        decode(data)
