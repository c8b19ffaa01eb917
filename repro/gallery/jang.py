"""The third post's runs, and the arrays that its figures plot.

All in Float64, where port and original agree to the last digits over the whole notebook; in
Float32 they part at the first kink.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from repro import engine, jang, jax_random
from repro.cases import Case, Nudge, record_of
from repro.cases import jang as cases
from repro.checks import nudged
from repro.gallery.figure import Arrays, plotted
from repro.gallery.jobs import Job, Tick, sources_of
from repro.gallery.luna_parity import finding, not_run
from repro.gallery.runs import Finding, Options, Runs, Training
from repro.gallery.training import engine_for
from repro.jang import notebook, pictures
from repro.run import Kind, Quantity, Run
from repro.sides import recorded
from repro.sides.port import Port

SOURCES = (*sources_of(jang, jax_random, cases, engine), Path(__file__))


def case_of(part: str, options: Options) -> Case:
    """The recorded case of a part, of these runs' seed and length."""
    case = recorded.load(f"jax_{part}_float64_seed0").case
    length = min(options.iterations or case.epochs, case.epochs)
    kept = {e for e in case.weight_epochs if e <= length} | {length}
    return replace(case, seed=options.seed, epochs=length, weight_epochs=tuple(sorted(kept)))


ENGINES = ("fast", "eager")


def _trained(part: str) -> Training:
    def job(options: Options) -> Job:
        chosen = engine_for(options, ENGINES, ENGINES)
        case = case_of(part, options)
        moved = options.perturbation
        arguments = {
            "function": case.function,
            "seed": case.seed,
            "epochs": case.epochs,
            "engine": chosen,
            "perturbation": moved,
        }

        def compute(tick: Tick) -> Run:
            return Port(chosen, tick=tick).run(case, None if moved is None else Nudge(moved))

        return Job(f"jang-{part}", case.epochs, arguments, SOURCES, compute)

    return Training(f"jang-{part}", job)


FIT, SINGLE, BATCHED = (_trained(part) for part in cases.PARTS)
PARTS = dict(zip((FIT.name, SINGLE.name, BATCHED.name), cases.PARTS, strict=True))


def _headline(options: Options) -> Job:
    length, moved = options.iterations or 1000, options.perturbation
    chosen = engine_for(options, ENGINES, ENGINES)
    arguments = {"epochs": length, "engine": chosen, "perturbation": moved}
    by = engine.fast.headline_arm if chosen == "fast" else None

    def prepare(weights: np.ndarray) -> np.ndarray:
        return weights if moved is None else nudged(weights, moved)

    def compute(tick: Tick) -> Run:
        every = max(length // 10, 1)
        found = pictures.headline(iterations=length, every=every, prepare=prepare, tick=tick, by=by)
        return Run({n: Quantity.once(v, Kind.RESULT, length) for n, v in found.items()})

    return Job("jang-headline", 4 * length, arguments, SOURCES, compute)


HEADLINE = Training("jang-headline", _headline)


# What the figures plot


def sine_fit(which: str) -> Callable[[Runs], Run]:
    """Data of the sine fit, `"init_weights"` or, after it, `"weights"`."""

    def data(runs: Runs) -> Run:
        found = pictures.sine_fit(jang.unflatten(runs[FIT][which].values[-1]))
        return plotted(draw={"x": found.pop("x")}, results=found)

    return data


def stream_after(runs: Runs, run: Training) -> np.random.RandomState:
    """NumPy's stream as a training leaves it."""
    seed, length = runs.options.seed, case_of(PARTS[run.name], runs.options).epochs
    if run is SINGLE:
        stream = np.random.RandomState(seed)
        notebook.after_single(stream, length)
    else:
        stream = jang.batched_stream(seed)
        notebook.after_batched(stream, length)
    return stream


def adaptation(run: Training, points: int, steps: int) -> Callable[[Runs], Run]:
    """Data of a network's adaptation to the wave of amplitude 1."""

    def data(runs: Runs) -> Run:
        params = jang.unflatten(runs[run]["weights"].values[-1])
        x1 = notebook.picture_points(stream_after(runs, run), points)
        found = pictures.adapted(params, x1, steps)
        return plotted(draw={n: found.pop(n) for n in ("x", "x1")}, results=found)

    return data


def tasks(runs: Runs) -> Run:
    stream = stream_after(runs, SINGLE)
    notebook.picture_points(stream, jang.tasks.K)
    found = pictures.tasks(stream, torch.float64)
    return plotted(draw={n: found.pop(n) for n in ("x1", "x2")}, results=found)


def learning_curves(runs: Runs) -> Run:
    losses = [runs[run]["losses"].values for run in (SINGLE, BATCHED)]
    return plotted(rows=pictures.learning_curves(*losses))


def headline(runs: Runs) -> Run:
    found = {name: q.values[0] for name, q in runs[HEADLINE].quantities.items()}
    return plotted(draw={"iterations": found.pop("iterations")}, results=found)


# How close the runs come to the original, and its own curves


def parity(run: Training) -> Callable[[Runs], Finding]:
    """A training against its recording, as far as both go."""

    def check(runs: Runs) -> Finding:
        if runs.options.seed != 0:
            return not_run(run, "the notebook is recorded for NumPy's seed 0 only")
        length = case_of(PARTS[run.name], runs.options).epochs
        case = recorded.load(f"jax_{PARTS[run.name]}_float64_seed0").case.upto(length)
        found = runs[run]
        steps = record_of(case).read(case, recorded.load(case.name).arrays)["weights"].steps
        kept = {"weights": _at(found["weights"], steps[steps <= length])}
        port = replace(found, quantities={**found.quantities, **kept})
        scope = f" over {'all' if run is FIT else 'the first'} {length:,} iterations"
        return finding(run, case, port, [*port.quantities], scope)

    return check


def _at(q: Quantity, steps: np.ndarray) -> Quantity:
    return Quantity(steps, q.at(steps), q.kind)


def original(name: str, plotted_as: str) -> Callable[[Runs], Arrays | None]:
    """A picture's predictions as recorded, where these runs are the recorded ones."""

    def found(runs: Runs) -> Arrays | None:
        return {plotted_as: _arrays()[name]} if _recorded(runs) else None

    return found


def original_curves(runs: Runs) -> Arrays | None:
    if not _recorded(runs):
        return None
    losses = (_arrays()[f"{part}_losses"] for part in ("single", "batched"))
    return pictures.learning_curves(*losses)


def _recorded(runs: Runs) -> bool:
    return runs.options.seed == 0 and runs.options.iterations is None


def _arrays() -> Arrays:
    return recorded.load("jax_fit_float64_seed0").arrays
