"""By how much a torch operation's results are moved: the table's rows, for torch's arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch.utils._pytree import tree_leaves, tree_map_only

from repro.checks.noise import (
    SATURATE,
    Noise,
    Stream,
    backward,
    cumulative_size,
    half_ulp,
    last,
    move_product,
    norm_size,
    sum_size,
    walk_size,
    whole,
)


class Call(NamedTuple):
    """An operation with its operands, as they were before it wrote into any."""

    name: str
    func: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


Change: TypeAlias = Callable[[Stream, Call, np.ndarray, int, "np.ndarray | None"], None]
"""Moves the operation's result number i, in place, where it is not as before."""

Size: TypeAlias = Callable[[Stream, Call, np.ndarray, int], "np.ndarray | None"]


def array(tensor: torch.Tensor) -> np.ndarray:
    """The tensor's own memory as an array; a copy of it, where it is not the processor's. NumPy has
    no BFloat16: Float32 stands for it."""
    tensor = tensor.float() if tensor.dtype is torch.bfloat16 else tensor
    found: np.ndarray = tensor.numpy(force=True)
    return found


def put_back(tensor: torch.Tensor, values: np.ndarray) -> None:
    """Changed values into their tensor, where they are not its own memory."""
    narrow = tensor.dtype is torch.bfloat16
    if not tensor.is_cpu or tensor.is_conj() or tensor.is_neg() or narrow:
        tensor.copy_(torch.from_numpy(values))


def nudge(
    stream: Stream, call: Call, values: np.ndarray, i: int, before: np.ndarray | None
) -> None:
    stream.nudge(values, before, modulus=call.name not in ("add", "sub", "rsub"))
    if call.name in SATURATE:
        stream.inward(call.name, values, array(call.args[0]), before)


def near_one(
    stream: Stream, call: Call, values: np.ndarray, i: int, before: np.ndarray | None
) -> None:
    stream.near_one(values, before)


def _shifted(size: Size) -> Change:
    def change(
        stream: Stream, call: Call, values: np.ndarray, i: int, before: np.ndarray | None
    ) -> None:
        with np.errstate(all="ignore"):
            by = size(stream, call, values, i)
        if by is not None:
            stream.shift(values, by, before)

    return change


def _sum(stream: Stream, call: Call, result: np.ndarray, i: int) -> np.ndarray | None:
    result = result.astype(stream.type_of(result), copy=False)
    terms = array(call.args[0]).astype(result.dtype, copy=False)
    if whole(result, terms):
        return None
    axes = call.args[1] if len(call.args) > 1 else call.kwargs.get("dim")
    flat = last(terms, None if axes is None or axes == [] else axes)
    total = result.reshape(flat.shape[:-1])
    if call.args[0].dtype is torch.bfloat16:  # of Float32, as which it is then made coarser
        total = flat.sum(axis=-1) / (flat.shape[-1] if "mean" in call.name else 1)
    if "mean" not in call.name:
        return sum_size(flat, total).reshape(result.shape)
    n = result.dtype.type(max(flat.shape[-1], 1))
    size = sum_size(flat, total * n) / n
    return np.asarray(size.reshape(result.shape) + half_ulp(result.dtype) * np.abs(result))


def cumulative(
    stream: Stream, call: Call, values: np.ndarray, i: int, before: np.ndarray | None
) -> None:
    if whole(values, array(call.args[0])):
        return
    axis = call.args[1] if len(call.args) > 1 else call.kwargs["dim"]
    moved = cumulative_size(stream, values, axis)
    np.copyto(values, values + moved, where=np.isfinite(moved), casting="unsafe")


ADDED = ("addmm", "baddbmm", "addmv", "addbmm", "addr")
"""Products that are added to their first operand."""


def product(
    stream: Stream, call: Call, values: np.ndarray, i: int, before: np.ndarray | None
) -> None:
    with np.errstate(all="ignore"):
        if "convolution" in call.name:
            stream.shift(values, _convolution(call, values, i), before)
            return
        added = call.name in ADDED
        a, b = (array(t) for t in (call.args[1:3] if added else call.args[:2]))
        if whole(values, a, b):
            return
        if call.name == "addr":
            stream.shift(values, np.zeros(values.shape), before, own=2.0)
            return
        if call.name == "addbmm":
            a, b = np.concatenate([*a], axis=1), np.concatenate([*b], axis=0)
        alpha = abs(call.kwargs.get("alpha", 1))
        move_product(stream, values, a, b, before, alpha, added)


def _convolution(call: Call, result: np.ndarray, i: int) -> np.ndarray:
    """A bilinear operation by itself: of squares it gives Q, of ones the number of terms."""

    def of(change: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
        found = call.func(*tree_map_only(torch.Tensor, change, call.args), **call.kwargs)
        tensors = [t for t in tree_leaves(found) if isinstance(t, torch.Tensor)]
        return array(tensors[i]).astype(np.float64)

    return walk_size(result, of(torch.square), np.abs(of(torch.ones_like)))


def _scattered(stream: Stream, call: Call, result: np.ndarray, i: int) -> np.ndarray | None:
    """A linear operation by itself, as a convolution is."""
    tensors = [t for t in tree_leaves(call.args) if isinstance(t, torch.Tensor)]
    if whole(result, *map(array, tensors)):
        return None

    def of(change: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
        def floating(t: torch.Tensor) -> torch.Tensor:
            return change(t.detach()) if t.is_floating_point() else t

        copied = tree_map_only(torch.Tensor, lambda t: floating(t).clone(), call.args)
        return array(tree_leaves(call.func(*copied, **call.kwargs))[0]).astype(np.float64)

    n = np.abs(of(torch.ones_like))
    return np.asarray(np.where(n > 1.5, walk_size(result, of(torch.square), n), 0.0))


def _norm(stream: Stream, call: Call, result: np.ndarray, i: int) -> np.ndarray:
    n = call.args[0].numel() / max(result.size, 1)
    if i and "mean" in call.name:  # a mean comes second
        typical = np.sqrt(np.mean(np.square(array(call.args[0]))))
        return np.asarray(half_ulp(result.dtype) * np.sqrt(n / 3) * typical)
    return norm_size(result, n, root="var" not in call.name)


def moved_inputs(args: tuple[Any, ...], noise: Noise, stream: Stream) -> tuple[Any, ...]:
    """An operation's operands, moved by its backward error."""

    def moved(t: torch.Tensor) -> torch.Tensor:
        if not (t.is_floating_point() or t.is_complex()):
            return t
        return torch.from_numpy(backward(array(t), noise, stream)).to(t.device)

    return tuple(tree_map_only(torch.Tensor, moved, args))


CHANGES: dict[Noise, Change] = {
    Noise.NEAR_ONE: near_one,
    Noise.SUM: _shifted(_sum),
    Noise.CUMULATIVE: cumulative,
    Noise.PRODUCT: product,
    Noise.SCATTER: _shifted(_scattered),
    Noise.NORM: _shifted(_norm),
}
"""Of rows that are not moved like pointwise operations."""
