"""What Distributions draws, of 0.24 and 0.25: `rand(rng, Normal(2, 0.5), 10)`.

Here are Uniform, Normal, LogNormal, Exponential, Bernoulli, Categorical and a MvNormal of
independent components. Gamma, Beta, Binomial, Poisson and the others are left out.

The arithmetic is that of Julia on a processor with fused multiply-add, as any x86 of today.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from repro.julia import elementary, values
from repro.julia.alias_tables import AliasTable, draw_stats_base
from repro.julia.packages import PackageVersion, package_version
from repro.julia.stream import Stream, compiled
from repro.julia.values import Array

VERSION = "0.25.129"
_NORMAL_ARRAYS = (0, 25, 81)  # filled by randn!, fused
_ALIAS_TABLES = (0, 25, 108)
_FUSED_AND_FILLED = (0, 25, 112)  # Normal and LogNormal fused; LogNormal, Exponential fill arrays
_EXP_OF_TODAY = (1, 6)


def rand(rng: Stream, d: Distribution, *dims: Any, version: str = VERSION) -> Any:
    """`rand(rng, d)` or `rand(rng, d, dims...)`.

    An array is not always the scalars in turn. A scalar of `MvNormal` is a vector (d,), and an
    array has one column for each of `n`: (d, n).

    Raises ValueError for an unknown version or a negative size.
    """
    release = package_version("Distributions", version, ("0.24", "0.25"))
    sizes = values.julia_dims(dims)
    n = values.size_of(sizes)
    if isinstance(d, MvNormal):
        return d.draw(rng, n) if dims else d.draw(rng, 1)[:, 0]
    if not dims:
        return values.scalar(d.scalars(rng, 1, release))
    return values.shaped(d.array(rng, n, release), sizes)


class _Univariate:
    def scalars(self, rng: Stream, n: int, release: PackageVersion) -> Array:
        raise NotImplementedError

    def array(self, rng: Stream, n: int, release: PackageVersion) -> Array:
        return self.scalars(rng, n, release)


@dataclass(frozen=True)
class Uniform(_Univariate):
    """a + (b - a) u, of Float64."""

    a: Any = 0.0
    b: Any = 1.0

    def scalars(self, rng: Stream, n: int, release: PackageVersion) -> Array:
        return self._on(rng._scalar_values(n, np.dtype(np.float64)))

    def array(self, rng: Stream, n: int, release: PackageVersion) -> Array:
        return self._on(rng.rand(n))

    def _on(self, u: Array) -> Array:
        return np.asarray(float(self.a) + float(self.b - self.a) * u)


def _kind(*parameters: Any) -> np.dtype[Any]:
    """Float32 where all parameters are, else Float64."""
    return np.dtype(
        np.float32 if all(isinstance(p, np.float32) for p in parameters) else np.float64
    )


def _scaled(z: Array, scale: Any, shift: Any, fused: bool) -> Array:
    """scale * z + shift, rounded once or twice."""
    scale, shift = z.dtype.type(scale), z.dtype.type(shift)
    if not fused:
        return np.asarray(scale * z + shift)
    compiled().fused(scale, z, shift)
    return z


@dataclass(frozen=True)
class Normal(_Univariate):
    """mu + sigma z, of Float32 if both parameters are NumPy's float32, else of Float64."""

    mu: Any = 0.0
    sigma: Any = 1.0

    def scalars(self, rng: Stream, n: int, release: PackageVersion) -> Array:
        z = rng._ziggurat(False, n, _kind(self.mu, self.sigma), whole=False)
        return _scaled(z, self.sigma, self.mu, release >= _FUSED_AND_FILLED)

    def array(self, rng: Stream, n: int, release: PackageVersion) -> Array:
        if release < _NORMAL_ARRAYS:
            return self.scalars(rng, n, release)
        z = rng._ziggurat(False, n, _kind(self.mu, self.sigma))
        return _scaled(z, self.sigma, self.mu, fused=True)


@dataclass(frozen=True)
class LogNormal(_Univariate):
    """exp(mu + sigma z), of Float64."""

    mu: float = 0.0
    sigma: float = 1.0

    def scalars(self, rng: Stream, n: int, release: PackageVersion) -> Array:
        return self._on(rng, n, release, whole=False)

    def array(self, rng: Stream, n: int, release: PackageVersion) -> Array:
        return self._on(rng, n, release, whole=release >= _FUSED_AND_FILLED)

    def _on(self, rng: Stream, n: int, release: PackageVersion, whole: bool) -> Array:
        z = rng._ziggurat(False, n, np.dtype(np.float64), whole)
        x = _scaled(z, self.sigma, self.mu, release >= _FUSED_AND_FILLED)
        compiled().exp_all(x, elementary.exp_table(), rng.version < _EXP_OF_TODAY)
        return x


@dataclass(frozen=True)
class Exponential(_Univariate):
    """theta e; scalars are of Float32 if theta is NumPy's float32 (from 0.25.112 on)."""

    theta: Any = 1.0

    def scalars(self, rng: Stream, n: int, release: PackageVersion) -> Array:
        kind = _kind(self.theta) if release >= _FUSED_AND_FILLED else np.dtype(np.float64)
        return rng._ziggurat(True, n, kind, whole=False) * kind.type(self.theta)

    def array(self, rng: Stream, n: int, release: PackageVersion) -> Array:
        filled = release >= _FUSED_AND_FILLED
        return rng._ziggurat(True, n, np.dtype(np.float64), filled) * float(self.theta)


@dataclass(frozen=True)
class Bernoulli(_Univariate):
    """Whether u <= p."""

    p: float = 0.5

    def scalars(self, rng: Stream, n: int, release: PackageVersion) -> Array:
        return rng._scalar_values(n, np.dtype(np.float64)) <= self.p


@dataclass(frozen=True)
class Categorical(_Univariate):
    """1 to k with the given probabilities, or all alike if a number is given instead."""

    probabilities: Sequence[float] | int

    @property
    def p(self) -> Array:
        if isinstance(self.probabilities, int):
            return np.full(self.probabilities, 1 / self.probabilities)
        return np.asarray(self.probabilities, dtype=np.float64)

    def scalars(self, rng: Stream, n: int, release: PackageVersion) -> Array:
        """The first whose running sum is above u."""
        u = rng._scalar_values(n, np.dtype(np.float64))
        places = np.searchsorted(np.cumsum(self.p), u, side="right")
        return np.minimum(places, len(self.p) - 1) + 1

    def array(self, rng: Stream, n: int, release: PackageVersion) -> Array:
        """By an alias table."""
        if release >= _ALIAS_TABLES:
            return AliasTable(self.p).draw(rng, n) + 1
        return draw_stats_base(rng, self.p, 1.0, n) + 1


@dataclass(frozen=True)
class MvNormal:
    """Independent components: `MvNormal(mu, Diagonal(variances))`.

    Attributes:
        mu: shape (d,).
        variances: shape (d,), or one for all.
    """

    mu: Any
    variances: Any

    def draw(self, rng: Stream, n: int) -> Array:
        mu = np.asarray(self.mu, dtype=np.float64)
        z = rng.randn(len(mu), n)
        scale = np.sqrt(np.broadcast_to(np.asarray(self.variances, dtype=np.float64), mu.shape))
        return np.asarray(z * scale[:, None] + mu[:, None])


Distribution = _Univariate | MvNormal
