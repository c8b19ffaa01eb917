"""What StatsBase draws: `sample` and `wsample`, of 0.33 and 0.34.

Places are drawn and then looked up, so that anything can be sampled that `Stream.rand` picks from.
Weights are summed from left to right; Julia sums more than 15 of them in another order, which can
change the last bit of a sum of weights that are not exact. Other algorithms that StatsBase exports
(`knuths_sample!`, `seqsample_d!`, `naive_wsample_norep!`, `efraimidis_a_...`, `..._ares_...`) and
that `sample` never calls are left out.
"""

from __future__ import annotations

import heapq
import math
from typing import Any

import numpy as np

from repro.julia import values
from repro.julia.alias_tables import AliasTable, draw_stats_base
from repro.julia.packages import PackageVersion, elements, length, package_version
from repro.julia.stream import Stream
from repro.julia.values import Array

VERSION = "0.34.12"
_ORDERED_BY_PLACE = (0, 33, 5)  # before it ordered samples are sorted by value
_ALIAS_TABLES = (0, 34, 4)
_UNIT_WEIGHTS = (0, 34, 10)


class UnitWeights:
    """`uweights(n)`: n weights of 1, which newer versions sample without weights."""

    def __init__(self, n: int) -> None:
        self.n = n


def sample(
    rng: Stream,
    a: Any,
    *dims: Any,
    weights: Any = None,
    replace: bool = True,
    ordered: bool = False,
    version: str = VERSION,
) -> Any:
    """`sample(rng, a, [weights], [dims]; replace, ordered)`.

    Args:
        rng: the generator.
        a: what is sampled from: a range, a list or an array.
        dims: none for one element, else the sizes of an array of samples.
        weights: shape (n,), not negative, or `UnitWeights`; all are alike by default.
        replace: whether an element can come again.
        ordered: whether the sample is in the order of `a` (up to 0.33.4: of its values).
        version: StatsBase's, 0.33 to 0.34.

    Raises ValueError where there are fewer elements than samples without replacement, or weights
    of another number or below 0.
    """
    release = package_version("StatsBase", version, ("0.33", "0.34"))
    n = length(a)
    given = _weights(weights, n, release)
    if not dims:
        place = rng._below(_some(n), 1) if given is None else _scanned(rng, given, 1)
        return values.scalar(elements(a, place))
    sizes = values.julia_dims(dims)
    k = values.size_of(sizes)
    if not replace and k > n:
        raise ValueError(
            f"Cannot draw {k} samples from {n} samples without replacement; ask for fewer"
        )
    if k == 0:
        return values.shaped(elements(a, np.empty(0)), sizes)
    if given is None:
        places = _places(rng, _some(n), k, replace, ordered)
    else:
        places = _weighted_places(rng, given, k, replace, ordered, release)
    by_value = ordered and release < _ORDERED_BY_PLACE and (replace or given is not None)
    drawn = elements(a, np.sort(places) if ordered else places)
    return values.shaped(np.sort(drawn) if by_value else drawn, sizes)


def wsample(rng: Stream, a: Any, weights: Any, *dims: Any, **options: Any) -> Any:
    """`wsample(rng, a, weights, [dims]; ...)`: `sample` with weights."""
    return sample(rng, a, *dims, weights=weights, **options)


def samplepair(rng: Stream, n: int) -> tuple[int, int]:
    """`samplepair(rng, n)`: two different numbers of 1..n."""
    first, second = (int(i) + 1 for i in _pair(rng, n))
    return first, second


def _some(n: int) -> int:
    if n == 0:
        raise ValueError("ArgumentError: range must be non-empty; give something to sample from")
    return n


def _weights(weights: Any, n: int, release: PackageVersion) -> Array | None:
    if weights is None:
        return None
    if isinstance(weights, UnitWeights):
        given = np.ones(weights.n, dtype=np.int64)
    else:
        given = np.asarray(weights)
    if given.shape != (n,) or (n and given.min() < 0) or not np.isfinite(given).all():
        raise ValueError(
            f"DimensionMismatch: weights of shape {given.shape} for {n} elements; give one for "
            "each, finite and 0 or more"
        )
    unit = isinstance(weights, UnitWeights) and release >= _UNIT_WEIGHTS
    return None if unit else given


# ---- without weights


def _places(rng: Stream, n: int, k: int, replace: bool, ordered: bool) -> Array:
    if replace:
        return rng._below(n, k).astype(np.int64)
    if ordered:
        return (skips if n > 10 * k * k else scan)(rng, n, k)
    if k == 1:
        return rng._below(n, 1).astype(np.int64)
    if k == 2:
        return _pair(rng, n)
    return (fisher_yates if n < 24 * k else self_avoiding)(rng, n, k)


def _pair(rng: Stream, n: int) -> Array:
    first, second = int(rng._below(n, 1)[0]), int(rng._below(n - 1, 1)[0])
    return np.array([first, n - 1 if second == first else second])


def fisher_yates(rng: Stream, n: int, k: int) -> Array:
    """The first k of a shuffle of 0..n-1."""
    places = np.arange(n)
    for i in range(k):
        j = i + int(rng._below(n - i, 1)[0])
        places[i], places[j] = places[j], places[i]
    return places[:k]


def self_avoiding(rng: Stream, n: int, k: int) -> Array:
    """Places drawn again until they are new."""
    seen: dict[int, None] = {}
    while len(seen) < k:
        seen[int(rng._below(n, 1)[0])] = None
    return np.array(list(seen))


def scan(rng: Stream, n: int, k: int) -> Array:
    """In order, algorithm A of J. S. Vitter, Comm. ACM 27, 703 (1984)."""
    place, places = -1, []
    while k > 1:
        u, q = rng.rand(), (n - k) / n
        while q > u:
            place += 1
            n -= 1
            q *= (n - k) / n
        place += 1
        places.append(place)
        n, k = n - 1, k - 1
    return _with_last(rng, n, place, places)


def skips(rng: Stream, n: int, k: int) -> Array:
    """In order, algorithm C of the same paper."""
    place, places = -1, []
    while k > 1:
        least: float = n - k + 1
        for u in range(n, n - k, -1):
            least = min(least, u * rng.rand())
        skipped = int(least) + 1
        place += skipped
        places.append(place)
        n, k = n - skipped, k - 1
    return _with_last(rng, n, place, places)


def _with_last(rng: Stream, n: int, place: int, places: list[int]) -> Array:
    return np.array([*places, place + int(n * rng.rand()) + 1])


# ---- with weights


def _weighted_places(
    rng: Stream, weights: Array, k: int, replace: bool, ordered: bool, release: PackageVersion
) -> Array:
    n = len(weights)
    if not replace:
        return exponential_jumps(rng, weights, k)
    scans = ordered and release < _ORDERED_BY_PLACE
    if scans or n < 40 or k < (64 if n < 500 else 32):
        return _scanned(rng, weights, k)
    return aliased(rng, weights, k, release)


def aliased(rng: Stream, weights: Array, k: int, release: PackageVersion) -> Array:
    """By an alias table."""
    if release >= _ALIAS_TABLES:
        return AliasTable(weights).draw(rng, k)
    return draw_stats_base(rng, weights, float(np.cumsum(weights)[-1]), k)


def _scanned(rng: Stream, weights: Array, k: int) -> Array:
    """The first place where the running sum reaches `rand() * sum`."""
    running = np.cumsum(weights.astype(np.float64))
    targets = rng._scalar_values(k, np.dtype(np.float64)) * running[-1]
    return np.minimum(np.searchsorted(running, targets), len(weights) - 1)


def exponential_jumps(rng: Stream, weights: Array, k: int) -> Array:
    """P. S. Efraimidis, P. G. Spirakis, Inf. Proc. Letters 97, 181 (2006): the k largest keys."""
    w = weights.tolist()
    positive = [i for i, each in enumerate(w) if each > 0]
    if len(positive) < k:
        raise ValueError(
            f"DimensionMismatch: wv must have at least {k} strictly positive entries (got "
            f"{len(positive)}); ask for fewer samples"
        )
    keys = [(w[i] / rng.randexp(), i) for i in positive[:k]]
    heapq.heapify(keys)
    jump = keys[0][0] * rng.randexp()
    for i in positive[k:]:
        jump -= w[i]
        if jump <= 0:
            t = math.exp(-w[i] / keys[0][0])
            key = -w[i] / math.log(t + rng.rand() * (1 - t))
            heapq.heapreplace(keys, (key, i))
            jump = keys[0][0] * rng.randexp()
    return np.array([i for _, i in sorted(keys, reverse=True)])
