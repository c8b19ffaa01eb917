"""Where two faithful runs of the third post part for good, and what is compared then.

Before it the runs differ by roundings; there one sample lies on the two sides of one relu's kink,
and after it only single steps can be compared (`--localise`) or many runs' statistics.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from repro import jang
from repro.cases import Case, record_of
from repro.jang.kinks import Crossing, crossings
from repro.jang.tasks import TASKS, K
from repro.run import Run


def follows_kinks(case: Case) -> bool:
    """Whether a case is compared up to the first kink alone: the trainings in Float32. In Float64
    no sample comes close enough in 20,000 iterations."""
    request = record_of(case).jax or {}
    return request.get("dtype") == "float32" and request.get("part") != "fit"


def first_kink(case: Case, reference: Run, port: Run) -> tuple[int, Crossing] | None:
    """The first iteration with such a sample, and the sample; None where there is none, or where
    not every iteration's weights are there to look for it.

    The weights before that iteration are still compared, so that a port that is wrong, and for
    that reason has a unit on the other side, fails by them.
    """
    kept = [run.quantities.get("weights") for run in (reference, port)]
    if not all(q is not None and len(q.steps) == case.epochs for q in kept):
        return None
    single = (record_of(case).jax or {})["part"] == "single"
    rng = np.random.RandomState(case.seed) if single else jang.batched_stream(case.seed)
    for i, (ours, theirs) in enumerate(zip(_weights(port), _weights(reference), strict=True)):
        tasks = jang.one_task(rng) if single else jang.sample_tasks(TASKS, K, rng)
        x1, y1, x2, y2 = (value.reshape(1, -1, 1) if single else value for value in tasks)
        for found in crossings(ours, theirs, (x1, y1, x2, y2)):
            return i + 1, found
    return None


def _weights(run: Run) -> Iterator[jang.Params]:
    """Before each iteration."""
    rows = (run["init_weights"].values[0], *run["weights"].values[:-1])
    return map(jang.unflatten, rows)
