"""Run a port and keep what the recordings keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from repro import ecoffet, luna
from repro.case import Case
from repro.ecoffet.quantities import trajectory as notebook_trajectory
from repro.errors import EngineError
from repro.flux import Descent
from repro.julia import MersenneTwister, julia_linrange, julia_range
from repro.luna.quantities import kind_of
from repro.run.settings import settings
from repro.run import Series, Trajectory

Tick = Callable[..., object]
Fresh = Callable[[], tuple[nn.Module, MersenneTwister]]
"""Makes a new model, from the case's seed, and gives the stream as it stands after that."""

EAGER_ONLY = {
    "eval_model": "is recorded on Float64 data",
    "transfer_learn_blog": "has Float64 data",
    "ecoffet_notebook": "is the second post's",
}
"""Cases that the compiled engines, which compute the first post in Float32, do not run."""


def run(
    case: Case,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    perturbation: int | None = None,
    engine: str = "eager",
    tick: Tick = lambda n=1: None,
) -> Trajectory:
    """Run a case's port from its seed.

    Args:
        case: what to run.
        device: where to run it.
        dtype: of the weights; float64 computes on the same (Float32) draws.
        perturbation: move every initial weight by one Float32 ulp, up or down as this seed
            says; None leaves them as drawn.
        engine: ``"eager"``, ``"exact"`` or ``"fast"``. The evaluations that the zoo script ends
            in, on Float64 data, are eager in any case; ``zoo_training`` is the script without.
        tick: called as ``tick(n)`` after n more iterations, for a progress bar.

    Returns:
        Trajectory with the quantities of the recordings.

    Raises:
        EngineError: a compiled engine cannot run this case.
    """
    if engine != "eager" and case.function in EAGER_ONLY:
        raise EngineError(f"{case.function} {EAGER_ONLY[case.function]}: use the eager engine")
    if case.function == "ecoffet_notebook":
        return _notebook(case, device, dtype, perturbation, tick)

    def fresh() -> tuple[nn.Module, MersenneTwister]:
        rng = MersenneTwister(case.seed)
        model = luna.sine_model(rng, device, dtype)
        if perturbation is not None:
            luna.unflatten(model, nudged(luna.flatten(model), perturbation))
        return model, rng

    runner = RUNNERS.get(case.function, _training)
    provenance = {**_provenance(case, device, dtype, perturbation), "engine": engine}
    series = runner(case, fresh, engine, tick)
    kinds = {name: kind_of(name) for name in series}
    return Trajectory(
        {name: Series(s.steps, s.values, kinds[name]) for name, s in series.items()}, provenance
    )


def _provenance(
    case: Case, device: torch.device | str, dtype: torch.dtype, perturbation: int | None
) -> dict[str, Any]:
    return {
        "source": "port",
        "case": case.name,
        "function": case.function,
        "seed": case.seed,
        "epochs": case.epochs,
        "arguments": dict(case.kwargs),
        "dtype": str(dtype).removeprefix("torch."),
        "device": str(device),
        "perturbation": perturbation,
        "settings": settings(device),
    }


def _notebook(
    case: Case,
    device: torch.device | str,
    dtype: torch.dtype,
    perturbation: int | None,
    tick: Tick,
) -> Trajectory:
    """The second post's notebook, small: every model's initial weights are moved."""

    def prepare(model: nn.Module) -> None:
        if perturbation is not None:
            ecoffet.unflatten(model, nudged(ecoffet.flatten(model), perturbation))

    arrays = ecoffet.notebook_small(prepare=prepare, device=device, dtype=dtype, tick=tick)
    return notebook_trajectory(
        arrays, case.epochs, **_provenance(case, device, dtype, perturbation)
    )


def nudged(weights: np.ndarray, seed: int) -> np.ndarray:
    """Every weight moved to one of its two Float32 neighbours, chosen at random."""
    up = np.random.default_rng(seed).integers(0, 2, weights.shape).astype(bool)
    towards = np.where(up, np.inf, -np.inf).astype(np.float32)
    return np.nextafter(weights.astype(np.float32), towards).astype(weights.dtype)


def _training(case: Case, fresh: Fresh, engine: str, tick: Tick) -> dict[str, Series]:
    model, rng = fresh()
    weight_epochs = set(case.weight_epochs)
    init_weights = luna.flatten(model)
    evaluations, kept = _train(
        case.function, model, case, rng, engine, weight_epochs, tick, **case.arguments()
    )
    series = {
        "init_weights": _series({0: init_weights}),
        "next_rand": _series({case.epochs: [rng.rand()]}),
        **_evaluations(evaluations, weight_epochs),
    }
    if kept:
        series["weights"] = _series(kept)
    return series


def _train(
    function: str,
    model: nn.Module,
    case: Case,
    rng: MersenneTwister,
    engine: str,
    weight_epochs: set[int],
    tick: Tick,
    **kwargs: Any,
) -> tuple[list[luna.Evaluation], dict[int, np.ndarray]]:
    """Run a training function; its evaluations, and the weights after the epochs asked for."""
    kept: dict[int, np.ndarray] = {}
    last = 0

    def observe(epoch: int, model: nn.Module) -> None:
        nonlocal last
        tick(epoch - last)
        last = epoch
        if epoch in weight_epochs:
            kept[epoch] = luna.flatten(model)

    port, fixed = _function(function)
    if engine != "eager":
        looks = weight_epochs | set(range(1000, case.epochs + 1, 1000)) | {case.epochs}
        fixed |= {"engine": engine, "observe_epochs": looks}
    lengths = {"epochs": case.epochs, "eval_interval": case.eval_interval}
    return port(model, **lengths, rng=rng, observe=observe, **fixed, **kwargs), kept


def _function(name: str) -> tuple[Any, dict[str, Any]]:
    if name == "transfer_learn_blog":
        return luna.transfer_learn, {"variant": "post"}
    return getattr(luna, name), {}


def _evaluations(evaluations: list[luna.Evaluation], epochs: set[int]) -> dict[str, Series]:
    series = {}
    if evaluations:
        for name, attribute in [("test_losses",) * 2, ("eval_x", "x"), ("eval_y", "y")]:
            series[name] = _series({e.epoch: getattr(e, attribute) for e in evaluations})
    chosen = [e for e in evaluations if e.epoch in epochs]
    if chosen:
        for name in ("initial_predictions", "final_predictions"):
            series[name] = _series({e.epoch: getattr(e, name) for e in chosen})
    return series


def _series(values: dict[int, Any]) -> Series:
    steps = sorted(values)
    return Series(np.array(steps), np.stack([np.asarray(values[s]) for s in steps]))


UNTRAINED = {"lr002": 0.02, "lr001": 0.01}


def _untrained(case: Case, fresh: Fresh, engine: str, tick: Tick) -> dict[str, Series]:
    """Evaluate a new model on ``SineWave(4, 1)`` at two learning rates, data in Float64."""
    model, rng = fresh()
    device = next(model.parameters()).device
    x = torch.from_numpy(rng.uniform(-5.0, 5.0, 10)).to(device)
    testx = torch.from_numpy(julia_range(-5, 5, 50)).to(device)
    series: dict[str, Series] = {}
    for prefix, eta in UNTRAINED.items():
        result = luna.eval_model(model, x, testx, luna.SineWave(4, 1), opt=Descent(eta))
        series |= evaluation_series(result, prefix, step=0)
    return series


def evaluation_series(result: luna.Evaluation, prefix: str, step: int) -> dict[str, Series]:
    """An evaluation of its own as quantities ``PREFIX_x``, ``PREFIX_test_losses`` and so on."""
    names = ("x", "y", "testx", "testy", "initial_predictions", "final_predictions", "test_losses")
    return {f"{prefix}_{name}": _series({step: getattr(result, name)}) for name in names}


def _zoo_script(case: Case, fresh: Fresh, engine: str, tick: Tick) -> dict[str, Series]:
    """The model zoo's script: train by FOMAML, by Reptile, and fine-tune both on few points."""
    model, rng = fresh()
    device = next(model.parameters()).device
    testx = torch.from_numpy(julia_linrange(-5, 5, 50)).to(device)
    wave = luna.SineWave(4, 1)
    series: dict[str, Series] = {}

    def train(name: str, model: nn.Module, rng: MersenneTwister) -> None:
        evaluations, _ = _train(name, model, case, rng, engine, set(), tick)
        series[f"{name}_weights"] = _series({case.epochs: luna.flatten(model)})
        if evaluations:
            losses = {e.epoch: e.test_losses for e in evaluations}
            series[f"{name}_eval_test_losses"] = _series(losses)

    def evaluate(name: str, model: nn.Module, x: torch.Tensor, updates: int) -> None:
        if case.function == "zoo_training":
            return
        result = luna.eval_model(model, x, testx, wave, updates=updates)
        prefix = f"{name}_{len(x)}x{updates}"
        series.update(evaluation_series(result, prefix, step=case.epochs))

    train("fomaml", model, rng)
    x = torch.from_numpy(rng.uniform(-5.0, 5.0, 10)).to(device)
    evaluate("fomaml", model, x, 32)
    second, rng = fresh()
    train("reptile", second, rng)
    evaluate("reptile", second, x, 32)
    x = torch.from_numpy(rng.uniform(0.0, 5.0, 5)).to(device)
    evaluate("fomaml", model, x, 10)
    evaluate("reptile", second, x, 10)
    return series


RUNNERS = {"eval_model": _untrained, "zoo_script": _zoo_script, "zoo_training": _zoo_script}
"""What is not one call of a training function."""
