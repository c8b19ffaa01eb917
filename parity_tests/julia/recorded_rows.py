"""The recorded rows of Julia's random numbers, and what each of their names means for us.

`streams.tsv.xz` and `packages.tsv.xz` hold a draw a line: generator, seed, name, type, the
versions that gave these bits, the number of values, their digest, some values, and the bits of the
`rand()` that follows. Live Julias 1.5.3 and 1.10 made them, or the sources of 1.8, 1.10 and 1.12.
"""

from __future__ import annotations

import ast
import hashlib
import lzma
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from repro.julia import MersenneTwister, Range, Stream, Xoshiro, one_to

HERE = Path(__file__).parent
GENERATORS = {"mersenne": MersenneTwister, "xoshiro": Xoshiro}
VERSIONS = {"1.5.3": "1.5", "1.8s": "1.8", "1.10s": "1.10", "1.10-DEV": "1.10", "1.12s": "1.12"}


@dataclass(frozen=True)
class Row:
    generator: str
    seed: str
    name: str
    type: str
    versions: tuple[str, ...]
    count: int
    digest: str
    next: str
    values: str


@cache
def rows(file: str) -> tuple[Row, ...]:
    text = lzma.decompress((HERE / file).read_bytes()).decode()
    fields = (line.split("\t") for line in text.splitlines())
    return tuple(
        Row(g, s, name, kind, tuple(v.split(",")), int(n), digest, follows, values)
        for g, s, name, kind, v, n, digest, values, follows in fields
    )


def seed_of(text: str) -> Any:
    """The seed that the recording calls this."""
    named = {
        "typemax(Int)": 2**63 - 1,
        "typemax(UInt64)": 2**64 - 1,
        "big(2)^100+5": 2**100 + 5,
        "UInt128(2)^90+3": 2**90 + 3,
        "2^32-1": 2**32 - 1,
        "2^32": 2**32,
    }
    if text in named:
        return named[text]
    if words := re.fullmatch(r"UInt(32|64)(\[.*\])", text):
        return np.array(ast.literal_eval(words[2]), dtype=f"u{int(words[1]) // 8}")
    return ast.literal_eval(re.sub(r"^U?Int\d+\((\d+)\)$", r"\1", text))


@cache
def _fresh(generator: str, seed: str, julia: str) -> Stream:
    return GENERATORS[generator](seed_of(seed), julia)


def fresh(generator: str, seed: str, julia: str) -> Stream:
    return _fresh(generator, seed, julia).copy()


def answer(values: Any) -> tuple[int, str]:
    """Number and digest of the values, as the recording has them."""
    array = np.atleast_1d(np.asarray(values)).ravel(order="F")
    if array.dtype.kind == "c":
        parts = array.view(f"f{array.itemsize // 2}")
        texts = list(_hexes(parts))
        texts = [f"{re},{im}" for re, im in zip(texts[::2], texts[1::2], strict=True)]
    else:
        texts = list(_hexes(array))
    return len(texts), hashlib.sha256(" ".join(texts).encode()).hexdigest()[:32]


def _hexes(array: np.ndarray) -> Iterator[str]:
    return map("{:x}".format, array.view(f"u{array.itemsize}").tolist())


def agrees(row: Row, rng: Stream, values: Any, next_rand: float) -> bool:
    bits = f"{int(np.float64(next_rand).view(np.uint64)):x}"
    return answer(values) == (row.count, row.digest) and bits == row.next


# ---- names of draws

TYPES = {
    **{f"{u}Int{b}": np.dtype(f"{u.lower() or 'i'}{b // 8}") for u in ("U", "") for b in (8, 16, 32, 64)},
    **{f"Float{b}": np.dtype(f"f{b // 8}") for b in (16, 32, 64)},
    **{"ComplexF64": np.dtype(complex), "ComplexF32": np.dtype("c8"), "Bool": np.dtype(bool)},
}  # fmt: skip
TYPE = "(?P<T>" + "|".join(TYPES) + ")"
A_5 = np.array([10, 20, 30, 40, 50])
LENGTHS = (5, 383, 384, 1, 1000, 17, 8, 9, 700, 3, 0, 386, 1500)
LENGTHS_32 = (5, 383, 767, 768, 769, 1, 1000, 17, 8, 16, 19, 700, 3, 0, 386, 3001)
SOURCES = {
    "0:typemax": Range(0, 2**63 - 1),
    "typemin:typemax": Range(-(2**63), 2**63 - 1),
    "UInt8(0):UInt8(9)": Range(0, 9, dtype=np.uint8),
    "Int8(-5):Int8(5)": Range(-5, 5, dtype=np.int8),
    "Int32(1):Int32(1000)": Range(1, 1000, dtype=np.int32),
    "UInt32(0):UInt32(2^31)": Range(0, 2**31, dtype=np.uint32),
    "UInt32_all": Range(0, 2**32 - 1, dtype=np.uint32),
    "UInt64(1):UInt64(10)": Range(1, 10, dtype=np.uint64),
    "1:2:99": range(1, 100, 2),
    "OneTo10": one_to(10),
    "1.0:0.5:10.0": Range(1.0, 10.0, 0.5),
    "vector5": A_5,
    "matrix": np.arange(1, 13).reshape(3, 4, order="F"),
    "tuple2": (7, 9),
    "tuple3": (7, 8, 9),
    "tuple4": (6, 7, 8, 9),
    "tuple5": (5, 6, 7, 8, 9),
}


def source(text: str) -> Any:
    return SOURCES[text] if text in SOURCES else Range(1, int(text.removeprefix("1:")))


def one_by_one(draw: Callable[[], Any], n: int, kind: Any = None) -> np.ndarray:
    return np.array([draw() for _ in range(n)], dtype=kind)


def _view(r: Stream, step: slice) -> np.ndarray:
    a = np.zeros(200)
    return r.rand_(a[step])


def _around(draw: Callable[..., Any], lengths: tuple[int, ...], kind: Any = np.float64) -> Any:
    parts = ([draw(dtype=kind), *draw(n, dtype=kind), draw(dtype=kind)] for n in lengths)
    return np.concatenate([np.array(part, dtype=kind) for part in parts])


def _copy_midway(r: Stream) -> Any:
    a = one_by_one(r.rand, 7)
    r.randn(20)
    c = r.copy()
    return np.concatenate([a, one_by_one(r.rand, 5), one_by_one(c.rand, 5)])


def _seed_again(r: Stream) -> Any:
    r.rand(500), r.randn(3), r.rand(dtype=np.uint8)
    r.seed_(99)
    a, b = r.rand(3), float(int(r.rand(dtype=np.uint64)) >> 11)
    r.seed_(99)
    return np.concatenate([a, [b], r.rand(3)])


def thirds(n: int) -> np.ndarray:
    return np.array([i % 3 == 0 for i in range(1, n + 1)], dtype=bool)


PATTERNS: dict[str, Callable[..., Any]] = {
    rf"rand_{TYPE}_x(?P<n>\d+)": lambda r, T, n: one_by_one(lambda: r.rand(dtype=T), n, T),
    rf"rand_{TYPE}_array_(?P<n>\d+)": lambda r, T, n: r.rand(n, dtype=T),
    rf"randn_{TYPE}_x(?P<n>\d+)": lambda r, T, n: one_by_one(lambda: r.randn(dtype=T), n, T),
    rf"randexp_{TYPE}_x(?P<n>\d+)": lambda r, T, n: one_by_one(lambda: r.randexp(dtype=T), n, T),
    r"randn_ComplexF32_x50": lambda r: one_by_one(lambda: r.randn(dtype="c8"), 50, "c8"),
    rf"randn_{TYPE}_array_(?P<n>\d+)": lambda r, T, n: r.randn(n, dtype=T),
    rf"randexp_{TYPE}_array_(?P<n>\d+)": lambda r, T, n: r.randexp(n, dtype=T),
    r"rand_Float64_matrix_30_40": lambda r: r.rand(30, 40),
    r"randn_Float64_matrix_30_40": lambda r: r.randn(30, 40),
    r"randexp_Float64_matrix_30_40": lambda r: r.randexp((30, 40)),
    r"rand_Float64_array_0_then": lambda r: (r.rand(0), one_by_one(r.rand, 3))[1],
    r"rand!_view_100": lambda r: _view(r, slice(100)),
    r"rand!_strided_view_50": lambda r: _view(r, slice(0, 99, 2)),
    r"rand_Float64_arrays_in_turn": lambda r: np.concatenate([r.rand(n) for n in LENGTHS]),
    r"rand_Float64_arrays_and_scalars": lambda r: _around(r.rand, LENGTHS),
    r"rand_Float32_arrays_and_scalars": lambda r: _around(r.rand, LENGTHS_32, np.float32),
    r"randn_Float64_arrays_and_scalars": lambda r: _around(
        r.randn, (5, 12, 13, 14, 6, 7, 8, 1000, 383, 384, 386, 3)
    ),
    r"randexp_Float64_arrays_and_scalars": lambda r: _around(
        r.randexp, (5, 12, 13, 14, 6, 7, 8, 1000, 383, 384, 386, 3)
    ),
    r"rand_(?P<s>1:\d+)_x100": lambda r, s: one_by_one(lambda: r.rand(source(s)), 100),
    r"rand_(?P<s>.+)_array_(?P<n>\d+)": lambda r, s, n: r.rand(source(s), n),
    r"rand_(?P<s>.+)_x(?P<n>\d+)": lambda r, s, n: one_by_one(lambda: r.rand(source(s)), n),
    r"randperm_(?P<n>\d+)": lambda r, n: r.randperm(n),
    r"randperm!_(?P<n>\d+)": lambda r, n: r.randperm(n),
    r"randperm_Int32_(?P<n>\d+)": lambda r, n: r.randperm(np.int32(n)),
    r"randcycle_(?P<n>\d+)": lambda r, n: r.randcycle(n),
    r"shuffle_1:(?P<n>\d+)": lambda r, n: r.shuffle(Range(1, n)),
    r"shuffle_OneTo_(?P<n>\d+)": lambda r, n: r.shuffle(one_to(n)),
    r"shuffle_vector_(?P<n>\d+)": lambda r, n: r.shuffle(np.arange(1, n + 1)),
    r"shuffle!_vector_(?P<n>\d+)": lambda r, n: r.shuffle_(np.arange(1, n + 1)),
    r"shuffle_Bool_(?P<n>\d+)": lambda r, n: r.shuffle(thirds(n)),
    r"shuffle_matrix_4_5": lambda r: r.shuffle(np.arange(1, 21).reshape(4, 5, order="F")),
    r"randsubseq_1:1000_(?P<p>[\d.]+)": lambda r, p: r.randsubseq(Range(1, 1000), float(p)),
    r"bitrand_(?P<n>\d+)": lambda r, n: r.bitrand(n),
    r"copy_midway": _copy_midway,
    r"seed!_again": _seed_again,
}

LEFT_OUT = {
    r"rand_(Int|UInt)128_.*|rand_Int128\(1\).*": "numbers of 128 bits",
    r"rand_big.*": "big integers",
    r"rand_string_.*|rand_'a':'z'_.*|rand_Char_.*|randstring.*": "strings and characters",
    r"mixed": "holds a character",
}
"""Names of rows that are not drawn here, and why."""


@cache
def drawer(name: str) -> Callable[[Stream], Any] | None:
    """What draws the row of this name; None where it is left out, KeyError where nobody knows."""
    if any(re.fullmatch(pattern, name) for pattern in LEFT_OUT):
        return None
    for pattern, draw in PATTERNS.items():
        if match := re.fullmatch(pattern, name):
            texts = match.groupdict()
            arguments = {
                key: TYPES[value] if key == "T" else int(value) if key == "n" else value
                for key, value in texts.items()
            }
            return lambda rng: draw(rng, **arguments)
    raise KeyError(f"no draw is called {name}: say in recorded_rows.py what it means")
