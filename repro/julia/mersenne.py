"""Julia's `MersenneTwister`, the default generator up to Julia 1.6."""

from __future__ import annotations

from typing import Any

import numpy as np

from repro.julia import dsfmt, versions
from repro.julia.seeds import Seed, mersenne_key
from repro.julia.stream import Stream, checked_version, compiled
from repro.julia.values import Array

CACHE = 1002  # doubles Julia generates at a time
_JULIAS_NAMES = {"dsfmt": "state", "cache": "vals", "position": "idxF"}


class MersenneTwister(Stream):
    """The stream that `MersenneTwister(seed)` starts, and `Random.seed!(seed)` up to Julia 1.6.

    Args:
        seed: an integer of any size, 0 or more, or a sequence of UInt32 words; from Julia 1.11 on,
            which hashes seeds and so starts another stream, also a negative integer, UInt64 words
            (a NumPy array) or a string. ValueError or TypeError otherwise.
        julia: the version that is followed, "1.5" to "1.12".

    Numbers come from dSFMT-19937 through a cache of 1002 doubles in [1, 2). A scalar draw takes
    one of them, whatever its type; integers of 64 bits come from a second cache.
    """

    _randn_array_from = 13

    def __init__(self, seed: Seed, julia: str = "1.5") -> None:
        self.version = checked_version(julia)
        self.seed_(seed)

    def seed_(self, seed: Seed) -> MersenneTwister:
        """`seed!(rng, seed)`: start again from this seed; returns the generator."""
        key = mersenne_key(seed, self.version)
        self._seed, self._dsfmt = key, dsfmt.init_by_array(key)
        self._ints, self._ints_left = np.zeros(CACHE, dtype="<u8"), 0
        self._fill(np.zeros(CACHE, dtype="<u8"), position=CACHE)
        return self

    def __repr__(self) -> str:
        hashed = self.version >= versions.SEEDS_HASHED
        seed = "" if hashed else f", seed {sum(w << 32 * i for i, w in enumerate(self._seed))}"
        return f"<MersenneTwister of Julia {self.version[0]}.{self.version[1]}{seed}>"

    def _fill(self, cache: Array, position: int = 0) -> None:
        self._cache, self._position = cache, position
        self._words: list[int] = []  # Python's own ints and floats make scalars cheap; see _listed
        self._scalars: list[float] = []

    def _refill_if_spent(self) -> None:
        if self._position == CACHE:
            self._fill(dsfmt.generate(self._dsfmt, CACHE))

    def _listed(self) -> None:
        """Have the next scalar in the lists: the cache was spent, or filled by compiled code."""
        self._refill_if_spent()
        self._words = self._cache.tolist()
        self._scalars = (self._cache.view("<f8") - 1.0).tolist()

    def _lend(self) -> Any:
        old = self.version < versions.INTS_CONDENSED_AT_ONCE
        at = np.array([self._position, self._ints_left, 0, old], dtype=np.int64)
        none = np.empty(0, dtype=np.uint64)
        return compiled().Words(none, self._dsfmt, self._cache, self._ints, at)

    def _take_back(self, words: Any) -> None:
        position, self._ints_left, refills, _ = words.at.tolist()
        if refills:
            self._fill(self._cache, position)
        self._position = position

    def next_words(self, n: int) -> Array:
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

    def rand(self, *what: Any, dtype: Any = None) -> Any:
        """See `Stream.rand`; a scalar float is a look-up in a list."""
        if what or dtype is not None:
            if not what and dtype is np.float32:
                return np.float32(self._next_word() & 0x7FFFFF) * np.float32(2.0**-23)
            return super().rand(*what, dtype=dtype)
        try:
            value = self._scalars[self._position]
        except IndexError:
            self._listed()
            value = self._scalars[self._position]
        self._position += 1
        return value

    def _next_word(self) -> int:
        if self._position == CACHE or not self._words:
            self._listed()
        self._position += 1
        return self._words[self._position - 1]

    def _52_bits(self, n: int) -> Array:
        return self.next_words(n) & np.uint64(2**52 - 1)

    def _scalar_values(self, n: int, kind: np.dtype[Any]) -> Array:
        if kind.kind in "iu" and kind.itemsize == 8:
            return self._int_words(n).view(kind)
        cached = n < CACHE  # then they may be the cache's own, and are not written to
        words = self.next_words(n) if cached else self._scalar_words(n)
        if kind == np.float64:
            doubles = words.view("<f8")
            less_one: Array = np.subtract(doubles, 1.0, out=None if cached else doubles)
            return less_one
        if kind.kind == "f":
            bits = 23 if kind == np.float32 else 10
            low = (words & np.uint64(2**bits - 1)).astype("<f4") * np.float32(2.0**-bits)
            return low.astype(kind)
        if kind == np.bool_:
            return (words & np.uint64(1)).astype(bool)
        return words.astype(f"<u{kind.itemsize}").view(kind)

    def _array_words(self, n: int) -> Array:
        """The words behind `rand(n)`: from 384 on, all but the last 2 or 3 bypass the cache."""
        out = np.empty(n, dtype=np.uint64)
        self._run("array", out, 0)
        return out

    def _array_values(self, n: int, kind: np.dtype[Any]) -> Array:
        if kind == np.float64:
            doubles = self._array_words(n).view("<f8")
            doubles -= 1.0
            return doubles
        if kind == np.bool_:
            return self._bools(n)
        pairs = n * kind.itemsize // 16
        head = self._small_floats(pairs, kind) if kind.kind == "f" else self._integers(pairs, kind)
        return np.concatenate([head, self._scalar_values(n - head.size, kind)])

    def _small_floats(self, pairs: int, kind: np.dtype[Any]) -> Array:
        """Two doubles, 128 bits x ^ (x << 26), make four Float32 or eight Float16."""
        words = self._array_words(2 * pairs).reshape(pairs, 2)
        low, high = words.T
        high ^= high << np.uint64(26) | low >> np.uint64(64 - 26)
        low ^= low << np.uint64(26)
        parts, bits = words.view(f"<u{kind.itemsize}").reshape(-1), 23 if kind == np.float32 else 10
        parts &= parts.dtype.type(2**bits - 1)
        return (parts.astype("<f4") * np.float32(2.0**-bits)).astype(kind, copy=False)

    def _integers(self, pairs: int, kind: np.dtype[Any]) -> Array:
        out = np.empty(2 * pairs, dtype=np.uint64)
        self._run("condense", out)
        return out.view(kind)

    def _bools(self, n: int) -> Array:
        """A byte each of 16, of two doubles; what remains takes bits that the first ones left."""
        pairs = n // 16
        if pairs:
            low, high = self._array_words(2 * pairs).reshape(pairs, 2).T
            carried = high << np.uint64(5) | low >> np.uint64(59)
            mixed = np.stack([low ^ low << np.uint64(5), high ^ carried], axis=1)
            bits = int(low[0]) ^ int(low[0]) >> 17
            head = (mixed.reshape(-1).view("<u1") & 1).astype(bool)
        else:
            bits, head = int(self.next_words(1)[0]), np.empty(0, dtype=bool)
        return np.append(head, [bool(bits >> i & 1) for i in range(n - 16 * pairs)]).astype(bool)

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
        - `ints`: uint64, shape (1002,): Julia's `ints`, the low half of each first
        - `idxI`: int, 0 to 8016: the bytes of `ints` that are left, taken from their end
        """
        return {
            "seed": np.array(self._seed, dtype="<u4"),
            "dsfmt": self._dsfmt.copy(),
            "cache": self._cache.copy(),
            "position": self._position,
            "ints": self._ints.copy(),
            "idxI": 8 * self._ints_left,
        }

    @classmethod
    def from_state(cls, state: Any, julia: str = "1.5") -> MersenneTwister:
        """The generator that `state()` described; takes what NumPy's `load` gives as it comes.

        Julia's own names and types are taken too: `state` for `dsfmt` (the 770 numbers of
        `state.val`), `vals` for `cache` (doubles), `idxF` for `position`. Without `ints` the
        second cache is spent. Raises ValueError where a shape or a position cannot be right.
        """
        twister = cls.__new__(cls)
        twister.version = checked_version(julia)
        given = {ours: state[its if its in state else ours] for ours, its in _JULIAS_NAMES.items()}
        twister._seed = [int(word) for word in state["seed"]]
        twister._dsfmt, cache = _dsfmt_words(given["dsfmt"]), _bits(given["cache"])
        position = int(given["position"])
        ints = state["ints"] if "ints" in state else np.zeros(CACHE)
        twister._ints = np.array(ints, dtype="<u8").reshape(-1)
        left = int(state["idxI"]) if "idxI" in state else 0
        twister._ints_left = left // 8
        shapes = twister._dsfmt.shape, cache.shape, twister._ints.shape
        if shapes != ((dsfmt.PAIRS + 1, 2), (CACHE,), (CACHE,)) or not (
            0 <= position <= CACHE and 0 <= left <= 8 * CACHE and left % 8 == 0
        ):
            raise ValueError(
                f"not a MersenneTwister's state: dsfmt, cache, ints of shape {shapes}, position "
                f"{position}, idxI {left}; give what state() returned"
            )
        twister._fill(cache, position)
        return twister


def _dsfmt_words(given: Any) -> Array:
    """Pairs of words, also from the 32-bit numbers of Julia's `DSFMT_state`."""
    words = np.array(given)
    if words.dtype == np.int32:
        words = words[: 4 * (dsfmt.PAIRS + 1)].view("<u8").reshape(-1, 2)
    return words.astype("<u8")


def _bits(given: Any) -> Array:
    """The cache as words, also from doubles in [1, 2)."""
    words = np.array(given)
    return words.view("<u8") if words.dtype == np.float64 and words.any() else words.astype("<u8")
