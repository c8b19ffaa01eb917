"""What Flux draws, of 0.7 to 0.16: initialisations, layers' defaults, dropout. All Float32.

Shapes are Julia's: a Dense layer's weight is (out, in), a Conv's (kernel..., in, out).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy import float32

from repro.julia import values
from repro.julia.packages import PackageVersion, package_version
from repro.julia.stream import Stream
from repro.julia.values import Array

VERSION = "0.16.11"
_FAN = (0, 10)  # before it the scale is that of the sum of all sizes
_BIAS_OF_ZEROS = (0, 12)  # before it recurrent layers draw their bias
_DEPTHWISE_IS_GROUPS = (0, 13)
_FORGETS_NOTHING = (0, 15)  # before it the forget gate's bias is 1
_GRUV3_OF_THREE = (0, 15)

Init = Callable[..., Array]


def _release(version: str) -> PackageVersion:
    return package_version("Flux", version, ("0.7", "0.16"))


def nfan(dims: tuple[int, ...]) -> tuple[int, int]:
    """Inputs and outputs that an element of an array of these sizes is between."""
    if len(dims) < 2:
        return 1, dims[0] if dims else 1
    if len(dims) == 2:
        return dims[1], dims[0]
    inner = math.prod(dims[:-2])
    return inner * dims[-2], inner * dims[-1]


def _fans(dims: tuple[int, ...], version: str) -> float32:
    return float32(sum(nfan(dims) if _release(version) >= _FAN else dims))


def glorot_uniform(rng: Stream, *dims: Any, gain: float = 1, version: str = VERSION) -> Array:
    """`glorot_uniform(rng, dims...; gain)`, the default of most layers."""
    sizes = values.julia_dims(dims)
    scale = float32(gain) * np.sqrt(float32(24) / _fans(sizes, version))
    return np.asarray((rng.rand(*sizes, dtype=float32) - float32(0.5)) * scale)


def glorot_normal(rng: Stream, *dims: Any, gain: float = 1, version: str = VERSION) -> Array:
    """`glorot_normal(rng, dims...; gain)`."""
    sizes = values.julia_dims(dims)
    scale = float32(gain) * np.sqrt(float32(2) / _fans(sizes, version))
    return np.asarray(rng.randn(*sizes, dtype=float32) * scale)


def kaiming_uniform(rng: Stream, *dims: Any, gain: float = math.sqrt(2)) -> Array:
    """`kaiming_uniform(rng, dims...; gain)`."""
    sizes = values.julia_dims(dims)
    bound = float32(math.sqrt(3) * gain / math.sqrt(nfan(sizes)[0]))
    return np.asarray((rng.rand(*sizes, dtype=float32) - float32(0.5)) * (2 * bound))


def kaiming_normal(rng: Stream, *dims: Any, gain: float = float(np.sqrt(float32(2)))) -> Array:
    """`kaiming_normal(rng, dims...; gain)`; the default gain is the Float32 root of 2."""
    sizes = values.julia_dims(dims)
    std = float32(gain / math.sqrt(nfan(sizes)[0]))
    return np.asarray(rng.randn(*sizes, dtype=float32) * std)


def truncated_normal(
    rng: Stream, *dims: Any, mean: Any = 0, std: Any = 1, lo: Any = -2, hi: Any = 2
) -> Array:
    """`truncated_normal(rng, dims...; mean, std, lo, hi)`: one uniform number for each.

    It goes through the inverse of the error function in Float64, SciPy's here. That differs from
    Julia's in last bits, which rounding to Float32 hides in all recorded rows.
    """
    from scipy.special import erfinv

    ends = (float((end - mean) / std) for end in (lo, hi))  # in Float32 where std is
    low, high = (0.5 * (1 + math.erf(end / math.sqrt(2))) for end in ends)
    u = rng.rand(*values.julia_dims(dims), dtype=float32).astype(np.float64)
    x = erfinv(u * (2 * (high - low)) + (2 * low - 1))
    return np.asarray(np.clip(x * float(std) * math.sqrt(2) + mean, lo, hi).astype(float32))


def lecun_normal(rng: Stream, *dims: Any, gain: float = 1) -> Array:
    """`lecun_normal(rng, dims...)`: truncated normal with standard deviation 1 / sqrt(fan_in)."""
    sizes = values.julia_dims(dims)
    std = float32(gain) * np.sqrt(float32(1) / float32(nfan(sizes)[0]))
    return truncated_normal(rng, *sizes, std=std)


def orthogonal(rng: Stream, *dims: Any, gain: float = 1) -> Array:
    """`orthogonal(rng, dims...; gain)`: the Q of a normal matrix; its last bits are LAPACK's."""
    *kernel, columns = values.julia_dims(dims)
    rows = math.prod(kernel)
    drawn = rng.randn(max(rows, columns), min(rows, columns), dtype=float32)
    q, r = np.linalg.qr(drawn)
    square = q * np.sign(np.diag(r)) * float32(gain)
    return values.shaped(
        (square.T if rows < columns else square).ravel(order="F"), (*kernel, columns)
    )


def sparse_init(
    rng: Stream, rows: int, columns: int, sparsity: float, std: float = 0.01, *, default: Stream
) -> Array:
    """`sparse_init(rng, rows, columns; sparsity, std)`: a share of each column is zero.

    Flux shuffles the columns on the default generator, `default`, whatever `rng` is.
    """
    drawn = rng.randn(rows, columns, dtype=float32) * float32(std)
    drawn[: math.ceil(min(1.0, sparsity) * rows), :] = 0
    return np.stack([default.shuffle(column) for column in drawn.T], axis=1)


def dropout(rng: Stream, x: Array, p: float, dims: tuple[int, ...] | None = None) -> Array:
    """`dropout(rng, x, p; dims)` of NNlib, and of Flux up to 0.12.

    Args:
        x: float32 or float64.
        p: the probability to be dropped, 0 to 1; ValueError otherwise, and nothing is drawn.
        dims: the dimensions (from 1 on) that are dropped one by one; all by default. Along others
            a number is drawn once for all.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"ArgumentError: dropout expects a probability; give 0 to 1, not {p}")
    kind = values.julia_type(x.dtype, (np.float64, np.float32))
    if p == 0:
        return x.copy()
    kept = range(1, x.ndim + 1) if dims is None else dims
    u = rng.rand(*(size if i in kept else 1 for i, size in enumerate(x.shape, 1)), dtype=kind)
    one, least = kind.type(1), kind.type(p)
    scale = one / (one - least) if p < 1 else one
    return np.asarray(x * np.where(u > least, scale, kind.type(0)))


# ---- layers: their arrays in the order in which they are drawn


class Layer(NamedTuple):
    """A weight and its bias."""

    weight: Array
    bias: Array


class Recurrent(NamedTuple):
    """Weights of the input and of the state, the bias, and for GRUv3 a second state weight."""

    Wi: Array
    Wh: Array
    b: Array
    Wh_h: Array | None = None


def _init(rng: Stream, init: Init | None, version: str) -> Init:
    return init or partial(glorot_uniform, rng, version=version)


def _zeros(n: int) -> Array:
    return np.zeros(n, dtype=float32)


def dense(
    rng: Stream, n_in: int, n_out: int, init: Init | None = None, version: str = VERSION
) -> Layer:
    """`Dense(n_in => n_out)`. `init` is called with the sizes; glorot_uniform on `rng` by default."""
    return Layer(_init(rng, init, version)(n_out, n_in), _zeros(n_out))


def conv(
    rng: Stream,
    kernel: tuple[int, ...],
    n_in: int,
    n_out: int,
    groups: int = 1,
    init: Init | None = None,
    version: str = VERSION,
) -> Layer:
    """`Conv(kernel, n_in => n_out; groups)`."""
    return Layer(_init(rng, init, version)(*kernel, n_in // groups, n_out), _zeros(n_out))


def conv_transpose(
    rng: Stream,
    kernel: tuple[int, ...],
    n_in: int,
    n_out: int,
    init: Init | None = None,
    version: str = VERSION,
) -> Layer:
    """`ConvTranspose(kernel, n_in => n_out)`."""
    return Layer(_init(rng, init, version)(*kernel, n_out, n_in), _zeros(n_out))


def depthwise_conv(
    rng: Stream,
    kernel: tuple[int, ...],
    n_in: int,
    n_out: int,
    init: Init | None = None,
    version: str = VERSION,
) -> Layer:
    """`DepthwiseConv(kernel, n_in => n_out)`; up to 0.9 `n_out` is a multiplier."""
    draw = _init(rng, init, version)
    if _release(version) >= _DEPTHWISE_IS_GROUPS:
        return Layer(draw(*kernel, 1, n_out), _zeros(n_out))
    if _release(version) >= _FAN:
        return Layer(draw(*kernel, n_out // n_in, n_in), _zeros(n_out))
    return Layer(draw(*kernel, n_out, n_in), _zeros(n_in * n_out))


def rnn(
    rng: Stream, n_in: int, n_out: int, init: Init | None = None, version: str = VERSION
) -> Recurrent:
    """`RNN(n_in => n_out)`."""
    return _recurrent(1, rng, n_in, n_out, init, version)


def lstm(
    rng: Stream, n_in: int, n_out: int, init: Init | None = None, version: str = VERSION
) -> Recurrent:
    """`LSTM(n_in => n_out)`: gates input, forget, cell, output."""
    drawn = _recurrent(4, rng, n_in, n_out, init, version)
    if _release(version) < _FORGETS_NOTHING:
        drawn.b[n_out : 2 * n_out] = 1
    return drawn


def gru(
    rng: Stream, n_in: int, n_out: int, init: Init | None = None, version: str = VERSION
) -> Recurrent:
    """`GRU(n_in => n_out)`: gates reset, update, candidate."""
    return _recurrent(3, rng, n_in, n_out, init, version)


def gru_v3(
    rng: Stream, n_in: int, n_out: int, init: Init | None = None, version: str = VERSION
) -> Recurrent:
    """`GRUv3(n_in => n_out)`."""
    draw = _init(rng, init, version)
    gates = 3 if _release(version) >= _GRUV3_OF_THREE else 2
    wi, wh = draw(3 * n_out, n_in), draw(gates * n_out, n_out)
    return Recurrent(wi, wh, _zeros(3 * n_out), draw(n_out, n_out))


def _recurrent(
    gates: int, rng: Stream, n_in: int, n_out: int, init: Init | None, version: str
) -> Recurrent:
    draw, size = _init(rng, init, version), gates * n_out
    wi, wh = draw(size, n_in), draw(size, n_out)
    return Recurrent(wi, wh, _zeros(size) if _release(version) >= _BIAS_OF_ZEROS else draw(size))


def embedding(rng: Stream, n_in: int, n_out: int) -> Array:
    """`Embedding(n_in => n_out)`: normal, (n_out, n_in)."""
    return np.asarray(rng.randn(n_out, n_in, dtype=float32))


def bilinear(rng: Stream, n_in: tuple[int, int], n_out: int, version: str = VERSION) -> Layer:
    """`Bilinear((n1, n2) => n_out)`: (n_out, n1, n2)."""
    return Layer(glorot_uniform(rng, n_out, *n_in, version=version), _zeros(n_out))


def attention(rng: Stream, n: int, version: str = VERSION) -> list[Array]:
    """`MultiHeadAttention(n)`: the weights of queries, keys, values and the output, (n, n) each."""
    return [glorot_uniform(rng, n, n, version=version) for _ in range(4)]
