"""One thread for small networks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def chosen_by_user() -> bool:
    """Whether ``OMP_NUM_THREADS`` says how many threads there are to be."""
    return "OMP_NUM_THREADS" in os.environ


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch runs on one thread inside the block, unless ``OMP_NUM_THREADS`` says how many, and on
    as many as before after it, however it ends. Matrices of 64 x 64 are fastest so: where other
    programs keep the cores busy, a pool of threads waits for its slowest. It can also be used as
    a decorator, ``@one_thread()``."""
    before = torch.get_num_threads()
    if before == 1 or chosen_by_user():
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
