"""Where the seeds of an ensemble run: anything with the interface of `concurrent.futures`."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager

import torch

from repro.errors import ReproError


def cores(compiled: bool) -> Executor:
    """The cores that are here.

    Args:
        compiled: the members leave Python's lock alone, so that threads do; else processes.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    if compiled:
        return ThreadPoolExecutor(count)
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, context, torch.set_num_threads, (1,))


@contextmanager
def dask(address: str) -> Iterator[Executor]:
    """The workers of a Dask scheduler. What a lost worker had is computed by another.

    Args:
        address: for instance ``tcp://127.0.0.1:8786``.

    Raises:
        ReproError: dask.distributed is not installed, or nobody answers there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ReproError(
            "--dask needs dask.distributed: pip install 'julia-parity[dask]'"
        ) from None
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as problem:
        reason = str(problem).splitlines()[0]
        raise ReproError(
            f"no Dask scheduler answers at {address} ({reason}): start one with `dask scheduler`, "
            "and workers with `dask worker ADDRESS`"
        ) from None
    with client:
        yield client.get_executor(retries=3)
