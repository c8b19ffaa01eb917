"""Numbers below the smallest normal one, which a program may have the processor take for zero."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

SMALLEST = np.array(1, np.int32).view(np.float32)
"""The smallest number of Float32; by its bits, since to compute it would flush it."""


@contextmanager
def denormals() -> Iterator[None]:
    """Inside the block they are numbers in this thread.

    Where ``torch.set_flush_denormal`` is on, 1e-40 equals 0 in every comparison, and a port that
    has lost all of its small numbers would be called right.
    """
    if SMALLEST * np.float32(1) != 0:
        yield
        return
    import torch

    torch.set_flush_denormal(False)
    try:
        yield
    finally:
        torch.set_flush_denormal(True)
