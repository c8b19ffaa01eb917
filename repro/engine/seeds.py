"""Many seeds at once: for bands over seeds, and for envelopes of perturbed runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch

from repro.engine import running
from repro.engine.arithmetic import Arithmetic
from repro.errors import EngineError
from repro.flux import Chain
from repro.julia import MersenneTwister
from repro.luna.evaluate import Evaluation
from repro.luna.sine import sine_model

_FUNCTIONS: dict[str, Callable[..., list[Evaluation]]] = {
    "fomaml": running.fomaml,
    "reptile": running.reptile,
    "transfer_learn": running.transfer_learn,
}


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
    engine: str | Arithmetic = "fast",
    device: torch.device | str | None = None,
    threads: int | None = None,
    prepare: Callable[[int, Chain], None] | None = None,
    **arguments: Any,
) -> list[SeedRun]:
    """Build and train one model per seed; each is equal, bit for bit, to its run alone.

    A single run keeps a core's multiply-adders busy, so that nothing is won by interleaving the
    seeds on one core; what is shared is the compiled code, and the cores.

    Args:
        function: "fomaml", "reptile" or "transfer_learn".
        seeds: of the streams that the initial weights and everything after are drawn from.
        engine: "fast", "exact", or an `Arithmetic`.
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
    if function not in _FUNCTIONS:
        raise EngineError(f"no function {function!r}: choose {' or '.join(_FUNCTIONS)}")
    for name in ("rng", "observe", "observe_epochs"):
        if name in arguments:
            raise EngineError(f"{name} belongs to a single run: train the seeds one by one")
    running.arithmetic(engine)

    def build(seed: int) -> tuple[Chain, MersenneTwister]:
        rng = MersenneTwister(seed)
        model = sine_model(rng)
        if prepare is not None:
            prepare(seed, model)
        return model, rng

    def run(seed: int) -> SeedRun:
        model, rng = build(seed)
        evaluations = _FUNCTIONS[function](model, engine=engine, rng=rng, **arguments)
        return SeedRun(seed, model, rng, evaluations)

    chosen = list(seeds)
    if chosen and device is not None and torch.device(device).type != "cpu":
        models, rngs = zip(*map(build, chosen), strict=True)
        found: Any = _FUNCTIONS[function](
            models, engine=engine, rng=rngs, device=device, **arguments
        )
        return list(map(SeedRun, chosen, models, rngs, found))
    workers = min(len(chosen), threads or _cores())
    if workers <= 1:
        return [run(seed) for seed in chosen]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, chosen))
