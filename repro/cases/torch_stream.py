"""torch's own random numbers where a port asks one of Julia's streams.

Most people's ports draw so. Nothing then equals the original's run number by number: what can be
compared are many seeds of both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from repro.julia import Stream


class TorchStream:
    """What the ports ask of a stream, from a ``torch.Generator``.

    Args:
        seed: an integer, 0 or more.
    """

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def rand(self) -> float:
        """A number uniform in [0, 1)."""
        return float(torch.rand((), generator=self._generator, dtype=torch.float64))

    def uniform(self, a: float, b: float, size: int | tuple[int, ...] | None = None) -> Any:
        """Float64 uniform in [a, b): a float, or an array of this size."""
        shape = () if size is None else (size,) if isinstance(size, int) else size
        drawn = torch.rand(shape, generator=self._generator, dtype=torch.float64).numpy()
        return float(a + (b - a) * drawn) if size is None else a + (b - a) * drawn

    def randperm(self, n: int) -> np.ndarray:
        """(n,) int64, a permutation of 1 to n, as in Julia."""
        drawn: np.ndarray = torch.randperm(n, generator=self._generator).numpy() + 1
        return drawn

    def copy(self) -> TorchStream:
        """An independent stream at the same place."""
        other = TorchStream(0)
        other._generator.set_state(self._generator.get_state())
        return other


Stream.register(TorchStream)  # the ports refuse whatever is none
