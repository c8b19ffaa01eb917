"""The first post's training runs as jobs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from repro import cases, engine, flux, luna
from repro.cases import Case, Conditions, Nudge
from repro.cases import luna as luna_cases
from repro.errors import ReproError
from repro.gallery.jobs import Job, Tick, sources_of
from repro.gallery.runs import Options
from repro.julia import (
    MersenneTwister,
    Rng,
    dsfmt,
    elementary,
    kernels,
    mersenne,
    ranges,
    seeds,
    stream,
    values,
    versions,
)
from repro.run import Kind, Quantity, Run

SOURCES = (
    *sources_of(
        *(luna, flux, cases, dsfmt, mersenne, ranges, stream),
        *(elementary, kernels, seeds, values, versions),
    ),
    Path(__file__),
)

STREAM = "stream."
"""Before the names of the random stream's state, as a run left it."""


def engine_for(options: Options, on_cpu: tuple[str, ...], elsewhere: tuple[str, ...]) -> str:
    """The engine to train with: the one asked for, else the first there is.

    Args:
        on_cpu, elsewhere: those there are.

    Raises:
        ReproError: the engine asked for is not there.
    """
    there = on_cpu if torch.device(options.device).type == "cpu" else elsewhere
    if options.engine is None:
        return there[0]
    if options.engine not in there:
        raise ReproError(
            f"no engine {options.engine!r} on {options.device}: choose {' or '.join(there)}"
        )
    return options.engine


def training_job(name: str, case: Case, options: Options) -> Job:
    """A case's training run, and the state that it leaves its weights and its stream in."""
    chosen = engine_for(options, (*engine.ENGINES, "eager"), ("fast", "eager"))
    arguments = {
        "function": case.function,
        "seed": case.seed,
        "epochs": case.epochs,
        "eval_interval": case.eval_interval,
        "weight_epochs": list(case.weight_epochs),
        "kwargs": dict(case.kwargs),
        "device": options.device,
        "engine": chosen,
        "perturbation": options.perturbation,
    }
    nudge = None if options.perturbation is None else Nudge(options.perturbation)

    def compute(tick: Tick) -> Run:
        how = Conditions(chosen, options.device, nudge=nudge, tick=tick)
        model, rng = luna_cases.fresh(case, how)
        found = luna_cases.trained(case.function, model, rng, case, how)
        found["final_weights"] = Quantity.once(luna.flatten(model), Kind.STATE, case.epochs)
        return Run({**found, **_stream(rng, case.epochs)})

    sources = SOURCES if chosen == "eager" else SOURCES + sources_of(engine)
    return Job(name, case.epochs, arguments, sources, compute)


def _stream(rng: Rng, epoch: int) -> Mapping[str, Quantity]:
    return {
        f"{STREAM}{name}": Quantity.once(np.asarray(value), Kind.DRAW, epoch)
        for name, value in rng.state().items()
    }


def stream_after(run: Run) -> MersenneTwister:
    """The random stream as a run left it."""
    state = {
        name.removeprefix(STREAM): quantity.values[0]
        for name, quantity in run.quantities.items()
        if name.startswith(STREAM)
    }
    return MersenneTwister.from_state(state)
