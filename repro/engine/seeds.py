"""Many seeds: for bands over seeds, and for envelopes of perturbed runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch

from repro.engine.algorithms import ALGORITHMS, Sizes
from repro.engine.engines import Engine, Length, checked, engine_of
from repro.engine.handover import gpu_for
from repro.errors import EngineError
from repro.flux import Chain
from repro.julia import MersenneTwister
from repro.luna.evaluate import Evaluation
from repro.luna.sine import sine_model


def _cores() -> int:
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

    if chosen and device is not None and torch.device(device).type != "cpu":
        models, rngs = zip(*map(build, chosen), strict=True)
        found = _on_gpu(trainer, function, models, rngs, device, **arguments)
        return list(map(SeedRun, chosen, models, rngs, found))
    with ThreadPoolExecutor(max(1, min(len(chosen), threads or _cores()))) as pool:
        return list(pool.map(run, chosen))


def _on_gpu(
    engine: Engine,
    function: str,
    models: tuple[Chain, ...],
    rngs: tuple[MersenneTwister, ...],
    device: torch.device | str,
    *,
    epochs: int = 30_000,
    eval_interval: int = 1000,
    eval_batch_size: int = 10,
    **arguments: Any,
) -> list[list[Evaluation]]:
    algorithm = ALGORITHMS[function]
    opts = {name: arguments.pop(name, None) for name in algorithm.optimisers}
    usual = {"train_batch_size": 50 if function == "transfer_learn" else 10}
    sizes = Sizes(eval_batch_size=eval_batch_size, **{**usual, **arguments})
    length = Length(epochs, eval_interval)
    gpu = gpu_for(models[0], device, engine.arithmetic)
    assert gpu is not None
    chosen = checked(algorithm, opts, sizes, length)
    return engine.train_on_gpu(algorithm, models, gpu, chosen, sizes, length, rngs)
