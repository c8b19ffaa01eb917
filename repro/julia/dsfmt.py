"""dSFMT-19937, the double precision SIMD-oriented Fast Mersenne Twister, in NumPy.

M. Saito, M. Matsumoto: "A PRNG Specialized in Double Precision Floating Point Numbers Using an
Affine Transition", MCQMC 2008. The generator is a sequence of 128-bit numbers x[n], each a pair
of doubles in [1, 2), and a 128-bit carry, the "lung":

    lung[n] = (x[n] << 19) ^ x[n + 117] ^ reverse(lung[n - 1])
    x[n + 191] = (lung[n] >> 12) ^ (lung[n] & MASK) ^ x[n]

with shifts in each 64-bit half, and `reverse` turning round the order of the four 32-bit words.
`reverse` undoes itself, so the lungs of a chunk are a running xor and no loop is needed:
lung[k] = reverse^k(lung[0] ^ reverse(y[1]) ^ y[2] ^ reverse(y[3]) ^ ...), where y is the part that
depends on x. A chunk can be as long as the x it reads are known: 191 - 117 = 74 pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PAIRS = 191  # length of the recursion, in 128-bit numbers
_PICK = 117
_CHUNK = PAIRS - _PICK
_MASK = np.array([0x000FFAFFFFFFFB3F, 0x000FFDFFFC90FFFD], dtype="<u8")
_SHIFT_LEFT, _SHIFT_RIGHT = np.uint64(19), np.uint64(12)
_FIX = (0x90014964B32F4329, 0x3B8D12AC548A7C7A)
_CERTIFY = (0x3D84E1AC0DC82880, 0x0000000000000001)
_LOW_BITS, _EXPONENT = np.uint64(0x000FFFFFFFFFFFFF), np.uint64(0x3FF0000000000000)

_SEED_WORDS = 4 * (PAIRS + 1)  # the state and the lung, in 32-bit words
_LAG = 11
_MID = (_SEED_WORDS - _LAG) // 2


def init_by_array(key: Sequence[int]) -> np.ndarray:
    """The state that the 32-bit words `key` seed: uint64, shape (192, 2), the lung in the last row.

    The mixing is Matsumoto and Saito's `init_by_array` for a state of 768 words.
    """
    size = _SEED_WORDS
    w = [0x8B8B8B8B] * size
    mixed = w[0] ^ w[_MID] ^ w[size - 1]
    r = (mixed ^ mixed >> 27) * 1664525 & 0xFFFFFFFF
    w[_MID] = w[_MID] + r & 0xFFFFFFFF
    r = r + len(key) & 0xFFFFFFFF
    w[_MID + _LAG] = w[_MID + _LAG] + r & 0xFFFFFFFF
    w[0] = r
    i = 1
    for j in range(max(len(key) + 1, size) - 1):
        middle, late = (i + _MID) % size, (i + _MID + _LAG) % size
        mixed = w[i] ^ w[middle] ^ w[i - 1]
        r = (mixed ^ mixed >> 27) * 1664525 & 0xFFFFFFFF
        w[middle] = w[middle] + r & 0xFFFFFFFF
        r = r + i + (key[j] if j < len(key) else 0) & 0xFFFFFFFF
        w[late] = w[late] + r & 0xFFFFFFFF
        w[i] = r
        i = (i + 1) % size
    for _ in range(size):
        middle, late = (i + _MID) % size, (i + _MID + _LAG) % size
        mixed = w[i] + w[middle] + w[i - 1] & 0xFFFFFFFF
        r = (mixed ^ mixed >> 27) * 1566083941 & 0xFFFFFFFF
        w[middle] ^= r
        r = r - i & 0xFFFFFFFF
        w[late] ^= r
        w[i] = r
        i = (i + 1) % size
    state = np.array(w, dtype="<u4").view("<u8").reshape(PAIRS + 1, 2)
    state[:PAIRS] = state[:PAIRS] & _LOW_BITS | _EXPONENT
    _certify_period(state[PAIRS])
    return state


def _certify_period(lung: np.ndarray) -> None:
    """Flip the lung's last bit, in place, where the period would otherwise be too short."""
    inner = 0
    for half, fix, certify in zip(lung.tolist(), _FIX, _CERTIFY, strict=True):
        inner ^= (half ^ fix) & certify
    if bin(inner).count("1") % 2 == 0:
        lung[1] ^= np.uint64(1)


def generate(state: np.ndarray, n: int) -> np.ndarray:
    """The next `n` (even) words of the stream, uint64, shape (n,); advances `state` in place.

    Each word is the bit pattern of a double in [1, 2).
    """
    pairs = n // 2
    x = np.empty((PAIRS + pairs, 2), dtype="<u8")
    x[:PAIRS] = state[:PAIRS]
    lung = state[PAIRS]
    for start in range(0, pairs, _CHUNK):
        stop = min(start + _CHUNK, pairs)
        old = x[start:stop]
        lungs = old << _SHIFT_LEFT
        lungs ^= x[start + _PICK : stop + _PICK]
        _reverse_every_other(lungs)
        lungs[0] ^= lung
        np.bitwise_xor.accumulate(lungs, axis=0, out=lungs)
        _reverse_every_other(lungs)
        lung = lungs[-1]
        new = x[start + PAIRS : stop + PAIRS]
        np.bitwise_xor(old, lungs & _MASK, out=new)
        new ^= lungs >> _SHIFT_RIGHT
    state[PAIRS] = lung
    state[:PAIRS] = x[pairs:]
    return x[PAIRS:].reshape(-1)


def _reverse_every_other(rows: np.ndarray) -> None:
    """Turn round the four 32-bit words of rows 0, 2, 4, ... in place."""
    quarters = rows.view("<u4")[::2]
    quarters[:] = quarters[:, ::-1].copy()
