"""The runs behind a gallery, each computed when first asked for, unless it has been kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from repro.gallery.jobs import Job, Tick
from repro.gallery.store import Store
from repro.checks import Verdict
from repro.run import Trajectory


@dataclass(frozen=True)
class Options:
    """What the user may choose about the runs.

    Attributes:
        seed: of every run.
        iterations: of every training run, for a quick look; None leaves each its own number.
        device: where to train.
        engine: ``"exact"``, ``"fast"`` or ``"eager"``; None is the closest one there is.
        perturbation: moves every initial weight by one ulp, to see how far that carries.
    """

    seed: int = 0
    iterations: int | None = None
    device: str = "cpu"
    engine: str | None = None
    perturbation: int | None = None


@dataclass(frozen=True)
class Finding:
    """What parity has to say about a run, and about how much of it."""

    run: str
    verdict: Verdict
    text: str


@dataclass(frozen=True)
class Run:
    """A run by its name, unique among all posts, and the job that computes it."""

    name: str
    job: Callable[[Options], Job]


Watch = Callable[[Job, int], AbstractContextManager[Tick]]
"""``with watch(job, done) as tick`` shows a job's progress from ``done`` iterations on."""


def unwatched(job: Job, done: int) -> AbstractContextManager[Tick]:
    return nullcontext(lambda n: None)


@dataclass
class Runs:
    """``runs[run]`` is a run's trajectory.

    Attributes:
        options: what the runs were asked to be.
        store: keeps results and checkpoints.
        watch: shows progress.
        seconds: by run, what computing it took in this process: next to nothing for a kept one.
        used: the names of the runs asked for since it was last cleared.
    """

    options: Options
    store: Store
    watch: Watch = unwatched
    seconds: dict[str, float] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    _results: dict[str, Trajectory] = field(default_factory=dict)

    def __getitem__(self, run: Run) -> Trajectory:
        self.used.add(run.name)
        if run.name not in self._results:
            start = time.perf_counter()
            self._results[run.name] = self._obtain(run.job(self.options))
            self.seconds[run.name] = time.perf_counter() - start
        return self._results[run.name]

    def provenance(self, name: str) -> Mapping[str, Any]:
        """What made a run, with the ``seconds`` it took when it was computed."""
        return self._results[name].provenance

    def _obtain(self, job: Job) -> Trajectory:
        key = job.key()
        with self.store.alone(key):
            return self.store.result(key) or self._compute(job, key)

    def _compute(self, job: Job, key: str) -> Trajectory:
        so_far = self.store.checkpoint(key)
        before = so_far.provenance["seconds"] if so_far else 0.0
        start = time.perf_counter()

        def stamped(trajectory: Trajectory) -> Trajectory:
            seconds = before + time.perf_counter() - start
            made_by = {**dict(job.arguments), "seconds": round(seconds, 3)}
            return Trajectory(trajectory.series, {**made_by, **trajectory.provenance, **made_by})

        def keep(trajectory: Trajectory) -> None:
            self.store.keep_checkpoint(key, stamped(trajectory))

        with self.watch(job, job.done(so_far) if so_far else 0) as tick:
            result = stamped(job.compute(so_far, keep, tick))
        self.store.keep_result(key, result)
        return result
