"""The first post's closing claims: how often each holds in pairs of the same seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from repro.gallery.claim_runs import ITERATIONS, RATES, Variant, training
from repro.gallery.figure import plotted
from repro.gallery.improvement import (
    Proportion,
    improvement,
    interquartile_interval,
    interquartile_mean,
)
from repro.gallery.runs import Runs
from repro.run import Run

_BRIEF = 1000
"""Iterations that show whether a rate diverges."""

DIVERGING = {"fomaml": "meta", "reptile": "inner"}
"""The optimiser whose rate is raised until training diverges."""

DIVERGING_RATES = (0.02, 0.04, 0.08, 0.16)
_BOTH = ("fomaml", "reptile")

VARIANTS = {
    "untrained": Variant("fomaml", iterations=0),
    "transfer": Variant("transfer_learn"),
    "fomaml": Variant("fomaml"),
    "reptile": Variant("reptile"),
    "reptile_as_many_tasks": Variant("reptile", iterations=3 * ITERATIONS),
    "fomaml_inner_001": Variant("fomaml", {"inner_opt": "Descent(0.01)"}),
    "reptile_inner_001": Variant("reptile", {"inner_opt": "Descent(0.01)"}),
    "fomaml_relu": Variant("fomaml", activation="relu"),
    "reptile_relu": Variant("reptile", activation="relu"),
    **{f"{f}_{s}": Variant(f, start=s) for f in _BOTH
       for s in ("glorot", "glorot_first", "glorot_rest")},
    "fomaml_meta_adam": Variant("fomaml", {"meta_opt": "ADAM(0.001)"}),
    "fomaml_meta_adam_001": Variant("fomaml", {"meta_opt": "ADAM(0.01)"}),
    "reptile_meta_adam_01": Variant("reptile", {"meta_opt": "ADAM(0.1)"}),
    "reptile_inner_adam": Variant("reptile", {"inner_opt": "ADAM(0.001)"}),
    "reptile_inner_adam_002": Variant("reptile", {"inner_opt": "ADAM(0.02)"}),
    **{f"{f}_{s}_{opt}_{rate}": Variant(f, {f"{opt}_opt": f"Descent({rate})"}, s, iterations=_BRIEF)
       for f, opt in DIVERGING.items() for rate in DIVERGING_RATES for s in ("linear", "glorot")},
}  # fmt: skip
"""Everything that is trained."""

_WORDS = {
    "inner_001": "inner rate 0.01",
    "relu": "relu",
    "glorot": "glorot in all layers",
    "glorot_first": "glorot in the first layer",
    "glorot_rest": "glorot in the others",
    "meta_adam": "meta ADAM(0.001)",
    "meta_adam_001": "meta ADAM(0.01)",
    "meta_adam_01": "meta ADAM(0.1)",
    "inner_adam": "inner ADAM(0.001)",
    "inner_adam_002": "inner ADAM(0.02)",
}
LABELS = {
    "untrained": "untrained",
    "transfer": "transfer learning",
    "fomaml": "FOMAML",
    "reptile": "Reptile",
    "reptile_as_many_tasks": "Reptile, as many tasks",
    **{f"fomaml_{name}": f"FOMAML, {words}" for name, words in _WORDS.items()},
    **{f"reptile_{name}": f"Reptile, {words}" for name, words in _WORDS.items()},
}
"""The variants in words."""

RUNS = {name: training(name, variant) for name, variant in VARIANTS.items()}


@dataclass(frozen=True)
class Measure:
    """A number for each network, of which less is better.

    Attributes:
        name: what it is, with what it is of.
        of: (seeds,) from a run's arrays.
    """

    name: str
    of: Callable[[Run], np.ndarray]


def log_losses(run: Run, rate: int = 0) -> np.ndarray:
    """(seeds, updates + 1): of each network the mean over the tasks of the log test loss."""
    return np.asarray(np.log(run["test_losses"].values[0][rate].astype(np.float64)).mean(axis=1))


def log_roughness(run: Run) -> np.ndarray:
    """(seeds,): the mean log over the tasks. Where no prediction bends, a network whose training
    stopped has lost, infinite; one that is straight is as smooth as can be, minus infinite."""
    values = run["roughness"].values[0]
    known = np.isfinite(values)
    total = np.log(np.where(known, values, 1)).sum(axis=1)
    count = known.sum(axis=1)
    straight = np.where(run["stopped"].values[0] != 0, np.inf, -np.inf)
    return np.where(count > 0, total / np.maximum(count, 1), straight)


_OWN = RATES.index(0.01)
LOSS = Measure("loss", lambda run: log_losses(run)[:, -1])
OWN_RATE = Measure("loss, each at its own rate", lambda run: log_losses(run, _OWN)[:, -1])
ROUGHNESS = Measure("roughness", log_roughness)


@dataclass(frozen=True)
class Pairing:
    """Two variants side by side, of which the first is claimed to be better.

    Attributes:
        better, worse: of ``VARIANTS``.
        measure: by what; OWN_RATE is that of the second alone.
    """

    better: str
    worse: str
    measure: Measure = LOSS

    @property
    def words(self) -> str:
        """The claim: who is over whom, and by what."""
        return f"{LABELS[self.better]} over {LABELS[self.worse]}: {self.measure.name}"

    def values(self, runs: Runs) -> tuple[np.ndarray, np.ndarray]:
        """(seeds,) each: the two numbers of every pair."""
        first = LOSS if self.measure is OWN_RATE else self.measure
        return first.of(runs[RUNS[self.better]]), self.measure.of(runs[RUNS[self.worse]])


def _both(better: str, worse: str, measure: Measure = LOSS) -> tuple[Pairing, ...]:
    """The same of FOMAML and of Reptile; an empty name is the function as it is."""
    names = [[f"{f}{'_' if end else ''}{end}" for end in (better, worse)] for f in _BOTH]
    return tuple(Pairing(first, second, measure) for first, second in names)


PAIRINGS: Mapping[str, tuple[Pairing, ...]] = {
    "reptile": (Pairing("reptile", "fomaml"), Pairing("reptile_as_many_tasks", "fomaml"),
                *(Pairing(f, other) for other in ("transfer", "untrained") for f in _BOTH)),
    "adam": tuple(Pairing(name.split("_")[0], name) for name in VARIANTS if "adam" in name),
    "rate": (*_both("", "inner_001"), *_both("", "inner_001", OWN_RATE)),
    "relu": (*_both("", "relu"), *_both("", "relu", ROUGHNESS)),
    "glorot": (*_both("", "glorot"), *_both("", "glorot_first"), *_both("", "glorot_rest"),
               *_both("glorot_rest", "glorot_first")),
}  # fmt: skip
"""The pairs behind each claim but the last, which is a rate."""


def paired(name: str) -> Callable[[Runs], Run]:
    """Data of a claim's figure.

    For each variant its networks' log losses ``NAME_networks`` (seeds, updates + 1), and over the
    networks the interquartile mean and quartiles of the loss, ``NAME_middle``, ``NAME_low``,
    ``NAME_high`` (updates + 1,). For each pairing the two numbers of every pair ``values``
    (pairings, 2, seeds), ``wins`` of so many ``pairs`` with the interval ``win_low`` to
    ``win_high``, and the ratio of the two: ``ratio``, ``ratio_low``, ``ratio_high``.
    """
    pairings = PAIRINGS[name]
    variants = dict.fromkeys(v for p in pairings for v in (p.better, p.worse))

    def data(runs: Runs) -> Run:
        found: dict[str, np.ndarray] = {}
        for variant in variants:
            found |= curves(variant, log_losses(runs[RUNS[variant]]))
        values = np.array([pairing.values(runs) for pairing in pairings])
        return plotted(results={**found, "values": values, **verdicts(values)})

    return data


def curves(variant: str, networks: np.ndarray) -> dict[str, np.ndarray]:
    """A variant's arrays, from its networks' log losses (seeds, updates + 1)."""
    quartiles = np.quantile(networks, (0.25, 0.75), axis=0, method="inverted_cdf")
    middle = {"middle": interquartile_mean(networks), "low": quartiles[0], "high": quartiles[1]}
    return {
        f"{variant}_networks": networks,
        **{f"{variant}_{part}": np.exp(values) for part, values in middle.items()},
    }


def verdicts(values: np.ndarray) -> dict[str, np.ndarray]:
    """Of pairings (n, 2, seeds), log numbers, what the figure and the document say."""
    found = [improvement(*pair) for pair in values]
    ratios = [log_ratios(*pair) for pair in values]
    spread = [interquartile_interval(r) for r in ratios]
    return {
        **columns(found),
        "ratio": np.exp([float(interquartile_mean(r)) for r in ratios]),
        "ratio_low": np.exp([s.low for s in spread]),
        "ratio_high": np.exp([s.high for s in spread]),
    }


def log_ratios(better: np.ndarray, worse: np.ndarray) -> np.ndarray:
    """(seeds,): the first less the second; 0 where both diverged."""
    with np.errstate(invalid="ignore"):
        return np.where(better == worse, 0, better - worse)


def columns(found: list[Proportion]) -> dict[str, np.ndarray]:
    """Proportions as arrays (n,): ``wins`` of ``pairs``, their share in ``win_low`` to ``win_high``
    at ``LEVEL``."""
    return {
        "wins": np.array([float(p.wins) for p in found]),
        "pairs": np.array([float(p.pairs) for p in found]),
        "win_low": np.array([p.interval.low for p in found]),
        "win_high": np.array([p.interval.high for p in found]),
    }


def diverging(runs: Runs) -> Run:
    """How many trainings stop at an infinite or NaN loss, by function, start and rate.

    ``rates`` (n,), and for each function and start ``NAME_stopped`` (n, seeds) and ``NAME_wins``
    and the others of a proportion (n,).
    """
    found: dict[str, np.ndarray] = {}
    for f, opt in DIVERGING.items():
        for start in ("linear", "glorot"):
            names = [f"{f}_{start}_{opt}_{rate}" for rate in DIVERGING_RATES]
            stopped = np.array([runs[RUNS[n]]["stopped"].values[0] for n in names], float)
            counted = columns([Proportion(int(s.sum()), len(s)) for s in stopped])
            found[f"{f}_{start}_stopped"] = stopped
            found |= {f"{f}_{start}_{n}": values for n, values in counted.items()}
    return plotted(draw={"rates": np.array(DIVERGING_RATES)}, results=found)
