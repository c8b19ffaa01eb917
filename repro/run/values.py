"""What a value is made of: one rule, kept here and by ``sides/julia/user/src/values.jl`` alike.

* Numbers, and arrays, lists and tuples of numbers alone, are one array under their name, in their
  own type: Bool, integer, floating or complex, of 64 bits a part at most. BFloat16 arrives as the
  Float32 that it is. Sparse and structured matrices, ranges, views and transposes become dense.
* Texts, Symbols, dates (ISO 8601) and integers beyond 64 bits are texts, equal or not.
* What has named parts (structs, named tuples, dataclasses, dicts, a state_dict()) is
  `NAME.PART`; other lists, tuples and arrays are `NAME.1`, `NAME.2`, ..., counted from 1.
* Nothing (None) is not there. Functions, types and empty structs among parts are left out.
* What else there is, is refused by name and step.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from datetime import date
from numbers import Number
from typing import Any

import numpy as np

from repro.errors import ReproError

DEEPEST = 32
"""Parts within parts: beyond it something holds itself."""


class StepError(ReproError, ValueError):
    """A step that is not named values. The message says which, and of which side."""


def leaves(name: str, value: Any, where: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The arrays, numbers and texts that a value is made of, as they are, under their names.

    Args:
        where: the step and its side, for messages.

    Raises:
        StepError: it holds itself.
    """
    if value is None:
        return
    if depth > DEEPEST:
        raise StepError(f"`{name}` in {where} has parts within parts without end: yield arrays")
    parts = _parts(value)
    if parts is None:
        yield name, value
        return
    for key, part in parts:
        if not _left_out(part):
            yield from leaves(f"{name}.{key}", part, where, depth + 1)


def as_array(value: Any, where: str) -> np.ndarray:
    """A copy of a number, a text, or an array of them.

    Args:
        where: the quantity, the step and its side, for messages.

    Raises:
        StepError: it is none of these.
    """
    try:
        found = _array(value)
    except (TypeError, ValueError, RuntimeError) as error:
        said = str(error).splitlines()[0]
        raise StepError(f"{where} is no array ({said}): yield numbers or texts") from None
    kind, size = found.dtype.kind, found.dtype.itemsize
    if kind not in "biufcU" or (kind != "U" and size > (16 if kind == "c" else 8)):
        held = next(iter(found.flat)) if kind == "O" else found
        name = type(held).__name__ if kind == "O" else str(found.dtype)
        instead = _INSTEAD.get(name, _INSTEAD.get(kind, "numbers or texts in its place"))
        raise StepError(f"{where} is of type {name}: yield {instead}, or leave it out")
    return np.ascontiguousarray(found).reshape(found.shape)


_INSTEAD = {
    "m": "x / numpy.timedelta64(1, 's')",
    "timedelta": "x.total_seconds()",
    "S": "x.decode()",
    "f": "x.astype(numpy.float64)",
    "c": "x.astype(numpy.complex128)",
    "Decimal": "float(x)",
    "Fraction": "float(x)",
}
"""By type or kind, the line to write."""


def address(value: Any) -> int | None:
    """Where an array that can be changed in place has its numbers; None for other values."""
    if hasattr(value, "data_ptr") and hasattr(value, "layout"):
        return int(value.data_ptr()) or None if "strided" in str(value.layout) else None
    if isinstance(value, np.ndarray) and value.size:
        return int(value.__array_interface__["data"][0])
    return id(value) if isinstance(value, list) else None


def _parts(value: Any) -> list[tuple[Any, Any]] | None:
    """By name or position; None where it is one array, number or text."""
    if hasattr(value, "detach"):
        return None
    if callable(getattr(value, "state_dict", None)) and not isinstance(value, type):
        value = value.state_dict()
    if isinstance(value, Mapping):
        return list(value.items())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return list(zip(value._fields, value, strict=True))
    if isinstance(value, list | tuple) and not _alike(value):
        return list(enumerate(value, 1))
    if isinstance(value, np.ndarray) and value.dtype.names:
        return [(name, value[name]) for name in value.dtype.names]
    if isinstance(value, np.ndarray) and value.dtype.kind == "O" and not _alike(list(value.flat)):
        return [(".".join(str(i + 1) for i in at), v) for at, v in np.ndenumerate(value)]
    return None


def _alike(values: list[Any] | tuple[Any, ...]) -> bool:
    """Whether these are numbers alone, or texts alone, and so one array."""
    return all(map(_is_number, values)) or all(map(_is_text, values))


def _is_number(value: Any) -> bool:
    if isinstance(value, np.generic):
        return value.dtype.kind in "biufcV"
    scalar = getattr(value, "shape", None) == () and str(getattr(value, "dtype", "")) != "object"
    return isinstance(value, Number) or scalar


def _is_text(value: Any) -> bool:
    return isinstance(value, str | date | np.datetime64)


def _left_out(part: Any) -> bool:
    if isinstance(part, type):
        return True
    return callable(part) and _parts(part) is None and not hasattr(part, "__array__")


def _array(value: Any) -> np.ndarray:
    several = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(v, np.ma.MaskedArray) for v in several):
        raise TypeError("it is masked; `x.filled(numpy.nan)` is not")
    if hasattr(value, "detach"):
        return _of_tensor(value)
    if hasattr(value, "toarray"):
        return np.array(value.toarray())
    if isinstance(value, list | tuple) and any(hasattr(v, "detach") for v in value):
        value = [_array(v) for v in value]
    if isinstance(value, int) or _integers(value):
        return _whole(np.array(value, dtype=object))
    found = np.array(value)
    if found.dtype.kind == "T":  # NumPy's texts of any length
        found = found.astype(object)
    if found.dtype.kind == "O":
        return _of_objects(found)
    if found.dtype.kind == "M":
        return np.array([_text(v) for v in found.reshape(-1)], "U").reshape(found.shape)
    return found.astype(np.float32) if found.dtype.name == "bfloat16" else found


def _of_tensor(tensor: Any) -> np.ndarray:
    if "strided" not in str(tensor.layout):
        tensor = tensor.detach().to_dense()
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.detach().float()
    return np.array(tensor.numpy(force=True))


def _integers(value: Any) -> bool:
    """Lists of Python's integers: NumPy makes floats of those that are not of one of its types."""
    return isinstance(value, list | tuple) and bool(value) and all(type(v) is int for v in value)


def _of_objects(found: np.ndarray) -> np.ndarray:
    values = list(found.flat)
    if all(type(v) is int for v in values):
        return _whole(found) if values else found.astype(np.float64)
    if all(map(_is_text, values)):
        return np.array([_text(v) for v in values]).reshape(found.shape)
    return found


def _whole(values: np.ndarray) -> np.ndarray:
    """Python's integers, one at least, as Int64, else UInt64, else as texts."""
    if isinstance(values.flat[0], bool):
        return values.astype(bool)
    least, most = min(values.flat), max(values.flat)
    if least >= -(2**63) and most < 2**63:
        return values.astype(np.int64)
    if least >= 0 and most < 2**64:
        return values.astype(np.uint64)
    return np.array([str(v) for v in values.flat]).reshape(values.shape)


def _text(value: Any) -> str:
    """A date without the zeros that end a fraction of a second, as Julia writes it."""
    if isinstance(value, str):
        return value
    said = value.isoformat() if isinstance(value, date) else str(value)
    return re.sub(r"\.\d+", lambda fraction: fraction[0].rstrip("0").rstrip("."), said)
