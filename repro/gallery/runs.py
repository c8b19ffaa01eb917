"""The runs behind a gallery, each computed when first asked for, unless it has been kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from repro.checks import Verdict
from repro.gallery.jobs import Job, Tick
from repro.run import Provenance, Run
from repro.run.store import Store


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
class Training:
    """A run by its name, unique among all posts, and the job that computes it."""

    name: str
    job: Callable[[Options], Job]


Watch = Callable[[Job], AbstractContextManager[Tick]]
"""``with watch(job) as tick`` shows a job's progress."""


def unwatched(job: Job) -> AbstractContextManager[Tick]:
    return nullcontext(lambda n: None)


@dataclass
class Runs:
    """``runs[training]`` is what a training left.

    Attributes:
        options: what the runs were asked to be.
        store: keeps results.
        watch: shows progress.
        seconds: by run, what computing it took in this process: next to nothing for a kept one.
        used: the names of the runs asked for since it was last cleared.
    """

    options: Options
    store: Store
    watch: Watch = unwatched
    seconds: dict[str, float] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    _results: dict[str, Run] = field(default_factory=dict)

    def __getitem__(self, run: Training) -> Run:
        self.used.add(run.name)
        if run.name not in self._results:
            start = time.perf_counter()
            self._results[run.name] = self._obtain(run.job(self.options))
            self.seconds[run.name] = time.perf_counter() - start
        return self._results[run.name]

    def provenance(self, name: str) -> Provenance:
        """What made a run, with the ``seconds`` it took when it was computed."""
        return self._results[name].provenance

    def _obtain(self, job: Job) -> Run:
        key = job.key()
        with self.store.alone(key):
            return self.store.result(key) or self._compute(job, key)

    def _compute(self, job: Job, key: str) -> Run:
        start = time.perf_counter()
        with self.watch(job) as tick:
            found = job.compute(tick)
        made_by = {**found.provenance.as_dict(), **dict(job.arguments)}
        made_by["seconds"] = round(time.perf_counter() - start, 3)
        result = replace(found, provenance=Provenance.from_dict(made_by))
        self.store.keep_result(key, result)
        return result
