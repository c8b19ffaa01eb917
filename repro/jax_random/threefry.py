"""Threefry-2x32 and the keys of JAX's random numbers, bit for bit, in NumPy.

The block cipher is that of J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random
numbers: as easy as 1, 2, 3" (SC 2011), with 20 rounds. How JAX counts with it changed: its *old*
stream (the default before JAX 0.5.0) cuts one list of counters in two halves, its *partitionable*
one gives every number its own counter, so that a part of an array can be drawn without the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Words: TypeAlias = NDArray[np.uint32]
Shape: TypeAlias = int | Sequence[int]

_PARITY = np.uint32(0x1BD11BDA)
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_MASK = 0xFFFFFFFF


def threefry_2x32(key: Words, x0: Words, x1: Words) -> tuple[Words, Words]:
    """Encrypt the pairs (x0, x1), uint32 arrays of one shape, with the key's two words."""
    schedule = (key[0], key[1], key[0] ^ key[1] ^ _PARITY)
    x0, x1 = x0 + schedule[0], x1 + schedule[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = x0 ^ (x1 << np.uint32(rotation) | x1 >> np.uint32(32 - rotation))
        x0 = x0 + schedule[(group + 1) % 3]
        # The group's number is added on the array's side: there alone NumPy wraps silently.
        x1 = x1 + schedule[(group + 2) % 3] + np.uint32(group + 1)
    return x0, x1


def key_of(seed: int) -> Words:
    """The key of `jax.random.PRNGKey(seed)` with 64-bit integers off: (2,) uint32.

    `seed` is an integer from -2^31 to 2^32 - 1; JAX reads the low 32 bits. ValueError otherwise.
    """
    if not -(2**31) <= seed < 2**32:
        raise ValueError(f"the seed {seed} has no 32-bit key: take one from -2**31 to 2**32 - 1")
    return np.array([0, seed & _MASK], np.uint32)


def split(key: ArrayLike, num: Shape = 2, *, partitionable: bool = True) -> Words:
    """`jax.random.split`: as many keys as `num` says, uint32 of shape (num, 2) or (*num, 2)."""
    key, shape = as_key(key), as_shape(num)
    if not partitionable:
        return _old_words(key, 2 * math.prod(shape)).reshape(*shape, 2)
    return np.stack(_own_words(key, math.prod(shape)), axis=-1).reshape(*shape, 2)


def fold_in(key: ArrayLike, data: int) -> Words:
    """`jax.random.fold_in`: the key that `data`, 32 bits, makes of this one; both streams' same."""
    words = threefry_2x32(as_key(key), *key_of(data)[:, None])
    return np.concatenate(words)


def random_bits(key: ArrayLike, shape: Shape = (), *, partitionable: bool = True) -> Words:
    """`jax.random.bits`: uint32 words of the given shape, drawn in C order."""
    key, shape = as_key(key), as_shape(shape)
    n = math.prod(shape)
    if partitionable:
        first, second = _own_words(key, n)
        return (first ^ second).reshape(shape)
    return _old_words(key, n).reshape(shape)


def _old_words(key: Words, n: int) -> Words:
    """n words from the counters 0 to n - 1, in two halves; an odd n is padded with a zero."""
    counters = np.zeros(n + n % 2, np.uint32)
    counters[:n] = np.arange(n)
    return np.concatenate(threefry_2x32(key, *np.split(counters, 2)))[:n]


def _own_words(key: Words, n: int) -> tuple[Words, Words]:
    """Both words of the counters 0 to n - 1, each of 64 bits, the high half first."""
    counters = np.arange(n, dtype=np.uint32)
    return threefry_2x32(key, np.zeros_like(counters), counters)


def as_key(key: ArrayLike) -> Words:
    """The key as (2,) uint32; ValueError where it is none."""
    words: NDArray[Any] = np.asarray(key)
    if words.shape != (2,) or words.dtype != np.uint32:
        raise ValueError(
            f"a key is two uint32 words, not {words.dtype} of shape {words.shape}: "
            "make one with key_of(seed) or split(key)"
        )
    return words


def as_shape(shape: Shape) -> tuple[int, ...]:
    """The shape as a tuple; ValueError where it is negative or has more than 2^32 - 1 numbers."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(n < 0 for n in sizes) or math.prod(sizes) > _MASK:
        raise ValueError(f"no array of shape {sizes} is drawn here: ask for fewer than 2**32 words")
    return sizes
