"""Hold two programs against each other where single runs cannot agree: by many seeds of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from repro.checks.ensembles.beside import Beside, EnsembleError, lay
from repro.checks.ensembles.permuting import permuted
from repro.checks.ensembles.rate import Rate
from repro.checks.ensembles.result import ALPHA, EnsembleCheck
from repro.checks.ensembles.summary import Equivalence, Summary, equivalence, late_mean
from repro.run import Ensemble, Quantity, Run, collect, gather

Members: TypeAlias = (
    "Ensemble | str | Path | Mapping[int, Any] | Sequence[Any] | Callable[..., Any]"
)
"""An ensemble, the path of a saved one, trajectories by seed or as a list (seeds 0, 1, ...), or a
callable of a seed that gives a run, an iterable of steps or a single step."""

SEEDS = range(64)


def check_ensembles(
    reference: Members,
    port: Members,
    *,
    seeds: Iterable[int] = SEEDS,
    paired: bool = True,
    summaries: Sequence[Summary] | None = None,
    margins: Mapping[str, float] | None = None,
    executor: Executor | None = None,
    alpha: float = ALPHA,
) -> EnsembleCheck:
    """Could two sets of runs come from one program?

    For where trajectories cannot agree: past the horizon of a chaotic training, with other random
    numbers, on a device that sums in another order.

    Args:
        reference, port: see :data:`Members`. A step may give its own number as ``step``.
        seeds: which ones callables are run with.
        paired: a seed's two runs have the same draws, so that their difference is compared. With
            ``False`` the two sets are, as where the draws cannot be the same.
        summaries: what has to lie within its margin; by default every quantity's mean over the
            later half of its steps. The fewer, the fewer seeds are needed. One that the port does
            not yield to the reference's last step cannot be judged, and nothing is ``EQUIVALENT``.
        margins: by quantity, in its own unit, or of one that is positive everywhere as a share
            (0.1: 10 %); by default half of the reference's standard deviation between seeds.
        executor: where callables run: any :class:`concurrent.futures.Executor`.
        alpha: the chance that one program is called two, over all names and steps together.

    Returns:
        An :class:`EnsembleCheck`; true where it is ``EQUIVALENT``.

    Raises:
        EnsembleError: the sides share no name and step, or nothing that is to be judged, or
            cannot be paired.
        RunError: what was given holds no ensemble.
    """
    chosen = list(seeds)
    sides = tuple(_ensemble(side, chosen, executor) for side in (reference, port))
    beside = lay(sides[0], sides[1], paired)
    rate = Rate(*beside.ended, paired)
    if min(len(beside.a), len(beside.b)) < 2:
        return EnsembleCheck(sides[0], sides[1], beside, (), None, rate, alpha)
    asked = summaries or [Summary(name) for name in beside.quantities]
    named = [s for s in asked if beside.reaches(s.quantity, sides[0])]
    unjudged = tuple(s for s in asked if s not in named)
    if not named:
        raise EnsembleError(
            f"the port has nothing of what is judged to the reference's last step: let it yield "
            f"{', '.join(s.quantity for s in asked)}"
        )
    values = beside.summarised(named)
    judged = tuple(_judged(sides[0], beside, named, values, margins or {}))
    tests = permuted(beside.a, beside.b, paired)
    return EnsembleCheck(sides[0], sides[1], beside, judged, tests, rate, alpha, values, unjudged)


def _judged(
    reference: Ensemble,
    beside: Beside,
    summaries: Sequence[Summary],
    values: tuple[np.ndarray, np.ndarray],
    margins: Mapping[str, float],
) -> Iterable[Equivalence]:
    unknown = margins.keys() - {s.quantity for s in summaries}
    if unknown:
        raise EnsembleError(
            f"a margin for {', '.join(unknown)}, which is not judged: name one of "
            f"{', '.join(s.quantity for s in summaries)}"
        )
    for i, summary in enumerate(summaries):
        log, margin = summary.quantity in beside.logs, margins.get(summary.quantity)
        own = float(np.log1p(margin)) if log and margin is not None else margin
        a, b = values[0][:, i], values[1][:, i]
        spread = _spread(reference, beside, summary)
        yield equivalence(str(summary), a, b, beside.paired, spread, own, log)


def _spread(reference: Ensemble, beside: Beside, summary: Summary) -> float:
    """A summary's standard deviation over all seeds of the reference, in pairs or not."""
    steps = beside.quantities[summary.quantity][0].steps
    values = reference.chosen(~reference.diverged).quantities[summary.quantity].at(steps)
    scaled = np.log(values) if summary.quantity in beside.logs else values
    return float(late_mean(Quantity(steps, scaled), summary.late).std(ddof=1))


def _ensemble(side: Members, seeds: Sequence[int], executor: Executor | None) -> Ensemble:
    if isinstance(side, Ensemble):
        return side
    if isinstance(side, str | Path):
        return Ensemble.load(side)
    if callable(side):
        return gather(side, seeds, executor=executor)
    runs = side.items() if isinstance(side, Mapping) else enumerate(side)
    return Ensemble.of({int(seed): _run(run) for seed, run in runs})


def _run(source: Any) -> Run:
    return collect(source, "trajectory")
