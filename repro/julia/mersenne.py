"""Julia's `MersenneTwister` as it was up to Julia 1.6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from repro.julia import dsfmt
from repro.julia.stream import Stream, seed_words

CACHE = 1002  # doubles Julia generates at a time
_LOW_23 = 0x7FFFFF
_ONE_32 = 0x3F800000  # the bits of Float32 1


class MersenneTwister(Stream):
    """The stream that `Random.seed!(seed)` starts in Julia <= 1.6, bit for bit.

    Checked against Julia 1.5.3. Julia 1.11 hashes seeds first and starts another stream.

    `seed` is an integer of any size, 0 or more, or a sequence of UInt32 words; ValueError
    otherwise. Numbers come from dSFMT-19937 through a cache of 1002 doubles in [1, 2). A scalar
    draw takes one of them, whatever its type.
    """

    def __init__(self, seed: int | Sequence[int]) -> None:
        self._seed = seed_words(seed)
        self._dsfmt = dsfmt.init_by_array(self._seed)
        self._fill(np.zeros(CACHE, dtype="<u8"), position=CACHE)

    def _fill(self, cache: np.ndarray, position: int = 0) -> None:
        self._cache = cache
        self._words: list[int] = cache.tolist()  # Python's own ints and floats make scalars cheap
        self._scalars: list[float] = (cache.view("<f8") - 1.0).tolist()
        self._position = position

    def _refill_if_spent(self) -> None:
        if self._position == CACHE:
            self._fill(dsfmt.generate(self._dsfmt, CACHE))

    def _masked(self, mask: int) -> int:
        self._refill_if_spent()
        word = self._words[self._position]
        self._position += 1
        return word & mask

    def _floats(self, n: int) -> np.ndarray:
        return self.next_words(n).view("<f8") - 1.0

    def next_words(self, n: int) -> np.ndarray:
        """The words behind the next `n` scalar draws: uint64, shape (n,), each a double's bits."""
        parts = []
        while True:
            part = self._cache[self._position : self._position + n]
            self._position += len(part)
            parts.append(part)
            n -= len(part)
            if not n:
                return np.concatenate(parts)
            self._refill_if_spent()

    def rand(self, n: int | None = None, dtype: Any = np.float64) -> Any:
        """`rand()` or `rand(n)`, uniform in [0, 1).

        Without `n` a scalar: a Python float, or np.float32 for `dtype` float32. With `n` an array
        of `dtype`, shape (n,); from 384 float64 or 768 float32 elements Julia writes most of it
        past the cache, so that the order is another than that of scalar draws. Other dtypes raise
        TypeError.
        """
        if n is None and dtype is np.float64:
            self._refill_if_spent()
            value = self._scalars[self._position]
            self._position += 1
            return value
        kind = np.dtype(dtype)
        if kind == np.float64:
            return self.rand() if n is None else self._array_words(n).view("<f8") - 1.0
        if kind == np.float32:
            return self._scalar32() if n is None else self._array32(n)
        raise TypeError(f"Julia's stream is not drawn as {kind} here; ask for float64 or float32")

    def _array_words(self, n: int) -> np.ndarray:
        """The words behind `rand(n)`: from 384 on, all but the last 2 or 3 bypass the cache."""
        direct = max(n - 2, 0) // 2 * 2
        if direct < dsfmt.MIN_ARRAY:
            self._refill_if_spent()  # for n = 0 too; a long array that follows can tell
            return self.next_words(n)
        head = dsfmt.generate(self._dsfmt, direct)
        return np.concatenate([head, self.next_words(n - direct)])

    def _scalar32(self) -> np.float32:
        bits = np.uint32(self._masked(_LOW_23) | _ONE_32)
        return bits.view(np.float32) - np.float32(1)

    def _array32(self, n: int) -> np.ndarray:
        """Two doubles, 128 bits x ^ (x << 26), make four Float32; the remainder is scalars."""
        fours = n // 4
        low, high = self._array_words(2 * fours).reshape(fours, 2).T
        shift, carry = np.uint64(26), np.uint64(64 - 26)
        mixed = np.stack([low ^ low << shift, high ^ (high << shift | low >> carry)], axis=1)
        bits = mixed.view("<u4").reshape(-1) & np.uint32(_LOW_23) | np.uint32(_ONE_32)
        rest = [self._scalar32() for _ in range(n - 4 * fours)]
        return np.concatenate([bits.view("<f4") - np.float32(1), np.array(rest, dtype="<f4")])

    def shuffle(self, values: Any) -> Any:
        """`shuffle(values)`: a shuffled copy, an array for an array and otherwise a list."""
        items = list(values)
        mask = (1 << (len(items) - 1).bit_length()) - 1 if items else 0
        for i in range(len(items), 1, -1):
            if mask >> 1 == i:
                mask >>= 1
            j = self._up_to(i - 1, mask)
            items[i - 1], items[j] = items[j], items[i - 1]
        return np.array(items, dtype=values.dtype) if isinstance(values, np.ndarray) else items

    def state(self) -> dict[str, Any]:
        """Everything the stream depends on; arrays are copies and `np.savez` keeps them unpickled.

        - `seed`: uint32, shape (k,): the words it was seeded with
        - `dsfmt`: uint64, shape (192, 2): the last 191 pairs of words of the recursion, oldest
          first, then the lung (see `repro.julia.dsfmt`). These are the words of Julia's own
          `state.val`. The recursion stands where the cache ends, not at `position`.
        - `cache`: uint64, shape (1002,): Julia's `vals`, as bits of doubles in [1, 2); zeros
          before the first draw
        - `position`: int, 0 to 1002, Julia's `idxF`: the next scalar takes `cache[position]`
          (0-based). At 1002 the cache is spent; the next scalar first replaces all of it by the
          next 1002 words of the recursion.
        """
        return {
            "seed": np.array(self._seed, dtype="<u4"),
            "dsfmt": self._dsfmt.copy(),
            "cache": self._cache.copy(),
            "position": self._position,
        }

    @classmethod
    def from_state(cls, state: Any) -> MersenneTwister:
        """The generator that `state()` described; takes what NumPy's `load` gives as it comes.

        Raises ValueError where a shape or the position cannot be right.
        """
        twister = cls.__new__(cls)
        twister._seed = [int(word) for word in state["seed"]]
        twister._dsfmt = np.array(state["dsfmt"], dtype="<u8")
        cache, position = np.array(state["cache"], dtype="<u8"), int(state["position"])
        shapes = twister._dsfmt.shape, cache.shape
        if shapes != ((dsfmt.PAIRS + 1, 2), (CACHE,)) or not 0 <= position <= CACHE:
            raise ValueError(
                f"not a MersenneTwister's state: dsfmt, cache of shape {shapes}, position "
                f"{position}; give what state() returned"
            )
        twister._fill(cache, position)
        return twister
