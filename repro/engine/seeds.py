"""Many seeds: for bands over seeds, and for envelopes of perturbed runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import torch
from torch import nn

from repro.engine.algorithms import ALGORITHMS
from repro.engine.engines import Engine, engine_of
from repro.engine.handover import gpu_for
from repro.engine.running import Length
from repro.errors import EngineError
from repro.flux import Chain
from repro.julia import MersenneTwister
from repro.luna.evaluate import Evaluation
from repro.luna.sine import sine_model
from repro.progress import left, telling


def cores() -> int:
    """How many this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@dataclass(frozen=True)
class SeedRun:
    """One seed's run: the trained model, its stream where the run left it, the evaluations."""

    seed: int
    model: Chain
    rng: MersenneTwister
    evaluations: list[Evaluation]


def train_seeds(
    function: str,
    seeds: Iterable[int],
    *,
    engine: str | Engine = "fast",
    device: torch.device | str | None = None,
    threads: int | None = None,
    prepare: Callable[[int, Chain], None] | None = None,
    **arguments: Any,
) -> list[SeedRun]:
    """Build and train one model per seed; each is equal bit for bit to its run alone.

    Args:
        function: "fomaml", "reptile" or "transfer_learn".
        seeds: of the streams that the initial weights and everything after are drawn from.
        engine: its name, or one of one's own.
        device: the CPU by default. On a GPU all seeds are trained at once, by the fast engine,
            each in a multiprocessor of its own.
        threads: on the CPU, how many runs at a time; one per core by default.
        prepare: called as ``prepare(seed, model)`` on each new model, to perturb its weights say.
        arguments: the function's own. An optimiser keeps its state per array, so that runs can
            share one.

    Raises:
        EngineError: the function is unknown, or an argument belongs to a single run.
        NonFiniteLossError: one of the runs had to stop, as in Flux.
    """
    if function not in ALGORITHMS:
        raise EngineError(f"no function {function!r}: choose {' or '.join(ALGORITHMS)}")
    for name in ("rng", "observe", "observe_epochs"):
        if name in arguments:
            raise EngineError(f"{name} belongs to a single run: train the seeds one by one")
    chosen, trainer = list(seeds), engine_of(engine)

    def build(seed: int) -> tuple[Chain, MersenneTwister]:
        rng = MersenneTwister(seed)
        model = sine_model(rng)
        if prepare is not None:
            prepare(seed, model)
        return model, rng

    def run(seed: int) -> SeedRun:
        model, rng = build(seed)
        return SeedRun(seed, model, rng, getattr(trainer, function)(model, rng=rng, **arguments))

    if device is None or not chosen or torch.device(device).type == "cpu":
        found, began = [], time.monotonic()
        workers = max(1, min(len(chosen), threads or cores()))
        with telling() as say, ThreadPoolExecutor(workers) as pool:
            for trained in pool.map(run, chosen):
                found.append(trained)
                say(lambda: f"{function}: {left(len(found), len(chosen), began, 'seed')}")
        return found
    models, rngs = zip(*map(build, chosen), strict=True)
    done = _on_gpu(trainer, function, models, rngs, device, **arguments)
    return list(map(SeedRun, chosen, models, rngs, done))


def _on_gpu(
    engine: Engine,
    function: str,
    models: Sequence[nn.Module],
    rngs: Sequence[MersenneTwister],
    device: torch.device | str,
    epochs: int = 30_000,
    eval_interval: int = 1000,
    **arguments: Any,
) -> list[list[Evaluation]]:
    signature(getattr(engine, function)).bind_partial(**arguments)  # refuses what it does not take
    algorithm = ALGORITHMS[function]
    opts = {name: arguments.pop(name, None) for name in algorithm.optimisers}
    if "variant" in arguments:
        raise EngineError("on a GPU there is the package's variant alone: leave variant out")
    sizes, length = replace(algorithm.sizes, **arguments), Length(epochs, eval_interval)
    gpu = gpu_for(models[0], device, engine.arithmetic)
    assert gpu is not None
    return engine.train_on_gpu(algorithm, models, gpu, opts, sizes, length, rngs)
