"""Training on a GPU: the host draws, and everything else is in `persistent`'s kernels.

A launch trains all seeds up to the next evaluation. While the device works on one launch the
host draws the numbers of the next; it waits for the device once per launch, never in between.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from repro import flux, luna
from repro.engine import draws, loops, stream
from repro.engine.algorithms import Algorithm, Sizes
from repro.engine.engines import Engine, Length
from repro.engine.handover import TESTX, Draws
from repro.errors import EngineError
from repro.julia import MersenneTwister
from repro.luna.evaluate import Evaluation
from repro.luna.sine import SineWave

try:
    import triton

    from repro.engine import persistent
except ImportError as error:
    raise EngineError(
        f"the fast engine needs Triton on a GPU ({error}): pip install triton, or use the "
        "eager engine"
    ) from None

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
    tasks: np.ndarray
    points: np.ndarray
    evaluation: tuple[np.ndarray, np.ndarray] | None
    before: list[stream.Stream]
    after: list[stream.Stream]


@dataclass(frozen=True)
class Result:
    """What an evaluation of S seeds left on the device: all (S, …) but `testx`, (points,)."""

    tasks: np.ndarray
    x: np.ndarray
    testx: np.ndarray
    finite: Tensor
    y: Tensor
    testy: Tensor
    initial: Tensor
    final: Tensor
    losses: Tensor

    def evaluations(self, epoch: int) -> list[Evaluation]:
        """One per seed; waits for the device."""
        parts = (self.y, self.testy, self.initial, self.final, self.losses)
        found = zip(self.tasks, self.x, *(part.cpu().numpy() for part in parts), strict=True)
        return [
            Evaluation(SineWave(*task), x, self.testx, *values, epoch) for task, x, *values in found
        ]


class Group:
    """Models of several seeds, trained side by side by one of the post's functions.

    Args:
        engine: the fast one.
        algorithm: what to train by.
        models, rngs: one per seed; trained, and drawn from, in place.
        device: where to; the CPU will do under ``TRITON_INTERPRET=1``.
        opts: the function's optimisers by their argument's name: `Descent` only.

    Raises:
        EngineError: an optimiser or a stream is beyond the kernels.
    """

    def __init__(
        self,
        engine: Engine,
        algorithm: Algorithm,
        models: Sequence[nn.Module],
        rngs: Sequence[MersenneTwister],
        device: torch.device,
        opts: Mapping[str, flux.Optimiser],
        sizes: Sizes,
    ) -> None:
        self.engine, self.algorithm, self.models = engine, algorithm, models
        self.device, self.opts, self.sizes = device, opts, sizes
        self.n_tasks = sizes.n_tasks
        self.etas = [part for opt in opts.values() for part in in_two_parts(opt)]
        self.streams = [Draws(rng) for rng in rngs]
        self.left = [_copy(s.compiled) for s in self.streams]  # where the launched stretches end
        self.weights = torch.from_numpy(np.stack([luna.flatten(m) for m in models])).to(device)
        self.testx = torch.from_numpy(TESTX).to(device)

    # What is drawn

    def draw(self, stop: int, iterations: int, evaluated: bool) -> Stretch:
        """Draw what the iterations up to `stop` need, and the evaluation in the last of them."""
        seeds, tasks = len(self.models), iterations * self.n_tasks
        ordered = self.algorithm.ordered
        waves = np.empty((seeds, tasks, 2), np.float32)
        shape = (
            (seeds, tasks, TESTX.size) if ordered else (seeds, tasks, self.sizes.train_batch_size)
        )
        points = np.empty(shape, np.int32 if ordered else np.float32)
        evalx = np.empty((seeds, self.sizes.eval_batch_size), np.float32)
        task = np.empty((seeds, 2), np.float32)
        before = [_copy(s.compiled) for s in self.streams]

        def one(seed: int) -> None:
            compiled = self.streams[seed].compiled
            if ordered:
                room = np.empty(TESTX.size, np.int64)
                draws.draw_orders(compiled, waves[seed], points[seed], room)
            else:
                draws.draw_batches(compiled, waves[seed], points[seed])
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
        batch = self.sizes.train_batch_size
        data, sizes = INPUTS[self.algorithm.name](self, tasks, points)
        sizes |= {"BATCH": batch, "PADDED_BATCH": _padded(batch)}
        getattr(persistent, self.algorithm.name)[(len(self.models),)](
            self.weights, finite, *data, stretch.iterations, *self.etas, **sizes, **OPTIONS
        )
        if stretch.evaluation is None:
            return start, finite, None
        x, task = stretch.evaluation
        return (
            start,
            finite,
            evaluate(self.weights, x, TESTX, task, in_two_parts(flux.Descent(0.02)), updates=32),
        )

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
        length = Length(stretch.iterations, interval)
        try:
            return self.engine.train(
                self.algorithm, model, self.opts, self.sizes, length, rng, "cpu"
            )
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


Inputs = tuple[tuple[Tensor, ...], dict[str, int]]


def _fomaml_inputs(group: Group, tasks: Tensor, points: Tensor) -> Inputs:
    data = (points, _wave(tasks, points), group.testx, _wave(tasks, group.testx))
    padded = _padded(TESTX.size)
    return data, {"N_TASKS": group.n_tasks, "POINTS": TESTX.size, "PADDED": padded}


def _reptile_inputs(group: Group, tasks: Tensor, orders: Tensor) -> Inputs:
    return (orders, _wave(tasks, group.testx), group.testx), {"POINTS": TESTX.size}


def _transfer_inputs(group: Group, tasks: Tensor, points: Tensor) -> Inputs:
    return (points, _wave(tasks, points)), {}


INPUTS: dict[str, Callable[[Group, Tensor, Tensor], Inputs]] = {
    "fomaml": _fomaml_inputs,
    "reptile": _reptile_inputs,
    "transfer_learn": _transfer_inputs,
}
"""By kernel: its arrays, and its sizes, from the tasks and the points or orders drawn."""


def train(
    group: Group, stops: Sequence[int], eval_interval: int
) -> Iterator[tuple[int, list[Evaluation] | None]]:
    """Train a group; each stop in turn, with its evaluations, one per seed, if there are any.

    Models and generators are brought up to date when it ends, however it ends.
    """
    lengths = np.diff([0, *stops]).tolist()
    stretches = (
        group.draw(stop, length, stop % eval_interval == 0)
        for stop, length in zip(stops, lengths, strict=True)
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
    weights: Tensor, x: np.ndarray, testx: np.ndarray, tasks: np.ndarray,
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
    y, testy = _wave(waves, points), _wave(waves, tests)
    finite = torch.empty(seeds, dtype=torch.int32, device=device)
    initial, final = (torch.empty((seeds, m), device=device) for _ in range(2))
    losses = torch.empty((seeds, updates + 1), device=device)
    persistent.eval_model[(seeds,)](
        weights, finite, points, y, tests, testy, initial, final, losses, updates, *eta,
        BATCH=n, POINTS=m, PADDED_BATCH=_padded(n), PADDED=_padded(m), **OPTIONS,
    )  # fmt: skip
    return Result(tasks, x, testx, finite, y, testy, initial, final, losses)


def eval_model(
    engine: Engine, model: nn.Module, device: torch.device, x: np.ndarray, testx: np.ndarray,
    task: SineWave, opt: flux.Optimiser, updates: int, epoch: int,
) -> Evaluation:  # fmt: skip
    """`evaluate` for one model, wherever it is.

    Raises:
        EngineError: the optimiser is not `Descent`.
        NonFiniteLossError: a training loss is infinite or NaN, as in Flux.
    """
    weights = torch.from_numpy(luna.flatten(model)[None]).to(device)
    wave = np.array([[task.amplitude, task.phase_shift]], np.float32)
    result = evaluate(weights, x[None], testx, wave, in_two_parts(opt), updates)
    if result.finite.item():
        (found,) = result.evaluations(epoch)
        return replace(found, task=task)
    at_home = copy.deepcopy(model).cpu()  # which stops just where the original does
    points, tests = torch.from_numpy(x), torch.from_numpy(testx)
    return engine.eval_model(at_home, points, tests, task, opt=opt, updates=updates, epoch=epoch)


def in_two_parts(opt: flux.Optimiser) -> tuple[float, float]:
    """A Float64 learning rate as the sum of two Float32.

    Raises:
        EngineError: the optimiser is not `Descent`.
    """
    if not isinstance(opt, flux.Descent):
        raise EngineError(
            f"on a GPU the fast engine knows Descent, not {opt!r}: train on the CPU, or use the "
            "eager engine"
        )
    head = float(np.float32(opt.eta))
    return head, float(np.float32(opt.eta - head))


def sent(values: np.ndarray, device: torch.device) -> Tensor:
    """An array on its way to the device; does not wait for it."""
    there = torch.from_numpy(values)
    if device.type == "cpu":
        return there
    return there.pin_memory().to(device, non_blocking=True)


def _wave(tasks: Tensor, x: Tensor) -> Tensor:
    """amplitude * sin(x + phase shift) for tasks (..., 2)."""
    return tasks[..., :1] * torch.sin(x + tasks[..., 1:])


def _padded(points: int) -> int:
    """The size of block that so many points go into."""
    return max(16, triton.next_power_of_2(points))


def _copy(held: stream.Stream) -> stream.Stream:
    return stream.Stream(*(part.copy() for part in held))
