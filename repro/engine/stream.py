"""Julia's MersenneTwister, compiled: the same stream as `repro.julia.MersenneTwister`.

It takes over a generator where that stands and hands it back where it stopped. Only the draws
that the training functions make are here: uniform numbers one by one, and `randperm`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from repro.engine.compiling import jit
from repro.engine.tiles import out_of_line
from repro.julia import MersenneTwister
from repro.julia.kernels import CACHE, generate

_LOW_52 = np.uint64(0x000FFFFFFFFFFFFF)
_UNIT = 2.0**-52


class Stream(NamedTuple):
    """A generator as compiled code holds it; see `MersenneTwister.state` for the meaning."""

    dsfmt: np.ndarray  # (192, 2) uint64
    cache: np.ndarray  # (1002,) uint64
    position: np.ndarray  # (1,) int64


def take(rng: MersenneTwister) -> Stream:
    """The generator's state in arrays of its own."""
    state = rng.state()
    return Stream(
        state["dsfmt"].astype(np.uint64),
        state["cache"].astype(np.uint64),
        np.array([state["position"]], dtype=np.int64),
    )


def hand_back(stream: Stream, rng: MersenneTwister) -> None:
    """Put the generator where the compiled stream stopped."""
    state = {**rng.state(), "dsfmt": stream.dsfmt, "cache": stream.cache}
    state["position"] = int(stream.position[0])
    moved = MersenneTwister.from_state(state, julia=f"{rng.version[0]}.{rng.version[1]}")
    vars(rng).update(vars(moved))


@jit
def _refill(stream: Stream) -> None:
    """The generator's next 1002 words into the cache."""
    out_of_line()
    generate(stream.dsfmt, stream.cache)
    stream.position[0] = 0


@jit
def next_word(stream: Stream) -> np.uint64:
    """The bits of the next double in [1, 2)."""
    if stream.position[0] == CACHE:
        _refill(stream)
    word = stream.cache[stream.position[0]]
    stream.position[0] += 1
    return word


@jit
def uniform(stream: Stream, a: float, b: float) -> float:
    """A Float64 in [a, b): a + (b - a) * rand()."""
    out_of_line()
    # The word is 1 + fraction: its low 52 bits are that fraction, exactly.
    fraction = np.float64(np.int64(next_word(stream) & _LOW_52)) * _UNIT
    return a + (b - a) * fraction


@jit
def randperm(stream: Stream, out: np.ndarray) -> None:
    """A random permutation of 0..n-1 into `out`, (n,) int64: Julia's `randperm(n) .- 1`."""
    out_of_line()
    mask = np.uint64(3)
    out[0] = 0
    for i in range(1, out.size):
        j = np.int64(next_word(stream) & mask)
        while j > i:
            j = np.int64(next_word(stream) & mask)
        out[i] = out[j]
        out[j] = i
        if i == np.int64(mask):
            mask = np.uint64(2) * mask + np.uint64(1)
