"""Training and evaluating on the CPU, by the compiled loops."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from repro.engine import loops, optimisers
from repro.engine.algorithms import Algorithm, Sizes
from repro.engine.arithmetic import Arithmetic
from repro.engine.handover import (
    ACTIVATIONS,
    TESTX,
    Array,
    Draws,
    OptimiserState,
    Weights,
    aligned,
    require_network,
    suited,
)
from repro.engine.network import room_for
from repro.errors import NonFiniteLossError
from repro.flux import Descent, Optimiser
from repro.flux.loss import require_finite
from repro.julia import MersenneTwister
from repro.luna.evaluate import Evaluation
from repro.luna.sine import SineWave
from repro.luna.training import Observe
from repro.progress import left, telling

#: Iterations between two looks at whether the user wants to stop: a fraction of a second.
_BREATH = 2000


@dataclass(frozen=True)
class Length:
    """How long to train, and after which iterations to evaluate and to show the model.

    Attributes:
        epochs: iterations.
        eval_interval: an evaluation is made in every iteration that it divides.
        observe: called with the iteration's number and the model.
        observed: the iterations to call it after.
    """

    epochs: int
    eval_interval: int
    observe: Observe | None = None
    observed: Collection[int] = frozenset()

    @classmethod
    def of(
        cls, epochs: int, eval_interval: int, observe: Observe | None, at: Iterable[int] | None
    ) -> Length:
        """As the training functions' arguments say."""
        every = range(1, epochs + 1) if at is None else at
        observed = frozenset(every) if observe is not None else frozenset()
        return cls(epochs, eval_interval, observe, observed)

    def stops(self, breath: int = _BREATH) -> list[int]:
        """The iterations at which compiled code returns."""
        if self.epochs < 1:
            return []
        stops = {*range(self.eval_interval, self.epochs + 1, self.eval_interval), self.epochs}
        stops |= {*range(breath, self.epochs, breath)}
        stops |= {e for e in self.observed if 1 <= e <= self.epochs}
        return sorted(stops)

    def show(self, epoch: int, model: nn.Module) -> None:
        """Call `observe`, where it is to be called."""
        if self.observe is not None:
            self.observe(epoch, model)


def train(
    arithmetic: Arithmetic,
    algorithm: Algorithm,
    model: nn.Module,
    opts: Mapping[str, Optimiser],
    sizes: Sizes,
    length: Length,
    rng: MersenneTwister,
) -> list[Evaluation]:
    """Run one of the algorithms on a model, in place; `opts` by their argument's name, in order.

    Model, generator and optimisers are brought up to date when it ends, however it ends.
    """
    weights = require_network(model, ACTIVATIONS)
    arithmetic = suited(arithmetic, model)
    model.to("cpu")
    vector, draws = Weights(model), Draws(rng)
    lasting = {
        id(o): OptimiserState(o, weights) for n, o in opts.items() if n not in algorithm.anew
    }
    # Copies are arrays that no optimiser has met, and that none will meet again.
    copies = [w.detach().clone() for w in weights]
    rules = [
        (OptimiserState(opt, copies) if name in algorithm.anew else lasting[id(opt)]).compiled
        for name, opt in opts.items()
    ]
    eval_opt = OptimiserState(Descent(0.02), weights).compiled
    room = aligned(room_for(max(sizes.train_batch_size, sizes.eval_batch_size, TESTX.size)))

    def iterate(iterations: int) -> None:
        own = algorithm.loop_sizes(sizes)
        _require_finite(
            algorithm.loop(
                arithmetic, vector.vector, *rules, draws.compiled, iterations, *own, room
            )
        )

    def evaluation(epoch: int) -> Evaluation:
        x = np.empty(sizes.eval_batch_size, np.float32)
        task = SineWave(*loops.draw_evaluation(draws.compiled, x))
        return _evaluate(arithmetic, vector, eval_opt, 32, x, TESTX, task, epoch, room)

    def store() -> None:
        vector.store()
        draws.store()
        for state in lasting.values():
            state.store()

    done, epoch, began = [], 0, time.monotonic()

    def how_far() -> str:
        return f"{algorithm.name}: {left(epoch, length.epochs, began)}"

    with telling() as say:
        try:
            for stop in length.stops():
                iterate(stop - epoch)
                epoch = stop
                if epoch % length.eval_interval == 0:
                    done.append(evaluation(epoch))
                if epoch in length.observed:
                    store()
                    length.show(epoch, model)
                say(how_far)
        finally:
            store()
    return done


def eval_model(
    arithmetic: Arithmetic,
    model: nn.Module,
    x: Array,
    testx: Array,
    task: SineWave,
    opt: Optimiser,
    updates: int,
    epoch: int,
) -> Evaluation:
    """`repro.luna.eval_model` for x (n,) and testx (m,) float32; the model is left as it was."""
    state = OptimiserState(opt, require_network(model, ACTIVATIONS))
    arithmetic = suited(arithmetic, model)
    room = aligned(room_for(max(x.size, testx.size)))
    vector = Weights(model)
    try:
        return _evaluate(arithmetic, vector, state.compiled, updates, x, testx, task, epoch, room)
    finally:
        state.store()


def eval_tasks(
    arithmetic: Arithmetic,
    model: nn.Module,
    x: Array,
    tasks: Sequence[SineWave],
    opt: Optimiser,
    updates: int,
) -> tuple[Array, Array]:
    """`repro.luna.eval_model` on each of T tasks at its own points x (T, n) float32.

    Returns:
        The test losses (T, updates + 1) and the last predictions (T, 50) float32; infinite and
        NaN for a task whose training loss becomes infinite or NaN.
    """
    state = OptimiserState(opt, require_network(model, ACTIVATIONS))
    arithmetic = suited(arithmetic, model)
    room, vector = aligned(room_for(max(x.shape[1], TESTX.size))), Weights(model)
    losses = np.full((len(tasks), updates + 1), np.inf, np.float32)
    curves = np.full((len(tasks), TESTX.size), np.nan, np.float32)
    for i, task in enumerate(tasks):
        given = (arithmetic, vector, state.compiled, updates, x[i], TESTX, task, 0, room)
        with suppress(NonFiniteLossError):
            found = _evaluate(*given)
            losses[i], curves[i] = found.test_losses, found.final_predictions
    return losses, curves


def _evaluate(
    arithmetic: Arithmetic,
    weights: Weights,
    opt: optimisers.Compiled,
    updates: int,
    x: Array,
    testx: Array,
    task: SineWave,
    epoch: int,
    room: Array,
) -> Evaluation:
    y, testy, initial, final = (np.empty_like(a) for a in (x, testx, testx, testx))
    losses = np.empty(updates + 1, np.float32)
    wave = np.float32(task.amplitude), np.float32(task.phase_shift)
    found = (y, testy, initial, final, losses)
    _require_finite(
        loops.eval_model(arithmetic, weights.vector, opt, updates, x, testx, wave, *found, room)
    )
    return Evaluation(task, x, testx, *found, epoch)


def _require_finite(loss: float) -> None:
    require_finite(torch.tensor(loss))
