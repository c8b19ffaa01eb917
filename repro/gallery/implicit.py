"""The arrays that the slides' figures plot, computed on problems of our own.

The error of a nearly exact gradient is rounding itself. So every figure's data are a run, whose
tolerance is measured: by moving each operation's result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import nullcontext
from pathlib import Path

from repro import implicit
from repro.checks.noise import Stream
from repro.checks.perturb import perturbing
from repro.gallery.figure import Arrays, plotted
from repro.gallery.jobs import Job, Tick, sources_of
from repro.gallery.runs import Options, Runs, Training
from repro.implicit import pictures, transfer
from repro.run import Kind, Quantity, Run

SOURCES = (*sources_of(implicit), Path(__file__))


def _computed(name: str, compute: Callable[[int | None], Arrays]) -> Training:
    def job(options: Options) -> Job:
        moved = options.perturbation

        def run(tick: Tick) -> Run:
            found = compute(moved)
            tick(1)
            return Run({n: Quantity.once(v.astype(float), Kind.RESULT) for n, v in found.items()})

        return Job(name, 1, {"engine": "eager", "perturbation": moved}, SOURCES, run)

    return Training(name, job)


def in_every_operation(compute: Callable[[], Arrays]) -> Callable[[int | None], Arrays]:
    def moved(seed: int | None) -> Arrays:
        with nullcontext() if seed is None else perturbing(Stream(seed)):
            return compute()

    return moved


def figure(
    name: str,
    compute: Callable[[int | None], Arrays],
    draw: Collection[str] = (),
    curves: bool = True,
) -> Callable[[Runs], Run]:
    """A figure's data.

    Args:
        name: of the run.
        compute: gives the arrays, perturbed by a seed.
        draw: those that are chosen, not computed.
        curves: the others are curves, each value judged by itself; else each array as a whole.
    """
    training = _computed(f"implicit-{name}", compute)

    def data(runs: Runs) -> Run:
        arrays = {n: q.values[0] for n, q in runs[training].quantities.items()}
        drawn = {n: arrays.pop(n) for n in draw}
        return plotted(draw=drawn, **{"rows" if curves else "results": arrays})

    return data


cg_errors = figure("cg-steps", in_every_operation(pictures.cg_errors), ["steps"])
inner_errors = figure("inner-steps", in_every_operation(pictures.inner_errors), ["steps"])
delta_errors = figure("distance", in_every_operation(pictures.delta_errors))
memory = figure("memory", in_every_operation(pictures.memory_and_work), ["steps"])
steps_needed = figure("steps-needed", in_every_operation(pictures.steps_needed))
hyperparameter = figure("hyperparameter", in_every_operation(pictures.hyperparameter), ["grid"])
surface = figure("surface", in_every_operation(pictures.surface), ["p", "q"], curves=False)
vanishing = figure("vanishing", in_every_operation(pictures.vanishing_gradients), ["steps"])
learning_curves = figure("leap", in_every_operation(transfer.curves))
