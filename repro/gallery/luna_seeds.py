"""The first post's algorithms over many seeds, for bands: one seed's run is one draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from repro import engine as compiled
from repro import luna
from repro.checks import nudged
from repro.engine.handover import TESTX
from repro.gallery.figure import plotted
from repro.gallery.jobs import Job, Tick, sources_of
from repro.gallery.runs import Options, Runs, Training
from repro.gallery.training import SOURCES
from repro.julia import MersenneTwister
from repro.run import Kind, Quantity, Run

SEEDS = 64
ITERATIONS = 5000
FUNCTIONS = {"random": None, "transfer": "transfer_learn", "fomaml": "fomaml", "reptile": "reptile"}
QUANTILES = {"low": 0.25, "median": 0.5, "high": 0.75}


def seeds_run(name: str) -> Training:
    """Training from 64 seeds on, and the evaluation after the last iteration of each."""

    def job(options: Options) -> Job:
        epochs = 0 if name == "random" else options.iterations or ITERATIONS
        arguments = {
            "function": FUNCTIONS[name],
            "seed": options.seed,
            "seeds": SEEDS,
            "epochs": epochs,
            "device": options.device,
            "engine": "exact" if options.engine == "exact" else "fast",
            "perturbation": options.perturbation,
        }

        def compute(tick: Tick) -> Run:
            losses = test_losses(arguments)
            tick(max(epochs, 1))
            return Run({"test_losses": Quantity.once(losses, Kind.RESULT, epochs)})

        sources = (*SOURCES, *sources_of(compiled), Path(__file__))
        return Job(f"{name}, {SEEDS} seeds", max(epochs, 1), arguments, sources, compute)

    return Training(f"{name}-seeds", job)


def test_losses(arguments: Mapping[str, Any]) -> np.ndarray:
    """(64, 33) float32: each seed's test losses over the 32 updates of an evaluation.

    Wave and points are the seed's own next draws, as in every evaluation inside training.
    """
    chosen = range(arguments["seed"], arguments["seed"] + SEEDS)

    def prepare(seed: int, model: torch.nn.Module) -> None:
        if arguments["perturbation"] is not None:
            luna.unflatten(
                model, nudged(luna.flatten(model), arguments["perturbation"], np.float32)
            )

    if arguments["function"] is None:
        return np.stack([_untrained(seed, prepare, arguments["engine"]) for seed in chosen])
    runs = compiled.train_seeds(
        arguments["function"],
        chosen,
        engine=arguments["engine"],
        device=arguments["device"],
        prepare=prepare,
        epochs=arguments["epochs"],
        eval_interval=arguments["epochs"],
    )
    return np.stack([run.evaluations[-1].test_losses for run in runs])


def _untrained(
    seed: int, prepare: Callable[[int, torch.nn.Module], None], engine: str
) -> np.ndarray:
    rng = MersenneTwister(seed)
    model = luna.sine_model(rng)
    prepare(seed, model)
    x = torch.from_numpy(rng.uniform(-5.0, 5.0, 10)).float()
    task = luna.SineWave.draw(rng)
    testx = torch.from_numpy(TESTX)
    return compiled.ENGINES[engine].eval_model(model, x, testx, task).test_losses


RUNS = {name: seeds_run(name) for name in FUNCTIONS}


def bands(runs: Runs) -> Run:
    """Quantiles over the seeds after each update, ``NAME_low``, ``NAME_median``, ``NAME_high``."""
    found = {}
    for name, run in RUNS.items():
        losses = runs[run]["test_losses"].values[0]
        for part, quantile in QUANTILES.items():
            found[f"{name}_{part}"] = np.quantile(losses, quantile, axis=0)
    return plotted(results=found)
