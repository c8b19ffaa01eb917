"""What Julia's generators have in common: the functions of its `Random` library."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import cache
from typing import Any

import numpy as np

from repro.julia import elementary, values, versions
from repro.julia.seeds import Seed
from repro.julia.values import Array, Collection, Range
from repro.julia.versions import julia_version


@cache
def compiled() -> Any:
    """The compiled loops; Numba is imported here, when they are first needed."""
    from repro.julia import kernels

    return kernels


class Stream(ABC):
    """A random stream of Julia's. Subclasses say where the words come from.

    Functions are named and shaped as in Julia and return NumPy: dimensions are positional,
    `dtype` is a NumPy type, arrays are filled by columns, and what changes its argument ends in
    an underscore (`rand_` for `rand!`), as in PyTorch. Without dimensions they return a scalar: a
    Python float, complex, int or bool for Float64, ComplexF64, Int64 and Bool, else NumPy's.

    Wrong arguments raise ValueError or TypeError that begins with the name of Julia's own error,
    and draw nothing. Strings, characters, numbers of 128 bits and big integers are left out.

    Attributes:
        version: (1, 5) to (1, 12), the Julia that is followed.
    """

    version: versions.Version
    _randn_array_from: int  # elements from which an array's words are drawn before they are used

    # ---- what a generator has of its own

    @abstractmethod
    def seed_(self, seed: Seed) -> Any:
        """`seed!(rng, seed)`: start again from this seed; returns the generator."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything the stream depends on, as arrays and ints that `np.savez` keeps unpickled."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: Any, julia: str = "") -> Any:
        """The generator that `state()` described; takes what NumPy's `load` gives as it comes."""

    @abstractmethod
    def _lend(self) -> Any:
        """The state for compiled loops, which change it."""

    @abstractmethod
    def _take_back(self, words: Any) -> None:
        """Go on where the compiled loops stopped."""

    @abstractmethod
    def _scalar_values(self, n: int, kind: np.dtype[Any]) -> Array:
        """`n` draws one by one."""

    @abstractmethod
    def _array_values(self, n: int, kind: np.dtype[Any]) -> Array:
        """The draw of an `Array` of `n`."""

    @abstractmethod
    def _array_words(self, n: int) -> Array:
        """The words that an `Array{Float64}` of `n` is made of."""

    def _run(self, loop: str, *arguments: Any) -> None:
        words = self._lend()
        getattr(compiled(), loop)(words, *arguments)
        self._take_back(words)

    def _scalar_words(self, n: int) -> Array:
        out = np.empty(n, dtype=np.uint64)
        self._run("scalars", out)
        return out

    def _int_words(self, n: int) -> Array:
        out = np.empty(n, dtype=np.uint64)
        self._run("int_words", out)
        return out

    # ---- rand

    def rand(self, *what: Any, dtype: Any = None) -> Any:
        """`rand()`, `rand(dims...)`, `rand(S)` or `rand(S, dims...)`.

        Args:
            what: dimensions, or a range, list, tuple or array to pick from, then dimensions. One
                tuple alone is picked from, as in Julia; with `dtype` it is the dimensions.
            dtype: Float64 by default: uniform in [0, 1) for floats and complex floats, over all
                values for integers up to 64 bits and Bool. May also stand first, as in Julia
                (`rand(np.float32, 6)`), or last.
        """
        kinds = [each for each in what if isinstance(each, type | np.dtype)]
        if kinds and dtype is None:
            dtype, what = kinds[0], tuple(each for each in what if each is not kinds[0])
        if not what or values.is_size(what[0]) or (dtype is not None and len(what) == 1):
            kind, dims = values.julia_type(dtype), values.julia_dims(what)
            if not what:
                return values.scalar(self._uniform(1, kind, whole=False))
            return values.shaped(self._uniform(values.size_of(dims), kind), dims)
        if dtype is not None:
            raise TypeError("what is picked from has its own type; leave dtype out")
        source, dims = _source(what[0]), values.julia_dims(what[1:])
        if len(what) == 1:
            return values.scalar(self._picked(source, 1))
        return values.shaped(self._picked(source, values.size_of(dims)), dims)

    def rand_(self, a: Array, *source: Any) -> Array:
        """`rand!(rng, a)` or `rand!(rng, a, S)`: fill `a` in place, and return it.

        A part of an array (a NumPy view) is filled as Julia fills one, by scalar draws.
        """
        if source:
            picked = self._picked(_source(*source), a.size)
        else:
            picked = self._uniform(a.size, values.julia_type(a.dtype), whole=_is_whole(a))
        a[...] = values.shaped(picked, a.shape)
        return a

    def _uniform(self, n: int, kind: np.dtype[Any], whole: bool = True) -> Array:
        if kind.kind == "c":
            part = np.dtype(f"f{kind.itemsize // 2}")
            return self._scalar_values(2 * n, part).view(kind)
        return self._array_values(n, kind) if whole else self._scalar_values(n, kind)

    def _picked(self, source: Collection, n: int) -> Array:
        if source.drawn_as == "tuple":
            return source.pick(self._tuple_places(source.length, n))
        return source.pick(self._below(source.length, n, wide=source.drawn_as == "64"))

    def _below(self, size: int, n: int, wide: bool = True) -> Array:
        """`n` integers in 0..size-1."""
        out = np.empty(n, dtype=np.uint64)
        self._run("below", np.uint64(size % 2**64), wide, out)
        return out

    def _tuple_places(self, size: int, n: int) -> Array:
        """Places in a tuple: few bits where its length allows."""
        if size == 1:
            return np.zeros(n, dtype=np.uint64)
        if size == 2:
            return self._scalar_values(n, np.dtype(bool)).astype(np.uint64)
        if size == 3:
            return self._thirds(n)
        if size & size - 1 == 0:
            return self._scalar_values(n, np.dtype(np.uint32)).astype(np.uint64) & np.uint64(
                size - 1
            )
        return self._below(size, n)

    def _thirds(self, n: int) -> Array:
        kept = np.empty(0, dtype=np.uint64)
        while kept.size < n:
            bits = self._52_bits(n - kept.size)
            kept = np.append(kept, bits[bits != np.uint64(2**52 - 1)])
        return kept // np.uint64(0x0005555555555555)

    @abstractmethod
    def _52_bits(self, n: int) -> Array:
        """`n` draws of 52 bits: uint64, shape (n,)."""

    def bitrand(self, *dims: Any) -> Array:
        """`bitrand(dims...)`: bool, drawn 64 to a word."""
        sizes = values.julia_dims(dims)
        n = values.size_of(sizes)
        words = self._array_values((n + 63) // 64, np.dtype(np.uint64)) if n else np.empty(0, "<u8")
        bits = np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little")[:n]
        return values.shaped(bits.astype(bool), sizes)

    def uniform(self, a: float, b: float, size: int | tuple[int, ...] | None = None) -> Any:
        """`rand(Uniform(a, b), size...)` as Distributions 0.16.4 draws it: a + (b - a) * rand().

        A Python float without `size`. Otherwise float64 of that shape, filled by scalar draws in
        column-major order: the array path of `rand(n)` is never taken.
        """
        if size is None:
            return a + (b - a) * self.rand()
        dims = size if isinstance(size, tuple) else (size,)
        flat = self._scalar_values(math.prod(dims), np.dtype(np.float64))
        return values.shaped(a + (b - a) * flat, dims)

    # ---- randn, randexp

    def randn(self, *dims: Any, dtype: Any = None) -> Any:
        """`randn(T, dims...)`: normal, of Float16 to Float64, ComplexF32 or ComplexF64."""
        kind = values.julia_type(dtype, values.FLOATS + values.COMPLEX)
        return self._shaped_ziggurat(False, kind, dims)

    def randexp(self, *dims: Any, dtype: Any = None) -> Any:
        """`randexp(T, dims...)`: exponential of scale 1, of Float16 to Float64."""
        return self._shaped_ziggurat(True, values.julia_type(dtype, values.FLOATS), dims)

    def randn_(self, a: Array) -> Array:
        """`randn!(rng, a)`: fill `a` in place, and return it; as for `rand_`, a view by scalars."""
        kind = values.julia_type(a.dtype, values.FLOATS + values.COMPLEX)
        a[...] = values.shaped(self._ziggurat(False, a.size, kind, _is_whole(a)), a.shape)
        return a

    def randexp_(self, a: Array) -> Array:
        """`randexp!(rng, a)`: fill `a` in place, and return it."""
        kind = values.julia_type(a.dtype, values.FLOATS)
        a[...] = values.shaped(self._ziggurat(True, a.size, kind, _is_whole(a)), a.shape)
        return a

    def _shaped_ziggurat(
        self, exponential: bool, kind: np.dtype[Any], dims: tuple[Any, ...]
    ) -> Any:
        sizes = values.julia_dims(dims)
        if not dims:
            return values.scalar(self._ziggurat(exponential, 1, kind, whole=False))
        return values.shaped(self._ziggurat(exponential, values.size_of(sizes), kind), sizes)

    def _ziggurat(
        self, exponential: bool, n: int, kind: np.dtype[Any], whole: bool = True
    ) -> Array:
        if kind.kind == "c":
            part = np.dtype(f"f{kind.itemsize // 2}")
            parts = self._ziggurat(exponential, 2 * n, part, False)
            parts *= part.type(math.sqrt(0.5))
            return parts.view(kind)
        first = kind == np.float64 and whole and n >= self._randn_array_from
        drawn = self._array_words(n) if first else np.empty(0, dtype=np.uint64)
        layers = elementary.ziggurat(exponential, self.version >= versions.TAIL_FROM_1)
        out = np.empty(n)
        self._run("ziggurat", layers, drawn, out)
        if kind == np.float16 and self.version < versions.FLOAT16_ROUNDED_ONCE:
            out = out.astype(np.float32)
        return out.astype(kind, copy=False)

    # ---- permutations

    def randperm(self, n: Any) -> Array:
        """`randperm(n)`: a random permutation of 1..n, shape (n,), int64 or of the type of `n`."""
        return self._permutation(n, cyclic=False)

    def randcycle(self, n: Any) -> Array:
        """`randcycle(n)`: a random cyclic permutation of 1..n."""
        return self._permutation(n, cyclic=True)

    def _permutation(self, n: Any, cyclic: bool) -> Array:
        (size,) = values.julia_dims((n,))
        out = np.empty(size, dtype=np.int64)
        self._run("randperm", out, cyclic)
        return (out + 1).astype(n.dtype if isinstance(n, np.integer) else np.int64, copy=False)

    def shuffle(self, a: Any) -> Any:
        """`shuffle(a)`: a shuffled copy; an array for an array or a `Range`, otherwise a list."""
        if isinstance(a, Range):
            if a.one_to and self.version >= versions.SHUFFLED_ONETO_IS_RANDPERM:
                return self.randperm(a.length)
            a = a.collect()
        return self.shuffle_(a.copy(order="F") if isinstance(a, np.ndarray) else list(a))

    def shuffle_(self, a: Any) -> Any:
        """`shuffle!(rng, a)`: shuffle an array (by columns) or a list in place, and return it."""
        upwards = self.version >= versions.SHUFFLE_UPWARDS
        if upwards and isinstance(a, np.ndarray) and a.dtype == bool:
            a[...] = values.shaped(self._scattered(a.ravel(order="F")), a.shape)
            return a
        order = np.arange(a.size if isinstance(a, np.ndarray) else len(a))
        self._run("shuffle_up" if upwards else "shuffle_down", order)
        if isinstance(a, np.ndarray):
            a[...] = values.shaped(a.ravel(order="F")[order], a.shape)
        else:
            a[:] = [a[i] for i in order.tolist()]
        return a

    def _scattered(self, a: Array) -> Array:
        """Bool from 1.11 on: the rarer value is put at random places until all of it is placed."""
        ones = int(a.sum())
        rarer = 2 * ones <= a.size
        out = np.zeros(a.size, dtype=np.int64)
        self._run("scatter", out, ones if rarer else a.size - ones)
        placed: Array = (out == 1) == rarer
        return placed

    def randsubseq(self, a: Any, p: float) -> Any:
        """`randsubseq(a, p)`: the elements of `a` that each are taken with probability `p`."""
        if not 0 <= p <= 1:
            raise ValueError(f"ArgumentError: probability {p} not in [0,1]; give one that is")
        source = values.collection(a)
        return source.pick(self._subsequence(source.length, p).astype(np.uint64))

    def _subsequence(self, n: int, p: float) -> Array:
        if p == 0:
            return np.empty(0, dtype=np.int64)
        if p == 1:
            return np.arange(n)
        if p > 0.15:
            return np.flatnonzero(self._scalar_values(n, np.dtype(np.float64)) <= p)
        scale, place, places = -1 / math.log1p(-p), 0, []
        while (gap := self.randexp() * scale) < n - place:
            place += math.ceil(gap)
            places.append(place - 1)
        return np.array(places, dtype=np.int64)

    # ---- copies

    def copy(self) -> Any:
        """An independent generator at the same place of the same stream."""
        return self.from_state(self.state(), julia=f"{self.version[0]}.{self.version[1]}")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        assert isinstance(other, Stream)
        mine, its = self.state(), other.state()
        return all(np.array_equal(mine[name], its[name]) for name in mine)

    def __hash__(self) -> int:
        raise TypeError("a generator changes as it draws: it is no key; compare with ==")


def _source(what: Any) -> Collection:
    source = values.collection(what)
    if source.length == 0:
        raise ValueError("ArgumentError: range must be non-empty; give something to pick from")
    return source


def _is_whole(a: Array) -> bool:
    """Whether this is an array by itself, reshaped or not, and no part of one, nor one reversed."""
    return not isinstance(a.base, np.ndarray) or (a.size == a.base.size and a.flags.forc)


def checked_version(julia: str, first: versions.Version = versions.FIRST) -> versions.Version:
    version = julia_version(julia)
    if version < first:
        raise ValueError(
            f"UndefVarError: Xoshiro is not defined in Julia {julia}; give 1.7 or later, or use "
            "MersenneTwister"
        )
    return version
