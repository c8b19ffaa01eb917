"""The runs behind the first post's closing claims: 64 networks of each variant.

Variants of one function are trained from the same 64 seeds, so the same initial weights (unless
the start is what varies) and the same tasks and points in every iteration; all networks are then
fine-tuned on the same tasks. What differs within a pair is the variant alone. The exact engine
trains and evaluates: its bits are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from repro import engine as compiled
from repro import luna
from repro.checks import nudged
from repro.engine import running
from repro.engine.seeds import cores
from repro.errors import NonFiniteLossError
from repro.flux import Chain, Descent, Linear, parse_optimiser
from repro.gallery.jobs import Job, Tick, sources_of
from repro.gallery.runs import Options, Training
from repro.gallery.training import SOURCES
from repro.julia import MersenneTwister, flux_init
from repro.run import Kind, Quantity, Run

SEEDS = 64
TASKS = 50
UPDATES = 10
RATES = (0.02, 0.01)
"""Of the fine-tuning: the package's default, then that of the post's listing."""

ITERATIONS = 2000
LAYERS = {"linear": (), "glorot": (0, 1, 2), "glorot_first": (0,), "glorot_rest": (1, 2)}
"""Which layers start as those of Flux's `Dense`: `glorot_uniform`, biases zero."""


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        function: "fomaml", "reptile" or "transfer_learn".
        optimisers: by argument, those that are not the function's defaults.
        start: one of ``LAYERS``.
        activation: of the hidden layers, "tanh" or "relu".
        iterations: how many, where the user does not say.
    """

    function: str
    optimisers: Mapping[str, str] = field(default_factory=dict)
    start: str = "linear"
    activation: str = "tanh"
    iterations: int = ITERATIONS


def training(name: str, variant: Variant) -> Training:
    """A variant's 64 networks, and how they do after fine-tuning.

    It leaves ``test_losses`` (rates, seeds, tasks, updates + 1), ``roughness`` (seeds, tasks) of
    the last predictions at the first rate, and ``stopped`` (seeds,), 1 where the training ended
    at an infinite or NaN loss; such networks have infinite losses and NaN roughness.
    """

    def job(options: Options) -> Job:
        epochs = min(options.iterations or variant.iterations, variant.iterations)
        arguments = {
            **{n: v for n, v in vars(variant).items() if n != "iterations"},
            "optimisers": dict(variant.optimisers),
            "seed": options.seed,
            "seeds": SEEDS,
            "tasks": TASKS,
            "epochs": epochs,
            "engine": "exact",
            "perturbation": options.perturbation,
        }

        def compute(tick: Tick) -> Run:
            return _computed(variant, epochs, options, tick)

        sources = (*SOURCES, *sources_of(compiled, flux_init), Path(__file__))
        return Job(f"claims, {name}", SEEDS, arguments, sources, compute)

    return Training(f"claims-{name}", job)


def _computed(variant: Variant, epochs: int, options: Options, tick: Tick) -> Run:
    tasks, x = held_out(options.seed + SEEDS)

    def one(seed: int) -> tuple[np.ndarray, np.ndarray, int]:
        model = trained(variant, seed, epochs, options.perturbation)
        found = evaluated(model, tasks, x)
        tick(1)
        return *found, model is None

    with ThreadPoolExecutor(cores()) as pool:
        rows = pool.map(one, range(options.seed, options.seed + SEEDS))
        losses, roughness, stopped = map(np.array, zip(*rows, strict=True))
    return Run(
        {
            "test_losses": Quantity.once(losses.swapaxes(0, 1), Kind.RESULT, epochs),
            "roughness": Quantity.once(roughness, Kind.RESULT, epochs),
            "stopped": Quantity.once(stopped.astype(np.int64), Kind.RESULT, epochs),
        }
    )


def held_out(seed: int) -> tuple[list[luna.SineWave], np.ndarray]:
    """Tasks, and (tasks, 10) float32 points, drawn as evaluations are: points first."""
    rng, tasks, points = MersenneTwister(seed), [], []
    for _ in range(TASKS):
        points.append(rng.uniform(-5.0, 5.0, 10))
        tasks.append(luna.SineWave.draw(rng))
    return tasks, np.array(points, np.float32)


def trained(variant: Variant, seed: int, epochs: int, moved: int | None = None) -> Chain | None:
    """A seed's network; None where its training ends at an infinite or NaN loss.

    Args:
        moved: seed of a perturbation of the initial weights by one ulp.
    """

    def prepare(seed: int, model: Chain) -> None:
        begin(variant, seed, model)
        if moved is not None:
            luna.unflatten(model, nudged(luna.flatten(model), moved, np.float32))

    opts: dict[str, Any] = {n: parse_optimiser(o) for n, o in variant.optimisers.items()}
    never = epochs + 1  # an evaluation could end the run, too
    try:
        (run,) = compiled.train_seeds(
            variant.function, [seed], engine="exact", threads=1, prepare=prepare,
            epochs=epochs, eval_interval=never, **opts,
        )  # fmt: skip
    except NonFiniteLossError:
        return None
    return run.model


def begin(variant: Variant, seed: int, model: Chain) -> None:
    """Give a new network the variant's start and activation.

    The draws of `glorot_uniform` are of a stream of their own, so that those of the training stay
    what they are.
    """
    rng = MersenneTwister(seed)
    for i, layer in enumerate(model):
        assert isinstance(layer, Linear)
        n_out, n_in = layer.weight.shape
        drawn = flux_init.dense(rng, n_in, n_out, version="0.7.3")
        if i in LAYERS[variant.start]:
            layer.weight.data.copy_(torch.from_numpy(drawn.weight))
            layer.bias.data.copy_(torch.from_numpy(drawn.bias))
        if layer.activation is not None:
            layer.activation = getattr(torch, variant.activation)


def evaluated(
    model: Chain | None, tasks: Sequence[luna.SineWave], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Test losses (rates, tasks, updates + 1) and roughness (tasks,) of one network."""
    if model is None:
        shape = (len(RATES), len(tasks), UPDATES + 1)
        return np.full(shape, np.inf, np.float32), np.full(len(tasks), np.nan)
    tuned = [
        running.eval_tasks(compiled.EXACT, model, x, tasks, Descent(rate), UPDATES)
        for rate in RATES
    ]
    return np.stack([losses for losses, _ in tuned]), roughness(tuned[0][1])


def roughness(curves: np.ndarray) -> np.ndarray:
    """How unevenly curves (n, points) bend: n sum(d^2) / (sum |d|)^2 of their second differences.

    1 where a curve bends everywhere alike, pi^2 / 8 = 1.23 for a sine, as many as there are
    differences for a single kink. Neither height nor steepness matters.
    """
    d = np.diff(curves.astype(np.float64), 2, axis=-1)
    with np.errstate(invalid="ignore"):  # a straight line does not bend, and what diverged is NaN
        return np.asarray(d.shape[-1] * (d**2).sum(-1) / np.abs(d).sum(-1) ** 2)
