"""What MLUtils draws, of 0.4: shuffled batches, splits; and the batches of Flux 0.11 and 0.12.

Observations are the last dimension of an array; a tuple holds several such data. A stratified
split goes through the classes in the order of Julia's `Dict` and is left out, as are `kfolds`,
`oversample` and `undersample`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from repro.julia.packages import elements, length
from repro.julia.stream import Stream
from repro.julia.values import Array


def numobs(data: Any) -> int:
    """How many observations there are. ValueError where parts of a tuple differ."""
    if isinstance(data, tuple):
        sizes = {numobs(part) for part in data}
        if len(sizes) != 1:
            raise ValueError(
                f"DimensionMismatch: parts of {sorted(sizes)} observations; give as many in each"
            )
        return sizes.pop()
    return int(data.shape[-1]) if isinstance(data, np.ndarray) else length(data)


def getobs(data: Any, places: Array) -> Any:
    """The observations at these places, from 0 on."""
    if isinstance(data, tuple):
        return tuple(getobs(part, places) for part in data)
    return data[..., places] if isinstance(data, np.ndarray) else elements(data, places)


def shuffleobs(rng: Stream, data: Any) -> Any:
    """`shuffleobs(rng, data)`: the observations in the order of a `randperm`."""
    return getobs(data, rng.randperm(numobs(data)) - 1)


def randobs(rng: Stream, data: Any, n: int | None = None) -> Any:
    """`randobs(rng, data)` or `randobs(rng, data, n)`: by `rand(rng, 1:numobs(data))`."""
    places = range(1, numobs(data) + 1)
    if n is not None:
        return getobs(data, rng.rand(places, n) - 1)
    one = getobs(data, np.array([rng.rand(places) - 1]))
    return tuple(part[..., 0] for part in one) if isinstance(data, tuple) else one[..., 0]


def splitobs(rng: Stream, data: Any, at: Any, shuffle: bool = False) -> tuple[Any, ...]:
    """`splitobs(rng, data; at, shuffle)`: two parts, or one more than `at` has entries.

    `at`: a share or a number of observations, or a tuple of them. ValueError where a share is not
    in 0..1; then nothing is drawn.
    """
    n = numobs(data)
    shares = at if isinstance(at, tuple) else (at,)
    cuts = _cuts(n, [s / n if isinstance(s, int) else float(s) for s in shares])
    order = rng.randperm(n) - 1 if shuffle else np.arange(n)
    return tuple(getobs(data, part) for part in np.split(order, cuts))


def _cuts(n: int, shares: list[float]) -> list[int]:
    """Where to cut: each share is of what is left, scaled up, and rounded to even halves."""
    cuts, done = [], 0
    while shares:
        if not 0 <= shares[0] <= 1:
            raise ValueError(
                'ArgumentError: the parameter "at" must be in interval (0, 1); give such shares'
            )
        left = n - done
        taken = round(left * shares[0])
        shares = [share * left / (left - taken or math.nan) for share in shares[1:]]
        done += taken
        cuts.append(done)
    return cuts


class DataLoader:
    """`DataLoader(data; batchsize, shuffle, partial, rng)`: an iterable of batches.

    Args:
        data: see above.
        batchsize: observations in a batch; 0 or less for single ones.
        shuffle: whether each iteration starts with a `randperm` from `rng`.
        partial: whether a last, shorter batch is given.
        rng: the generator; needed to shuffle.
    """

    def __init__(
        self,
        data: Any,
        batchsize: int = 1,
        shuffle: bool = False,
        partial: bool = True,
        rng: Stream | None = None,
    ) -> None:
        if shuffle and rng is None:
            raise TypeError("DataLoader shuffles on a generator: give rng=")
        self.data, self.n, self.rng, self.shuffle = data, numobs(data), rng, shuffle
        self.batchsize = max(0, min(batchsize, self.n))
        self.partial = partial

    def _order(self) -> Array:
        if not self.shuffle or self.rng is None:
            return np.arange(self.n)
        return self.rng.randperm(self.n) - 1

    def __len__(self) -> int:
        size = max(self.batchsize, 1)
        return -(-self.n // size) if self.partial else self.n // size

    def __iter__(self) -> Iterator[Any]:
        order = self._order()
        if self.batchsize == 0:
            return (getobs(self.data, place) for place in order)
        starts = (i * self.batchsize for i in range(len(self)))
        return (getobs(self.data, order[i : i + self.batchsize]) for i in starts)


class FluxDataLoader(DataLoader):
    """The `DataLoader` of Flux 0.11 and 0.12: each epoch shuffles the order of the last one, in
    place, so that a loop inside another over the same loader reorders what the outer has left."""

    def _order(self) -> Array:
        if not hasattr(self, "_last"):
            self._last = np.arange(self.n)
        if self.shuffle and self.rng is not None:
            self.rng.shuffle_(self._last)
        return self._last
