"""Training runs of the first post that can be interrupted and go on to the same bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from repro import engine, flux, luna
from repro.case import Case
from repro.errors import ReproError
from repro.flux import ADAM, Momentum, Optimiser
from repro.gallery.jobs import Job, Keep, Tick, sources_of
from repro.gallery.runs import Options
from repro.julia import MersenneTwister, dsfmt, mersenne, ranges, stream
from repro.luna.quantities import kind_of
from repro.port import nudged
from repro.run import Series, Trajectory

EAGER = "eager"
CHECKPOINT = 1000
"""Iterations between checkpoints: what an interruption can cost at most."""

SOURCES = (
    *sources_of(luna, flux, dsfmt, mersenne, ranges, stream),
    Path(__file__),
)

Kept = dict[str, dict[int, np.ndarray]]
"""Per quantity, what it was after which iteration."""


def engine_for(options: Options) -> str:
    """The engine to train with: the one asked for, else the closest to the original there is.

    Raises:
        ReproError: the engine asked for is not there.
    """
    engines = {"cpu": (*engine.ENGINES, EAGER), "cuda": ("fast", EAGER)}
    there = engines.get(torch.device(options.device).type, (EAGER,))
    if options.engine is None:
        return there[0]
    if options.engine not in there:
        raise ReproError(
            f"no engine {options.engine!r} on {options.device}: choose {' or '.join(there)}"
        )
    return options.engine


def training_job(name: str, case: Case, options: Options) -> Job:
    """A case's training run as a job that is resumable every ``CHECKPOINT`` iterations."""
    chosen = engine_for(options)
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

    def compute(so_far: Trajectory | None, keep: Keep, tick: Tick) -> Trajectory:
        training = Training(case, options.device, chosen, options.perturbation, so_far)
        return training.run(keep, tick)

    return Job(name, case.epochs, arguments, _sources(chosen), compute, done=_last_epoch)


def _sources(chosen: str) -> tuple[Path, ...]:
    return SOURCES if chosen == EAGER else SOURCES + sources_of(engine)


def _last_epoch(so_far: Trajectory) -> int:
    return int(so_far["now_weights"].steps[-1])


class Training:
    """A run in pieces of ``eval_interval`` iterations, the whole state known in between.

    A piece starts where an evaluation has just been made, so that the pieces' evaluations are
    those of one long call. The state is the weights, the random stream and the optimisers'.

    The trajectory it leaves has the quantities of the recordings: ``init_weights``, ``weights``
    after every one of the case's ``weight_epochs``, ``next_rand`` (what the stream would give
    next), ``test_losses``, ``eval_x``, ``eval_y``, both predictions at ``weight_epochs``; and the
    present state, each quantity of it named ``now_…``.
    """

    def __init__(
        self,
        case: Case,
        device: str,
        engine: str = EAGER,
        perturbation: int | None = None,
        so_far: Trajectory | None = None,
    ) -> None:
        self.case, self.engine = case, engine
        self.rng = MersenneTwister(case.seed)
        self.model = luna.sine_model(self.rng, device)
        self.arguments = case.arguments()
        self.epoch = 0
        if so_far is not None:
            self._resume(so_far)
            return
        if perturbation is not None:
            luna.unflatten(self.model, nudged(luna.flatten(self.model), perturbation))
        self.kept: Kept = {"init_weights": {0: luna.flatten(self.model)}}

    def run(self, keep: Keep, tick: Tick) -> Trajectory:
        """Train to the end, with a checkpoint on the way every ``CHECKPOINT`` iterations."""
        case = self.case
        while self.epoch < case.epochs:
            n = min(case.eval_interval, case.epochs - self.epoch)
            self._train(n)
            tick(n)
            if self.epoch // CHECKPOINT > (self.epoch - n) // CHECKPOINT:
                keep(self.trajectory())
        return self.trajectory()

    def trajectory(self) -> Trajectory:
        """Everything so far, and the state to go on from."""
        state = {name: {self.epoch: value} for name, value in self._state().items()}
        series = {}
        for name, values in {**self.kept, **state}.items():
            kind = "state" if name in state else kind_of(name)
            series[name] = Series(np.array([*values]), np.stack([*values.values()]), kind)
        return Trajectory(series)

    def _train(self, n: int) -> None:
        function = getattr(luna, self.case.function)
        evaluations = function(
            self.model,
            epochs=n,
            eval_interval=self.case.eval_interval,
            rng=self.rng,
            engine=self.engine,
            **self.arguments,
        )
        self.epoch += n
        weighed = self.epoch in self.case.weight_epochs
        if weighed:
            self._keep(weights=luna.flatten(self.model), next_rand=[self.rng.copy().rand()])
        for e in evaluations:
            self._keep(test_losses=e.test_losses, eval_x=e.x, eval_y=e.y)
            if weighed:
                self._keep(
                    initial_predictions=e.initial_predictions,
                    final_predictions=e.final_predictions,
                )

    def _keep(self, **values: Any) -> None:
        for name, value in values.items():
            self.kept.setdefault(name, {})[self.epoch] = np.asarray(value)

    def _state(self) -> dict[str, np.ndarray]:
        rng = {f"now_rng_{name}": np.asarray(value) for name, value in self.rng.state().items()}
        state = {"now_weights": luna.flatten(self.model), **rng}
        for name, opt in self._optimisers():
            for part, value in optimiser_state(opt, list(self.model.parameters())).items():
                state[f"now_{name}_{part}"] = value
        return state

    def _resume(self, so_far: Trajectory) -> None:
        state = {
            name.removeprefix("now_"): series.values[0]
            for name, series in so_far.series.items()
            if name.startswith("now_")
        }
        self.epoch = _last_epoch(so_far)
        self.kept = {
            name: dict(zip(series.steps.tolist(), series.values, strict=True))
            for name, series in so_far.series.items()
            if not name.startswith("now_")
        }
        luna.unflatten(self.model, state["weights"])
        self.rng = MersenneTwister.from_state(_below("rng", state))
        for name, opt in self._optimisers():
            load_optimiser_state(opt, list(self.model.parameters()), _below(name, state))

    def _optimisers(self) -> list[tuple[str, Optimiser]]:
        return [(name, opt) for name, opt in self.arguments.items() if name.endswith("opt")]


def _below(prefix: str, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    prefix += "_"
    return {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}


def optimiser_state(opt: Optimiser, weights: Sequence[nn.Parameter]) -> dict[str, np.ndarray]:
    """What the optimiser holds for these weights, as vectors in the order of ``luna.flatten``.

    Reptile's meta optimiser, which meets fresh arrays in every iteration, holds nothing.
    """
    if isinstance(opt, Momentum) and weights[0] in opt._velocity:
        return {"velocity": _vector([opt._velocity[w] for w in weights])}
    if isinstance(opt, ADAM) and weights[0] in opt._moments:
        m, v, powers = zip(*(opt._moments[w] for w in weights), strict=True)
        return {"m": _vector(m), "v": _vector(v), "powers": np.array(powers[0])}
    return {}


def load_optimiser_state(
    opt: Optimiser, weights: Sequence[nn.Parameter], state: Mapping[str, np.ndarray]
) -> None:
    """Give the optimiser back what :func:`optimiser_state` returned."""
    if "velocity" in state:
        for w, v in zip(weights, _tensors(state["velocity"], weights), strict=True):
            opt._velocity[w] = v  # type: ignore[attr-defined]
    if "m" in state:
        moments = zip(*(_tensors(state[name], weights) for name in ("m", "v")), strict=True)
        for w, (m, v) in zip(weights, moments, strict=True):
            opt._moments[w] = [m, v, tuple(state["powers"].tolist())]  # type: ignore[attr-defined]


def _vector(tensors: Sequence[torch.Tensor]) -> np.ndarray:
    return np.concatenate([t.cpu().numpy().ravel(order="F") for t in tensors])


def _tensors(values: np.ndarray, like: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    parts = np.split(values, np.cumsum([w.numel() for w in like])[:-1])
    return [
        torch.from_numpy(np.ascontiguousarray(p.reshape(w.shape, order="F"))).to(w)
        for p, w in zip(parts, like, strict=True)
    ]
