"""Julia's default generator from Julia 1.7 on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from repro.julia.stream import Stream, seed_words

LANES = 8
_WORD = 0xFFFFFFFFFFFFFFFF
_FORK = np.array(
    [0x02011CE34BCE797F, 0x5A94851FB48A6E05, 0x3688CF5D48899FA7, 0x867B4BB4C42E5661], dtype="<u8"
)


class Xoshiro(Stream):
    """The stream that `Random.seed!(seed)`, or `Xoshiro(seed)`, starts in Julia 1.7 and later.

    xoshiro256++ by D. Blackman and S. Vigna ("Scrambled Linear Pseudorandom Number Generators",
    ACM Trans. Math. Softw. 47, 2021), its state the SHA-256 of the seed's 32-bit words.

    `seed` is an integer of any size, 0 or more, seeded as Julia 1.7 to 1.12 do, or a sequence of
    UInt32 words, seeded as 1.7 to 1.10 do (later ones hash it differently); ValueError otherwise.
    From 1.11 on Julia also takes negative integers; they are refused here as 1.7 to 1.10 refuse
    them.

    No Julia >= 1.7 was at hand. Checked on values that Julia's documentation and packages for it
    publish: integer seeds below 2^32, `rand()`, `rand(n)` of float64 with and without a remainder
    after the lanes, `rand(n)` of Float32 below 64 bytes, `randperm`. NOT checked against any
    Julia: larger seeds, list seeds, Float32 scalars and Float32 arrays of 64 bytes or more, and
    `uniform` (whose formula is that of Distributions 0.16.4, which predates this generator).
    """

    def __init__(self, seed: int | Sequence[int]) -> None:
        digest = hashlib.sha256(np.array(seed_words(seed), dtype="<u4").tobytes()).digest()
        self._state: list[int] = np.frombuffer(digest, dtype="<u8").tolist()

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

    def _masked(self, mask: int) -> int:
        return self.next_word() >> 12 & mask

    def _floats(self, n: int) -> np.ndarray:
        return _to_float64(self._words(n))

    def rand(self, n: int | None = None, dtype: Any = np.float64) -> Any:
        """`rand()` or `rand(n)`, uniform in [0, 1).

        Without `n` a scalar: a Python float, or np.float32 for `dtype` float32. With `n` an array
        of `dtype`, shape (n,); from 64 bytes (8 float64, 16 float32) on, its whole blocks of 64
        bytes come from 8 generators forked off this one. Other dtypes raise TypeError.
        """
        kind = np.dtype(dtype)
        if kind == np.float64:
            if n is None:
                return (self.next_word() >> 11) * 2.0**-53
            return _to_float64(self._array_words(n))
        if kind == np.float32:
            if n is None:  # the upper half of a word; an array uses both halves, lower first
                return np.float32(self.next_word() >> 40) * np.float32(2.0**-24)
            halves = self._array_words((n + 1) // 2, blocks=n // 16).view("<u4")[:n]
            return (halves >> np.uint32(8)).astype("<f4") * np.float32(2.0**-24)
        raise TypeError(f"Julia's stream is not drawn as {kind} here; ask for float64 or float32")

    def _words(self, n: int) -> np.ndarray:
        return np.array([self.next_word() for _ in range(n)], dtype="<u8")

    def _array_words(self, n: int, blocks: int | None = None) -> np.ndarray:
        """`n` words as an array draw takes them: whole blocks of 8 from the lanes, then scalars."""
        blocks = n // LANES if blocks is None else blocks
        if not blocks:
            return self._words(n)
        lanes = self._fork()
        head = np.concatenate([next(lanes) for _ in range(blocks)])
        return np.concatenate([head, self._words(n - LANES * blocks)])

    def _fork(self) -> Iterator[np.ndarray]:
        """8 generators seeded from this one by 32 words, run in step: uint64, shape (8,) a step."""
        seeds = self._words(4 * LANES).reshape(4, LANES) * _FORK[:, None]
        return _step_lanes(*seeds)

    def state(self) -> dict[str, Any]:
        """`state`: uint64, shape (4,): Julia's s0 to s3."""
        return {"state": np.array(self._state, dtype="<u8")}

    @classmethod
    def from_state(cls, state: Any) -> Xoshiro:
        """The generator that `state()` described; takes what NumPy's `load` gives as it comes.

        Raises ValueError unless there are four words.
        """
        words = np.array(state["state"], dtype="<u8")
        if words.shape != (4,):
            raise ValueError(f"not a Xoshiro's state: {words}; give what state() returned")
        stream = cls.__new__(cls)
        stream._state = words.tolist()
        return stream


def _rotate(x: np.ndarray, bits: int) -> np.ndarray:
    return x << np.uint64(bits) | x >> np.uint64(64 - bits)


def _step_lanes(
    s0: np.ndarray, s1: np.ndarray, s2: np.ndarray, s3: np.ndarray
) -> Iterator[np.ndarray]:
    while True:
        yield _rotate(s0 + s3, 23) + s0
        shifted = s1 << np.uint64(17)
        s2 = s2 ^ s0
        s3 = s3 ^ s1
        s1 = s1 ^ s2
        s0 = s0 ^ s3
        s2, s3 = s2 ^ shifted, _rotate(s3, 45)


def _to_float64(words: np.ndarray) -> np.ndarray:
    return (words >> np.uint64(11)) * 2.0**-53
