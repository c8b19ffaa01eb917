"""Gather an ensemble: seeds are independent, so that they run wherever there is room."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from functools import partial
from typing import Any

import numpy as np

from repro.run.collecting import collect
from repro.run.ensemble import Ensemble
from repro.run.files import RunError
from repro.run.quantity import Quantity, Run
from repro.run.recording import asked
from repro.run.store import Store

Member = Callable[[int], Any]
"""A seed's run: whatever :func:`repro.run.collect` takes from a callable."""

STEP = "step"
"""A name under which a yielded step may say its own number."""


def gather(
    member: Member,
    seeds: Iterable[int],
    *,
    executor: Executor | None = None,
    store: Store | None = None,
    tick: Callable[[], object] = lambda: None,
) -> Ensemble:
    """Run a member for every seed.

    Args:
        member: gives a seed's run. For an executor of processes or machines it can be pickled.
            Without an executor, its ``together(seeds)`` gives those of many at once, if it has it.
        seeds: which.
        executor: anything with the interface of :class:`concurrent.futures.Executor`: threads,
            processes, Dask, MPI, Slurm by submitit; one after the other by default. It is left
            open.
        store: where each seed's run is kept under a digest of everything it depends on, as soon
            as it is there: what was interrupted goes on, and nothing is computed twice.
        tick: called as each seed is done.

    Raises:
        StepError: a member yields something else than named arrays.
        RunError: the runs do not fit together, none came to a first step, or a process was lost.
    """
    wanted = list(dict.fromkeys(int(seed) for seed in seeds))
    keys = _keys(member, wanted) if store is not None else {}
    found: dict[int, Run] = {}
    for seed in wanted:
        kept = store.result(keys[seed]) if store is not None else None
        if kept is not None:
            found[seed] = kept
            tick()
    for seed, run in _computed(member, [s for s in wanted if s not in found], executor):
        if store is not None:
            store.keep_result(keys[seed], run)
        found[seed] = run
        tick()
    return Ensemble.of({seed: found[seed] for seed in wanted})


def _computed(
    member: Member, seeds: list[int], executor: Executor | None
) -> Iterator[tuple[int, Run]]:
    if executor is None:
        together = getattr(member, "together", None)
        runs = together(seeds) if together is not None else (one(member, s) for s in seeds)
        yield from zip(seeds, runs, strict=True)
        return
    waiting: dict[Future[Run], int] = {executor.submit(one, member, s): s for s in seeds}
    try:
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    except BrokenExecutor as problem:
        raise RunError(
            f"one of the processes that ran the seeds ended ({problem}): free some memory, or see "
            "whether the port ends its process"
        ) from None
    finally:
        for future in waiting:
            future.cancel()


def one(member: Member, seed: int) -> Run:
    """A single seed's run; how it broke off is part of it, its steps as they number themselves."""
    run = collect(partial(member, seed), "member")
    if STEP not in run.quantities:
        return run
    number = np.asarray(run[STEP].values).reshape(-1)
    rest = {n: q for n, q in run.quantities.items() if n != STEP}
    renumbered = {n: Quantity(number[q.steps], q.values, q.kind) for n, q in rest.items()}
    return Run(renumbered, run.provenance, run.broke_off)


def _keys(member: Member, seeds: list[int]) -> Mapping[int, str]:
    """By seed, a name made of everything that its run depends on."""
    from repro.run.settings import numeric_settings  # torch, which help does without

    made_of = {
        "member": asked(member),
        "settings": numeric_settings(getattr(member, "device", "cpu")),
    }
    text = json.dumps(made_of, sort_keys=True, default=str)
    name = hashlib.sha256(text.encode()).hexdigest()[:24]
    return {seed: f"seed{seed}-{name}" for seed in seeds}
