"""The second post's runs, and the arrays that its figures plot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from repro import ecoffet, engine
from repro.cases import ecoffet as ecoffet_case
from repro.checks import nudged
from repro.ecoffet import batched, experiment, theory
from repro.gallery.figure import plotted
from repro.gallery.jobs import Job, Tick, sources_of
from repro.gallery.luna_parity import finding, not_run
from repro.gallery.runs import Finding, Options, Runs, Training
from repro.gallery.training import engine_for
from repro.run import Kind, Quantity, Run
from repro.sides import recorded
from repro.sides.port import Port

SOURCES = (*sources_of(ecoffet, ecoffet_case, engine), Path(__file__))
STEPS = {"transfer": 99, "random": 99, "maml": 31, "maml_first_order": 31, "reptile": 31}
"""Fine-tuning steps on every test task."""

RATES = np.geomspace(1e-6, 1e-2, 13)


def sizes(options: Options) -> tuple[int, int]:
    """Training and test tasks: the post's, or for a quick look fewer."""
    if options.iterations is None:
        return experiment.TRAIN_TASKS, experiment.TEST_TASKS
    n_train = max(options.iterations // experiment.EPOCHS, 1)
    return n_train, min(max(n_train // 10, 10), experiment.TEST_TASKS)


TRAINERS: Mapping[str, experiment.Trainers] = {"fast": engine.fast, "eager": batched}


def _run(method: str, peculiar: bool = True) -> Training:
    name = f"ecoffet_{method}" + ("" if peculiar else "_published")
    return Training(name, lambda options: _job(name, method, peculiar, options))


def _job(name: str, method: str, peculiar: bool, options: Options) -> Job:
    n_train, n_test = sizes(options)
    chosen = engine_for(options, tuple(TRAINERS), ("eager",))
    visits = {"random": 0, "transfer": n_train}.get(method, n_train * experiment.EPOCHS)
    arguments = {
        "method": method,
        "peculiar": peculiar,
        "seed": options.seed,
        "epochs": visits,
        "n_test": n_test,
        "device": options.device,
        "engine": chosen,
        "perturbation": options.perturbation,
    }
    by = TRAINERS[chosen]

    def compute(tick: Tick) -> Run:
        weights = experiment.train(
            method,
            n_train=n_train,
            models=1 if method == "random" else experiment.MODELS,
            seed=options.seed,
            peculiar=peculiar,
            by=by,
            device=options.device,
            prepare=lambda w: _nudged(w, options.perturbation),
            progress=tick,
        )
        tasks = experiment.draw(n_train, n_test, options.seed).test
        losses = experiment.test_losses(weights, tasks, STEPS[method], by=by, device=options.device)
        return Run(
            {
                "weights": Quantity.once(weights, Kind.STATE, visits),
                "test_losses": Quantity.once(losses, Kind.ROWS, visits),
            }
        )

    return Job(name, visits, arguments, SOURCES, compute)


def _nudged(weights: np.ndarray, perturbation: int | None) -> np.ndarray:
    return weights if perturbation is None else nudged(weights, perturbation, np.float32)


TRANSFER, RANDOM = _run("transfer"), _run("random")
MAML, FIRST_ORDER = _run("maml"), _run("maml_first_order")
REPTILE = _run("reptile")
MAML_PUBLISHED = _run("maml", peculiar=False)
FIRST_ORDER_PUBLISHED = _run("maml_first_order", peculiar=False)
METHODS = {
    "transfer": TRANSFER,
    "random": RANDOM,
    "maml": MAML,
    "maml_first_order": FIRST_ORDER,
    "reptile": REPTILE,
    "maml_published": MAML_PUBLISHED,
    "maml_first_order_published": FIRST_ORDER_PUBLISHED,
}


NOTEBOOK = "ecoffet_notebook_small"


def _notebook(options: Options) -> Job:
    case = recorded.load(NOTEBOOK).case
    arguments = {"epochs": case.epochs, "device": options.device, "engine": "eager"}
    port = Port(device=options.device)
    return Job(
        case.name, case.epochs, arguments, SOURCES, lambda tick: replace(port, tick=tick).run(case)
    )


SMALL = Training(NOTEBOOK, _notebook)


# What the figures plot


def waves(*names: str) -> Callable[[Runs], Run]:
    """Data of the figures that show tasks only."""

    def data(runs: Runs) -> Run:
        arrays = experiment.waves(runs.options.seed)
        return plotted(draw={"x": arrays["x"]}, results={n: arrays[n] for n in names})

    return data


def tuned(run: Training, *, one_sided: bool = False, lr: float = 0.01) -> Callable[[Runs], Run]:
    """Data of a figure with one task: the first test task, or the one-sided one."""

    def data(runs: Runs) -> Run:
        world = experiment.draw(*sizes(runs.options), runs.options.seed)
        task = world.one_sided if one_sided else world.test[0]
        found = experiment.fits(runs[run]["weights"].values[0], task, lr=lr)
        after = {
            f"after_{steps}": p
            for steps, p in zip(found["steps"], found["predictions"], strict=True)
        }
        drawn = {name: found[name] for name in ("train_x", "x")}
        return plotted(draw=drawn, results={"train_y": found["train_y"], "y": found["y"], **after})

    return data


def curves(steps: int, models: Mapping[str, int]) -> Callable[[Runs], Run]:
    """Data of a learning curve.

    Args:
        steps: the last step shown.
        models: how many models of which of ``METHODS``.
    """

    def data(runs: Runs) -> Run:
        losses = {n: runs[METHODS[n]]["test_losses"].values[0][:m] for n, m in models.items()}
        found = {n: experiment.learning_curve(v[..., : steps + 1]) for n, v in losses.items()}
        return plotted(rows=found)

    return data


def expansions(runs: Runs) -> Run:
    return plotted(draw={"rates": RATES}, results=theory.expansion(RATES.tolist()))


# How close the runs come to the original


def parity(*methods: str) -> tuple[Callable[[Runs], Finding], ...]:
    """Of the notebook's small run, which is recorded; the full-size ones are not."""
    return tuple(check for m in methods for check in (_full_size(m), _small(m)))


def _small(method: str) -> Callable[[Runs], Finding]:
    wanted = {f"{method}_{quantity}" for quantity in ("init", "weights", "test_losses")}

    def check(runs: Runs) -> Finding:
        case = recorded.load(NOTEBOOK).case
        found = runs[SMALL]
        drawn = {n for n, q in found.quantities.items() if q.kind is Kind.DRAW}
        scope = f" over {method} with 500 training and 20 test tasks"
        return finding(SMALL, case, found, sorted(wanted & {*found.quantities} | drawn), scope)

    return check


def _full_size(method: str) -> Callable[[Runs], Finding]:
    return lambda runs: not_run(METHODS[method], "a run of this size is not recorded")
