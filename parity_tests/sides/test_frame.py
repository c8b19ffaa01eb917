"""The frame that requests and answers travel in: whatever is damaged is refused."""

from __future__ import annotations

import hashlib
import io
import struct

import numpy as np
import pytest

from repro.sides.frame import MAGIC, FrameError, Symbol, encode, read_frame

ITEMS = {
    "text": "ψ is 0.5",
    "nothing": "",
    "yes": True,
    "int": -(2**63),
    "float": -0.0,
    "f4": np.array([[1, 2, 3], [4, 5, 6]], np.float32),
    "f8": np.array([np.nan, np.inf, 5e-324]),
    "i8": np.arange(3),
    "u4": np.array([2**32 - 1], np.uint32),
    "u1": np.array([], np.uint8),
    "bools": np.array([True, False]),
    "empty": np.zeros((0, 3)),
    "cube": np.arange(24.0).reshape(2, 3, 4),
    "f2": np.array([0.1, 65504], np.float16),
    "c4": np.array([[1 - 2j, np.inf]], np.complex64),
    "c8": np.array([1e300 + 5e-324j]),
    "u8": np.array([2**64 - 1], np.uint64),
    "texts": np.array([["a", ""], ["ψ", "long"]]),
    "complex": 1 + 2j,
    "none": None,
    "symbol": Symbol("decay"),
    "tuple": (1, "b", (None, 2.5), ()),
}


def decode(data: bytes) -> dict:
    return read_frame(io.BytesIO(data).read)


def test_everything_comes_back_as_it_went():
    found = decode(encode(ITEMS))
    assert list(found) == list(ITEMS)
    for name, value in ITEMS.items():
        if isinstance(value, np.ndarray):
            assert found[name].dtype == value.dtype and found[name].shape == value.shape
            assert found[name].tobytes() == value.tobytes()
        else:
            assert type(found[name]) is type(value) and found[name] == value
    assert np.signbit(found["float"])


def test_a_float32_scalar_stays_float32():
    found = decode(encode({"loss": np.float32(0.1)}))["loss"]
    assert found.dtype == np.float32 and found == np.float32(0.1)


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "u2"])
def test_integers_of_other_widths_travel_as_int64(dtype):
    found = decode(encode({"n": np.array([[100], [7]], dtype)}))["n"]
    assert found.dtype == np.int64 and found.tolist() == [[100], [7]]


def test_the_layout_is_the_documented_one():
    item = b"\1\0a" + b"f\2" + struct.pack("<2Q", 2, 1) + struct.pack("<2f", 1, 2)
    payload = b"\1\0\0\0" + item
    expected = MAGIC + struct.pack("<Q", len(payload)) + hashlib.sha256(payload).digest() + payload
    assert encode({"a": np.array([[1], [2]], np.float32)}) == expected


def test_matrices_travel_column_by_column():
    data = encode({"a": np.array([[1, 2], [3, 4]], np.uint8)})
    assert data[-4:] == bytes([1, 3, 2, 4])


@pytest.mark.parametrize("value", [np.float16(1), np.uint64(2**64 - 1), np.complex64(1j)])
def test_a_narrow_scalar_stays_narrow(value):
    found = decode(encode({"x": value}))["x"]
    assert found.dtype == value.dtype and found == value


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1])
def test_what_does_not_fit_64_bits(value):
    with pytest.raises(OverflowError, match="n.*does not fit Int64 or UInt64"):
        encode({"n": value})


@pytest.mark.parametrize("value", [np.longdouble(1), object(), [1, "a"], [1, None], b"a"])
def test_what_does_not_travel(value):
    with pytest.raises(TypeError, match="x is .* which does not travel: (convert it|use a tuple)"):
        encode({"x": value})


def test_every_flipped_bit_is_noticed():
    frame = encode({"text": "abc", "x": np.array([1.0, 2.0])})
    for at in range(len(frame)):
        for bit in range(8):
            damaged = bytearray(frame)
            damaged[at] ^= 1 << bit
            with pytest.raises(FrameError):
                decode(bytes(damaged))


def test_every_truncation_is_noticed():
    frame = encode({"text": "abc", "x": np.array([1.0, 2.0])})
    for length in range(len(frame)):
        with pytest.raises(FrameError):
            decode(frame[:length])


@pytest.mark.parametrize("length", [0, 5, 8, 20, 47])
def test_a_header_that_ends_early_is_told_as_such(length):
    """Catches a short header whose missing bytes are taken for something."""
    said = f"the stream ended after {length} bytes of a frame's header"
    with pytest.raises(FrameError, match=said):
        decode(encode({"a": 1})[:length])


def test_nobody_waits_for_an_endless_frame():
    asked = []

    def read(size):
        asked.append(size)
        return MAGIC + struct.pack("<Q", (1 << 34) + 1) + bytes(32)

    with pytest.raises(FrameError, match="a frame claims to have 17179869185 bytes"):
        read_frame(read)
    assert asked == [48]


def signed(payload: bytes) -> bytes:
    """A frame whose checksum is right, whatever it holds."""
    return MAGIC + struct.pack("<Q", len(payload)) + hashlib.sha256(payload).digest() + payload


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\1\0\0\0",
        b"\0\0\0\0extra",
        b"\1\0\0\0" + b"\1\0a" + b"Z\0",
        b"\1\0\0\0" + b"\1\0a" + b"d\1" + struct.pack("<Q", 2) + bytes(8),
        b"\1\0\0\0" + b"\1\0\xff" + b"B\0\7",
        b"\1\0\0\0" + b"\1\0a" + b"s\1" + struct.pack("<Q", 9) + b"short",
        b"\2\0\0\0" + (b"\1\0a" + b"B\0\7") * 2,
    ],
)
def test_a_right_checksum_over_nonsense_is_refused(payload):
    with pytest.raises(FrameError, match="items"):
        decode(signed(payload))


def test_what_came_instead_is_quoted():
    with pytest.raises(FrameError, match="Segmentation fault"):
        decode(b"Segmentation fault (core dumped)\n" * 3)
