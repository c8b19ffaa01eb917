"""How far each operation's result may be off because it rounds: one table for NumPy and torch.

``u`` is half an ulp of 1, ``xi`` a random sign times a number in [0.5, 1.5]. (Signs alone cancel
exactly between two operations.) A result moves by ``xi`` times the size that its row states; whole
numbers below a limit stay, for they are labels, counts and masks, but for a 1 that saturation
makes. Sizes are standard deviations or so of what other orders of the same arithmetic give, not
bounds: Higham and Mary, "A new approach to probabilistic rounding error analysis", 2019. What they
were measured on: docs/tolerances.md.
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
from repro.checks.loops import kernels

POINTWISE = 1.5
"""In u times the value: two libraries' functions are each right to about half an ulp."""

LOOP = 0.5
"""Of a sum's distance from a plain loop. Ten times this has to reach the loop, and other loops."""

NEAR_ONE = 0.2
"""In u: what ``exp(x) - 1`` rounds at 1, over ten, and with room."""

BLOCKED = 64
"""From so many terms on, the partial sums of a product are sampled, in eight blocks."""

SATURATE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": lambda x: 2 / (np.exp(2 * np.abs(x)) + 1),
    "erf": lambda x: np.array([math.erfc(abs(v)) for v in x.tolist()]),
    "sigmoid": lambda x: 1 / (1 + np.exp(x)),
    "sin": lambda x: np.square(np.cos(x)) / 2,
    "cos": lambda x: np.square(np.sin(x)) / 2,
    "exp": np.abs,
    "sqrt": lambda x: difference(x, np.ones_like(x)) / 2,
}
"""How far from 1 or -1 is what rounds to it, of Float64 operands: see :meth:`Stream.inward`."""

GATES = ("tanh", "erf", "sigmoid")
"""Of these, what is nearer than u/64 is a mask, and 1 in all libraries: of NumPy's, torch's and
SciPy's in Float32, and of formulas in it, none is another where the exact value is nearer than
u/14.5 (NumPy's tanh)."""

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
        units: ``u`` of the types in which what was moved is computed.
    """

    moved: Counter[tuple[str, Noise]] = field(default_factory=Counter)
    inputs_only: Counter[str] = field(default_factory=Counter)
    coarsest: float = 0.0
    inside: Counter[str] = field(default_factory=Counter)
    units: set[float] = field(default_factory=set)

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
        self.half, self._kernels = False, kernels()
        self.coarse = self.moves.coarsest
        self.at(0)

    def at(self, step: int) -> None:
        """Go on with a step's own randomness."""
        self._random = random.Random(self.seed * 1_000_003 + step)

    def xi(self, shape: tuple[int, ...]) -> np.ndarray:
        """Float32, random signs times numbers uniform in [0.5, 1.5]."""
        return self._xi(math.prod(shape)).reshape(shape)

    def _xi(self, n: int) -> np.ndarray:
        start = int(self._random.random() * (_POOL - min(n, _POOL // 2)))
        pool = _pool()[start:]
        return pool[:n] if n <= _POOL // 2 else np.resize(pool, n)

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
        if values.dtype.kind in "fc":
            size = POINTWISE * by * half_ulp(self.type_of(values)) * self.scale(values)
            limit = _WHOLE[values.real.dtype.itemsize]
            pairs = modulus and values.dtype.kind == "c"
            loop = self._kernels.nudge_pairs if pairs else self._kernels.nudge
            self._in_place(loop, values, before, size, limit)

    def type_of(self, values: np.ndarray) -> np.dtype[Any]:
        """The type in which others may compute these."""
        narrowed = self.half and values.dtype == np.float32
        return np.dtype(np.float16) if narrowed else values.dtype

    def scale(self, values: np.ndarray) -> float:
        """How many times coarser than the arrays' own the rounding is that is meant."""
        return max(1.0, self.coarse / half_ulp(self.type_of(values))) if self.coarse else 1.0

    def near_one(self, values: np.ndarray, before: np.ndarray | None = None) -> None:
        """Move values in place as :attr:`Noise.NEAR_ONE` says."""
        self.nudge(values, before)
        if values.dtype.kind in "fc":
            here = values if before is None else np.where(values == before, 0, values)
            one = NEAR_ONE * half_ulp(self.type_of(values)) * (here != 0)
            self.shift(values, one)

    def inward(
        self, name: str, values: np.ndarray, of: np.ndarray, before: np.ndarray | None = None
    ) -> None:
        """Move a result of 1 or -1 that rounding alone has made so, as in ``tanh(9)`` or
        ``cos(1e-5)``, towards 0 in place.

        Args:
            name: of the operation, one of ``SATURATE``.
            of: its operand.
        """
        if values.dtype.kind != "f" or not (here := np.abs(values) == 1).any():
            return
        u = half_ulp(self.type_of(values)) * self.scale(values)
        with np.errstate(all="ignore"):
            apart = SATURATE[name](np.asarray(of, np.float64)[here])
        near = apart > (u / 64 if name in GATES else 0)
        near &= True if before is None else before[here] != values[here]
        values[here] *= 1 - POINTWISE * u * near * np.abs(self.xi(near.shape))

    def shift(
        self,
        values: np.ndarray,
        size: np.ndarray,
        before: np.ndarray | None = None,
        own: float = 0.0,
    ) -> None:
        """Move values in place by ``size`` and ``own`` u of each, where that is finite and they
        are not as before."""
        shape, size = _real(values).shape, np.asarray(size, np.float64)
        scale = self.scale(values)
        size = size if scale == 1 else size * scale
        if size.shape != shape:  # complex values: one size for both parts
            size = np.broadcast_to(size[..., None], shape)
        own *= half_ulp(self.type_of(values)) * scale
        self._in_place(self._kernels.shift, values, before, size.reshape(-1), own)

    def _in_place(
        self,
        loop: Callable[..., None],
        values: np.ndarray,
        before: np.ndarray | None,
        *sizes: Any,
    ) -> None:
        """A loop over all parts of the values, which takes them contiguous, Float16 as Float32."""
        self.moves.units.add(half_ulp(self.type_of(values)) * self.scale(values))
        parts = _real(values)
        flat = _flat(parts)
        old = flat if before is None else _flat(_real(before))
        loop(flat, old, before is not None, self._xi(flat.size), *sizes)
        if not np.may_share_memory(flat, parts):
            with np.errstate(over="ignore"):
                np.copyto(parts, flat.reshape(parts.shape), casting="unsafe")


@cache
def _pool() -> np.ndarray:
    generator = np.random.default_rng(1993)
    sign = np.where(generator.random(_POOL) < 0.5, -1.0, 1.0)
    return (sign * generator.uniform(0.5, 1.5, _POOL)).astype(np.float32)


@cache
def half_ulp(dtype: np.dtype[Any]) -> float:
    """``u``: half the distance from 1 to the next number, of a real or complex type."""
    return float(np.finfo(dtype).eps) / 2


def _real(values: np.ndarray) -> np.ndarray:
    """Complex values as pairs, in the same memory."""
    if values.dtype.kind != "c":
        return values
    return values[..., None].view(values.real.dtype)


def _flat(values: np.ndarray) -> np.ndarray:
    """In one dimension, a view where that can be; Float16 as Float32."""
    return (values.astype(np.float32) if values.dtype == np.float16 else values).reshape(-1)


def whole(*arrays: np.ndarray) -> bool:
    """Whether sums and products of these are exact counts: small whole numbers alone. The result
    comes first: it is the quickest to tell."""
    for a in arrays:
        if a.dtype.kind != "f":
            continue
        if not kernels().whole(_flat(a), _WHOLE[a.dtype.itemsize]):
            return False
    return True


def sum_size(terms: np.ndarray, result: np.ndarray) -> np.ndarray:
    """Of a sum over the last axis: a random walk, and a part of how far it is from a plain loop in
    its own type, or from a sum in pairs, which ten times the noise then covers.

    The walk alone is too little for equal terms: a loop over 1e5 of them is off by 74 times it.
    """
    if not terms.shape[-1]:
        return np.zeros(result.shape)
    if _compiled(terms, result):
        return _sum_size(terms, result)
    partial = np.add.accumulate(terms, axis=-1)
    squares = np.square(np.abs(partial), dtype=np.float64).sum(axis=-1)
    paired = np.ascontiguousarray(terms).sum(axis=-1, dtype=np.result_type(terms, np.float64))
    pairs = ((_real(np.asarray(a)), _real(np.asarray(result))) for a in (partial[..., -1], paired))
    apart = reduce(np.maximum, (difference(a, b) for a, b in pairs))
    apart = apart.max(axis=-1) if result.dtype.kind == "c" else apart
    return np.asarray(half_ulp(result.dtype) * np.sqrt(squares) + LOOP * apart)


def _sum_size(terms: np.ndarray, result: np.ndarray) -> np.ndarray:
    """The same, of Float32 or Float64, by a compiled loop."""
    terms = np.ascontiguousarray(terms)
    paired = np.asarray(terms.sum(axis=-1)).reshape(-1) if terms.itemsize == 8 else np.empty(0)
    rows = terms.reshape(-1, terms.shape[-1])
    size = kernels().sum_size(rows, result.reshape(-1), paired, half_ulp(result.dtype), LOOP)
    return np.asarray(size.reshape(result.shape))


def _compiled(*arrays: np.ndarray) -> bool:
    """Whether the loops take them as they are."""
    return all(a.dtype.kind == "f" and a.dtype.itemsize >= 4 for a in arrays)


def cumulative_size(stream: Stream, partial: np.ndarray, axis: int) -> np.ndarray:
    """What has gone wrong up to each partial sum, drawn: signs and all."""
    u = half_ulp(partial.dtype) * stream.scale(partial)
    return np.asarray(np.cumsum(u * partial * stream.xi(partial.shape), axis=axis))


def walk_size(result: np.ndarray, squares: np.ndarray, n: float | np.ndarray) -> np.ndarray:
    """Of n terms that add up to the result: partial sums as of a Brownian bridge to it."""
    u = half_ulp(result.dtype)
    if _compiled(result, squares) and not isinstance(n, np.ndarray):
        size = kernels().walk_size(result.reshape(-1), squares.reshape(-1), float(n), u)
        return np.asarray(size.reshape(result.shape))
    spread = np.square(np.abs(result), dtype=np.float64) / 3 + np.abs(squares) / 6
    return np.asarray(u * np.sqrt(n * spread))


def move_product(
    stream: Stream,
    values: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    before: np.ndarray | None = None,
    alpha: float = 1.0,
    added: bool = False,
) -> None:
    """Move ``alpha a @ b`` in place, or what it is ``added`` to something, where that is not as
    before."""
    size = product_size(a, b, None if added or alpha != 1 else values)
    size = size if alpha == 1 else alpha * size
    stream.shift(values, size, before, own=float(added))


def product_size(a: np.ndarray, b: np.ndarray, result: np.ndarray | None = None) -> np.ndarray:
    """Of a product of matrices (``np.matmul``'s shapes): its partial sums, of many a sample.

    A sum that is small in the end may have been large on the way, which its end does not show.

    Args:
        result: where it is at hand.
    """
    n = a.shape[-1]
    if n < BLOCKED or a.dtype.itemsize == 2:
        result = np.asarray(np.matmul(a, b) if result is None else result)
        if a.dtype.itemsize == 2 and result.size * n < 1 << 22:
            return _half_product_size(a, b, result)
        if n < BLOCKED:
            return walk_size(result, np.asarray(np.matmul(_squares(a), _squares(b))), n)
    return _blocked_size(a, b)


def _blocked_size(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    def product(a: np.ndarray, b: np.ndarray, start: int, end: int) -> np.ndarray:
        block = slice(start, end)
        return np.asarray(
            np.matmul(a[..., block], b[block if b.ndim == 1 else (..., block, slice(None))])
        )

    nothing = product(a, b, 0, 0)
    total, before = np.zeros((2, _real(nothing).size))
    a2, b2 = _squares(a), _squares(b)
    edges = np.linspace(0, a.shape[-1], 9).astype(int).tolist()
    for start, end in zip(edges, edges[1:], strict=False):
        part, squares = _real(product(a, b, start, end)), product(a2, b2, start, end)
        if part.size != squares.size:  # complex values: the same for both parts
            squares = np.repeat(squares, 2)
        kernels().bridge(total, before, _flat(part), _flat(squares), float(end - start))
    size = half_ulp(nothing.dtype) * np.sqrt(total)
    return np.asarray(size.reshape(*nothing.shape, -1).max(axis=-1))


def _squares(values: np.ndarray) -> np.ndarray:
    return np.asarray(values * values if values.dtype.kind == "f" else np.square(np.abs(values)))


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
    count = max(values.ndim, 1)
    chosen = [axes % count] if isinstance(axes, int) else [int(i) % count for i in axes]
    rest = [i for i in range(values.ndim) if i not in chosen]
    moved = values.transpose(*rest, *sorted(chosen)[: values.ndim])
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
