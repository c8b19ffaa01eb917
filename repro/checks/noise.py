"""How far each operation's result may be off because it rounds: one table for NumPy and torch.

``u`` is half an ulp of 1, ``xi`` a random sign times a number in [0.5, 1.5]. (Signs alone cancel
exactly between two operations.) A result moves by ``xi`` times the size that its row states; whole
numbers below a limit stay, for they are labels, counts and masks. Sizes are standard deviations
or so of what other orders of the same arithmetic give, not bounds: Higham and Mary, "A new approach
to probabilistic rounding error analysis", 2019. What they were measured on: docs/tolerances.md.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache, reduce
from typing import Any

import numpy as np

from repro.checks.agreement import difference

POINTWISE = 1.5
"""In u times the value: two libraries' functions are each right to about half an ulp."""

LOOP = 0.5
"""Of a sum's distance from a plain loop. Ten times this has to reach the loop, and other loops."""

NEAR_ONE = 0.2
"""In u: what ``exp(x) - 1`` rounds at 1, over ten, and with room."""

BLOCKED = 64
"""From so many terms on, the partial sums of a product are sampled, in eight blocks."""

_WHOLE = {2: 2.0, 4: 2.0**14, 8: 2.0**43}
"""By bytes: whole numbers up to here are taken for labels, counts and masks."""

_POOL = 1 << 18


class Noise(str, Enum):
    """A row of the table: what moves a result, and by how much."""

    POINTWISE = "1.5 u of each value"
    NONE = "nothing: it selects, copies or compares"
    NEAR_ONE = "1.5 u of each value, and 0.2 u of 1: others compute exp(x) - 1 or log(1 + x)"
    SUM = "u times the root of the partial sums' squares, and half its distance from a plain loop"
    CUMULATIVE = "the cumulative sum of u times each partial sum"
    PRODUCT = "u sqrt(n (S^2 / 3 + Q / 6)): S the result, Q the product of squares"
    SCATTER = "the same, for what is added up where indices meet"
    NORM = "u sqrt(n / 3) of the value, half of it under a root"
    SOLVE = "its inputs by 2 u sqrt(n) of each entry: a backward error"
    EIGEN = "the same, and u times the Frobenius norm"
    FFT = "its inputs by 2 u sqrt(log2 n)"
    INSIDE = "as the operations that it is composed of"
    UNLISTED = "1.5 u of each value: it is in no row"

    def __str__(self) -> str:
        return self.value


@dataclass
class Moves:
    """Which operations were moved in perturbed runs, how, and which are in no row.

    Attributes:
        moved: by operation and row, how often.
        inputs_only: why a step's operations could not be moved, only its inputs.
        coarsest: of the run that is moved, ``u`` of the reference's type, where the port computes
            in a wider one: what is measured is the rounding of both.
        inside: what was computed where no operation can be moved, by name.
    """

    moved: Counter[tuple[str, Noise]] = field(default_factory=Counter)
    inputs_only: Counter[str] = field(default_factory=Counter)
    coarsest: float = 0.0
    inside: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, dict[str, int]]:
        """By row, the operations and how often each was moved."""
        found: dict[str, dict[str, int]] = {}
        for (operation, noise), times in self.moved.items():
            found.setdefault(noise.name.lower(), {})[operation] = times
        return found

    @property
    def unlisted(self) -> list[str]:
        """Operations in no row, moved like pointwise ones."""
        return sorted(name for name, noise in self.moved if noise is Noise.UNLISTED)


class Stream:
    """The randomness of one perturbed run, that of each step by itself: the same however many runs
    there are, and however many steps.

    Attributes:
        half: inside an operation on Float16 that torch computes in Float32; others do not.
        coarse: ``u`` of the type whose rounding is meant, where that is not the arrays' own.
    """

    def __init__(self, seed: int, moves: Moves | None = None) -> None:
        self.seed, self.moves = seed, Moves() if moves is None else moves
        self.half = False
        self.coarse = self.moves.coarsest
        self.at(0)

    def at(self, step: int) -> None:
        """Go on with a step's own randomness."""
        self._random = random.Random(self.seed * 1_000_003 + step)

    def xi(self, shape: tuple[int, ...]) -> np.ndarray:
        """Float64, random signs times numbers uniform in [0.5, 1.5]."""
        pool, n = _pool(), math.prod(shape)
        start = int(self._random.random() * (_POOL - min(n, _POOL // 2)))
        found = pool[start : start + n] if n <= _POOL // 2 else np.resize(pool[start:], n)
        return found.reshape(shape)

    def count(self, operation: str, noise: Noise) -> None:
        self.moves.moved[operation, noise] += 1

    def nudge(
        self,
        values: np.ndarray,
        before: np.ndarray | None = None,
        by: float = 1,
        modulus: bool = False,
    ) -> None:
        """Move values in place by 1.5 u of each, where they are not as before.

        Args:
            modulus: a complex number's parts by as much of the number, as products round.
        """
        if values.dtype.kind not in "fc":
            return
        modulus = modulus and values.dtype.kind == "c"
        size, values = np.abs(values)[..., None] if modulus else _real(values), _real(values)
        with np.errstate(all="ignore"):
            moved = size * self.xi(values.shape)
            moved *= POINTWISE * by * half_ulp(self.type_of(values)) * self.scale(values)
            moved += values
            here = np.trunc(values) != values
            if not here.all():
                large = np.abs(values) > _WHOLE[values.dtype.itemsize]
                here |= large & np.isfinite(values)
            if modulus:
                here |= here[..., ::-1]
            if before is not None:
                here &= values != _real(before)
            np.copyto(values, moved, where=here, casting="unsafe")

    def type_of(self, values: np.ndarray) -> np.dtype[Any]:
        """The type in which others may compute these."""
        narrowed = self.half and values.dtype == np.float32
        return np.dtype(np.float16) if narrowed else values.dtype

    def scale(self, values: np.ndarray) -> float:
        """How many times coarser than the arrays' own the rounding is that is meant."""
        return max(1.0, self.coarse / half_ulp(self.type_of(values)))

    def near_one(self, values: np.ndarray, before: np.ndarray | None = None) -> None:
        """Move values in place as :attr:`Noise.NEAR_ONE` says."""
        self.nudge(values, before)
        if values.dtype.kind in "fc":
            here = values if before is None else np.where(values == before, 0, values)
            one = NEAR_ONE * half_ulp(self.type_of(values)) * (here != 0)
            self.shift(values, one)

    def shift(self, values: np.ndarray, size: np.ndarray, before: np.ndarray | None = None) -> None:
        """Move values in place by ``size``, where that is finite and they are not as before."""
        values, size = _real(values), np.asarray(size)
        if size.shape != values.shape:  # complex values: one size for both parts
            size = size[..., None]
        with np.errstate(all="ignore"):
            moved = values + self.xi(values.shape) * (size * self.scale(values))
            here = np.isfinite(moved)
            if before is not None:
                here &= values != _real(before)
            np.copyto(values, moved, where=here, casting="unsafe")


@cache
def _pool() -> np.ndarray:
    generator = np.random.default_rng(1993)
    sign = np.where(generator.random(_POOL) < 0.5, -1.0, 1.0)
    return sign * generator.uniform(0.5, 1.5, _POOL)


@cache
def half_ulp(dtype: np.dtype[Any]) -> float:
    """``u``: half the distance from 1 to the next number, of a real or complex type."""
    return float(np.finfo(dtype).eps) / 2


def _real(values: np.ndarray) -> np.ndarray:
    """Complex values as pairs, in the same memory."""
    if values.dtype.kind != "c":
        return values
    return values[..., None].view(values.real.dtype)


def whole(*arrays: np.ndarray) -> bool:
    """Whether sums and products of these are exact counts: small whole numbers alone. The result
    comes first: it is the quickest to tell."""
    for a in arrays:
        if a.dtype.kind != "f":
            continue
        if np.any(np.trunc(a) != a) or np.abs(a).max(initial=0) > _WHOLE[a.dtype.itemsize]:
            return False
    return True


def sum_size(terms: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Of a sum over the last axis: a random walk, and a part of how far it is from a plain loop in
    its own type, or from a sum in pairs, which ten times the noise then covers.

    The walk alone is too little for equal terms: a loop over 1e5 of them is off by 74 times it.
    """
    if not terms.shape[-1]:
        return np.zeros(result.shape)
    partial = np.add.accumulate(terms, axis=-1)
    squares = np.square(np.abs(partial), dtype=np.float64).sum(axis=-1)
    paired = np.ascontiguousarray(terms).sum(axis=-1, dtype=np.result_type(terms, np.float64))
    pairs = ((_real(np.asarray(a)), _real(np.asarray(result))) for a in (partial[..., -1], paired))
    apart = reduce(np.maximum, (difference(a, b) for a, b in pairs))
    apart = apart.max(axis=-1) if result.dtype.kind == "c" else apart
    return np.asarray(half_ulp(result.dtype) * np.sqrt(squares) + LOOP * apart)


def cumulative_size(stream: Stream, partial: np.ndarray, axis: int) -> np.ndarray:
    """What has gone wrong up to each partial sum, drawn: signs and all."""
    u = half_ulp(partial.dtype) * stream.scale(partial)
    return np.asarray(np.cumsum(u * partial * stream.xi(partial.shape), axis=axis))


def walk_size(result: np.ndarray, squares: np.ndarray, n: float | np.ndarray) -> np.ndarray:
    """Of n terms that add up to the result: partial sums as of a Brownian bridge to it."""
    spread = np.square(np.abs(result), dtype=np.float64) / 3 + np.abs(squares) / 6
    return np.asarray(half_ulp(result.dtype) * np.sqrt(n * spread))


Matmul = Callable[[np.ndarray, np.ndarray], np.ndarray]


def product_size(a: np.ndarray, b: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Of a product of matrices (``np.matmul``'s shapes): its partial sums, of many a sample.

    A sum that is small in the end may have been large on the way, which its end does not show.
    """
    n = a.shape[-1]
    if a.dtype.itemsize == 2 and result.size * n < 1 << 22:
        return _half_product_size(a, b, result)
    if n < BLOCKED:
        return walk_size(result, np.matmul(a * a, b * b), n)
    edges = np.linspace(0, n, 9).astype(int)
    before, total = 0.0, np.zeros(result.shape)
    for start, end in zip(edges, edges[1:], strict=False):
        left = a[..., start:end]
        right = b[start:end] if b.ndim == 1 else b[..., start:end, :]
        after = before + np.matmul(left, right).astype(np.float64)
        squares = np.matmul(left * left, right * right).astype(np.float64)
        bridge = (before * before + before * after + after * after) / 3 + squares / 6
        total, before = total + (end - start) * bridge, after
    return np.asarray(half_ulp(result.dtype) * np.sqrt(np.abs(total)))


def _half_product_size(a: np.ndarray, b: np.ndarray, result: np.ndarray) -> np.ndarray:
    """In Float16 sums stagnate: terms below half an ulp of the sum are lost in a loop."""
    if b.ndim == 1:
        return sum_size(a * b, result)
    right = np.swapaxes(b, -1, -2)
    return sum_size(a * right if a.ndim == 1 else a[..., None, :] * right[..., None, :, :], result)


def norm_size(result: np.ndarray, n: float, root: bool) -> np.ndarray:
    """Of a sum of n squares, or of its root."""
    size = half_ulp(result.dtype) * np.sqrt(n / 3) * np.abs(result)
    return np.asarray(0.5 * size if root else size)


def backward_size(values: np.ndarray, noise: Noise) -> np.ndarray:
    """By how much to move an operand so that the exact result is what algorithms give."""
    n = max(values.shape[-2:] if values.ndim > 1 else values.shape, default=1)
    u = half_ulp(values.dtype)
    if noise is Noise.FFT:
        return np.asarray(2 * u * np.sqrt(np.log2(max(n, 2))) * np.abs(values))
    size = 2 * u * np.sqrt(n) * np.abs(values)
    if noise is Noise.EIGEN and values.ndim > 1:
        frobenius = np.sqrt(np.square(np.abs(values)).sum(axis=(-2, -1), keepdims=True))
        size = size + u * frobenius
    return np.asarray(size)


def backward(values: np.ndarray, noise: Noise, stream: Stream) -> np.ndarray:
    """The operand, moved so."""
    if values.dtype.kind not in "fc":
        return values
    moved = values.copy()
    stream.shift(moved, backward_size(values, noise))
    return moved


def last(values: np.ndarray, axes: Sequence[int] | int | None) -> np.ndarray:
    """These axes flattened into one, the last."""
    if axes is None:
        return values.reshape(-1)
    axes = tuple(np.atleast_1d(axes) % max(values.ndim, 1)) if values.ndim else ()
    rest = [i for i in range(values.ndim) if i not in axes]
    moved = values.transpose(*rest, *axes)
    return moved.reshape(moved.shape[: len(rest)] + (-1,))


def _rows(noise: Noise, names: str) -> dict[str, Noise]:
    return dict.fromkeys(names.split(), noise)


NUMPY: dict[str, Noise] = {
    **_rows(
        Noise.POINTWISE,
        "add subtract multiply divide power float_power exp exp2 log log2 log10 sin "
        "cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh sqrt cbrt "
        "square reciprocal hypot logaddexp logaddexp2 remainder fmod deg2rad rad2deg degrees "
        "radians interp linalg.cross",
    ),
    **_rows(Noise.NEAR_ONE, "expm1 log1p"),
    **_rows(
        Noise.NONE,
        "negative positive absolute fabs abs sign conjugate maximum minimum fmax fmin clip rint "
        "floor ceil trunc floor_divide copysign nextafter spacing ldexp modf frexp heaviside "
        "concatenate where reshape ravel transpose swapaxes moveaxis rollaxis squeeze expand_dims "
        "broadcast_to broadcast_arrays atleast_1d atleast_2d atleast_3d copy copyto take "
        "take_along_axis put put_along_axis putmask place compress choose select extract delete "
        "insert append resize repeat tile roll rot90 flip fliplr flipud sort partition tril triu "
        "diag diagonal diagflat split array_split zeros_like ones_like empty_like full_like real "
        "imag pad searchsorted digitize nan_to_num unique array_repr array_str array2string "
        "max min amax amin ix_ shape size ndim result_type can_cast may_share_memory "
        "shares_memory lexsort meshgrid around round fix divmod",
    ),
    **_rows(
        Noise.PRODUCT,
        "matmul vecdot matvec vecmat dot inner vdot einsum tensordot convolve correlate "
        "linalg.matmul linalg.vecdot linalg.tensordot",
    ),
    **_rows(Noise.NORM, "linalg.norm linalg.vector_norm"),
    **_rows(
        Noise.SOLVE,
        "linalg.solve linalg.inv linalg.det linalg.slogdet linalg.cholesky linalg.qr "
        "linalg.tensorsolve linalg.tensorinv",
    ),
    **_rows(
        Noise.EIGEN,
        "linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh linalg.svd linalg.svdvals "
        "linalg.lstsq linalg.pinv linalg.cond polyfit linalg.matrix_norm",
    ),
    **_rows(
        Noise.FFT,
        "fft.fft fft.ifft fft.rfft fft.irfft fft.fft2 fft.ifft2 fft.rfft2 fft.irfft2 fft.fftn "
        "fft.ifftn fft.rfftn fft.irfftn fft.hfft fft.ihfft",
    ),
}
"""NumPy's ufuncs and functions by name, those of its submodules with them before. Reductions and
accumulations of ufuncs have rows of their own; a function that is not here is composed of others,
or in no row."""

TORCH: dict[str, Noise] = {
    **_rows(
        Noise.POINTWISE,
        "add sub rsub mul div true_divide pow exp exp2 log log2 log10 sin cos tan asin "
        "acos atan atan2 sinh cosh tanh asinh acosh atanh sigmoid sqrt rsqrt reciprocal erf erfc "
        "erfinv lgamma digamma square addcmul addcdiv lerp logaddexp logaddexp2 xlogy "
        "special_xlog1py fmod remainder hypot sinc deg2rad rad2deg leaky_relu "
        "leaky_relu_backward logcumsumexp cumprod prod",
    ),
    **_rows(Noise.NEAR_ONE, "expm1 log1p"),
    **_rows(
        Noise.NONE,
        "neg abs sign sgn conj relu threshold threshold_backward hardtanh max min amax amin "
        "maximum minimum fmax fmin clamp clamp_min clamp_max where cat stack hstack vstack clone "
        "copy _to_copy index gather index_select masked_select take sort topk kthvalue median mode "
        "floor ceil trunc round frac floor_divide zeros ones full empty eye arange linspace "
        "zeros_like ones_like full_like empty_like empty_strided new_zeros new_ones new_full "
        "new_empty new_empty_strided scalar_tensor rand randn rand_like randn_like normal uniform "
        "bernoulli randint randperm multinomial exponential masked_fill masked_scatter fill zero "
        "index_fill "
        "constant_pad_nd reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d "
        "flip roll tril triu embedding repeat repeat_interleave nan_to_num lift lift_fresh "
        "lift_fresh_copy select_backward slice_backward slice_scatter select_scatter "
        "diagonal_backward diag_embed max_pool2d_with_indices max_pool1d_with_indices cummax "
        "cummin isnan eq ne lt le gt ge argmax argmin nonzero _local_scalar_dense item scatter "
        "set_ resize copysign nextafter heaviside ldexp value_selecting_reduction_backward "
        "upsample_nearest1d upsample_nearest2d bucketize searchsorted im2col aminmax unfold "
        "channel_shuffle pixel_shuffle view_as_complex view_as_real complex real imag "
        "squeeze unsqueeze transpose t as_strided",
    ),
    **_rows(Noise.SUM, "sum mean nansum nanmean"),
    **_rows(Noise.CUMULATIVE, "cumsum"),
    **_rows(
        Noise.PRODUCT,
        "mm addmm bmm baddbmm mv addmv dot vdot convolution convolution_backward addbmm addr",
    ),
    **_rows(
        Noise.SCATTER,
        "index_add scatter_add index_put _index_put_impl _unsafe_index_put "
        "embedding_dense_backward index_reduce scatter_reduce unfold_backward col2im",
    ),
    **_rows(Noise.NORM, "var std var_mean std_mean linalg_vector_norm norm"),
    **_rows(
        Noise.SOLVE,
        "_linalg_solve_ex linalg_solve_triangular triangular_solve cholesky_solve linalg_inv_ex "
        "linalg_cholesky_ex cholesky cholesky_inverse linalg_lu_factor_ex linalg_lu "
        "linalg_lu_solve _linalg_det _linalg_slogdet linalg_qr linalg_matrix_exp",
    ),
    **_rows(
        Noise.EIGEN,
        "_linalg_eigh linalg_eig _linalg_eigvals linalg_eigvals _linalg_svd linalg_lstsq "
        "linalg_pinv",
    ),
    **_rows(Noise.FFT, "_fft_r2c _fft_c2r _fft_c2c"),
}
"""torch's operations by the name that its dispatcher has for them. What is not here is decomposed
by torch itself, or in no row."""
