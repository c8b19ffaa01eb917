"""What a seed stands for, in each version of Julia."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from repro.julia.versions import SEEDS_HASHED, Version

Seed = Any
"""An integer of any size, words (UInt32, or UInt64 as a NumPy array of uint64), or a string."""


def seed_words(seed: Seed) -> list[int]:
    """The 32-bit words a seed stands for: an integer's own, lowest first, or the given ones.

    Raises ValueError for a negative integer and for words that are not UInt32, TypeError for what
    is neither.
    """
    if isinstance(seed, str):
        raise TypeError("MethodError: strings are seeds from Julia 1.11 on; give an integer")
    if isinstance(seed, Sequence | np.ndarray):
        return _uint32(seed)
    number = operator.index(seed)
    if number < 0:
        raise ValueError(
            f"DomainError with {number}: `n` must be non-negative; give a seed of 0 or more"
        )
    return _words(number)


def _words(number: int) -> list[int]:
    size = max(1, (number.bit_length() + 31) // 32)
    return [number >> 32 * i & 0xFFFFFFFF for i in range(size)]


def _uint32(seed: Seed, limit: int = 1 << 32) -> list[int]:
    words = [operator.index(word) for word in seed]
    if not all(0 <= word < limit for word in words):
        raise ValueError("a list seed holds UInt32 words: give each as 0 to 4294967295")
    return words


def _is_uint64(seed: Seed) -> bool:
    return isinstance(seed, np.ndarray) and seed.dtype == np.uint64


def seed_hash(seed: Seed) -> bytes:
    """The 32 bytes that Julia 1.11 and 1.12 make of a seed: an SHA-256, told apart by kind."""
    if isinstance(seed, str):
        data = seed.encode()
        padding = 4 - len(data) % 4
        return hashlib.sha256(data + bytes([padding]) * padding + b"\x05").digest()
    if isinstance(seed, Sequence | np.ndarray):
        words = _uint32(seed, 1 << (64 if _is_uint64(seed) else 32))
        return hashlib.sha256(np.array(words, dtype="<u8").tobytes() + b"\x10").digest()
    number = operator.index(seed)
    data = np.array(_words(~number if number < 0 else number), dtype="<u4").tobytes()
    return hashlib.sha256(data + b"\x01" * (number < 0)).digest()


def mersenne_key(seed: Seed, version: Version) -> list[int]:
    """The words that `init_by_array` mixes."""
    if version >= SEEDS_HASHED:
        return [int(word) for word in np.frombuffer(seed_hash(seed), dtype="<u4")]
    return seed_words(seed)


def xoshiro_words(seed: Seed, version: Version) -> list[int]:
    """s0 to s3."""
    if version >= SEEDS_HASHED:
        digest = seed_hash(seed)
    elif _is_uint64(seed):
        digest = hashlib.sha256(seed.astype("<u8").tobytes()).digest()
    else:
        digest = hashlib.sha256(np.array(seed_words(seed), dtype="<u4").tobytes()).digest()
    return [int(word) for word in np.frombuffer(digest, dtype="<u8")]
