"""Groups of 8 seeds, trained in the lanes of vectors on one core of the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from repro.engine import lane_loops, lanes, loops, running
from repro.engine.arithmetic import FAST, Arithmetic
from repro.engine.handover import TESTX, Draws, Optimiser, Weights, aligned, require_network
from repro.engine.lane_tiles import LANES, WEIGHTS
from repro.engine.loops import POINTS
from repro.engine.network import room_for
from repro.engine.stream import Stream
from repro.engine.vectors import SIZE
from repro.errors import EngineError
from repro.flux import Descent
from repro.julia import MersenneTwister
from repro.luna.evaluate import Evaluation
from repro.luna.sine import SineWave

#: Iterations between two looks at whether the user wants to stop.
BREATH = 500


class Group:
    """8 models and their streams in compiled code's hands.

    Args:
        loop: the single run's, `loops.fomaml`, `loops.reptile` or `loops.transfer_learn`.
        kind: the fast engine's arithmetic.
        opts: its optimisers in order: `Descent` only.
        sizes: its own arguments.
        eval_batch_size: points of an evaluation.

    Raises:
        EngineError: another engine or optimiser, not 8 models, or a model or a stream that no
            compiled engine knows.
    """

    def __init__(
        self,
        loop: Any,
        models: Sequence[nn.Module],
        rngs: Sequence[MersenneTwister],
        kind: Arithmetic,
        opts: Sequence[Any],
        sizes: Sequence[Any],
        eval_batch_size: int,
    ) -> None:
        if kind != FAST or len(models) != LANES or any(type(o) is not Descent for o in opts):
            raise EngineError(
                f"side by side on the CPU the fast engine trains {LANES} models by Descent: train "
                "any others one by one"
            )
        parameters = [require_network(model) for model in models]
        for model in models:
            model.to("cpu")
        self.loop, self.sizes, self.eval_batch_size = loop, sizes, eval_batch_size
        self.etas = [opt.eta for opt in opts]
        self.opts = [Optimiser(opt, parameters[0]).compiled for opt in opts]
        self.eval_opt = Optimiser(Descent(0.02), parameters[0]).compiled
        self.vectors, self.draws = [Weights(m) for m in models], [Draws(rng) for rng in rngs]
        stacked = (np.stack(part) for part in zip(*(d.compiled for d in self.draws), strict=True))
        self.streams = Stream(*stacked)
        for lane, held in enumerate(self.draws):
            held.compiled = _one(self.streams, lane)
        self.weights, self.poison = aligned(WEIGHTS), aligned(SIZE)
        points = max(sizes[-1], POINTS)
        self.room = aligned(lanes.room_for(points))
        self.single_room = aligned(room_for(max(points, eval_batch_size)))

    def advance(self, iterations: int) -> None:
        """Train all by some iterations.

        Raises:
            NonFiniteLossError: a loss is infinite or NaN, as in Flux.
        """
        start = np.stack([held.vector for held in self.vectors])
        streams = Stream(*(part.copy() for part in self.streams))
        lanes.pack(self.weights, start)
        self.poison[:] = 0
        loop = getattr(lane_loops, self.loop.__name__)
        loop(
            self.weights, self.poison, *self.etas, self.streams, iterations, *self.sizes, self.room
        )
        for held, vector in zip(self.vectors, lanes.unpack(self.weights), strict=True):
            held.vector[:] = vector
        for lane in np.flatnonzero(np.isnan(self.poison[:LANES])):
            self._again(lane, start[lane], _one(streams, lane), iterations)

    def _again(self, lane: int, start: np.ndarray, before: Stream, iterations: int) -> None:
        """The same iterations of one seed by the single run, which stops where the original does.

        It need not stop: of a loss close to the largest Float32 one of the two may be infinite.
        """
        vector, stream = self.vectors[lane].vector, self.draws[lane].compiled
        vector[:] = start
        for now, then in zip(stream, before, strict=True):
            now[:] = then
        room = self.single_room
        running._require_finite_loss(
            self.loop(FAST, vector, *self.opts, stream, iterations, *self.sizes, room)
        )

    def evaluate(self, epoch: int) -> list[Evaluation]:
        """The evaluation inside training, one seed after the other as in a run alone."""
        done = []
        for held, drawn in zip(self.vectors, self.draws, strict=True):
            x = np.empty(self.eval_batch_size, np.float32)
            task = SineWave(*loops.draw_evaluation(drawn.compiled, x))
            opt, room = self.eval_opt, self.single_room
            done.append(running._evaluate(FAST, held, opt, 32, x, TESTX, task, epoch, room))
        return done

    def store(self) -> None:
        """Give the models their weights, and the generators their place in their streams."""
        for part in (*self.vectors, *self.draws):
            part.store()


def _one(streams: Stream, lane: int) -> Stream:
    return Stream(*(part[lane] for part in streams))


def train(group: Group, stops: Sequence[int], eval_interval: int) -> list[list[Evaluation]]:
    """Train a group up to the last stop: for each of its seeds a list of evaluations.

    Models and generators are brought up to date when it ends, however it ends.
    """
    done: list[list[Evaluation]] = [[] for _ in range(LANES)]
    epoch = 0
    try:
        for stop in stops:
            group.advance(stop - epoch)
            epoch = stop
            if epoch % eval_interval == 0:
                for mine, evaluation in zip(done, group.evaluate(epoch), strict=True):
                    mine.append(evaluation)
    finally:
        group.store()
    return done
