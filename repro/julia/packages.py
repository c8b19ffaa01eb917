"""Versions of Julia's packages, and picking from what they pick from."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np

from repro.julia import values
from repro.julia.values import Array

PackageVersion = tuple[int, ...]


@cache
def package_version(package: str, text: str, known: tuple[str, str]) -> PackageVersion:
    """`"0.25.112"` as (0, 25, 112); `"0.25"` stands for the last one of that line.

    Raises ValueError outside of what is known: the first and the last line of versions.
    """
    if isinstance(text, str) and re.fullmatch(r"\d+\.\d+(\.\d+)?", text):
        version = tuple(int(part) for part in text.split("."))
        lines = [tuple(int(part) for part in each.split(".")) for each in known]
        if lines[0] <= version[:2] <= lines[1]:
            return version if len(version) == 3 else (*version, 1 << 30)
    raise ValueError(
        f"{package} {text!r}: known are the draws of {known[0]} to {known[1]}; give one of them"
    )


def elements(a: Any, places: Array) -> Array:
    """The elements of `a` at these places, from 0 on."""
    return values.collection(a).pick(places.astype(np.uint64))


def length(a: Any) -> int:
    return values.collection(a).length
