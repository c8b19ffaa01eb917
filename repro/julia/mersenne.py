"""Julia's `MersenneTwister` as it was up to Julia 1.6."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from repro.julia import dsfmt

CACHE = 1002  # doubles Julia generates at a time
_TOP = np.uint64(26)
_LOW_23 = 0x7FFFFF
_ONE_32 = 0x3F800000


class MersenneTwister:
    """The stream that `Random.seed!(seed)` starts in Julia <= 1.6 (checked against 1.5.3).

    `seed` is a non-negative integer of any size or a sequence of UInt32; a negative integer
    raises ValueError. Every draw comes from dSFMT-19937 through a cache of 1002 doubles in
    [1, 2); one double is spent per scalar, whatever its type.
    """

    def __init__(self, seed: int | Sequence[int]) -> None:
        self.seed = seed_words(seed)
        self._state = dsfmt.init_by_array(self.seed)
        self._clear()

    def _clear(self) -> None:
        self._cache = np.zeros(CACHE, dtype="<u8")
        self._words: list[int] = []
        self._floats: list[float] = []
        self._position = CACHE

    def _refill(self) -> None:
        self._set_cache(dsfmt.generate(self._state, CACHE))
        self._position = 0

    def _set_cache(self, words: np.ndarray) -> None:
        self._cache = words
        self._words = words.tolist()
        self._floats = (words.view("<f8") - 1.0).tolist()

    # Scalars

    def _next_float(self) -> float:
        if self._position == CACHE:
            self._refill()
        value = self._floats[self._position]
        self._position += 1
        return value

    def next_word(self) -> int:
        """The bit pattern of the next double in [1, 2): a Python int of 64 bits."""
        if self._position == CACHE:
            self._refill()
        word = self._words[self._position]
        self._position += 1
        return word

    def next_words(self, n: int) -> np.ndarray:
        """The next `n` words in stream order, as `n` scalar draws take them: uint64, shape (n,)."""
        out = np.empty(n, dtype="<u8")
        done = 0
        while done < n:
            if self._position == CACHE:
                self._refill()
            take = min(n - done, CACHE - self._position)
            out[done : done + take] = self._cache[self._position : self._position + take]
            self._position += take
            done += take
        return out

    # Julia's functions

    def rand(self, n: int | None = None, dtype: Any = np.float64) -> Any:
        """`rand()` or `rand(n)`, in [0, 1).

        Without `n` a scalar: a Python float, or np.float32 for `dtype` float32. With `n` an array,
        shape (n,). From 384 float64 elements (766 float32: two doubles make four) Julia bypasses
        the cache, which changes the order; `next_words` never does.
        """
        dtype = np.dtype(dtype)
        if dtype == np.float64:
            return self._next_float() if n is None else self._array_words(n).view("<f8") - 1.0
        if dtype == np.float32:
            return self._scalar32() if n is None else self._array32(n)
        raise TypeError(f"dtype {dtype} is not drawn here; ask for float64 or float32")

    def _scalar32(self) -> np.float32:
        bits = np.uint32(self.next_word() & _LOW_23 | _ONE_32)
        return bits.view(np.float32) - np.float32(1)

    def _array_words(self, n: int) -> np.ndarray:
        """The words behind `rand(n)`: all but the last 2 or 3 straight from the generator."""
        direct = max(n - 2, 0) // 2 * 2
        if direct < dsfmt.MIN_ARRAY:
            if self._position == CACHE:
                self._refill()  # even for n = 0: a later long array then finds a full cache
            return self.next_words(n)
        head = dsfmt.generate(self._state, direct)
        return np.concatenate([head, self.next_words(n - direct)])

    def _array32(self, n: int) -> np.ndarray:
        """128 bits, the words of two doubles, make four Float32; what remains are scalars."""
        whole = n // 4
        words = self._array_words(2 * whole).reshape(whole, 2)
        mixed = words ^ words << _TOP
        mixed[:, 1] ^= words[:, 0] >> np.uint64(64 - 26)
        bits = mixed.view("<u4").reshape(-1) & np.uint32(_LOW_23) | np.uint32(_ONE_32)
        tail = [self._scalar32() for _ in range(n - 4 * whole)]
        head = bits.view("<f4") - np.float32(1)
        return np.concatenate([head, np.array(tail, dtype="<f4")])

    def uniform(self, a: float, b: float, size: int | tuple[int, ...] | None = None) -> Any:
        """`rand(Uniform(a, b), size...)` as Distributions 0.16.4 draws it: float64 scalar draws.

        A Python float without `size`; else an array of that shape, filled in column-major order.
        """
        if size is None:
            return a + (b - a) * self._next_float()
        shape = (size,) if isinstance(size, int) else tuple(size)
        n = int(np.prod(shape))
        end = self._position + n
        if end <= CACHE:
            draws = np.array(self._floats[self._position : end])
            self._position = end
        else:
            draws = self.next_words(n).view("<f8") - 1.0
        values = a + (b - a) * draws
        return values if len(shape) == 1 else values.reshape(shape, order="F")

    def randperm(self, n: int) -> np.ndarray:
        """`randperm(n)`: a random permutation of 1..n, int64, shape (n,)."""
        perm = list(range(1, n + 1))
        mask = 3
        for i in range(1, n):
            j = self._below(i, mask)
            perm[i] = perm[j]
            perm[j] = i + 1
            if i == mask:
                mask = 2 * mask + 1
        return np.array(perm, dtype=np.int64)

    def shuffle(self, values: Any) -> Any:
        """`shuffle(values)`: a shuffled copy, an array for an array and else a list."""
        items = list(values)
        mask = _covering_mask(len(items))
        for i in range(len(items) - 1, 0, -1):
            if mask >> 1 == i + 1:
                mask >>= 1
            j = self._below(i, mask)
            items[i], items[j] = items[j], items[i]
        return np.array(items, dtype=values.dtype) if isinstance(values, np.ndarray) else items

    def _below(self, top: int, mask: int) -> int:
        """A draw from 0..top: masked words, redrawn while above `top`."""
        while True:
            j = self.next_word() & mask
            if j <= top:
                return j

    # Copies

    def copy(self) -> MersenneTwister:
        """An independent generator at the same place of the same stream."""
        return self.from_state(self.state())

    def state(self) -> dict[str, Any]:
        """Everything the stream depends on, as arrays and ints that `np.savez` keeps unpickled.

        - `seed`: uint32, shape (k,), the words it was seeded with
        - `dsfmt`: uint64, shape (192, 2): the generator's last 191 pairs of words, oldest first,
          then the lung (see `repro.julia.dsfmt`); it stands at the end of the cache
        - `cache`: uint64, shape (1002,): bit patterns of doubles in [1, 2)
        - `position`: int, 0-1002: the next word is `cache[position]`; at 1002 the cache is spent
          and the next scalar first fills it with the generator's next 1002 words
        """
        return {
            "seed": np.array(self.seed, dtype="<u4"),
            "dsfmt": self._state.copy(),
            "cache": self._cache.copy(),
            "position": self._position,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> MersenneTwister:
        """The generator that `state()` described; takes arrays of NumPy's `load` as they come."""
        self = cls.__new__(cls)
        self.seed = [int(word) for word in state["seed"]]
        self._state = np.array(state["dsfmt"], dtype="<u8")
        self._set_cache(np.array(state["cache"], dtype="<u8"))
        self._position = int(state["position"])
        return self


def seed_words(seed: int | Sequence[int]) -> list[int]:
    """The 32-bit words a seed stands for: an integer's own, lowest first, or the given ones."""
    try:
        number = operator.index(seed)  # type: ignore[arg-type]
    except TypeError:
        words = [operator.index(word) for word in seed]  # type: ignore[union-attr]
        if any(not 0 <= word < 1 << 32 for word in words):
            raise ValueError("every word of a seed must be a UInt32, 0 to 4294967295") from None
        return words
    if number < 0:
        raise ValueError(
            f"DomainError with {number}: `n` must be non-negative. Give a seed of 0 or more."
        )
    words = [number & 0xFFFFFFFF]
    while number := number >> 32:
        words.append(number & 0xFFFFFFFF)
    return words


def _covering_mask(n: int) -> int:
    return (1 << (n - 1).bit_length()) - 1 if n > 1 else 0
