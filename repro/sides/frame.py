"""One message on a pipe: names with arrays, the same in both directions and in both languages.

All numbers are little-endian (the Julia side is ``julia_ref/src/frame.jl``)::

    magic     8 bytes   "JLREF01\\n"
    length    uint64    of the payload
    checksum  32 bytes  SHA-256 of the payload
    payload:  uint32 number of items, then per item
      name    uint16 length, UTF-8 bytes
      type    1 byte: e Float16, f Float32, d Float64, F ComplexF32, D ComplexF64, q Int64,
              Q UInt64, I UInt32, B UInt8, ? Bool; s UTF-8 text, y Symbol, n nothing, t texts,
              ( tuple
      ndims   uint8; 0 is a scalar (text has one dimension, of bytes; a tuple one, of items)
      dims    uint64 each
      data    in column-major order; of texts and of a tuple one nameless item after the other
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

MAGIC = b"JLREF01\n"
TYPES = {
    **{"e": "f2", "f": "f4", "d": "f8", "F": "c8", "D": "c16"},
    **{"q": "i8", "Q": "u8", "I": "u4", "B": "u1", "?": "b1"},
}
CODES = {np.dtype(dtype): code for code, dtype in TYPES.items()}
#: More than any answer holds; a length beyond it is a damaged one, and nobody should wait for it.
MOST_BYTES = 1 << 34

Value: TypeAlias = "np.ndarray | str | bool | int | float | complex | None | tuple[Any, ...]"


class Symbol(str):
    """A text that Julia gets as a Symbol: ``Symbol("decay")`` is its ``:decay``."""


class FrameError(ValueError):
    """Bytes that are no frame, or not a whole and intact one."""


_NONSENSE = (
    struct.error, ValueError, IndexError, OverflowError, MemoryError, RecursionError,
)  # fmt: skip
"""What bytes whose checksum is right may still lead to."""


def encode(items: Mapping[str, Value]) -> bytes:
    """Names and values as one frame.

    Args:
        items: strings, Symbols, None, Bools, ints (Int64), floats (Float64), complex numbers,
            tuples of such, and arrays of any shape; integer arrays travel as Int64 unless they are
            uint8, uint32 or uint64.

    Raises:
        TypeError: a value of another type.
        OverflowError: an int that fits neither Int64 nor UInt64.
    """
    payload = struct.pack("<I", len(items)) + b"".join(map(_encode_item, items, items.values()))
    digest = hashlib.sha256(payload).digest()
    return MAGIC + struct.pack("<Q", len(payload)) + digest + payload


def read_frame(read: Callable[[int], bytes]) -> dict[str, Value]:
    """The next frame from a stream.

    Args:
        read: gives exactly that many bytes, or fewer where the stream ends.

    Returns:
        Items in their order; arrays in column-major layout, scalars as Python values.

    Raises:
        FrameError: the stream ends first, or magic, checksum or layout are wrong.
    """
    header = read(len(MAGIC) + 8 + 32)
    if header[: len(MAGIC)] != MAGIC[: len(header)]:
        raise FrameError(f"no frame, but {header[:40]!r}")
    if len(header) < len(MAGIC) + 8 + 32:
        raise FrameError(f"the stream ended after {len(header)} bytes of a frame's header")
    (size,) = struct.unpack_from("<Q", header, len(MAGIC))
    if size > MOST_BYTES:
        raise FrameError(f"a frame claims to have {size} bytes")
    payload = read(size)
    if len(payload) < size:
        raise FrameError(f"a frame of {size} bytes ended after {len(payload)}")
    if hashlib.sha256(payload).digest() != header[-32:]:
        raise FrameError(f"a frame of {size} bytes does not fit its checksum")
    return _decode(payload)


def _encode_item(name: str, value: Value) -> bytes:
    key = name.encode()
    dims: tuple[int, ...]
    if isinstance(value, str):
        data = value.encode()
        code, dims = "y" if isinstance(value, Symbol) else "s", (len(data),)
    elif value is None:
        data, code, dims = b"", "n", ()
    elif isinstance(value, tuple):
        data, code, dims = _nameless(value), "(", (len(value),)
    else:
        data, code, dims = _wire_array(name, value)
    head = struct.pack(f"<H{len(key)}scB", len(key), key, code.encode(), len(dims))
    return head + struct.pack(f"<{len(dims)}Q", *dims) + data


def _nameless(values: Iterable[Value]) -> bytes:
    return b"".join(_encode_item("", value) for value in values)


def _wire_array(name: str, value: Any) -> tuple[bytes, str, tuple[int, ...]]:
    """Data, type and dimensions."""
    array = np.asarray(value)
    if isinstance(value, list) and len({isinstance(v, str) for v in value}) > 1:
        raise TypeError(f"{name} is a list of texts and others, which does not travel: use a tuple")
    if array.dtype.kind == "U":
        return _nameless(map(str, array.ravel(order="F"))), "t", array.shape
    if array.dtype.kind in "iu" and array.dtype not in CODES:
        array = array.astype(np.int64)
    if array.dtype.kind == "O" and isinstance(value, int):
        raise OverflowError(f"{name} = {value} does not fit Int64 or UInt64")
    code = CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        raise TypeError(f"{name} is of type {array.dtype}, which does not travel: convert it")
    little = array.astype(array.dtype.newbyteorder("<"))
    return little.tobytes(order="F"), code, array.shape


def _decode(payload: bytes) -> dict[str, Value]:
    items: dict[str, Value] = {}
    try:
        (count,) = struct.unpack_from("<I", payload)
        at = 4
        for _ in range(count):
            name, items_value, at = _decode_item(payload, at)
            items[name] = items_value
    except _NONSENSE as problem:
        raise FrameError(f"a frame's items cannot be read ({problem})") from problem
    if at != len(payload) or len(items) != count:
        raise FrameError("a frame's items do not fill it, or two have one name")
    return items


def _decode_item(payload: bytes, at: int) -> tuple[str, Value, int]:
    (length,) = struct.unpack_from("<H", payload, at)
    name = payload[at + 2 : at + 2 + length].decode()
    at += 2 + length
    code, ndims = chr(payload[at]), payload[at + 1]
    dims = struct.unpack_from(f"<{ndims}Q", payload, at + 2)
    at += 2 + 8 * ndims
    if code in "sy":
        text = payload[at : at + dims[0]].decode()
        return name, Symbol(text) if code == "y" else text, at + dims[0]
    if code == "n":
        return name, None, at
    if code in "t(":
        return name, *_decode_nameless(payload, at, code, dims)
    if code not in TYPES:
        raise ValueError(f"unknown type {code!r}")
    dtype = np.dtype(TYPES[code]).newbyteorder("<")
    count = int(np.prod(dims, dtype=np.int64))
    flat = np.frombuffer(payload, dtype, count, at).astype(dtype.newbyteorder("="))
    value = flat.reshape(dims, order="F") if ndims else flat[0].item()
    if code in "efFQ" and not ndims:
        value = flat[0]
    return name, value, at + count * dtype.itemsize


def _decode_nameless(
    payload: bytes, at: int, code: str, dims: tuple[int, ...]
) -> tuple[Value, int]:
    found = []
    for _ in range(int(np.prod(dims, dtype=np.int64))):
        _, value, at = _decode_item(payload, at)
        found.append(value)
    if code == "(":
        return tuple(found), at
    return np.array(found, "U").reshape(dims, order="F"), at
