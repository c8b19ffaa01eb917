"""The part of :mod:`repro.checks.rounding` that needs torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

MOVED = (torch.float32, torch.float64)


class Rounding(TorchDispatchMode):
    """Moves what an operation gives, forward or backward, by one ulp; whole numbers stay."""

    def __init__(self, generator: np.random.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        # A view, or what was written in place, has to stay the memory that it is.
        if any(result.alias_info is not None for result in func._schema.returns):
            return found
        return tree_map_only(torch.Tensor, self._moved, found)

    def _moved(self, values: torch.Tensor) -> torch.Tensor:
        if values.dtype not in MOVED:
            return values
        up = torch.tensor(self.generator.integers(0, 2, tuple(values.shape)) > 0)
        infinity = torch.full_like(values, torch.inf)
        moved = values.nextafter(torch.where(up.to(values.device), infinity, -infinity))
        return torch.where(values == values.trunc(), values, moved)
