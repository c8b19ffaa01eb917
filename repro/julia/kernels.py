"""The loops behind Julia's random numbers, compiled when they are first called.

Importing this module imports Numba; the generators do so only when a draw needs it. Everything
works on one `Words`, the state of either generator: `x` of length 4 is Xoshiro's, of length 0 says
that it is MersenneTwister's. Constants are uint64 because uint64 with int64 makes float64 in Numba.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.core import cgutils
from numba.extending import intrinsic

from repro.julia.elementary import Ziggurat

CACHE = 1002
_PAIRS, _PICK = 191, 117
_MIN_DIRECT = 2 * _PAIRS
_LANES = 8
_0, _1, _8, _12, _17, _19, _23, _24, _26, _32, _36, _41, _45, _48, _52, _64 = (
    np.uint64(i) for i in (0, 1, 8, 12, 17, 19, 23, 24, 26, 32, 36, 41, 45, 48, 52, 64)
)
_BYTE = np.uint64(0xFF)
_LOW_32, _LOW_52 = np.uint64(0xFFFFFFFF), np.uint64((1 << 52) - 1)
_MASK_LOW, _MASK_HIGH = np.uint64(0x000FFAFFFFFFFB3F), np.uint64(0x000FFDFFFC90FFFD)
_FORK = (
    np.uint64(0x02011CE34BCE797F),
    np.uint64(0x5A94851FB48A6E05),
    np.uint64(0x3688CF5D48899FA7),
    np.uint64(0x867B4BB4C42E5661),
)

POSITION, LEFT, REFILLS, OLD = 0, 1, 2, 3  # what `Words.at` holds


class Words(NamedTuple):
    """A generator's state as compiled code holds it.

    `x`: uint64 (4,), or (0,) for MersenneTwister, which has `dsfmt` uint64 (192, 2), `cache`
    uint64 (1002,) bits of doubles in [1, 2), `ints` uint64 (1002,), and `at` int64 (4,): place in
    the cache, words left in `ints`, how often the cache was filled, 1 where `ints` are filled as up
    to Julia 1.5.
    """

    x: Any
    dsfmt: Any
    cache: Any
    ints: Any
    at: Any


def jit(function: Any) -> Any:
    return njit(cache=True, error_model="numpy")(function)


def inlined(function: Any) -> Any:
    """For what a loop calls for every number: a call would count references to five arrays."""
    return njit(cache=True, error_model="numpy", forceinline=True)(function)


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return a(a, b, c), generate


@intrinsic
def unmanaged(typing_context: Any, a: Any) -> Any:
    """The same array without a count of its references, which would take most of the time.

    The caller holds on to it.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()

    return a(a), generate


@inlined
def _held(words: Any) -> Any:
    x, dsfmt, cache = unmanaged(words.x), unmanaged(words.dsfmt), unmanaged(words.cache)
    return Words(x, dsfmt, cache, unmanaged(words.ints), unmanaged(words.at))


# ---- words


@inlined
def _step(x: Any) -> Any:
    """xoshiro256++: the next word; `x` moves on."""
    total = x[0] + x[3]
    word = (total << _23 | total >> _41) + x[0]
    shifted = x[1] << _17
    x[2] ^= x[0]
    x[3] ^= x[1]
    x[1] ^= x[2]
    x[0] ^= x[3]
    x[2] ^= shifted
    x[3] = x[3] << _45 | x[3] >> (_64 - _45)
    return word


@jit
def generate(state: Any, out: Any) -> None:
    """The next words of dSFMT (an even number) into `out`; the recursion is in `dsfmt.py`."""
    pairs = out.size // 2
    low, high = state[_PAIRS, 0], state[_PAIRS, 1]
    for pair in range(pairs):
        if pair < _PAIRS:
            old_low, old_high = state[pair, 0], state[pair, 1]
        else:
            old_low, old_high = out[2 * (pair - _PAIRS)], out[2 * (pair - _PAIRS) + 1]
        pick = pair + _PICK
        if pick < _PAIRS:
            pick_low, pick_high = state[pick, 0], state[pick, 1]
        else:
            pick_low, pick_high = out[2 * (pick - _PAIRS)], out[2 * (pick - _PAIRS) + 1]
        new_low = (old_low << _19) ^ pick_low ^ (high >> _32 | high << _32)
        new_high = (old_high << _19) ^ pick_high ^ (low >> _32 | low << _32)
        low, high = new_low, new_high
        out[2 * pair] = (low >> _12) ^ (low & _MASK_LOW) ^ old_low
        out[2 * pair + 1] = (high >> _12) ^ (high & _MASK_HIGH) ^ old_high
    for pair in range(_PAIRS):
        place = pair + pairs
        if place < _PAIRS:
            state[pair, 0], state[pair, 1] = state[place, 0], state[place, 1]
        else:
            place = 2 * (place - _PAIRS)
            state[pair, 0], state[pair, 1] = out[place], out[place + 1]
    state[_PAIRS, 0], state[_PAIRS, 1] = low, high


@jit
def _fill_cache(words: Any) -> None:
    generate(words.dsfmt, words.cache)
    words.at[POSITION] = 0
    words.at[REFILLS] += 1


@inlined
def _scalar(words: Any) -> Any:
    """The word behind a scalar draw: Xoshiro's 64 bits, MersenneTwister's bits of a double."""
    if words.x.size:
        return _step(words.x)
    if words.at[POSITION] == CACHE:
        _fill_cache(words)
    word = words.cache[words.at[POSITION]]
    words.at[POSITION] += 1
    return word


@inlined
def _52(words: Any) -> Any:
    """52 random bits."""
    word = _scalar(words)
    return word >> _12 if words.x.size else word & _LOW_52


@inlined
def unit(words: Any) -> Any:
    """`rand()`."""
    word = _scalar(words)
    if words.x.size:
        return np.float64(np.int64(word >> np.uint64(11))) * 2.0**-53
    return np.float64(np.int64(word & _LOW_52)) * 2.0**-52


@inlined
def _32_bits(words: Any) -> Any:
    word = _scalar(words)
    return word >> _32 if words.x.size else word & _LOW_32


@inlined
def _64_bits(words: Any) -> Any:
    if words.x.size:
        return _step(words.x)
    if words.at[LEFT] == 0:
        _fill_ints(words)
    words.at[LEFT] -= 1
    return words.ints[words.at[LEFT]]


@jit
def _fill_ints(words: Any) -> None:
    """501 numbers of 128 bits out of 627 of 104, or as Julia 1.5 condenses an array of them."""
    ints = words.ints
    if words.at[OLD]:
        condense(words, ints)
    else:
        more = np.empty(2 * 627, dtype=np.uint64)
        generate(words.dsfmt, more)
        ints[:] = more[: 2 * 501]
        for k in range(501):
            _mix(ints, k, more, 501 + k // 4, _48 - _12 * np.uint64(k % 4))
    words.at[LEFT] = CACHE


@jit
def _mix(into: Any, i: Any, source: Any, j: Any, shift: Any) -> None:
    """Number i of 128 bits ^= number j << shift; low half first."""
    low, high = source[2 * j], source[2 * j + 1]
    into[2 * i] ^= low << shift
    into[2 * i + 1] ^= high << shift | low >> (_64 - shift)


@jit
def condense(words: Any, a: Any) -> None:
    """MersenneTwister's array of n numbers of 128 bits into `a`, uint64 (2n,).

    104 random bits come at a time. The first numbers are used up to complete the last ones and
    are drawn again, until fewer than 5 lack bits.
    """
    words = _held(words)
    n = i = a.size // 2
    while True:
        array(words, a[: 2 * i], 0)
        if n < 5:
            break
        i = 0
        while n - i >= 5:
            for k in range(4):
                _mix(a, n - 1 - k, a, i, _48 - _12 * np.uint64(k))
            i += 1
            n -= 4
    if n > 0:
        if CACHE - words.at[POSITION] < 2:
            _fill_cache(words)
        last = np.empty(2, dtype=np.uint64)
        last[1], last[0] = _scalar(words), _scalar(words)
        for k in range(n):
            _mix(a, k, last, 0, _12 * np.uint64(k + 1))


@jit
def scalars(words: Any, out: Any) -> None:
    words = _held(words)
    for i in range(out.size):
        out[i] = _scalar(words)


@jit
def int_words(words: Any, out: Any) -> None:
    words = _held(words)
    for i in range(out.size):
        out[i] = _64_bits(words)


@jit
def array(words: Any, out: Any, blocks: Any) -> None:
    """The words behind an array.

    Xoshiro's first `blocks` blocks of 8 come from generators forked off it that run side by
    side. MersenneTwister writes all but the last 2 or 3 past the cache if they are 382 or more.
    """
    words = _held(words)
    start = 0
    if words.x.size:
        if blocks:
            start = _LANES * blocks
            _lanes(words.x, out[:start])
    else:
        direct = max(out.size - 2, 0) // 2 * 2
        if direct >= _MIN_DIRECT:
            start = direct
            generate(words.dsfmt, out[:start])
        elif (
            words.at[POSITION] == CACHE
        ):  # for an empty array too; a long one that follows can tell
            _fill_cache(words)
    for i in range(start, out.size):
        out[i] = _scalar(words)


@jit
def _lanes(x: Any, out: Any) -> None:
    s = np.empty((4, _LANES), dtype=np.uint64)
    for k in range(4):
        for lane in range(_LANES):
            s[k, lane] = _FORK[k] * _step(x)
    for start in range(0, out.size, _LANES):
        for lane in range(_LANES):
            s0, s1, s2, s3 = s[0, lane], s[1, lane], s[2, lane], s[3, lane]
            total = s0 + s3
            out[start + lane] = (total << _23 | total >> _41) + s0
            shifted = s1 << _17
            s2 ^= s0
            s3 ^= s1
            s[1, lane] = s1 ^ s2
            s[0, lane] = s0 ^ s3
            s[2, lane] = s2 ^ shifted
            s[3, lane] = s3 << _45 | s3 >> (_64 - _45)


# ---- integers below a number: D. Lemire, "Fast Random Integer Generation in an Interval", 2019


@inlined
def _product(a: Any, b: Any) -> Any:
    """The high and the low half of a * b."""
    a0, a1, b0, b1 = a & _LOW_32, a >> _32, b & _LOW_32, b >> _32
    middle = a1 * b0 + (a0 * b0 >> _32)
    other = a0 * b1 + (middle & _LOW_32)
    return a1 * b1 + (middle >> _32) + (other >> _32), a * b


@inlined
def _below_64(words: Any, size: Any) -> Any:
    word = _64_bits(words)
    high, low = _product(word, size)
    if low < size:
        least = (_0 - size) % size
        while low < least:
            word = _64_bits(words)
            high, low = _product(word, size)
    return high if size else word


@inlined
def _below_32(words: Any, size: Any) -> Any:
    product = _32_bits(words) * size
    if product & _LOW_32 < size:
        least = ((_1 << _32) - size) % size
        while product & _LOW_32 < least:
            product = _32_bits(words) * size
    return product >> _32


@jit
def below(words: Any, size: Any, wide: Any, out: Any) -> None:
    """Integers in 0..size-1, drawn with 64 bits (`wide`; size 0 is 2^64) or with 32."""
    words = _held(words)
    for i in range(out.size):
        out[i] = _below_64(words, size) if wide else _below_32(words, size)


# ---- permutations


@inlined
def _up_to(words: Any, top: Any, mask: Any) -> Any:
    """An integer in 0..top: masked words, redrawn while above it."""
    while True:
        j = np.int64(_52(words) & mask)
        if j <= top:
            return j


@jit
def randperm(words: Any, out: Any, cyclic: Any) -> None:
    """A permutation of 0..n-1, or a cyclic one; the mask starts at 3 where 1 would do."""
    words = _held(words)
    mask = np.uint64(3)
    for i in range(out.size):
        if i > 0:
            j = _up_to(words, i - 1 if cyclic else i, mask)
            out[i] = out[j]
            out[j] = i
            if i == np.int64(mask):
                mask = mask << _1 | _1
        else:
            out[i] = i


@jit
def shuffle_down(words: Any, out: Any) -> None:
    """Shuffle as up to Julia 1.10: from the end, the mask shrinking."""
    words = _held(words)
    if out.size > 1:
        mask = _1
        while mask < np.uint64(out.size - 1):
            mask = mask << _1 | _1
        for i in range(out.size - 1, 0, -1):
            if np.int64(mask >> _1) == i + 1:
                mask >>= _1
            j = _up_to(words, i, mask)
            out[i], out[j] = out[j], out[i]


@jit
def shuffle_up(words: Any, out: Any) -> None:
    """Shuffle as from Julia 1.11 on: from the beginning, with masks 3, 7, 15, ..."""
    words = _held(words)
    mask = np.uint64(3)
    for i in range(1, out.size):
        j = _up_to(words, i, mask)
        out[i], out[j] = out[j], out[i]
        if i == np.int64(mask):
            mask = mask << _1 | _1


@jit
def scatter(words: Any, out: Any, count: Any) -> None:
    """Put `count` ones among the zeros of `out`, each where a fresh integer falls on a zero."""
    words = _held(words)
    while count > 0:
        k = np.int64(_below_64(words, np.uint64(out.size)))
        count -= 1 - out[k]
        out[k] = 1


# ---- elementary functions, to the last bit


@jit
def log(x: Any, logs: Any) -> Any:
    """Julia's `log`, after P. T. P. Tang, for 0 < x < 1; `logs` from `elementary.log_table`."""
    if x == 0.0:
        return -np.inf
    if 0.9394130628134757 < x:
        return _log_near_1(x - 1.0)
    m, y = _split(x)
    f_hi = (y + 2.0**45) - 2.0**45
    return _log_table(y, m, f_hi, y - f_hi, logs)


@jit
def log1p(x: Any, logs: Any) -> Any:
    """Julia's `log1p` for -1 < x <= 0."""
    if x == 0.0 or x > -(2.0**-53):
        return x
    if x > -0.06058693718652422:
        return _log_near_1(x)
    z = 1.0 + x
    c = x - (z - 1.0)
    m, y = _split(z)
    f_hi = (y + 2.0**45) - 2.0**45
    return _log_table(y, m, f_hi, (y - f_hi) + math.ldexp(c, -m), logs)


@jit
def _split(x: Any) -> Any:
    """Exponent and significand, x = 2^m y with 1 <= y < 2."""
    y, m = math.frexp(x)
    return m - 1, 2.0 * y


@jit
def _log_table(y: Any, m: Any, f_hi: Any, f: Any, logs: Any) -> Any:
    j = np.int64(128.0 * f_hi) - 128
    hi = m * 0.6931471805601177 + logs[j, 0]
    lo = m * -1.7239444525614835e-13 + logs[j, 1]
    u = (2.0 * f) / (y + f_hi)
    v = u * u
    q = u * v * fma(v, 0.012500053168098584, 0.08333333333303913)
    return hi + (u + (q + lo))


@jit
def _log_near_1(f: Any) -> Any:
    g = 1.0 / (2.0 + f)
    u = 2.0 * f * g
    v = u * u
    p = fma(v, 0.0004348877777076146, 0.0022321399879194482)
    q = u * v * fma(v, fma(v, p, 0.012500000003771751), 0.08333333333333179)
    return u + fma(fma(-u, f, 2.0 * (f - u)), g, q)


@jit
def exp(x: Any, table: Any) -> Any:
    """Julia's `exp` from 1.6 on where the result is normal; `table` from `elementary.exp_table`."""
    n_float = fma(x, 369.3299304675746, 6.755399441055744e15) - 6.755399441055744e15
    r = fma(n_float, -0.002707606173999011, x)
    r = fma(n_float, -6.327543041662719e-14, r)
    n = np.int64(n_float)
    p = fma(r, fma(r, 0.04166666857598777, 0.1666666857598779), 0.4999999999999997)
    p = fma(r, p, 0.9999999999999912)
    j = n & 255
    return math.ldexp(fma(table[j, 0], r * p, table[j, 1]) + table[j, 0], int(n >> 8))


@jit
def exp_1_5(x: Any) -> Any:
    """Julia's `exp` up to 1.5, where the result is normal."""
    if x == 1.0:
        return np.e
    k, hi, lo = 0, x, 0.0
    if abs(x) > 0.5 * 0.6931471805599453:
        if abs(x) < 1.5 * 0.6931471805599453:
            k = 1 if x > 0 else -1
            hi = x - k * 6.93147180369123816490e-1
        else:
            k = np.int64(np.rint(1.442695040888963407359924681001892137426646 * x))
            hi = fma(np.float64(k), -6.93147180369123816490e-1, x)
        lo = k * 1.90821492927058770002e-10
    elif abs(x) < 2.0**-28:
        return 1.0 + x
    r = hi - lo
    z = r * r
    p = fma(z, 4.13813679705723846039e-8, -1.65339022054652515390e-6)
    p = fma(z, fma(z, p, 6.61375632143793436117e-5), -2.77777777770155933842e-3)
    p = r - z * fma(z, p, 1.66666666666666019037e-1)
    if k == 0:
        return 1.0 - ((r * p) / (p - 2.0) - r)
    return math.ldexp(1.0 - ((lo - (r * p) / (2.0 - p)) - hi), int(k))


@jit
def exp_all(x: Any, table: Any, old: Any) -> None:
    """`exp` of each element, in place."""
    for i in range(x.size):
        x[i] = exp_1_5(x[i]) if old else exp(x[i], table)


@jit
def fused(a: Any, x: Any, b: Any) -> None:
    """a * x + b, rounded once, into `x` (all of one type)."""
    for i in range(x.size):
        x[i] = fma(a, x[i], b)


# ---- the ziggurat: G. Marsaglia, W. W. Tsang, "The Ziggurat Method for Generating Random
# Variables", J. Stat. Soft. 5(8), 2000


@inlined
def _logarithm(words: Any, from_1: Any, logs: Any) -> Any:
    """The logarithm of a uniform number: log(u), or log(1 - u) from Julia 1.11 on."""
    u = unit(words)
    return log1p(-u, logs) if from_1 else log(u, logs)


@inlined
def _normal(words: Any, bits: Any, z: Any) -> Any:
    while True:
        rabs = bits >> _1
        layer = np.int64(rabs & _BYTE)
        x = np.float64(np.int64(rabs)) * z.w[layer]
        if bits & _1:
            x = -x
        if rabs < z.k[layer]:
            return x
        if layer == 0:
            while True:
                xx = -z.inv_r * _logarithm(words, z.from_1, z.logs)
                yy = -_logarithm(words, z.from_1, z.logs)
                if yy + yy > xx * xx:
                    return -z.r - xx if rabs >> _8 & _1 else z.r + xx
        if (z.f[layer - 1] - z.f[layer]) * unit(words) + z.f[layer] < np.exp(-0.5 * x * x):
            return x
        bits = _52(words)


@inlined
def _exponential(words: Any, bits: Any, z: Any) -> Any:
    while True:
        layer = np.int64(bits & _BYTE)
        x = np.float64(np.int64(bits)) * z.w[layer]
        if bits < z.k[layer]:
            return x
        if layer == 0:
            return z.r - _logarithm(words, z.from_1, z.logs)
        if (z.f[layer - 1] - z.f[layer]) * unit(words) + z.f[layer] < np.exp(-x):
            return x
        bits = _52(words)


@jit
def ziggurat(words: Any, z: Any, drawn: Any, out: Any) -> None:
    """Normal or exponential numbers into `out`.

    Their first words are `drawn`, as an array draw leaves them; where that is empty each is
    drawn when its turn comes.
    """
    words = _held(words)
    k, w, f, logs = unmanaged(z.k), unmanaged(z.w), unmanaged(z.f), unmanaged(z.logs)
    z = Ziggurat(k, w, f, z.r, z.inv_r, z.exponential, z.from_1, logs)
    for i in range(out.size):
        if drawn.size == 0:
            bits = _52(words)
        else:
            bits = drawn[i] >> _12 if words.x.size else drawn[i] & _LOW_52
        out[i] = _exponential(words, bits, z) if z.exponential else _normal(words, bits, z)
