"""Training on a GPU: the host draws, and everything else is in `persistent`'s kernels.

A launch trains all seeds up to the next evaluation. While the device works on one launch the
host draws the numbers of the next; it waits for the device once per launch, never in between.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from repro import luna
from repro.engine import loops, stream
from repro.engine.algorithms import Algorithm, Sizes, wave
from repro.engine.handover import TESTX, Array, Draws
from repro.engine.running import Length
from repro.errors import EngineError
from repro.flux import Descent, Optimiser
from repro.julia import MersenneTwister
from repro.luna.evaluate import Evaluation
from repro.luna.sine import SineWave

try:
    from repro.engine import persistent
except ImportError as error:
    raise EngineError(
        f"the fast engine needs Triton on a GPU ({error}): pip install triton, or use the "
        "eager engine"
    ) from None

Again = Callable[[nn.Module, MersenneTwister, Length], list[Evaluation]]
"""Trains one model on the CPU."""

#: Iterations of all seeds together in one launch: the waves of more would fill a small GPU.
LAUNCH = 100_000
#: Registers enough for the weights, a gradient and their sum; Triton's default would spill them.
OPTIONS = {"num_warps": 8, "num_stages": 1, "maxnreg": 255, "enable_fp_fusion": True}


@dataclass(frozen=True)
class Stretch:
    """The iterations of one launch, and everything drawn for them.

    For S seeds: tasks (S, n, 2), points (S, n, batch) or orders (S, n, 50), and where there is an
    evaluation at the end its x (S, eval_batch) and task (S, 2). `before` and `after` are the
    seeds' streams.
    """

    stop: int
    iterations: int
    tasks: Array
    points: Array
    evaluation: tuple[Array, Array] | None
    before: list[stream.Stream]
    after: list[stream.Stream]


@dataclass(frozen=True)
class Result:
    """What an evaluation of S seeds left on the device: all (S, …) but `testx`, (points,)."""

    tasks: Array
    x: Array
    testx: Array
    finite: Tensor
    y: Tensor
    testy: Tensor
    initial: Tensor
    final: Tensor
    losses: Tensor

    def evaluations(self, epoch: int) -> list[Evaluation]:
        """One per seed; waits for the device."""
        parts = (self.y, self.testy, self.initial, self.final, self.losses)
        y, testy, initial, final, losses = (part.cpu().numpy() for part in parts)
        return [
            Evaluation(
                SineWave(*self.tasks[s]), self.x[s], self.testx, y[s], testy[s],
                initial[s], final[s], losses[s], epoch,
            )
            for s in range(len(self.tasks))
        ]  # fmt: skip


class Group:
    """Models of several seeds, trained side by side by one of the post's functions.

    Args:
        algorithm: what to train by.
        models, rngs: one per seed; trained, and drawn from, in place.
        device: where to; the CPU will do under ``TRITON_INTERPRET=1``.
        opts: the algorithm's optimisers in order: `Descent` only.
        again: trains a seed on the CPU whose loss is not finite.

    Raises:
        EngineError: an optimiser or a stream is beyond the kernels.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        models: Sequence[nn.Module],
        rngs: Sequence[MersenneTwister],
        device: torch.device,
        opts: Mapping[str, Optimiser],
        sizes: Sizes,
        again: Again,
    ) -> None:
        self.algorithm, self.models, self.device = algorithm, models, device
        self.sizes, self.again = sizes, again
        self.etas = [part for opt in opts.values() for part in in_two_parts(opt)]
        self.streams = [Draws(rng) for rng in rngs]
        self.left = [_copy(s.compiled) for s in self.streams]  # where the launched stretches end
        self.weights = torch.from_numpy(np.stack([luna.flatten(m) for m in models])).to(device)
        self.testx = torch.from_numpy(TESTX).to(device)

    # What is drawn

    def draw(self, stop: int, iterations: int, evaluated: bool) -> Stretch:
        """Draw what the iterations up to `stop` need, and the evaluation in the last of them."""
        seeds, tasks = len(self.models), iterations * self.sizes.n_tasks
        numbers, dtype = self.algorithm.drawn(self.sizes.train_batch_size)
        waves = np.empty((seeds, tasks, 2), np.float32)
        points: Array = np.empty((seeds, tasks, numbers), dtype)
        evalx = np.empty((seeds, self.sizes.eval_batch_size), np.float32)
        task = np.empty((seeds, 2), np.float32)
        before = [_copy(s.compiled) for s in self.streams]

        def one(seed: int) -> None:
            compiled = self.streams[seed].compiled
            self.algorithm.draw(compiled, waves[seed], points[seed])
            if evaluated:
                task[seed] = loops.draw_evaluation(compiled, evalx[seed])

        with ThreadPoolExecutor() as pool:
            list(pool.map(one, range(seeds)))
        after = [_copy(s.compiled) for s in self.streams]
        evaluation = (evalx, task) if evaluated else None
        return Stretch(stop, iterations, waves, points, evaluation, before, after)

    # What the device does

    def launch(self, stretch: Stretch) -> tuple[Tensor, Tensor, Result | None]:
        """Start a stretch, and the evaluation that ends it; nothing here waits for the device.

        Returns:
            The weights it starts from, whether each seed's losses are finite, the evaluation.
        """
        start, self.left = self.weights.clone(), list(stretch.after)
        finite = torch.empty(len(self.models), dtype=torch.int32, device=self.device)
        tasks, points = (sent(a, self.device) for a in (stretch.tasks, stretch.points))
        kernel = getattr(persistent, self.algorithm.name)
        inputs = self.algorithm.inputs(tasks, points, self.testx)
        kernel[(len(self.models),)](
            self.weights, finite, *inputs, stretch.iterations, *self.etas,
            **_constants(kernel, self.sizes), **OPTIONS,
        )  # fmt: skip
        if stretch.evaluation is None:
            return start, finite, None
        x, task = stretch.evaluation
        eta = in_two_parts(Descent(0.02))
        return start, finite, evaluate(self.weights, x, TESTX, task, eta, updates=32)

    def finish(
        self, stretch: Stretch, start: Tensor, finite: Tensor, result: Result | None
    ) -> list[Evaluation] | None:
        """Wait for a stretch; its evaluations, one per seed, if there are any.

        Raises:
            NonFiniteLossError: a loss to be differentiated is infinite or NaN, as in Flux.
        """
        fine = finite if result is None else finite * result.finite
        stopped = torch.nonzero(fine.cpu() == 0).flatten().tolist()
        found = None if result is None else result.evaluations(stretch.stop)
        for seed in stopped:
            again = self._again(seed, stretch, start[seed])
            if found is not None:
                found[seed] = again[0]
        return found

    def _again(self, seed: int, stretch: Stretch, start: Tensor) -> list[Evaluation]:
        """The same stretch on the CPU, which stops just where the original does."""
        rng, model = self.streams[seed].rng, self.models[seed]
        stream.hand_back(stretch.before[seed], rng)
        home = next(model.parameters()).device
        luna.unflatten(model.cpu(), start.cpu().numpy())
        interval = stretch.iterations + (stretch.evaluation is None)
        try:
            return self.again(model, rng, Length(stretch.iterations, interval))
        finally:
            self.weights[seed] = torch.from_numpy(luna.flatten(model))
            self.left[seed] = stream.take(rng)
            model.to(home)

    def store(self) -> None:
        """Give the models their weights, and the generators their place in their streams."""
        for model, weights in zip(self.models, self.weights.cpu().numpy(), strict=True):
            luna.unflatten(model, weights)
        for held, left in zip(self.streams, self.left, strict=True):
            stream.hand_back(left, held.rng)


def train(group: Group, length: Length) -> list[list[Evaluation]]:
    """Train a group: a list of evaluations for each of its models, the first of which is observed.

    Models and generators are brought up to date when it ends, however it ends.
    """
    done: list[list[Evaluation]] = [[] for _ in group.models]
    with closing(_stretches(group, length)) as reached:
        for stop, evaluations in reached:
            for mine, evaluation in zip(done, evaluations or (), strict=False):
                mine.append(evaluation)
            if stop in length.observed:
                group.store()
                length.show(stop, group.models[0])
    return done


def _stretches(
    group: Group, length: Length
) -> Generator[tuple[int, list[Evaluation] | None], None, None]:
    """Each stop in turn, with its evaluations, one per seed, if there are any."""
    stops = length.stops(max(1, LAUNCH // len(group.models)))
    stretches = (
        group.draw(stop, stop - start, stop % length.eval_interval == 0)
        for start, stop in zip([0, *stops], stops, strict=False)
    )
    try:
        now = next(stretches, None)
        while now is not None:
            launched = group.launch(now)
            following = next(stretches, None)  # drawn while the device works
            yield now.stop, group.finish(now, *launched)
            now = following
    finally:
        group.store()


def evaluate(
    weights: Tensor, x: Array, testx: Array, tasks: Array,
    eta: tuple[float, float], updates: int,
) -> Result:  # fmt: skip
    """`repro.luna.eval_model` for S seeds; does not wait for the device.

    Args:
        weights: (S, SIZE) float32, on the device; left as they are.
        x, testx: (S, n) and (m,) float32.
        tasks: (S, 2) float32.
        eta: the learning rate, see `in_two_parts`.
    """
    device, (seeds, n), m = weights.device, x.shape, testx.size
    waves, points, tests = (sent(a, device) for a in (tasks, x, testx))
    y, testy = wave(waves, points), wave(waves, tests)
    finite = torch.empty(seeds, dtype=torch.int32, device=device)
    initial, final = (torch.empty((seeds, m), device=device) for _ in range(2))
    losses = torch.empty((seeds, updates + 1), device=device)
    persistent.eval_model[(seeds,)](
        weights, finite, points, y, tests, testy, initial, final, losses, updates, *eta,
        BATCH=n, POINTS=m, PADDED_BATCH=_padded(n), PADDED=_padded(m), **OPTIONS,
    )  # fmt: skip
    return Result(tasks, x, testx, finite, y, testy, initial, final, losses)


def eval_model(
    model: nn.Module, device: torch.device, x: Array, testx: Array, task: SineWave,
    opt: Optimiser, updates: int, epoch: int,
) -> Evaluation | None:  # fmt: skip
    """`evaluate` for one model, wherever it is; None where a training loss is not finite.

    Raises:
        EngineError: the optimiser is not `Descent`.
    """
    weights = torch.from_numpy(luna.flatten(model)[None]).to(device)
    tasks = np.array([[task.amplitude, task.phase_shift]], np.float32)
    result = evaluate(weights, x[None], testx, tasks, in_two_parts(opt), updates)
    if not result.finite.item():
        return None
    (found,) = result.evaluations(epoch)
    return replace(found, task=task)


def in_two_parts(opt: Optimiser) -> tuple[float, float]:
    """A Float64 learning rate as the sum of two Float32.

    Raises:
        EngineError: the optimiser is not `Descent`.
    """
    if not isinstance(opt, Descent):
        raise EngineError(
            f"on a GPU the fast engine knows Descent, not {opt!r}: train on the CPU, or use the "
            "eager engine"
        )
    head = float(np.float32(opt.eta))
    return head, float(np.float32(opt.eta - head))


def sent(values: Array, device: torch.device) -> Tensor:
    """An array on its way to the device; does not wait for it."""
    there = torch.from_numpy(values)
    if device.type == "cpu":
        return there
    return there.pin_memory().to(device, non_blocking=True)


def _constants(kernel: Any, sizes: Sizes) -> dict[str, int]:
    """The sizes that a kernel is compiled for, by its arguments' names."""
    known = {
        "N_TASKS": sizes.n_tasks,
        "BATCH": sizes.train_batch_size,
        "PADDED_BATCH": _padded(sizes.train_batch_size),
        "POINTS": TESTX.size,
        "PADDED": _padded(TESTX.size),
    }
    return {name: size for name, size in known.items() if name in kernel.arg_names}


def _padded(points: int) -> int:
    """The size of block that so many points go into."""
    return max(16, 1 << (points - 1).bit_length())


def _copy(held: stream.Stream) -> stream.Stream:
    return stream.Stream(*(part.copy() for part in held))
