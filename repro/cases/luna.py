"""The first post's functions as cases."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from repro import luna
from repro.cases.case import AT_THE_END, Case
from repro.cases.luna_rounding import LunaRounding
from repro.cases.record import (
    Argument,
    Conditions,
    Origin,
    Quantities,
    Record,
    causes_first,
)
from repro.cases.torch_stream import TorchStream
from repro.cases.watched import condensed
from repro.checks import nudged
from repro.flux import Descent, parse_optimiser
from repro.julia import GENERATORS, Rng, julia_range
from repro.luna.sine import OFFSETS
from repro.run import Kind, Quantity

ORIGIN = Origin(
    "luna",
    'D. Luna, "Meta-Learning", 2019',
    {
        "program": "Julia 1.5.3, Flux 0.7.3",
        "instruction set": "AVX2 (julia -C haswell)",
        "matrix products": "OpenBLAS (Haswell kernels: OPENBLAS_CORETYPE=Haswell)",
        "threads": "1 (OPENBLAS_NUM_THREADS=1)",
        "random numbers": "MersenneTwister (Julia's)",
    },
    "Julia's, in Python",
)
"""The recordings repeat bit for bit with these settings."""

KINDS = {
    "init_weights": Kind.DRAW,
    AT_THE_END: Kind.DRAW,
    "eval_testx": Kind.DRAW,
    "eval_x": Kind.DRAW,
    "weights": Kind.STATE,
    "eval_y": Kind.RESULT,
    "initial_predictions": Kind.RESULT,
    "final_predictions": Kind.RESULT,
    "test_losses": Kind.ROWS,
}
"""What a training run keeps."""

STEPS = {
    "weights": "weight_epochs",
    "initial_predictions": "weight_epochs",
    "final_predictions": "weight_epochs",
    "test_losses": "eval_epochs",
    "eval_testx": "eval_epochs",
    "eval_x": "eval_epochs",
    "eval_y": "eval_epochs",
}
"""Which array of a recording holds the steps of which quantity; the others have one step."""

EVALUATED = {
    "x": Kind.DRAW,
    "testx": Kind.DRAW,
    "y": Kind.RESULT,
    "testy": Kind.RESULT,
    "initial_predictions": Kind.RESULT,
    "final_predictions": Kind.RESULT,
    "test_losses": Kind.ROWS,
}
"""What is kept of an evaluation by itself."""

UNTRAINED = {"lr002": 0.02, "lr001": 0.01}
"""The learning rates that a new model is evaluated at."""

WAVE = luna.SineWave(4, 1)
"""The task of evaluations by themselves."""


STREAMS: Mapping[str, Callable[[int], Any]] = {**GENERATORS, "torch": TorchStream}
"""What a case can draw from, by its generator's name."""


def engines() -> Mapping[str, Any]:
    """Everything that has the post's functions, by name: the ports, then the compiled engines."""
    from repro.engine import ENGINES  # compiles for seconds

    return {"eager": luna, **ENGINES}


def function_of(engine: str, name: str) -> Any:
    """A function of the post, as an engine computes it."""
    return getattr(luna if engine == "eager" else engines()[engine], name)


def fresh(case: Case, conditions: Conditions) -> tuple[nn.Module, Rng]:
    """A new model from the case's seed, and the stream as it stands after that."""
    rng = STREAMS[case.generator](case.seed)
    model = luna.sine_model(rng, conditions.device, conditions.dtype)
    if conditions.nudge is not None:
        weights = nudged(luna.flatten(model), conditions.nudge.seed, np.float32)
        luna.unflatten(model, weights)
    return model, rng


def train(
    name: str,
    model: nn.Module,
    rng: Rng,
    case: Case,
    conditions: Conditions,
    weight_epochs: Collection[int] = (),
    **fixed: Any,
) -> tuple[list[luna.Evaluation], dict[int, np.ndarray]]:
    """Run a training function; its evaluations, and the weights after the epochs asked for."""
    kept: dict[int, np.ndarray] = {}
    last = 0

    def observe(epoch: int, model: nn.Module) -> None:
        nonlocal last
        conditions.tick(epoch - last)
        last = epoch
        if epoch in weight_epochs:
            kept[epoch] = luna.flatten(model)

    if conditions.engine != "eager":
        ends = {*range(1000, case.epochs + 1, 1000), case.epochs}
        fixed["observe_epochs"] = ends.union(weight_epochs)
    evaluations = function_of(conditions.engine, name)(
        model,
        epochs=case.epochs,
        eval_interval=case.eval_interval,
        rng=rng,
        observe=observe,
        **fixed,
        **arguments_of(case),
    )
    return evaluations, kept


def arguments_of(case: Case) -> dict[str, Any]:
    """A case's further arguments, every optimiser made anew."""
    return {n: parse_optimiser(v) if isinstance(v, str) else v for n, v in case.kwargs.items()}


def train_port(name: str, fixed: Mapping[str, Any], case: Case, how: Conditions) -> Quantities:
    """A training run from its seed, and what the recordings keep of one."""
    model, rng = fresh(case, how)
    return trained(name, model, rng, case, how, **fixed)


def trained(
    name: str,
    model: nn.Module,
    rng: Rng,
    case: Case,
    how: Conditions,
    **fixed: Any,
) -> Quantities:
    """Train a new model, in place, and keep what the recordings keep of a training run."""
    init = luna.flatten(model)
    evaluations, weights = train(name, model, rng, case, how, {*case.weight_epochs}, **fixed)
    kept: dict[str, dict[int, Any]] = {
        "init_weights": {0: init},
        AT_THE_END: {case.epochs: [rng.copy().rand()]},
        "weights": dict(weights),
        "test_losses": {e.epoch: e.test_losses for e in evaluations},
        "eval_testx": {e.epoch: e.testx for e in evaluations},
        "eval_x": {e.epoch: e.x for e in evaluations},
        "eval_y": {e.epoch: e.y for e in evaluations},
    }
    for e in evaluations:
        if e.epoch in case.weight_epochs:
            kept.setdefault("initial_predictions", {})[e.epoch] = e.initial_predictions
            kept.setdefault("final_predictions", {})[e.epoch] = e.final_predictions
    there = {n: v for n, v in kept.items() if v and n not in case.lacks}
    return causes_first({n: Quantity.over(v, KINDS[n]) for n, v in there.items()})


def read_training(case: Case, arrays: Mapping[str, np.ndarray]) -> Quantities:
    """What a recording of a training run, or a live Julia's answer, holds."""
    once = {"init_weights": 0, AT_THE_END: case.epochs}
    found = {n: Quantity.once(narrowed(arrays[n]), KINDS[n], at) for n, at in once.items()}
    for name, its_steps in STEPS.items():
        at = arrays[its_steps]
        if name.endswith("predictions"):  # a live Julia has them only where it evaluated
            at = arrays.get("prediction_epochs", at)
        if name in arrays and len(at):
            found[name] = Quantity(at, narrowed(arrays[name]), KINDS[name])
    return causes_first(found)


def evaluated(prefix: str, arrays: Callable[[str], np.ndarray], step: int) -> Quantities:
    """An evaluation of its own as quantities ``PREFIX_x``, ``PREFIX_test_losses`` and so on."""
    return {
        f"{prefix}_{name}": Quantity.once(arrays(name), kind, step)
        for name, kind in EVALUATED.items()
    }


def read_evaluated(prefix: str, arrays: Mapping[str, np.ndarray], step: int) -> Quantities:
    """The same from a recording's arrays."""
    return evaluated(prefix, lambda name: narrowed(arrays[f"{prefix}_{name}"]), step)


def evaluate_untrained(case: Case, how: Conditions) -> Quantities:
    """Evaluate a new model on ``SineWave(4, 1)`` at two learning rates, data in Float64."""
    model, rng = fresh(case, how)
    device = next(model.parameters()).device
    x = torch.from_numpy(rng.uniform(-5.0, 5.0, 10)).to(device)
    testx = torch.from_numpy(julia_range(-5, 5, 50)).to(device)
    found: Quantities = {}
    for prefix, eta in UNTRAINED.items():
        result = luna.eval_model(model, x, testx, WAVE, opt=Descent(eta))
        found |= evaluated(prefix, partial(getattr, result), step=0)
    return causes_first(found)


def read_untrained(case: Case, arrays: Mapping[str, np.ndarray]) -> Quantities:
    found: Quantities = {}
    for prefix in UNTRAINED:
        found |= read_evaluated(prefix, arrays, step=0)
    return causes_first(found)


def ask_training(julia: Any, case: Case) -> Mapping[str, np.ndarray]:
    """A training run from a live Julia."""
    found: Mapping[str, np.ndarray] = julia.run(
        case.function,
        case.seed,
        case.epochs,
        case.eval_interval,
        weight_epochs=case.weight_epochs,
        generator=case.generator,
        **case.kwargs,
    )
    return found


def ask_untrained(julia: Any, case: Case) -> Mapping[str, np.ndarray]:
    """The evaluation of a new model from a live Julia."""
    arrays: dict[str, np.ndarray] = {}
    for prefix, eta in UNTRAINED.items():
        answer = julia.evaluate(4, 1, case.seed, opt=f"Descent({eta})", generator=case.generator)
        arrays |= {f"{prefix}_{name}": answer[name] for name in EVALUATED}
    return arrays


def narrowed(values: np.ndarray) -> np.ndarray:
    """Float64 storage of numbers that were Float32 in the run, as Float32 again."""
    values = np.asarray(values)
    if values.dtype == np.float64 and np.array_equal(values, values.astype(np.float32)):
        return values.astype(np.float32)
    return values


def count(text: str) -> int:
    """A positive integer.

    Raises:
        ValueError: the text is something else.
    """
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{text!r} is not a positive integer: give for instance 10")
    return int(text)


def optimiser(text: str) -> str:
    """The text of an optimiser, which every run makes anew.

    Raises:
        ValueError: the text is something else; it is never evaluated.
    """
    parse_optimiser(text)
    return text


def _training(
    name: str,
    function: str,
    arguments: Mapping[str, Argument],
    train_batch_size: int,
    fixed: Mapping[str, Any] | None = None,
) -> Record:
    sizes = {"train_batch_size": train_batch_size, "eval_batch_size": 10}
    return Record(
        name,
        ORIGIN,
        partial(train_port, function, fixed or {}),
        read_training,
        {**arguments, **{name: Argument(size, count) for name, size in sizes.items()}},
        # The compiled engines compute in Float32 alone; the post's listing has Float64 data.
        engines=("eager",) if fixed else None,
        usual=40,
        live=ask_training,
        counted=LunaRounding,
        drifting=partial(LunaRounding, fused=True),
        layers=LAYERS,
        watched=None if fixed else condensed(LAYERS),
    )


LAYERS = tuple(OFFSETS[i + 2] - OFFSETS[i] for i in range(0, len(OFFSETS) - 1, 2))
"""Weights and biases of each layer of the network together."""


def _opt(usual: str) -> Argument:
    return Argument(usual, optimiser)


RECORDS = (
    Record(
        "eval_model",
        ORIGIN,
        evaluate_untrained,
        read_untrained,
        engines=("eager",),  # recorded on Float64 data
        live=ask_untrained,
        single=Case("eval_model_untrained_seed0", "eval_model", 0),
    ),
    _training("transfer_learn", "transfer_learn", {"opt": _opt("Descent(0.01)")}, 50),
    _training(
        "transfer_learn_blog",
        "transfer_learn",
        {"opt": _opt("Descent(0.02)")},
        50,
        {"variant": "post"},
    ),
    _training(
        "fomaml",
        "fomaml",
        {
            "meta_opt": _opt("Descent(0.01)"),
            "inner_opt": _opt("Descent(0.02)"),
            "n_tasks": Argument(3, count),
        },
        10,
    ),
    _training(
        "reptile",
        "reptile",
        {"meta_opt": _opt("Descent(0.1)"), "inner_opt": _opt("Descent(0.02)")},
        10,
    ),
)
