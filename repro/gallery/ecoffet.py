"""The second post's runs, and the arrays that its figures plot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import ceil
from pathlib import Path

import numpy as np

from repro import ecoffet, engine
from repro.cases import ecoffet as ecoffet_case
from repro.cases.ecoffet import AGAIN
from repro.checks import Verdict, check, nudged
from repro.ecoffet import batched, experiment, theory, waypoints
from repro.ecoffet.waypoints import AFTER, FOLLOWED, WEIGHTS
from repro.gallery.claims import columns
from repro.gallery.figure import plotted
from repro.gallery.improvement import Proportion
from repro.gallery.jobs import Job, Tick, sources_of
from repro.gallery.luna_parity import finding, not_run, sentence
from repro.gallery.runs import Finding, Options, Runs, Training
from repro.gallery.training import engine_for
from repro.jang.pictures import QUANTILES
from repro.run import Kind, Quantity, Run, RunError
from repro.sides import full_size, recorded
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


def _run(
    method: str, peculiar: bool = True, models: int = experiment.MODELS, steps: int | None = None
) -> Training:
    """Networks of a method, and their losses over so many steps, by default those of STEPS."""
    name = f"ecoffet_{method}" + ("" if peculiar else "_published")
    name += "" if models == experiment.MODELS else f"_{models}"
    steps = STEPS[method] if steps is None else steps
    return Training(name, lambda options: _job(name, method, peculiar, models, steps, options))


def _job(name: str, method: str, peculiar: bool, models: int, steps: int, options: Options) -> Job:
    n_train, n_test = sizes(options)
    chosen = engine_for(options, tuple(TRAINERS), ("eager",))
    visits = {"random": 0, "transfer": n_train}.get(method, n_train * experiment.EPOCHS)
    arguments = {
        "method": method,
        "peculiar": peculiar,
        "models": models,
        "steps": steps,
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
            models=1 if method == "random" else models,
            seed=options.seed,
            peculiar=peculiar,
            by=by,
            device=options.device,
            prepare=lambda w: _nudged(w, options.perturbation),
            progress=tick,
        )
        tasks = experiment.draw(n_train, n_test, options.seed).test
        losses = experiment.test_losses(weights, tasks, steps, by=by, device=options.device)
        return Run(
            {
                "weights": Quantity.once(weights, Kind.STATE, visits),
                "test_losses": Quantity.once(losses, Kind.ROWS, visits),
            }
        )

    parts = ceil(models / experiment.AT_ONCE)
    return Job(name, visits * parts, arguments, SOURCES, compute)


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


NETWORKS, AFTER_STEPS = 64, 10
MANY = {
    method: _run(method, models=NETWORKS, steps=AFTER_STEPS)
    for method in ("maml", "maml_first_order")
}
"""As many networks as it takes to see how much five tell; the first five are the figures' own."""

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


DRAWINGS = 100_000


def networks(runs: Runs) -> Run:
    """Data of many networks of each kind.

    ``fifth`` (), a fifth of the untrained loss after ``AFTER_STEPS`` steps; and for each method
    its networks' mean test losses ``NAME_networks`` (networks, steps + 1), their quartiles
    ``NAME_low``, ``NAME_median``, ``NAME_high`` (steps + 1,); how many networks end below the
    fifth, ``NAME_wins`` of ``NAME_pairs`` with the interval ``NAME_win_low`` to ``NAME_win_high``
    of that share; and ``NAME_five``, the share of sets of five networks whose mean does.
    """
    untrained = runs[RANDOM]["test_losses"].values[0][0].astype(np.float64).mean(axis=0)
    fifth = untrained[AFTER_STEPS] / 5
    found: dict[str, np.ndarray] = {"fifth": np.array(fifth)}
    for name, run in MANY.items():
        losses = runs[run]["test_losses"].values[0].astype(np.float64).mean(axis=1)
        found[f"{name}_networks"] = losses
        found |= {f"{name}_{part}": v for part, v in counted(losses, fifth).items()}
    return plotted(results=found)


def counted(losses: np.ndarray, fifth: float) -> dict[str, np.ndarray]:
    """All but the networks themselves, from their losses (networks, steps + 1)."""
    ends = losses[:, -1]
    below = columns([Proportion(int((ends < fifth).sum()), len(ends))])
    return {
        **{part: np.asarray(np.quantile(losses, q, axis=0)) for part, q in QUANTILES.items()},
        **{part: values[0] for part, values in below.items()},
        "five": np.asarray((means_of_five(ends) < fifth).mean()),
    }


def means_of_five(values: np.ndarray) -> np.ndarray:
    """(DRAWINGS,) means of five different ones, drawn from a fixed seed."""
    rng = np.random.default_rng(0)
    drawn = rng.random((DRAWINGS, len(values))).argpartition(5, axis=1)[:, :5]
    return np.asarray(values[drawn].mean(axis=1))


def expansions(runs: Runs) -> Run:
    return plotted(draw={"rates": RATES}, results=theory.expansion(RATES.tolist()))


# How close the runs come to the original


def parity(*methods: str) -> tuple[Callable[[Runs], Finding], ...]:
    """At full size as far as the port's waypoints go; small against the notebook's own run."""
    return tuple(
        held
        for m in methods
        for held in (_untrained if m == "random" else _full_size(m), _small(m))
    )


def _small(method: str) -> Callable[[Runs], Finding]:
    wanted = {f"{method}_{quantity}" for quantity in ("init", "weights", "test_losses")}

    def check(runs: Runs) -> Finding:
        case = recorded.load(NOTEBOOK).case
        found = runs[SMALL]
        drawn = {n for n, q in found.quantities.items() if q.kind is Kind.DRAW}
        scope = f" over {method} with 500 training and 20 test tasks"
        return finding(SMALL, case, found, sorted(wanted & {*found.quantities} | drawn), scope)

    return check


def _untrained(runs: Runs) -> Finding:
    """Nothing is trained, so that the small run's network is the one of any size."""
    if runs.options.seed != 0:
        return not_run(RANDOM, "the notebook is recorded for seed 0 only")
    weights = Quantity.once(runs[RANDOM]["weights"].values[0][0], Kind.RESULT)
    scope = " over the untrained network, the same at any size"
    found = Run({AGAIN: weights})
    return finding(RANDOM, recorded.load(NOTEBOOK).case, found, [AGAIN], scope)


def _again(method: str) -> Training:
    """Training from each of the eager port's waypoints on, by what trains the figures' runs."""
    name = f"ecoffet_{method}_from_waypoints"

    def job(options: Options) -> Job:
        reference = full_size.load(method)
        tasks = FOLLOWED * len(reference[AFTER].steps)
        chosen = engine_for(options, tuple(TRAINERS), ("eager",))
        arguments = {
            "method": method,
            "epochs": tasks,
            "device": options.device,
            "engine": chosen,
            "recording": recorded.file_sha256(full_size.path_of(method)),
        }

        def compute(tick: Tick) -> Run:
            return waypoints.begun_again(
                method, reference, by=TRAINERS[chosen], device=options.device, progress=tick
            )

        return Job(name, tasks, arguments, SOURCES, compute)

    return Training(name, job)


FROM_WAYPOINTS = {method: _again(method) for method in waypoints.METHODS}


def _full_size(method: str) -> Callable[[Runs], Finding]:
    again = FROM_WAYPOINTS[method]

    def check_full_size(runs: Runs) -> Finding:
        if runs.options.seed != 0 or runs.options.iterations is not None:
            reason = "at full size seed 0 is recorded, and the post's number of tasks"
            return not_run(METHODS[method], reason)
        try:
            reference, found = full_size.load(method), runs[again]
            rule = full_size.rule(method)
        except RunError as error:
            return Finding(again.name, Verdict.NOT_RUN, str(error))
        after = reference[AFTER]
        result = check(Run({AFTER: after}), found, tolerance=rule)
        scope = (
            f" at full size ({reference[WEIGHTS].steps[-1]:,} tasks) by the eager port, which "
            "stands for the notebook as far as it equals it bit for bit (over the small run); "
            f"begun again at {len(after.steps)} places for {FOLLOWED} tasks each"
        )
        return Finding(again.name, result.verdict, sentence(method, result, scope))

    return check_full_size
