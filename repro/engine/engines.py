"""The compiled engines: the functions of `repro.luna` with the same arguments and results."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from repro.engine import loops
from repro.engine.algorithms import ALGORITHMS, Algorithm, Sizes
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
from repro.flux import Optimiser as Rule
from repro.flux.loss import require_finite
from repro.julia import MersenneTwister
from repro.luna.evaluate import Evaluation, Print, report
from repro.luna.sine import SineWave
from repro.luna.training import Observe, check_counts

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


class Engine:
    """One set of loops with a choice of arithmetic.

    Its functions take the arguments of those of `repro.luna`, draw the same numbers, and leave
    the same results, the state that the optimisers keep, and the position of `rng`. The training
    functions also take ``observe_epochs``, the only iterations that ``observe`` is called after:
    each costs a return from compiled code. Each may raise:

    * EngineError: model, device, optimiser or stream are beyond the compiled engines.
    * ValueError: a count is not a positive integer.
    * NonFiniteLossError: a loss to be differentiated is infinite or NaN, as in Flux.
    """

    def __init__(self, name: str, arithmetic: Arithmetic) -> None:
        self.name, self.arithmetic = name, arithmetic

    def __repr__(self) -> str:
        return f"<{self.name} engine>"

    def fomaml(
        self,
        model: nn.Module,
        *,
        meta_opt: Rule | None = None,
        inner_opt: Rule | None = None,
        epochs: int = 30_000,
        n_tasks: int = 3,
        train_batch_size: int = 10,
        eval_batch_size: int = 10,
        eval_interval: int = 1000,
        rng: MersenneTwister,
        device: torch.device | str | None = None,
        observe: Observe | None = None,
        observe_epochs: Iterable[int] | None = None,
    ) -> list[Evaluation]:
        """`repro.luna.fomaml` compiled."""
        given = {"meta_opt": meta_opt, "inner_opt": inner_opt}
        sizes = Sizes(train_batch_size, eval_batch_size, n_tasks)
        length = Length.of(epochs, eval_interval, observe, observe_epochs)
        return self.train(ALGORITHMS["fomaml"], model, given, sizes, length, rng, device)

    def reptile(
        self,
        model: nn.Module,
        *,
        meta_opt: Rule | None = None,
        inner_opt: Rule | None = None,
        epochs: int = 30_000,
        train_batch_size: int = 10,
        eval_batch_size: int = 10,
        eval_interval: int = 1000,
        rng: MersenneTwister,
        device: torch.device | str | None = None,
        observe: Observe | None = None,
        observe_epochs: Iterable[int] | None = None,
    ) -> list[Evaluation]:
        """`repro.luna.reptile` compiled."""
        given = {"meta_opt": meta_opt, "inner_opt": inner_opt}
        sizes = Sizes(train_batch_size, eval_batch_size)
        length = Length.of(epochs, eval_interval, observe, observe_epochs)
        return self.train(ALGORITHMS["reptile"], model, given, sizes, length, rng, device)

    def transfer_learn(
        self,
        model: nn.Module,
        *,
        opt: Rule | None = None,
        epochs: int = 30_000,
        train_batch_size: int = 50,
        eval_batch_size: int = 10,
        eval_interval: int = 1000,
        variant: str = "package",
        rng: MersenneTwister,
        device: torch.device | str | None = None,
        observe: Observe | None = None,
        observe_epochs: Iterable[int] | None = None,
    ) -> list[Evaluation]:
        """`repro.luna.transfer_learn` compiled; ``variant="post"``, in Float64, is refused."""
        if variant != "package":
            raise EngineError(
                f"variant {variant!r} has Float64 data, and the compiled engines compute in "
                "Float32: use the eager engine"
            )
        sizes = Sizes(train_batch_size, eval_batch_size)
        length = Length.of(epochs, eval_interval, observe, observe_epochs)
        return self.train(
            ALGORITHMS["transfer_learn"], model, {"opt": opt}, sizes, length, rng, device
        )

    def eval_model(
        self,
        model: nn.Module,
        x: Tensor,
        testx: Tensor,
        task: SineWave,
        *,
        opt: Rule | None = None,
        updates: int = 32,
        epoch: int = 0,
        print: Print | None = None,
    ) -> Evaluation:
        """`repro.luna.eval_model` compiled; x (n,) and testx (m,) are Float32."""
        for name, points in (("x", x), ("testx", testx)):
            if points.dtype != torch.float32:
                raise EngineError(
                    f"{name} is {points.dtype}, and the compiled engines compute in Float32: "
                    "give Float32 points, or use the eager engine"
                )
        weights, opt = require_network(model), opt or Descent(0.02)
        xs, testxs = x.cpu().numpy().copy(), testx.cpu().numpy().copy()
        gpu = gpu_for(model, None, self.arithmetic)
        if gpu is not None:
            from repro.engine import device  # needs Triton, which comes with torch for CUDA

            found = device.eval_model(self, model, gpu, xs, testxs, task, opt, updates, epoch)
        else:
            rule = Optimiser(opt, weights)
            room = aligned(room_for(max(len(xs), len(testxs))))
            try:
                found = self._evaluate(
                    Weights(model), rule.compiled, updates, xs, testxs, task, epoch, room
                )
            finally:
                rule.store()
        if print is not None:
            report(task, found.test_losses, print)
        return found

    def train(
        self,
        algorithm: Algorithm,
        model: nn.Module,
        given: Mapping[str, Rule | None],
        sizes: Sizes,
        length: Length,
        rng: MersenneTwister,
        device: torch.device | str | None = None,
    ) -> list[Evaluation]:
        """Run one of the algorithms on a model, in place."""
        opts = checked(algorithm, given, sizes, length)
        gpu = gpu_for(model, device, self.arithmetic)
        if gpu is not None:
            return self.train_on_gpu(algorithm, [model], gpu, opts, sizes, length, [rng])[0]
        weights = require_network(model)
        model.to("cpu")
        vector, draws = Weights(model), Draws(rng)
        rules = {id(opt): Optimiser(opt, weights) for opt in opts.values()}
        lasting = [rules[id(opt)] for name, opt in opts.items() if name not in algorithm.anew]
        compiled = [
            (Optimiser(opt, weights) if name in algorithm.anew else rules[id(opt)]).compiled
            for name, opt in opts.items()
        ]
        eval_opt = Optimiser(Descent(0.02), weights).compiled
        points = max(sizes.train_batch_size, sizes.eval_batch_size, POINTS)
        room = aligned(room_for(points))
        own = algorithm.sizes(sizes)

        def store() -> None:
            for part in (vector, draws, *lasting):
                part.store()

        done: list[Evaluation] = []
        epoch = 0
        try:
            for stop in length.stops():
                iterations, epoch = stop - epoch, stop
                loss = algorithm.loop(
                    self.arithmetic,
                    vector.vector,
                    *compiled,
                    draws.compiled,
                    iterations,
                    *own,
                    room,
                )
                _require_finite_loss(loss)
                if epoch % length.eval_interval == 0:
                    x = np.empty(sizes.eval_batch_size, np.float32)
                    task = SineWave(*loops.draw_evaluation(draws.compiled, x))
                    done.append(self._evaluate(vector, eval_opt, 32, x, TESTX, task, epoch, room))
                if length.observe is not None and epoch in length.observed:
                    store()
                    length.observe(epoch, model)
        finally:
            store()
        return done

    def train_on_gpu(
        self,
        algorithm: Algorithm,
        models: Sequence[nn.Module],
        gpu: torch.device,
        opts: Mapping[str, Rule],
        sizes: Sizes,
        length: Length,
        rngs: Sequence[MersenneTwister],
    ) -> list[list[Evaluation]]:
        """`train` on a GPU, for several models at once: a list of evaluations for each of them.

        The first of the models is what is observed.
        """
        from repro.engine import device  # needs Triton, which comes with torch for CUDA

        for model in models:
            require_network(model)
            model.to(gpu)
        group = device.Group(self, algorithm, models, rngs, gpu, opts, sizes)
        done: list[list[Evaluation]] = [[] for _ in models]
        stops = length.stops(max(1, device.LAUNCH // len(models)))
        with closing(device.train(group, stops, length.eval_interval)) as reached:
            for stop, evaluations in reached:
                for mine, evaluation in zip(done, evaluations or (), strict=False):
                    mine.append(evaluation)
                if length.observe is not None and stop in length.observed:
                    group.store()
                    length.observe(stop, models[0])
        return done

    def _evaluate(
        self,
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
        loss = loops.eval_model(
            self.arithmetic, weights.vector, opt, updates, x, testx, wave,
            y, testy, initial, final, losses, room,
        )  # fmt: skip
        _require_finite_loss(loss)
        return Evaluation(task, x, testx, y, testy, initial, final, losses, epoch)


def checked(
    algorithm: Algorithm, given: Mapping[str, Rule | None], sizes: Sizes, length: Length
) -> dict[str, Rule]:
    """The optimisers, those not given by their defaults.

    Raises:
        ValueError: a count is not a positive integer.
    """
    check_counts(
        n_tasks=sizes.n_tasks,
        train_batch_size=sizes.train_batch_size,
        eval_batch_size=sizes.eval_batch_size,
        eval_interval=length.eval_interval,
    )
    return {name: given.get(name) or usual for name, usual in algorithm.optimisers.items()}


def _require_finite_loss(loss: float) -> None:
    require_finite(torch.tensor(loss))


exact, fast = Engine("exact", EXACT), Engine("fast", FAST)
ENGINES: dict[str, Engine] = {engine.name: engine for engine in (exact, fast)}
"""All of them, by name."""


def engine_of(name: str | Engine) -> Engine:
    """An engine by its name; one is one already.

    Raises:
        EngineError: there is none of this name.
    """
    if isinstance(name, Engine):
        return name
    if name not in ENGINES:
        raise EngineError(f"no compiled engine {name!r}: choose {' or '.join(ENGINES)}")
    return ENGINES[name]
