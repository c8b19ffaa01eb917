"""torch's operations, moved, forward and backward: a dispatch mode, and torch's decompositions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from repro.checks.noise import (
    TORCH,
    Noise,
    Stream,
    backward,
    cumulative_size,
    last,
    norm_size,
    product_size,
    sum_size,
    walk_size,
    whole,
)

NARROW = (torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)
"""Types that NumPy does not have: they are not moved."""


class Perturbing(TorchDispatchMode):
    """Moves what an operation gives by :mod:`repro.checks.noise`'s table; in place too."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        noise, move, decompose = _row(func)
        kwargs = kwargs or {}
        if decompose is not None:
            found = self._inside(decompose, args, kwargs)
            if found is not NotImplemented:
                self.stream.count(func._schema.name, Noise.INSIDE)
                return found
            noise, move = Noise.UNLISTED, _pointwise
        if move is None:
            return func(*args, **kwargs)
        written = _written(func, args, kwargs)
        before = [None if t is None else _array(t).copy() for t in written]
        operands = _copies(args, written) if written else args
        found = move(self.stream, func, args, kwargs, operands, written, before)
        if any(map(_floating, _results(found, written))):
            self.stream.count(func._schema.name.removeprefix("aten::"), noise)
        return found

    def _inside(self, decompose: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        outer = self.stream.half
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        self.stream.half = outer or any(t.dtype == torch.float16 for t in tensors)
        try:
            with self:
                return decompose(*args, **kwargs)
        finally:
            self.stream.half = outer


Move = Callable[..., Any]


@cache
def _row(func: Any) -> tuple[Noise, Move | None, Any]:
    """An operation's row, what carries it out, and its decomposition where it has one."""
    packet = func._schema.name.removeprefix("aten::")
    written = func._schema.is_mutable
    name = packet.rstrip("_") if written and packet not in TORCH else packet
    noise = TORCH.get(name)
    returns = func._schema.returns
    viewing = not written and any(r.alias_info is not None for r in returns)
    if noise is Noise.NONE or viewing or not returns:
        return Noise.NONE, None, None
    if noise is not None:
        return noise, _MOVES[noise], None
    if func in decomposition_table and not written:
        return Noise.INSIDE, None, decomposition_table[func]
    if func._can_decompose() and not written:
        return Noise.INSIDE, None, func.decompose
    return Noise.UNLISTED, _pointwise, None


def _written(func: Any, args: tuple, kwargs: dict[str, Any]) -> list[Any]:
    """What an operation writes into."""
    if not func._schema.is_mutable:
        return []
    found = []
    for i, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[i] if i < len(args) else kwargs.get(argument.name)
            found += [t for t in tree_leaves(value) if isinstance(t, torch.Tensor)]
    return found


def _copies(args: tuple, written: list[Any]) -> tuple:
    """The operands before they are written into."""
    ids = {id(t) for t in written}
    return tree_map_only(torch.Tensor, lambda t: t.clone() if id(t) in ids else t, args)


def _results(found: Any, written: list[Any]) -> list[torch.Tensor]:
    if written:
        return written
    return [t for t in tree_leaves(found) if isinstance(t, torch.Tensor)]


def _floating(tensor: torch.Tensor) -> bool:
    kind = tensor.dtype.is_floating_point or tensor.dtype.is_complex
    return kind and tensor.dtype not in NARROW and tensor.layout is torch.strided


def _array(tensor: torch.Tensor) -> np.ndarray:
    """The tensor's own memory as an array; a copy of it, where it is not the processor's."""
    if not _floating(tensor):
        return np.empty(0)
    if _here(tensor):
        return tensor.detach().numpy()
    return tensor.detach().resolve_conj().resolve_neg().cpu().numpy()


def _here(tensor: torch.Tensor) -> bool:
    return tensor.device.type == "cpu" and not (tensor.is_conj() or tensor.is_neg())


def _changing(tensor: torch.Tensor, change: Callable[[np.ndarray], None]) -> None:
    values = _array(tensor)
    change(values)
    if not _here(tensor):
        tensor.copy_(torch.from_numpy(values))


def _pointwise(
    stream: Stream, func: Any, args: tuple, kwargs: Any, operands: Any, written: Any, before: Any
) -> Any:
    found = func(*args, **kwargs)
    near_one = func._schema.name.rstrip("_") in ("aten::expm1", "aten::log1p")
    nudge = stream.near_one if near_one else stream.nudge
    for i, tensor in enumerate(_results(found, written)):
        if _floating(tensor):
            old = before[i] if written else None
            _changing(tensor, lambda a, old=old: nudge(a, old))
    return found


def _sized(size: Callable[..., np.ndarray | None]) -> Move:
    """Moves the first result by what ``size(stream, func, operands, kwargs, values)`` says."""

    def move(
        stream: Stream, func: Any, args: tuple, kwargs: Any, operands: Any, written: Any, old: Any
    ) -> Any:
        found = func(*args, **kwargs)
        for i, tensor in enumerate(_results(found, written)):
            if _floating(tensor):
                with np.errstate(all="ignore"):
                    by = size(stream, func, operands, kwargs, _array(tensor), i)
                if by is not None:
                    before = old[i] if written else None
                    _changing(tensor, lambda a, by=by, b=before: stream.shift(a, by, b))
        return found

    return move


def _sum(
    stream: Stream, func: Any, args: Any, kwargs: Any, result: np.ndarray, i: int
) -> np.ndarray | None:
    result = result.astype(stream.type_of(result), copy=False)
    terms = _array(args[0]).astype(result.dtype, copy=False)
    if whole(terms):
        return None
    axes = args[1] if len(args) > 1 else kwargs.get("dim")
    axes = None if axes is None or axes == [] else axes
    flat = last(terms, axes)
    total, n = result.reshape(flat.shape[:-1]), 1
    if "mean" in func._schema.name:
        n = flat.shape[-1]
        total = total * result.dtype.type(n)
        size = sum_size(flat, total) / max(n, 1)
        return size.reshape(result.shape) + np.abs(result) * np.finfo(result.dtype).eps / 2
    return sum_size(flat, total).reshape(result.shape)


def _cumulative(
    stream: Stream, func: Any, args: tuple, kwargs: Any, operands: Any, written: Any, before: Any
) -> Any:
    found = func(*args, **kwargs)
    axis = args[1] if len(args) > 1 else kwargs["dim"]

    def change(values: np.ndarray) -> None:
        moved = cumulative_size(stream.xi(values.shape), values, axis)
        np.copyto(values, values + moved, where=np.isfinite(moved), casting="unsafe")

    for tensor in _results(found, written):
        if _floating(tensor) and not whole(_array(operands[0])):
            _changing(tensor, change)
    return found


def _product(
    stream: Stream, func: Any, args: Any, kwargs: Any, result: np.ndarray, i: int
) -> np.ndarray | None:
    name = func._schema.name.removeprefix("aten::").rstrip("_")
    if "convolution" in name:
        return _convolution(func, args, kwargs, result, i)
    factors = args[1:3] if name in ("addmm", "baddbmm", "addmv", "addbmm", "addr") else args[:2]
    a, b = (_array(t) for t in factors)
    if whole(a, b) and (factors is not args[1:3] or whole(_array(args[0]))):
        return None
    if name == "addr":
        return np.abs(result) * np.finfo(result.dtype).eps
    if name == "addbmm":
        a, b = np.concatenate([*a], axis=1), np.concatenate([*b], axis=0)
    exact = result if len(factors) == len(args) else np.matmul(a, b).astype(result.dtype)
    size = product_size(a, b, exact) * abs(kwargs.get("alpha", 1))
    if exact is not result:
        size = size + np.abs(result) * np.finfo(result.dtype).eps / 2
    return size


def _convolution(
    func: Any, args: Any, kwargs: Any, result: np.ndarray, i: int
) -> np.ndarray | None:
    """A bilinear operation by itself: of squares it gives Q, of ones the number of terms."""
    with torch.no_grad():
        squares = tree_map_only(torch.Tensor, lambda t: t.square(), args)
        ones = tree_map_only(torch.Tensor, lambda t: torch.ones_like(t), args)
        q, n = (
            [t for t in tree_leaves(func(*x, **kwargs)) if isinstance(t, torch.Tensor)][i]
            for x in (squares, ones)
        )
    return walk_size(result, _array(q), np.abs(_array(n)).astype(np.float64))


def _scatter(
    stream: Stream, func: Any, args: Any, kwargs: Any, result: np.ndarray, i: int
) -> np.ndarray | None:
    """A linear operation by itself, as a convolution is."""
    if whole(*(_array(t) for t in tree_leaves(args) if isinstance(t, torch.Tensor))):
        return None

    def of(change: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
        def floating(t: torch.Tensor) -> torch.Tensor:
            return change(t) if _floating(t) else t

        made = func(*tree_map_only(torch.Tensor, floating, args), **kwargs)
        return _array(tree_leaves(made)[0]).astype(np.float64)

    n = np.maximum(np.abs(of(torch.ones_like)), 1)
    return np.where(n > 1.5, walk_size(result, of(torch.square), n), 0.0)


def _norm(
    stream: Stream, func: Any, args: Any, kwargs: Any, result: np.ndarray, i: int
) -> np.ndarray:
    name = func._schema.name
    n = args[0].numel() / max(result.size, 1)
    if i and "mean" in name:  # var_mean's second result
        terms = _array(args[0])
        return half_root(n) * np.sqrt(np.mean(np.square(terms))) * np.finfo(result.dtype).eps
    return norm_size(result, n, root="var" not in name)


def half_root(n: float) -> float:
    """A mean's random walk over its terms' size."""
    return 0.5 * float(np.sqrt(max(n, 1) / 3))


def _inputs(noise: Noise) -> Move:
    def move(
        stream: Stream, func: Any, args: tuple, kwargs: Any, operands: Any, written: Any, old: Any
    ) -> Any:
        def moved(t: torch.Tensor) -> torch.Tensor:
            if not _floating(t):
                return t
            new = torch.from_numpy(np.array(backward(_array(t), noise, stream)))
            return new.to(t.device)

        inner = tree_map_only(torch.Tensor, moved, args) if not written else args
        found = func(*inner, **kwargs)
        for tensor in _results(found, written):
            if _floating(tensor):
                _changing(tensor, stream.nudge)
        return found

    return move


_MOVES: dict[Noise, Move] = {
    Noise.POINTWISE: _pointwise,
    Noise.NEAR_ONE: _pointwise,
    Noise.SUM: _sized(_sum),
    Noise.CUMULATIVE: _cumulative,
    Noise.PRODUCT: _sized(_product),
    Noise.SCATTER: _sized(_scatter),
    Noise.NORM: _sized(_norm),
    Noise.SOLVE: _inputs(Noise.SOLVE),
    Noise.EIGEN: _inputs(Noise.EIGEN),
    Noise.FFT: _inputs(Noise.FFT),
}
