"""The second post's runs, and the arrays that its figures plot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from repro import ecoffet, flux, port, trajectory
from repro.ecoffet import experiment, theory
from repro.ecoffet.batched import State
from repro.gallery.figure import plotted
from repro.gallery.jobs import Job, Keep, Tick, sources_of
from repro.gallery.luna_parity import Part, finding, not_run
from repro.gallery.runs import Finding, Options, Run, Runs
from repro.sides import recorded
from repro.run import Series, Trajectory

SOURCES = (*sources_of(ecoffet, trajectory), Path(__file__))
STEPS = {"transfer": 99, "random": 99, "maml": 31, "maml_first_order": 31, "reptile": 31}
"""Fine-tuning steps on every test task."""

RATES = np.geomspace(1e-6, 1e-2, 13)


def sizes(options: Options) -> tuple[int, int]:
    """Training and test tasks: the post's, or for a quick look fewer."""
    if options.iterations is None:
        return experiment.TRAIN_TASKS, experiment.TEST_TASKS
    n_train = max(options.iterations // experiment.EPOCHS, 1)
    return n_train, min(max(n_train // 10, 10), experiment.TEST_TASKS)


def _run(method: str, peculiar: bool = True) -> Run:
    name = f"ecoffet_{method}" + ("" if peculiar else "_published")
    return Run(name, lambda options: _job(name, method, peculiar, options))


def _job(name: str, method: str, peculiar: bool, options: Options) -> Job:
    n_train, n_test = sizes(options)
    visits = {"random": 0, "transfer": n_train}.get(method, n_train * experiment.EPOCHS)
    arguments = {
        "method": method,
        "peculiar": peculiar,
        "seed": options.seed,
        "epochs": visits,
        "n_test": n_test,
        "device": options.device,
        "engine": "eager" if method == "transfer" else "batched",
        "perturbation": options.perturbation,
    }

    def compute(so_far: Trajectory | None, keep: Keep, tick: Tick) -> Trajectory:
        def progress(state: State) -> None:
            keep(_checkpoint(state))
            tick(1000)

        weights = experiment.train(
            method,
            n_train=n_train,
            seed=options.seed,
            peculiar=peculiar,
            device=options.device,
            prepare=lambda w: _nudged(w, options.perturbation),
            resume=None if so_far is None else _state(so_far),
            progress=progress,
        )
        tasks = experiment.draw(n_train, n_test, options.seed).test
        losses = experiment.test_losses(weights, tasks, STEPS[method], device=options.device)
        step = np.array([visits])
        return Trajectory(
            {
                "weights": Series(step, weights[None]),
                "test_losses": Series(step, losses[None], "runs"),
            }
        )

    return Job(name, visits, arguments, SOURCES, compute, done=lambda t: _state(t).step)


def _nudged(weights: np.ndarray, perturbation: int | None) -> np.ndarray:
    return weights if perturbation is None else port.nudged(weights, perturbation)


def _checkpoint(state: State) -> Trajectory:
    arrays = {"weights": state.weights, "m": state.m, "v": state.v}
    return Trajectory({n: Series(np.array([state.step]), a[None]) for n, a in arrays.items()})


def _state(so_far: Trajectory) -> State:
    parts = {name: so_far[name].values[0] for name in ("weights", "m", "v")}
    return State(int(so_far["weights"].steps[0]), **parts)


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


def _notebook(options: Options) -> Job:
    case = recorded.SINGLE_RUNS[recorded.NOTEBOOK]
    arguments = {"epochs": case.epochs, "device": options.device, "engine": "eager"}
    return Job(
        case.name,
        case.epochs,
        arguments,
        (*SOURCES, *sources_of(port, flux)),
        lambda so_far, keep, tick: port.run(case, device=options.device, tick=lambda: tick(1)),
    )


SMALL = Run("ecoffet_notebook_small", _notebook)


# What the figures plot


def waves(*names: str) -> Callable[[Runs], Trajectory]:
    """Data of the figures that show tasks only."""

    def data(runs: Runs) -> Trajectory:
        arrays = experiment.waves(runs.options.seed)
        return plotted(draw={"x": arrays["x"]}, results={n: arrays[n] for n in names})

    return data


def tuned(run: Run, *, one_sided: bool = False, lr: float = 0.01) -> Callable[[Runs], Trajectory]:
    """Data of a figure with one task: the first test task, or the one-sided one."""

    def data(runs: Runs) -> Trajectory:
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


def curves(steps: int, models: Mapping[str, int]) -> Callable[[Runs], Trajectory]:
    """Data of a learning curve.

    Args:
        steps: the last step shown.
        models: how many models of which of ``METHODS``.
    """

    def data(runs: Runs) -> Trajectory:
        losses = {n: runs[METHODS[n]]["test_losses"].values[0][:m] for n, m in models.items()}
        found = {n: experiment.learning_curve(v[..., : steps + 1]) for n, v in losses.items()}
        return plotted(runs=found)

    return data


def expansions(runs: Runs) -> Trajectory:
    return plotted(draw={"rates": RATES}, results=theory.expansion(RATES.tolist()))


# How close the runs come to the original


def parity(*methods: str) -> tuple[Callable[[Runs], Finding], ...]:
    """Of the notebook's small run, which is recorded; the full-size ones are not."""
    return tuple(check for m in methods for check in (_full_size(m), _small(m)))


def _small(method: str) -> Callable[[Runs], Finding]:
    wanted = {f"{method}_{quantity}" for quantity in ("init", "weights", "test_losses")}

    def check(runs: Runs) -> Finding:
        case = recorded.SINGLE_RUNS[recorded.NOTEBOOK]
        found = runs[SMALL]
        drawn = {n for n, s in found.series.items() if s.kind == "draw"}
        part = Part((wanted | drawn).__contains__)
        port = Trajectory({n: found[n] for n in wanted | drawn})
        scope = f" over {method} with 500 training and 20 test tasks"
        return finding(SMALL, case, part, port, scope)

    return check


def _full_size(method: str) -> Callable[[Runs], Finding]:
    return lambda runs: not_run(METHODS[method], "a run of this size is not recorded")
