"""Wrong streams, each one small change of the source, and the recorded rows that must notice.

The changed copy of `repro.julia` runs uncompiled, so that a plant costs no compiling.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from types import ModuleType
from typing import Any

import numba
import numpy as np
from planted.plant import Change, _Loader

COPIED = ("repro.julia", "julia.recorded")


@contextmanager
def uncompiled(*changes: Change) -> Iterator[tuple[ModuleType, ModuleType]]:
    """Copies of `recorded_rows` and `recorded_packages` on a `repro.julia` with these changes."""
    import repro

    mine = {name: m for name, m in sys.modules.items() if name.startswith(COPIED)}
    julia, disabled = repro.julia, numba.config.DISABLE_JIT
    loader = _Loader(changes)
    for name in mine:
        del sys.modules[name]
    sys.meta_path.insert(0, loader)
    numba.config.DISABLE_JIT = True
    try:
        _uncompiled_kernels()
        with np.errstate(over="ignore", divide="ignore"):
            yield tuple(
                importlib.import_module(f"julia.{name}")
                for name in ("recorded_rows", "recorded_packages")
            )
    finally:
        numba.config.DISABLE_JIT = disabled
        sys.meta_path.remove(loader)
        for name in [name for name in sys.modules if name.startswith(COPIED)]:
            del sys.modules[name]
        sys.modules.update(mine)
        repro.julia = julia


def _uncompiled_kernels() -> None:
    kernels = importlib.import_module("repro.julia.kernels")
    kernels.fma = _fma
    kernels.unmanaged = lambda array: array
    kernels._held = lambda words: words


def _fma(a: Any, b: Any, c: Any) -> Any:
    return type(a)(float(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))))


@dataclass(frozen=True)
class Plant:
    """A wrong stream.

    Attributes:
        name: what is wrong, in a few words.
        changes: (module, old, new) each.
        rows: names of recorded rows among which one must differ.
        versions: Julia's versions in which they are drawn.
        seeds: the seeds, as recorded.
        generators: "mersenne", "xoshiro" or both.
    """

    name: str
    changes: tuple[tuple[str, str, str], ...]
    rows: tuple[str, ...]
    versions: tuple[str, ...] = ("1.10",)
    seeds: tuple[str, ...] = ("0",)
    generators: tuple[str, ...] = ("mersenne", "xoshiro")

    def sources(self) -> tuple[Change, ...]:
        return tuple(Change(f"repro.julia.{module}", old, new) for module, old, new in self.changes)


def _plant(name: str, module: str, old: str, new: str, *rows: str, **options: Any) -> Plant:
    return Plant(name, ((module, old, new),), rows, **options)


M = {"generators": ("mersenne",)}
X = {"generators": ("xoshiro",)}
OLD = {"generators": ("mersenne",), "versions": ("1.5",)}
NEW = {"versions": ("1.12",)}
FEW = ("rand_Float64_x20",)

PLANTS = [
    # seeds
    _plant("a seed's high word dropped", "seeds", "for i in range(size)]", "for i in range(1)]",
           *FEW, seeds=("2^32", "typemax(Int)")),
    _plant("seed words the highest first", "seeds", "for i in range(size)]",
           "for i in reversed(range(size))]", *FEW, seeds=("typemax(Int)", "2^32")),
    _plant("a seed padded to two words", "seeds", "size = max(1, ", "size = max(2, ", *FEW,
           seeds=("UInt8(7)",)),
    _plant("the period not certified", "dsfmt", "    _certify_period(state[PAIRS])\n", "",
           "rand_Float64_array_1000", seeds=("0", "1", "42", "1234"), **M),
    _plant("a seed hashed by its value where 1.11 hashes its complement", "seeds",
           "~number if number < 0 else number", "abs(number)", *FEW, seeds=("-1234",), **NEW),
    _plant("a negative seed without its mark", "seeds", 'b"\\x01" * (number < 0)', 'b""', *FEW,
           seeds=("-1",), **NEW),
    _plant("a string's padding of zeros", "seeds", "bytes([padding])", "bytes([0])", *FEW,
           seeds=('"hello"',), **NEW),
    _plant("words hashed without their mark", "seeds", 'tobytes() + b"\\x10"', "tobytes()", *FEW,
           seeds=("UInt32[1,2,3]",), **NEW),
    _plant("UInt32 words hashed as they are from 1.11 on", "seeds",
           'np.array(words, dtype="<u8")', 'np.array(words, dtype="<u4")', *FEW,
           seeds=("UInt32[1,2,3]",), **NEW),
    _plant("MersenneTwister's seed not hashed in 1.11", "versions", "SEEDS_HASHED = (1, 11)",
           "SEEDS_HASHED = (1, 13)", *FEW, seeds=("UInt8(7)",), **NEW),
    # MersenneTwister's words
    _plant("an array past the cache two elements early", "kernels",
           "_MIN_DIRECT = 2 * _PAIRS", "_MIN_DIRECT = 2 * _PAIRS - 2",
           "rand_Float64_arrays_in_turn", **M),
    _plant("an array past the cache two elements late", "kernels",
           "_MIN_DIRECT = 2 * _PAIRS", "_MIN_DIRECT = 2 * _PAIRS + 2",
           "rand_Float64_arrays_in_turn", **M),
    _plant("a whole array past the cache", "kernels", "max(out.size - 2, 0) // 2 * 2",
           "out.size // 2 * 2", "rand_Float64_arrays_in_turn", **M),
    _plant("a cache refilled early", "kernels",
           "    if words.at[POSITION] == CACHE:\n        _fill_cache(words)\n    word =",
           "    if words.at[POSITION] >= CACHE - 1:\n        _fill_cache(words)\n    word =",
           "randn_Float64_x2000", **M),
    _plant("the twister's pick one pair further", "kernels", "_PICK = 191, 117",
           "_PICK = 191, 118", "rand_Float64_array_1000", **M),
    _plant("the second cache taken from its start", "kernels",
           "return words.ints[words.at[LEFT]]", "return words.ints[CACHE - 1 - words.at[LEFT]]",
           "rand_UInt64_x50", **M),
    _plant("1.5's second cache condensed as 1.6 does", "versions",
           "INTS_CONDENSED_AT_ONCE = (1, 6)", "INTS_CONDENSED_AT_ONCE = (1, 5)",
           "rand_UInt64_x50", **OLD),
    _plant("the last of the second cache not completed", "kernels", "for k in range(501):",
           "for k in range(500):", "rand_UInt64_x50", **M),
    _plant("an integer array's numbers completed forwards", "kernels", "_mix(a, n - 1 - k, a,",
           "_mix(a, n - 4 + k, a,", "rand_UInt64_array_20", **M),
    _plant("an integer array's last pair the other way round", "kernels",
           "last[1], last[0] = _scalar(words), _scalar(words)",
           "last[0], last[1] = _scalar(words), _scalar(words)", "rand_UInt64_array_3", **M),
    _plant("128 bits shifted without a carry", "kernels",
           "into[2 * i + 1] ^= high << shift | low >> (_64 - shift)",
           "into[2 * i + 1] ^= high << shift", "rand_UInt64_array_20", **M),
    _plant("Float32 of a double's high bits", "mersenne",
           "bits = 23 if kind == np.float32 else 10\n            low = (words &",
           "bits = 23 if kind == np.float32 else 10\n"
           "            low = (words >> np.uint64(29) &", "rand_Float32_array_3", **M),
    _plant("a Float32 array without the carry between halves", "mersenne",
           "high << np.uint64(26) | low >> np.uint64(64 - 26)", "high << np.uint64(26)",
           "rand_Float32_array_20", **M),
    _plant("Float16 of eleven bits", "mersenne", "bits = 23 if kind == np.float32 else 10\n"
           "            low", "bits = 23 if kind == np.float32 else 11\n            low",
           "rand_Float16_x100", **M),
    _plant("a Bool array's rest from a fresh word", "mersenne",
           "bits = int(low[0]) ^ int(low[0]) >> 17", "bits = int(self.next_words(1)[0])",
           "rand_Bool_array_20", **M),
    _plant("a Bool array without its moved bit", "mersenne", "low ^ low << np.uint64(5)", "low",
           "rand_Bool_array_20", **M),
    # Xoshiro's words
    _plant("lanes one block late", "xoshiro", "size // _BLOCK)", "max(0, size // _BLOCK - 1))",
           "rand_Float64_array_8", **X),
    _plant("lanes one element early", "xoshiro", "size // _BLOCK)", "(size + 4) // _BLOCK)",
           "rand_Float32_array_15", **X),
    _plant("lanes seeded lane by lane", "kernels",
           "    for k in range(4):\n        for lane in range(_LANES):\n",
           "    for lane in range(_LANES):\n        for k in range(4):\n",
           "rand_Float64_array_8", **X),
    _plant("a lane's multiplier of another word", "kernels", "_FORK[k] *", "_FORK[3 - k] *",
           "rand_Float64_array_8", **X),
    _plant("integers from a word's lower bits", "xoshiro",
           "words >>= np.uint64(64 - 8 * kind.itemsize)", "pass",
           "rand_UInt32_x50", "rand_UInt8_x50", **X),
    _plant("a Float32 from the other half of the word", "xoshiro",
           "        return _as_kind(self._bulk(n * kind.itemsize).view",
           "        def swapped(words):\n"
           "            return words << np.uint64(32) | words >> np.uint64(32)\n"
           "        return _as_kind(swapped(self._bulk(n * kind.itemsize)).view",
           "rand_Float32_array_5", **X),
    _plant("Bool is a word's highest bit", "xoshiro", "(words & np.uint64(1))",
           "(words >> np.uint64(7))", "rand_Bool_x200", **X),
    _plant("Bool lanes from 512 on", "xoshiro", "_BOOLS_FROM, _BOOL_BLOCK = 640",
           "_BOOLS_FROM, _BOOL_BLOCK = 512", "rand_Bool_array_639", **X),
    _plant("Bool arrays of bytes' highest bits first", "xoshiro", "octets >> np.arange(8,",
           "octets >> np.arange(7, -1, -1,", "rand_Bool_array_9", **X),
    _plant("Float16 arrays four to a word before 1.12", "versions", "FLOAT16_ARRAYS = (1, 12)",
           "FLOAT16_ARRAYS = (1, 10)", "rand_Float16_array_10", **X),
    # ranges
    _plant("masks and redraws for Lemire", "kernels", "    return high if size else word\n",
           "    while word & np.uint64(2 ** int(size - _1).bit_length() - 1) >= size > 0:\n"
           "        word = _64_bits(words)\n"
           "    return word & np.uint64(2 ** int(size - _1).bit_length() - 1)\n",
           "rand_1:10_x100"),
    _plant("Lemire without a redraw", "kernels", "        while low < least:",
           "        while low < least and False:", "rand_1:6917529027641081856_x100"),
    _plant("a range of 32 bits drawn with 64", "values", 'Collection(source.length, "32" if narrow',
           'Collection(source.length, "64" if narrow', "rand_UInt8(0):UInt8(9)_x100"),
    _plant("a tuple of three by its length", "stream", "if size == 3:", "if size == 3.5:",
           "rand_tuple3_x50"),
    _plant("a tuple of four by its length", "stream", "if size & size - 1 == 0:",
           "if size == 0:", "rand_tuple4_x50"),
    # the ziggurat
    _plant("the ziggurat's layer off by one", "kernels",
           "(z.f[layer - 1] - z.f[layer]) * unit(words) + z.f[layer] < np.exp(-0.5 * x * x)",
           "(z.f[layer] - z.f[(layer + 1) % 256]) * unit(words)"
           " + z.f[(layer + 1) % 256] < np.exp(-0.5 * x * x)", "randn_Float64_x2000"),
    _plant("the sign from the other end", "kernels", "        if bits & _1:\n", 
           "        if bits >> np.uint64(51) & _1:\n", "randn_Float64_array_5"),
    _plant("the tail's two numbers the other way round", "kernels",
           "                xx = -z.inv_r * _logarithm(words, z.from_1, z.logs)\n"
           "                yy = -_logarithm(words, z.from_1, z.logs)\n",
           "                yy = -_logarithm(words, z.from_1, z.logs)\n"
           "                xx = -z.inv_r * _logarithm(words, z.from_1, z.logs)\n",
           "randn_Float64_x2000", seeds=("0", "1", "42")),
    _plant("the tail's sign from the first bit", "kernels", "if rabs >> _8 & _1 else z.r + xx",
           "if bits & _1 else z.r + xx", "randn_Float64_x2000", seeds=("0", "1", "42")),
    _plant("1.12's tail of u", "versions", "TAIL_FROM_1 = (1, 11)", "TAIL_FROM_1 = (1, 13)",
           "randexp_Float64_x2000", seeds=("0", "1"), **NEW),
    _plant("randn's array words drawn two elements late", "xoshiro", "_randn_array_from = 7",
           "_randn_array_from = 9", "randn_Float64_array_8", **X),
    _plant("randn's array of scalars in turn", "mersenne", "_randn_array_from = 13",
           "_randn_array_from = 1 << 60", "randn_Float64_array_1000", **M),
    _plant("a Float32 array from words drawn before", "stream", "first = kind == np.float64 and",
           "first = kind.itemsize <= 8 and", "randn_Float32_array_20", **X),
    _plant("complex numbers not halved", "stream", "part.type(math.sqrt(0.5))", "part.type(1)",
           "randn_ComplexF64_array_5"),
    _plant("randexp on 51 bits", "kernels",
           "        layer = np.int64(bits & _BYTE)\n"
           "        x = np.float64(np.int64(bits)) * z.w[layer]",
           "        bits = bits >> _1\n"
           "        layer = np.int64(bits & _BYTE)\n"
           "        x = np.float64(np.int64(bits)) * z.w[layer]",
           "randexp_Float64_array_5"),
    # permutations
    _plant("randperm's mask one bit short", "kernels",
           "            if i == np.int64(mask):\n                mask = mask << _1 | _1\n",
           "            if i - 1 == np.int64(mask):\n                mask = mask << _1 | _1\n",
           "randperm_100"),
    _plant("the smallest mask", "kernels", "    mask = np.uint64(3)\n    for i in range(out.size):",
           "    mask = _1\n    for i in range(out.size):", "randperm_2", "randperm_10"),
    _plant("a remainder for a redraw", "kernels", "        if j <= top:\n            return j",
           "        return j % (top + 1)", "randperm_10"),
    _plant("randcycle with fixed points", "kernels", "i - 1 if cyclic else i", "i", "randcycle_10"),
    _plant("shuffle's mask shrinks late", "kernels", "np.int64(mask >> _1) == i + 1",
           "np.int64(mask >> _1) == i", "shuffle_vector_100"),
    _plant("1.10 shuffles upwards", "versions", "SHUFFLE_UPWARDS = (1, 11)",
           "SHUFFLE_UPWARDS = (1, 10)", "shuffle_1:10"),
    _plant("1.8 shuffles OneTo as 1.10", "versions", "SHUFFLED_ONETO_IS_RANDPERM = (1, 9)",
           "SHUFFLED_ONETO_IS_RANDPERM = (1, 8)", "shuffle_OneTo_10", versions=("1.8",)),
    _plant("1.12 shuffles Bool as other arrays", "stream",
           "a.dtype == bool:", "a.dtype == complex:", "shuffle_Bool_100", **NEW),
    _plant("the more frequent Bool placed", "stream", "rarer = 2 * ones <= a.size",
           "rarer = 2 * ones > a.size", "shuffle_Bool_100", **NEW),
    # the rest
    _plant("a subsequence by gaps at 0.16 too", "stream", "if p > 0.15:", "if p > 0.16:",
           "randsubseq_1:1000_0.16"),
    _plant("bitrand's highest bit first", "stream", 'bitorder="little")[:n]', 'bitorder="big")[:n]',
           "bitrand_65"),
    _plant("a matrix by rows", "values", 'return flat.reshape(dims, order="F")',
           "return flat.reshape(dims)", "rand_Float64_matrix_30_40"),
    _plant("a view filled as an array", "stream",
           "return not isinstance(a.base, np.ndarray) or (a.size", "return True or (a.size",
           "rand!_view_100", **X),
    _plant("a copy that shares its cache", "mersenne", '"cache": self._cache.copy(),',
           '"cache": self._cache * 0,', "copy_midway", **M),
]  # fmt: skip
"""Each is caught by `test_a_wrong_stream_is_caught` under its name."""

PACKAGES = [
    _plant("Uniform's arrays of scalars", "distributions", "return self._on(rng.rand(n))",
           "return self.scalars(rng, n, release)", "Distributions.Uniform()_array_100",
           versions=("0.25.129@1.10",)),
    _plant("Normal fused before 0.25.112", "distributions", "_FUSED_AND_FILLED = (0, 25, 112)",
           "_FUSED_AND_FILLED = (0, 24, 0)", "Distributions.Normal(0.3,1.7)_x200",
           versions=("0.25.107@1.10",)),
    _plant("Bernoulli below p only", "distributions", 'np.dtype(np.float64)) <= self.p',
           'np.dtype(np.float64)) > self.p', "Distributions.Bernoulli(0.3)_x200",
           versions=("0.25.129@1.10",)),
    _plant("Categorical's scalars of an alias table", "distributions", 'side="right")',
           'side="left") * 0', "Distributions.Categorical(10)_x200", versions=("0.25.129@1.10",)),
    _plant("an alias table's limit in the upper bits", "alias_tables",
           "word & self.cell - 1 < limit", "(word >> 1) & self.cell - 1 < limit",
           "Distributions.Categorical([0.1,0.2,0.3,0.4])_array_100", versions=("0.25.129@1.10",)),
    _plant("exp of 1.5 in 1.10", "distributions", "_EXP_OF_TODAY = (1, 6)",
           "_EXP_OF_TODAY = (1, 12)", "Distributions.LogNormal(0.3,0.7)_x200",
           versions=("0.25.107@1.10",)),
    _plant("Fisher-Yates up to 25 k", "statsbase", "n < 24 * k", "n < 25 * k",
           "StatsBase.sample_1:72_3_replace_false_ordered_false", versions=("0.34.12@1.10",)),
    _plant("a pair that repeats", "statsbase", "n - 1 if second == first else second", "second",
           "StatsBase.samplepair_10_x20", versions=("0.34.12@1.10",)),
    _plant("a running sum that must pass the target", "statsbase",
           "np.searchsorted(running, targets)", 'np.searchsorted(running, targets / 2)',
           "StatsBase.sample_1:10_Weights_fw10_x50", versions=("0.34.12@1.10",)),
    _plant("weighted samples in falling order of index", "statsbase",
           "sorted(keys, reverse=True)", "sorted(keys)",
           "StatsBase.sample_1:10_Weights_fw10_4_noreplace", versions=("0.34.12@1.10",)),
    _plant("glorot's fan of all sizes", "flux_init", "_FAN = (0, 10)", "_FAN = (0, 20)",
           "Flux.glorot_uniform_3x3x2x4", versions=("0.16.11@1.10",)),
    _plant("LSTM's bias drawn in 0.12", "flux_init", "_BIAS_OF_ZEROS = (0, 12)",
           "_BIAS_OF_ZEROS = (0, 13)", "Flux.LSTM_2_3_Wi_Wh_b_global", versions=("0.12.10@1.5",),
           generators=("mersenne",)),
    _plant("dropout keeps what is below", "flux_init", "u > least", "u < least",
           "NNlib.dropout_Float32_5x4_0.3", versions=("0.9.36@1.10",)),
    _plant("each epoch from the first order", "mlutils", "return self._last",
           "return np.arange(self.n)",
           "Flux.DataLoader_1:10_batchsize_3_partial_true_3_epochs", versions=("0.12.10@1.5",),
           generators=("mersenne",)),
    _plant("halves rounded up in a split", "mlutils", "taken = round(left * shares[0])",
           "taken = int(left * shares[0] + 0.5)", "MLUtils.splitobs_1:17_at_0.5_0.3",
           versions=("0.4.10@1.10",)),
]  # fmt: skip
"""The same for the packages; versions are the package's and Julia's."""
