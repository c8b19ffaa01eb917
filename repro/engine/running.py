"""The compiled engines behind the functions of `repro.luna`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from repro.engine import loops
from repro.engine.arithmetic import EXACT, FAST, Arithmetic
from repro.engine.handover import (
    TESTX,
    Draws,
    EngineError,
    Optimiser,
    Weights,
    evaluations,
    records,
    require_cpu,
    require_network,
)
from repro.flux import Descent
from repro.flux.loss import _require_finite
from repro.julia import MersenneTwister
from repro.luna.evaluate import Evaluation
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
    sizes = (n_tasks, train_batch_size)
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
    return train(loops.reptile, model, engine, opts, (train_batch_size,), **common)


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
    sizes: Sequence[int],
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
        engine: "exact", "fast", or an `Arithmetic`.
        opts: the loop's optimisers in order, by their argument's name.
        sizes: the loop's own numbers.
        observe: called with the iteration's number and the model.
        observe_epochs: the iterations to call it after; all by default, which costs a return
            from compiled code each time.

    Raises:
        EngineError: model, device, optimiser or stream are beyond the compiled engines.
        ValueError: a count is not a positive integer.
        NonFiniteLossError: a loss to be differentiated is infinite or NaN, as in Flux.
    """
    check_counts(eval_batch_size=eval_batch_size, eval_interval=eval_interval)
    require_cpu(device)
    weights = require_network(model)
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

    def store() -> None:
        for part in (vector, draws, *lasting):
            part.store()

    done: list[Evaluation] = []
    try:
        for first, last, due in _chunks(epochs, observe, observe_epochs):
            epochs_due = range(-(-first // eval_interval) * eval_interval, last + 1, eval_interval)
            kept = records(len(epochs_due), eval_batch_size)
            outcome = loop(
                arithmetic(engine), vector.vector, *compiled, eval_opt, draws.compiled, TESTX,
                first, last, *sizes, eval_interval, kept,
            )  # fmt: skip
            _require_done(outcome)
            done += evaluations(kept, epochs_due)
            if due and observe is not None:
                store()
                observe(last, model)
    finally:
        store()
    return done


def _chunks(
    epochs: int, observe: Observe | None, observe_epochs: Iterable[int] | None
) -> Iterator[tuple[int, int, bool]]:
    """First and last iteration of each stretch of compiled code, and whether to observe then."""
    if observe is None:
        observed: list[int] = []
    elif observe_epochs is None:
        observed = list(range(1, epochs + 1))
    else:
        observed = sorted({e for e in observe_epochs if 1 <= e <= epochs})
    marks = set(observed)
    first = 1
    for stop in [*observed, epochs]:
        while first <= stop:
            last = min(first + _BREATH - 1, stop)
            yield first, last, last == stop and stop in marks
            first = last + 1


def _require_done(outcome: tuple[int, int, float]) -> None:
    status, _, loss = outcome
    if status != loops.DONE:
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
) -> Evaluation:
    """`repro.luna.eval_model` compiled.

    Args:
        x, testx: (n,) and (m,) Float32 tensors.

    Raises:
        EngineError: the points are not Float32, or the model is beyond the compiled engines.
        NonFiniteLossError: a training loss is infinite or NaN, as in Flux.
    """
    for name, points in (("x", x), ("testx", testx)):
        require_cpu(points.device)
        if points.dtype != torch.float32:
            raise EngineError(
                f"{name} is {points.dtype}, and the compiled engines compute in Float32: give "
                'Float32 points, or use engine="eager"'
            )
    weights = require_network(model)
    rule = Optimiser(Descent(0.02) if opt is None else opt, weights)
    xs, testxs = x.numpy().copy(), testx.numpy().copy()
    y, testy, initial, final = (np.empty_like(a) for a in (xs, testxs, testxs, testxs))
    losses = np.empty(updates + 1, np.float32)
    wave = np.float32(task.amplitude), np.float32(task.phase_shift)
    outcome = loops.eval_model(
        arithmetic(engine), Weights(model).vector, rule.compiled, updates, xs, testxs, wave,
        y, testy, initial, final, losses,
    )  # fmt: skip
    rule.store()
    _require_done(outcome)
    return Evaluation(task, xs, testxs, y, testy, initial, final, losses, epoch)
