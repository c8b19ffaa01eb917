"""Draws to be compared by digest. Run by a Python with JAX it prints those of live JAX, as JSON.

REPRO_JAX parity_tests/jang/draws.py > parity_tests/jang/draws_0.10.2.json
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = [0, 1, 7, 12345, 2**31 - 1, 2**31, 2**32 - 1, -1, -(2**31), 20190215]
KEYS = [0, *(int(seed) for seed in np.random.RandomState(19).randint(0, 2**31 - 1, 50))]
NUMBERS = [1, 2, 3, 5, (2, 3)]
SHAPES = [(), (1,), (2,), (3,), (7,), (40,), (1, 40), (40, 40), (2, 3, 5), (0,), (101, 33)]


def million() -> np.ndarray:
    """A million draws, what lies close to the ends, and the ends."""
    rng = np.random.RandomState(0)
    ends = 1 - 10 ** rng.uniform(-8, 0, 20_000)
    special = [0.0, -0.0, 1.0, -1.0, 1e-39, -1.2e-38, 1e-30, 0.5]
    parts = (rng.uniform(-1, 1, 1_000_000), ends, -ends, special)
    return np.concatenate(parts).astype(np.float32)


def digests(jax_like: Any) -> Iterator[tuple[str, str]]:
    """Name and digest of every case, drawn by an object with the functions of `jax.random`."""
    yield "erf_inv", digest(jax_like.erf_inv(million()))
    for stream in (False, True):
        draw = jax_like.with_stream(stream)
        for seed in SEEDS:
            key = draw.key(seed)
            yield f"{stream} {seed} key", digest(key)
            yield (
                f"{stream} {seed} split",
                digest(*(draw.split(key, n) for n in NUMBERS)),
            )
            yield f"{stream} {seed} fold_in", digest(*(draw.fold_in(key, n) for n in (0, 1, 2**31)))
            yield f"{stream} {seed} bits", digest(*(draw.bits(key, s) for s in SHAPES))
            for bounds in ((0.0, 1.0), (-5.0, 5.0), (0.1, 0.5)):
                drawn = digest(*(draw.uniform(key, s, *bounds) for s in SHAPES))
                yield f"{stream} {seed} uniform {bounds}", drawn
            yield f"{stream} {seed} normal", digest(*(draw.normal(key, s) for s in SHAPES))
            for bounds in ((-2.0, 2.0), (-1.0, 3.0), (0.3, 0.31), (-0.7, 2.2)):
                drawn = digest(*(draw.truncated(key, *bounds, s) for s in SHAPES))
                yield f"{stream} {seed} truncated {bounds}", drawn
        for key in KEYS:
            yield f"{stream} weights {key}", digest(*draw.initial_weights(key))


def digest(*arrays: Any) -> str:
    """The first 16 digits of the SHA-256 of the arrays' types, shapes and bits."""
    sha = hashlib.sha256()
    for array in map(np.asarray, arrays):
        sha.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    return sha.hexdigest()[:16]


class LiveJax:
    """`jax.random`, under one of its streams."""

    def __init__(self, partitionable: bool = False) -> None:
        import jax

        # The script's own folder is all that is on the path of this interpreter.
        sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "repro" / "jang"))
        import jax_reference

        self.stream, self.reference, self.jax = partitionable, jax_reference, jax
        jax.config.update("jax_threefry_partitionable", partitionable)

    def with_stream(self, partitionable: bool) -> LiveJax:
        return LiveJax(partitionable)

    def erf_inv(self, x: np.ndarray) -> Any:
        return self.jax.scipy.special.erfinv(x)

    def key(self, seed: int) -> Any:
        return self.jax.random.PRNGKey(seed)

    def split(self, key: Any, num: Any) -> Any:
        return self.jax.random.split(key, num)

    def fold_in(self, key: Any, data: int) -> Any:
        return self.jax.random.fold_in(key, data)

    def bits(self, key: Any, shape: Any) -> Any:
        return self.jax.random.bits(key, shape)

    def uniform(self, key: Any, shape: Any, low: float, high: float) -> Any:
        return self.jax.random.uniform(key, shape, minval=low, maxval=high)

    def normal(self, key: Any, shape: Any) -> Any:
        return self.jax.random.normal(key, shape)

    def truncated(self, key: Any, low: float, high: float, shape: Any) -> Any:
        return self.jax.random.truncated_normal(key, low, high, shape)

    def initial_weights(self, key: int) -> list[Any]:
        weights = self.reference.initial_weights(key, self.stream)
        return [weights[name] for name in self.reference.NAMES]


if __name__ == "__main__":
    print(json.dumps(dict(digests(LiveJax())), indent=0))
