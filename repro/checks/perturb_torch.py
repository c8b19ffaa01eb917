"""torch's operations, moved, forward and backward: a dispatch mode, and torch's decompositions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from repro.checks.noise import SATURATE, TORCH, Noise, Stream
from repro.checks.noise_torch import CHANGES, Call, Change, array, moved_inputs, nudge, put_back

AS_IT_IS = nullcontext()


class Perturbing(TorchDispatchMode):
    """Moves what an operation gives by :mod:`repro.checks.noise`'s table; in place too."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Spare every operation a wrapper that only torch.compile needs."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        operation = _operation(func)
        if operation.noise is Noise.NONE:
            return func(*args, **kwargs or {})
        if operation.own is not None and not args[0].is_complex():
            self.stream.count(operation.name, Noise.INSIDE)
            return operation.own(self, *args, **kwargs or {})
        if operation.decompose is not None:
            found = self._inside(operation, args, kwargs or {})
            if found is not NotImplemented:
                return found
        return self._moved(operation, func, args, kwargs or {})

    def nudged(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor itself, moved as a pointwise operation's result."""
        values = array(tensor)
        with self._rounding(tensor):
            self.stream.nudge(values)
        put_back(tensor, values)
        return tensor

    def _moved(
        self, operation: Operation, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        written = _written(operation, args, kwargs)
        before = [array(t).copy() if _floating(t) else None for t in written]
        read = operation.change is not nudge or operation.name in SATURATE
        operands = _copies(args, written) if written and read else args
        if operation.backward and not written:
            args = moved_inputs(args, operation.noise, self.stream)
        found = func(*args, **kwargs)
        results = written or ([found] if isinstance(found, torch.Tensor) else tree_leaves(found))
        call = Call(operation.name, func, operands, kwargs)
        moved = False
        for i, tensor in enumerate(results):
            if isinstance(tensor, torch.Tensor) and _floating(tensor):
                moved = True
                values = array(tensor)
                old = before[i] if written else None
                if old is not None and old.size == values.size:
                    old = old.reshape(values.shape)  # squeeze_ writes another shape
                with self._rounding(tensor):
                    operation.change(self.stream, call, values, i, old)
                put_back(tensor, values)
        if moved:
            self.stream.count(operation.name, operation.noise)
        return found

    def _inside(self, operation: Operation, args: Any, kwargs: Any) -> Any:
        """Decomposed, every part of it moved. What is in Float16 or BFloat16 others compute so."""
        outer = self.stream.half
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        self.stream.half = outer or any(t.dtype == torch.float16 for t in tensors)
        try:
            with self, self._rounding(*tensors):
                found = operation.decompose(*args, **kwargs)
        finally:
            self.stream.half = outer
        if found is not NotImplemented:
            self.stream.count(operation.name, Noise.INSIDE)
        return found

    def _rounding(self, *tensors: torch.Tensor) -> AbstractContextManager[None]:
        """Inside, what is meant is BFloat16's rounding, where any of these is of that type."""
        for tensor in tensors:
            if tensor.dtype is torch.bfloat16:
                return self._coarser(torch.finfo(torch.bfloat16).eps / 2)
        return AS_IT_IS

    @contextmanager
    def _coarser(self, u: float) -> Iterator[None]:
        outer, self.stream.coarse = self.stream.coarse, max(self.stream.coarse, u)
        try:
            yield
        finally:
            self.stream.coarse = outer


@dataclass(frozen=True)
class Operation:
    """What becomes of an operation.

    Attributes:
        name: as the table has it.
        noise: its row.
        change: how its results are moved.
        decompose: what it is composed of by torch, where it has no row of its own.
        own: the same by ourselves, of real numbers.
        writes: positions and names of the arguments that it writes into.
    """

    name: str
    noise: Noise
    change: Change = nudge
    decompose: Any = None
    own: Any = None
    writes: tuple[tuple[int, str], ...] = ()

    @property
    def backward(self) -> bool:
        """Whether its inputs are moved."""
        return self.noise in (Noise.SOLVE, Noise.EIGEN, Noise.FFT)


@cache
def _operation(func: Any) -> Operation:
    schema = func._schema
    name, mutable = schema.name.removeprefix("aten::"), schema.is_mutable
    name = name.rstrip("_") if mutable and name not in TORCH else name
    noise = TORCH.get(name)
    viewing = not mutable and any(r.alias_info is not None for r in schema.returns)
    if noise is Noise.NONE or viewing or not schema.returns:
        return Operation(name, Noise.NONE)
    if noise is None and not mutable:
        inside = decomposition_table.get(func)
        inside = inside or (func.decompose if func._can_decompose() else None)
        return Operation(name, Noise.UNLISTED, decompose=inside, own=OWN.get(name))
    writes = [
        (i, argument.name)
        for i, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    noise = noise or Noise.UNLISTED
    return Operation(name, noise, CHANGES.get(noise, nudge), writes=tuple(writes))


def _tanh_backward(mode: Perturbing, gradient: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    return mode.nudged(gradient * mode.nudged(1 - mode.nudged(output * output)))


def _sigmoid_backward(
    mode: Perturbing, gradient: torch.Tensor, output: torch.Tensor
) -> torch.Tensor:
    return mode.nudged(gradient * mode.nudged(output * mode.nudged(1 - output)))


def _mse_loss(mode: Perturbing, x: torch.Tensor, y: torch.Tensor, reduction: int = 1) -> Any:
    squares = mode.nudged(mode.nudged(x - y).square())
    if reduction == 0:
        return squares
    total = torch.ops.aten.mean if reduction == 1 else torch.ops.aten.sum
    return mode.__torch_dispatch__(total.default, (), (squares,))


def _mse_loss_backward(
    mode: Perturbing, gradient: torch.Tensor, x: torch.Tensor, y: torch.Tensor, reduction: int
) -> torch.Tensor:
    scaled = mode.nudged(gradient * (2 / x.numel() if reduction == 1 else 2))
    return mode.nudged(mode.nudged(x - y) * scaled)


OWN: dict[str, Any] = {
    "tanh_backward": _tanh_backward,
    "sigmoid_backward": _sigmoid_backward,
    "mse_loss": _mse_loss,
    "mse_loss_backward": _mse_loss_backward,
}
"""Decompositions that training takes most of its time in; torch's own are the same, but slower."""


def _written(operation: Operation, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
    """The tensors that an operation writes into."""
    if not operation.writes:
        return []
    values = [args[i] if i < len(args) else kwargs.get(name) for i, name in operation.writes]
    return [t for t in tree_leaves(values) if isinstance(t, torch.Tensor)]


def _copies(args: tuple[Any, ...], written: list[Any]) -> tuple[Any, ...]:
    """The operands before they are written into."""
    ids = {id(t) for t in written}
    found = tree_map_only(torch.Tensor, lambda t: t.clone() if id(t) in ids else t, args)
    return tuple(found)


MOVED = {
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    *(torch.complex64, torch.complex128),
}
"""Floating types that an array stands for: others are not moved."""


def _floating(tensor: torch.Tensor) -> bool:
    return tensor.dtype in MOVED and tensor.layout is torch.strided
