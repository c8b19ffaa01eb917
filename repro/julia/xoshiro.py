"""Julia's default generator from Julia 1.7 on."""

from __future__ import annotations

from typing import Any

import numpy as np

from repro.julia import versions
from repro.julia.seeds import Seed, xoshiro_words
from repro.julia.stream import Stream, checked_version, compiled
from repro.julia.values import Array

LANES = 8
_WORD = 0xFFFFFFFFFFFFFFFF
_BLOCK = 8 * LANES  # bytes that the lanes fill in a step, and the fewest that they are asked for
_BOOLS_FROM, _BOOL_BLOCK = 640, 8 * _BLOCK
_NONE = np.empty(0, dtype=np.uint64)
_NOWHERE = np.empty((0, 2), dtype=np.uint64)


class Xoshiro(Stream):
    """The stream that `Xoshiro(seed)`, or `Random.seed!(seed)`, starts in Julia 1.7 and later.

    xoshiro256++ by D. Blackman and S. Vigna ("Scrambled Linear Pseudorandom Number Generators",
    ACM Trans. Math. Softw. 47, 2021), its state an SHA-256 of the seed.

    Equal to all recorded rows of 1.8, 1.10 and 1.12 (``docs/streams.md``); beyond these, 1,800 of
    1,800 scripts of random draws equalled a live 1.10.8.

    Args:
        seed: an integer of any size, 0 or more, or a sequence of UInt32 words (UInt64 words: a
            NumPy array); from Julia 1.11 on also a negative integer or a string. ValueError or
            TypeError otherwise.
        julia: the version that is followed, "1.7" to "1.12".
    """

    _randn_array_from = 7

    def __init__(self, seed: Seed, julia: str = "1.10") -> None:
        self.version = checked_version(julia, versions.XOSHIRO)
        self.seed_(seed)

    def seed_(self, seed: Seed) -> Xoshiro:
        """`seed!(rng, seed)`: start again from this seed; returns the generator."""
        self._state: list[int] = xoshiro_words(seed, self.version)
        return self

    def __repr__(self) -> str:
        state = " ".join(f"{word:016x}" for word in self._state[:4])
        return f"<Xoshiro of Julia {self.version[0]}.{self.version[1]}, state {state}>"

    def next_word(self) -> int:
        """The next output of xoshiro256++, 64 bits as a Python int."""
        s0, s1, s2, s3 = self._state
        total = s0 + s3 & _WORD
        word = (total << 23 | total >> 41) + s0 & _WORD
        shifted = s1 << 17 & _WORD
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        self._state = [s0, s1, s2 ^ shifted, (s3 << 45 | s3 >> 19) & _WORD]
        return word

    def _lend(self) -> Any:
        x, at = np.array(self._state, dtype=np.uint64), np.zeros(4, dtype=np.int64)
        return compiled().Words(x, _NOWHERE, _NONE, _NONE, at)

    def _take_back(self, words: Any) -> None:
        self._state = words.x.tolist()

    def rand(self, *what: Any, dtype: Any = None) -> Any:
        """See `Stream.rand`; a scalar float needs no compiled code."""
        if what or dtype is not None:
            if not what and dtype is np.float32:
                return np.float32(self.next_word() >> 40) * np.float32(2.0**-24)
            return super().rand(*what, dtype=dtype)
        return (self.next_word() >> 11) * 2.0**-53

    def _52_bits(self, n: int) -> Array:
        return self._scalar_words(n) >> np.uint64(12)

    def _scalar_values(self, n: int, kind: np.dtype[Any]) -> Array:
        """The upper bits of a word."""
        words = self._scalar_words(n)
        if kind.itemsize == 8:
            return _as_kind(words, kind)
        words >>= np.uint64(64 - 8 * kind.itemsize)
        if kind == np.bool_:
            return (words & np.uint64(1)).astype(bool)
        return _as_kind(words.astype(f"<u{kind.itemsize}"), kind)

    def _array_words(self, n: int) -> Array:
        return self._bulk(8 * n)

    def _bulk(self, size: int) -> Array:
        """Words for `size` bytes, from 64 on by the lanes as far as whole blocks go."""
        out = np.empty((size + 7) // 8, dtype=np.uint64)
        self._run("array", out, size // _BLOCK)
        return out

    def _array_values(self, n: int, kind: np.dtype[Any]) -> Array:
        if kind == np.bool_:
            return self._bools(n)
        if kind == np.float16 and self.version < versions.FLOAT16_ARRAYS:
            return self._scalar_values(n, kind)
        return _as_kind(self._bulk(n * kind.itemsize).view(f"<u{kind.itemsize}")[:n], kind)

    def _bools(self, n: int) -> Array:
        """Bits 0 to 7 of each byte of a word (or of a step of the lanes), in turn."""
        blocks = n // _BOOL_BLOCK if n >= _BOOLS_FROM else 0
        groups, rest = divmod(n - blocks * _BOOL_BLOCK, 8)
        words = np.empty(blocks * LANES + (groups + 7) // 8 + (rest > 0), dtype=np.uint64)
        self._run("array", words, blocks)
        lanes, single = words[: blocks * LANES], words[blocks * LANES :]
        alone = _spread(single[: (groups + 7) // 8], 1)[: 8 * groups]
        return np.concatenate([_spread(lanes, LANES), alone, _spread(single[-1:], 1)[:rest]])

    def state(self) -> dict[str, Any]:
        """`state`: uint64, shape (4,): Julia's s0 to s3."""
        return {"state": np.array(self._state, dtype="<u8")}

    @classmethod
    def from_state(cls, state: Any, julia: str = "1.10") -> Xoshiro:
        """The generator that `state()` described; takes what NumPy's `load` gives as it comes.

        Julia's own fields are taken too: `s0` to `s3`. A fifth word, which later Julias keep for
        forks, is left. Raises ValueError unless there are four or five words.
        """
        fields = [f"s{i}" for i in range(4)]
        given = [state[name] for name in fields] if fields[0] in state else state["state"]
        words = np.array(given, dtype="<u8")
        if words.shape not in ((4,), (5,)):
            raise ValueError(f"not a Xoshiro's state: {words}; give what state() returned")
        stream = cls.__new__(cls)
        stream.version = checked_version(julia, versions.XOSHIRO)
        stream._state = [int(word) for word in words[:4]]
        return stream


def _as_kind(words: Array, kind: np.dtype[Any]) -> Array:
    """Whole numbers as they are; floats from the upper bits: as many as a float holds exactly.

    The words are spent by it. Signed numbers become floats sooner than unsigned ones, and Float32
    sooner than Float16; both exactly.
    """
    if kind.kind != "f":
        return words.view(kind)
    digits = np.finfo(kind).nmant + 1
    words >>= words.dtype.type(8 * kind.itemsize - digits)
    wide = np.promote_types(kind, np.float32)
    floats: Array = words.view(f"<i{kind.itemsize}").astype(wide)
    floats *= wide.type(2.0**-digits)
    return floats.astype(kind, copy=False)


def _spread(words: Array, width: int) -> Array:
    """Bool: of `width` words together bit 0 of every byte, then bit 1 of every byte, and so on."""
    octets = words.view("<u1").reshape(-1, 1, 8 * width)
    return (octets >> np.arange(8, dtype="<u1")[:, None] & 1).astype(bool).reshape(-1)
