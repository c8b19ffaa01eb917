"""One message on a pipe: names with arrays, the same in both directions and in both languages.

All numbers are little-endian (the Julia side is ``julia_ref/src/frame.jl``)::

    magic     8 bytes   "JLREF01\\n"
    length    uint64    of the payload
    checksum  32 bytes  SHA-256 of the payload
    payload:  uint32 number of items, then per item
      name    uint16 length, UTF-8 bytes
      type    1 byte: f Float32, d Float64, q Int64, I UInt32, B UInt8, ? Bool, s UTF-8 text
      ndims   uint8; 0 is a scalar (text counts as one dimension, of bytes)
      dims    uint64 each
      data    in column-major order
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

MAGIC = b"JLREF01\n"
TYPES = "fdqIB?"
#: More than any answer holds; a length beyond it is a damaged one, and nobody should wait for it.
MOST_BYTES = 1 << 34

Value: TypeAlias = "np.ndarray | str | bool | int | float"


class FrameError(ValueError):
    """Bytes that are no frame, or not a whole and intact one."""


def encode(items: Mapping[str, Value]) -> bytes:
    """Names and values as one frame.

    Args:
        items: strings, Bools, ints (Int64), floats (Float64), and arrays of any shape; integer
            arrays travel as Int64 unless they are uint8 or uint32.

    Raises:
        TypeError: a value of another type.
        OverflowError: an int that does not fit Int64.
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
    if isinstance(value, str):
        data = value.encode()
        code, dims = "s", (len(data),)
    else:
        array = _wire_array(name, value)
        data, code, dims = array.tobytes(order="F"), array.dtype.char, array.shape
    head = struct.pack(f"<H{len(key)}scB", len(key), key, code.encode(), len(dims))
    return head + struct.pack(f"<{len(dims)}Q", *dims) + data


def _wire_array(name: str, value: Value) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind in "iu" and array.dtype.char not in "IB":
        if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
            raise OverflowError(f"{name} does not fit Int64")
        return array.astype("<q")
    if array.dtype.kind == "O" and isinstance(value, int):
        raise OverflowError(f"{name} = {value} does not fit Int64")
    if array.dtype.char not in TYPES:
        raise TypeError(f"{name} is of type {array.dtype}, which does not travel: convert it")
    return array.astype(array.dtype.newbyteorder("<"))


def _decode(payload: bytes) -> dict[str, Value]:
    items: dict[str, Value] = {}
    try:
        (count,) = struct.unpack_from("<I", payload)
        at = 4
        for _ in range(count):
            name, items_value, at = _decode_item(payload, at)
            items[name] = items_value
    except (struct.error, ValueError, IndexError) as problem:
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
    if code == "s":
        return name, payload[at : at + dims[0]].decode(), at + dims[0]
    if code not in TYPES:
        raise ValueError(f"unknown type {code!r}")
    dtype = np.dtype(code).newbyteorder("<")
    count = int(np.prod(dims, dtype=np.int64))
    flat = np.frombuffer(payload, dtype, count, at).astype(dtype.newbyteorder("="))
    value = flat.reshape(dims, order="F") if ndims else flat[0].item()
    if code == "f" and not ndims:
        value = flat[0]
    return name, value, at + count * dtype.itemsize
