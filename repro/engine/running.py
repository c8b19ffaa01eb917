"""The compiled engines behind the functions of `repro.luna`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from repro.engine import loops
from repro.engine.arithmetic import EXACT, FAST, Arithmetic
from repro.engine.handover import (
    TESTX,
    Draws,
    Optimiser,
    Weights,
    aligned,
    gpu_for,
    require_network,
)
from repro.engine.loops import POINTS
from repro.engine.network import room_for
from repro.errors import EngineError
from repro.flux import Descent
from repro.flux.loss import _require_finite
from repro.julia import MersenneTwister
from repro.luna.evaluate import Evaluation, _report
from repro.luna.sine import SineWave
from repro.luna.training import check_counts

ENGINES = {"exact": EXACT, "fast": FAST}
Observe = Callable[[int, nn.Module], None]

#: Iterations between two looks at whether the user wants to stop: a fraction of a second.
_BREATH = 2000


def arithmetic(engine: str | Arithmetic) -> Arithmetic:
    """The arithmetic of a compiled engine by its name; an `Arithmetic` is one already."""
    if isinstance(engine, Arithmetic):
        return engine
    if engine not in ENGINES:
        raise EngineError(f"no compiled engine {engine!r}: choose {' or '.join(ENGINES)}")
    return ENGINES[engine]


def fomaml(
    model: nn.Module,
    *,
    engine: str | Arithmetic,
    meta_opt: Any = None,
    inner_opt: Any = None,
    n_tasks: int = 3,
    train_batch_size: int = 10,
    **common: Any,
) -> list[Evaluation]:
    """`repro.luna.fomaml` compiled; see `train` for the other arguments."""
    check_counts(n_tasks=n_tasks, train_batch_size=train_batch_size)
    opts = {"meta_opt": meta_opt or Descent(0.01), "inner_opt": inner_opt or Descent(0.02)}
    sizes = (TESTX, n_tasks, train_batch_size)
    return train(loops.fomaml, model, engine, opts, sizes, **common)


def reptile(
    model: nn.Module,
    *,
    engine: str | Arithmetic,
    meta_opt: Any = None,
    inner_opt: Any = None,
    train_batch_size: int = 10,
    **common: Any,
) -> list[Evaluation]:
    """`repro.luna.reptile` compiled; see `train` for the other arguments."""
    check_counts(train_batch_size=train_batch_size)
    opts = {"meta_opt": meta_opt or Descent(0.1), "inner_opt": inner_opt or Descent(0.02)}
    return train(loops.reptile, model, engine, opts, (TESTX, train_batch_size), **common)


def transfer_learn(
    model: nn.Module,
    *,
    engine: str | Arithmetic,
    opt: Any = None,
    train_batch_size: int = 50,
    variant: str = "package",
    **common: Any,
) -> list[Evaluation]:
    """`repro.luna.transfer_learn` compiled; see `train` for the other arguments.

    Raises:
        EngineError: `variant="post"`, whose data are Float64.
    """
    if variant != "package":
        raise EngineError(
            f"variant {variant!r} has Float64 data, and the compiled engines compute in Float32: "
            'use engine="eager"'
        )
    check_counts(train_batch_size=train_batch_size)
    opts = {"opt": opt or Descent(0.01)}
    return train(loops.transfer_learn, model, engine, opts, (train_batch_size,), **common)


def train(
    loop: Any,
    model: nn.Module,
    engine: str | Arithmetic,
    opts: dict[str, Any],
    sizes: Sequence[Any],
    *,
    epochs: int = 30_000,
    eval_batch_size: int = 10,
    eval_interval: int = 1000,
    rng: MersenneTwister,
    device: torch.device | str | None = None,
    observe: Observe | None = None,
    observe_epochs: Iterable[int] | None = None,
) -> list[Evaluation]:
    """Run one of the compiled training functions on a model, in place.

    Arguments are those of `repro.luna`, and so are the results, the state that the optimisers
    keep, and the position that `rng` is left in.

    Args:
        loop: `loops.fomaml`, `loops.reptile` or `loops.transfer_learn`.
        model, rng: also a sequence of each, trained at once; a list of evaluations for each of
            them comes back. On the CPU 8 of each, by the fast engine's lanes.
        engine: "exact", "fast", or an `Arithmetic`.
        opts: the loop's optimisers in order, by their argument's name.
        sizes: the loop's own arguments.
        observe: called with the iteration's number and the model.
        observe_epochs: the iterations to call it after; all by default, which costs a return
            from compiled code each time.

    Raises:
        EngineError: model, device, optimiser or stream are beyond the compiled engines.
        ValueError: a count is not a positive integer.
        NonFiniteLossError: a loss to be differentiated is infinite or NaN, as in Flux.
    """
    check_counts(eval_batch_size=eval_batch_size, eval_interval=eval_interval)
    kind, observed = arithmetic(engine), _observed(epochs, observe, observe_epochs)
    alone = isinstance(model, nn.Module)
    models, rngs = ([model], [rng]) if alone else (model, rng)
    gpu = gpu_for(models[0], device, kind)
    if gpu is not None:
        found = train_on_gpu(
            loop, models, gpu, opts, sizes, epochs=epochs, eval_batch_size=eval_batch_size,
            eval_interval=eval_interval, rngs=rngs, observe=observe, observed=observed,
        )  # fmt: skip
        return found[0] if alone else found
    if not alone:
        from repro.engine import lane_groups  # draws on this module

        rules = [*opts.values()]
        group = lane_groups.Group(loop, models, rngs, kind, rules, sizes, eval_batch_size)
        stops = _stops(epochs, eval_interval, frozenset(), lane_groups.BREATH)
        return lane_groups.train(group, stops, eval_interval)
    weights = require_network(model)
    model.to("cpu")
    vector, draws = Weights(model), Draws(rng)
    rules = {id(opt): Optimiser(opt, weights) for opt in opts.values()}
    lasting = list(rules.values())
    chosen = [rules[id(opt)] for opt in opts.values()]
    if loop is loops.reptile:
        # Its meta optimiser meets fresh copies: no state before, and none left behind.
        chosen[0] = Optimiser(opts["meta_opt"], weights)
        lasting = chosen[1:]
    compiled = [rule.compiled for rule in chosen]
    eval_opt = Optimiser(Descent(0.02), weights).compiled
    room = aligned(room_for(max(sizes[-1], eval_batch_size, POINTS)))

    def store() -> None:
        for part in (vector, draws, *lasting):
            part.store()

    done: list[Evaluation] = []
    epoch = 0
    try:
        for stop in _stops(epochs, eval_interval, observed):
            iterations, epoch = stop - epoch, stop
            _require_finite_loss(
                loop(kind, vector.vector, *compiled, draws.compiled, iterations, *sizes, room)
            )
            if epoch % eval_interval == 0:
                x = np.empty(eval_batch_size, np.float32)
                wave = loops.draw_evaluation(draws.compiled, x)
                task = SineWave(*wave)
                done.append(_evaluate(kind, vector, eval_opt, 32, x, TESTX, task, epoch, room))
            if observe is not None and epoch in observed:
                store()
                observe(epoch, model)
    finally:
        store()
    return done


def train_on_gpu(
    loop: Any,
    models: Sequence[nn.Module],
    gpu: torch.device,
    opts: dict[str, Any],
    sizes: Sequence[Any],
    *,
    epochs: int,
    eval_batch_size: int,
    eval_interval: int,
    rngs: Sequence[MersenneTwister],
    observe: Observe | None = None,
    observed: frozenset[int] = frozenset(),
) -> list[list[Evaluation]]:
    """`train` on a GPU, for several models at once: a list of evaluations for each of them.

    Args:
        observe: for the first of the models.
    """
    from repro.engine import device  # needs Triton, which comes with torch for CUDA

    for model in models:
        require_network(model)
        model.to(gpu)
    group = device.Group(
        loop.__name__, models, rngs, gpu, opts=opts, train_batch_size=sizes[-1],
        n_tasks=sizes[1] if loop is loops.fomaml else 1, eval_batch_size=eval_batch_size,
    )  # fmt: skip
    done: list[list[Evaluation]] = [[] for _ in models]
    stops = _stops(epochs, eval_interval, observed, max(1, device.LAUNCH // len(models)))
    with closing(device.train(group, stops, eval_interval)) as reached:
        for stop, evaluations in reached:
            for mine, evaluation in zip(done, evaluations or (), strict=False):
                mine.append(evaluation)
            if observe is not None and stop in observed:
                group.store()
                observe(stop, models[0])
    return done


def _observed(
    epochs: int, observe: Observe | None, observe_epochs: Iterable[int] | None
) -> frozenset[int]:
    """The iterations that the model is to be shown after."""
    if observe is None:
        return frozenset()
    return frozenset(range(1, epochs + 1) if observe_epochs is None else observe_epochs)


def _stops(
    epochs: int, eval_interval: int, observed: frozenset[int], breath: int = _BREATH
) -> list[int]:
    """The iterations at which compiled code returns."""
    stops = {*range(eval_interval, epochs + 1, eval_interval), *range(breath, epochs, breath)}
    stops |= {e for e in observed if 1 <= e <= epochs}
    return sorted({*stops, epochs}) if epochs > 0 else []


def _evaluate(
    kind: Arithmetic,
    weights: Weights,
    opt: Any,
    updates: int,
    x: np.ndarray,
    testx: np.ndarray,
    task: SineWave,
    epoch: int,
    room: np.ndarray,
) -> Evaluation:
    y, testy, initial, final = (np.empty_like(a) for a in (x, testx, testx, testx))
    losses = np.empty(updates + 1, np.float32)
    wave = np.float32(task.amplitude), np.float32(task.phase_shift)
    _require_finite_loss(
        loops.eval_model(
            kind,
            weights.vector,
            opt,
            updates,
            x,
            testx,
            wave,
            y,
            testy,
            initial,
            final,
            losses,
            room,
        )
    )
    return Evaluation(task, x, testx, y, testy, initial, final, losses, epoch)


def _require_finite_loss(loss: float) -> None:
    _require_finite(torch.tensor(loss))


def eval_model(
    model: nn.Module,
    x: Tensor,
    testx: Tensor,
    task: SineWave,
    *,
    engine: str | Arithmetic,
    opt: Any = None,
    updates: int = 32,
    epoch: int = 0,
    print: Callable[[str], None] | None = None,
) -> Evaluation:
    """`repro.luna.eval_model` compiled.

    Args:
        x, testx: (n,) and (m,) Float32 tensors.

    Raises:
        EngineError: the points are not Float32, or the model is beyond the compiled engines.
        NonFiniteLossError: a training loss is infinite or NaN, as in Flux.
    """
    for name, points in (("x", x), ("testx", testx)):
        if points.dtype != torch.float32:
            raise EngineError(
                f"{name} is {points.dtype}, and the compiled engines compute in Float32: give "
                'Float32 points, or use engine="eager"'
            )
    weights, kind = require_network(model), arithmetic(engine)
    opt = Descent(0.02) if opt is None else opt
    xs, testxs = x.cpu().numpy().copy(), testx.cpu().numpy().copy()
    gpu = gpu_for(model, None, kind)
    if gpu is not None:
        from repro.engine import device  # needs Triton, which comes with torch for CUDA

        found = device.eval_model(model, gpu, xs, testxs, task, opt, updates, epoch)
        if print is not None:
            _report(task, found.test_losses, print)
        return found
    rule = Optimiser(opt, weights)
    try:
        room = aligned(room_for(max(len(xs), len(testxs))))
        result = _evaluate(
            kind, Weights(model), rule.compiled, updates, xs, testxs, task, epoch, room
        )  # fmt: skip
    finally:
        rule.store()
    if print is not None:
        _report(task, result.test_losses, print)
    return result
