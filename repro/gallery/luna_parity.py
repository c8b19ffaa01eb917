"""What parity has to say about the runs behind the first post's figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from repro.case import Case
from repro.gallery.runs import Finding, Run, Runs
from repro.luna import Evaluation
from repro.checks import Envelope, Verdict
from repro.port import evaluation_series
from repro.sides import recorded
from repro.reports.rows import floor_percent
from repro.suite import Recorded, Result, check
from repro.run import Trajectory, RunError

ZOO, UNTRAINED = "zoo_script_seed0", "eval_model_untrained_seed0"


@dataclass
class Part:
    """The recorded quantities whose names a predicate accepts, as a reference of their own."""

    wanted: Callable[[str], bool]
    name: str = "recorded"

    def trajectory(self, case: Case) -> Trajectory:
        whole = Recorded().trajectory(case)
        series = {name: s for name, s in whole.series.items() if self.wanted(name)}
        return Trajectory(series, whole.provenance)

    def envelope(self, case: Case) -> Envelope:
        try:
            return Recorded().envelope(case)
        except RunError:
            raise NoTolerances(
                f"the tolerances of {case.name} are not there: measure them with "
                f"`repro envelope {case.name}`"
            ) from None


class NoTolerances(RunError):
    """The recording is there, but nothing says how close a port has to come to it."""


def untrained(runs: Runs, run: Run, tuned: Evaluation) -> Finding:
    """The new model, fine-tuned on ten points, against the recording of just that."""
    seed = runs.options.seed
    if seed != 0:
        return not_run(run, f"an untrained model is recorded for seed 0 only, not for {seed}")
    case = recorded.load(UNTRAINED).case
    reference = Part(lambda name: name.startswith("lr002_"))
    port = Trajectory(evaluation_series(tuned, "lr002", step=0))
    return finding(run, case, reference, port, " over the fine-tuning on ten points")


def transfer(runs: Runs, run: Run) -> Finding:
    """The run's first 5,000 iterations against a recording of as many."""
    seed, epochs = runs.options.seed, runs[run].provenance["epochs"]
    name = f"transfer_learn_seed{seed}_long"
    if name not in recorded.names():
        return not_run(run, f"transfer learning is recorded for seeds 0, 1 and 42, not for {seed}")
    if epochs < 250:
        return not_run(run, "nothing is recorded before iteration 250")
    case = recorded.load(name).case.upto(epochs)
    rest = f"; NOT_RUN for the {epochs - case.epochs:,} after those, which are not recorded"
    scope = f" over the first {case.epochs:,} iterations" + (rest if epochs > case.epochs else "")
    return finding(run, case, Part(lambda name: True), runs[run], scope)


def zoo(runs: Runs, run: Run, name: str, evaluate: Callable[[Runs], Evaluation]) -> Finding:
    """Training and one evaluation, ``"10x32"`` or ``"5x10"``, against the model zoo's script."""
    seed, epochs = runs.options.seed, runs[run].provenance["epochs"]
    if seed != 0:
        return not_run(run, f"the model zoo's script is recorded for seed 0 only, not for {seed}")
    if epochs < 1000:
        return not_run(run, "nothing is recorded before iteration 1,000")
    case = recorded.load(ZOO).case.upto(epochs)
    losses = f"{run.name}_eval_test_losses"
    port = {losses: runs[run]["test_losses"]}
    if epochs != 50_000:
        scope = f" over the evaluations of the first {case.epochs:,} iterations"
        return finding(run, case, Part(lambda q: q == losses), Trajectory(port), scope)
    port[f"{run.name}_weights"] = runs[run]["now_weights"]
    port |= evaluation_series(evaluate(runs), f"{run.name}_{name}", step=epochs)
    scope = f" over all {epochs:,} iterations and this evaluation"
    return finding(run, case, Part(port.__contains__), Trajectory(port), scope)


def not_run(run: Run, reason: str) -> Finding:
    return Finding(run.name, Verdict.NOT_RUN, f"{reason}; `repro parity` has the rest")


def finding(run: Run, case: Case, reference: Part, port: Trajectory, scope: str) -> Finding:
    try:
        result = check(case, reference, run=lambda *args, **kwargs: port)
    except NoTolerances as error:
        return Finding(run.name, Verdict.NOT_RUN, str(error))
    return Finding(run.name, result.verdict, sentence(result, scope))


def sentence(result: Result, scope: str) -> str:
    """How close, in one sentence."""
    if result.report is None:
        return f"{result.case.name}{scope}: {result.reason}"
    report, worst = result.report, result.report.worst
    weights = [c.absolute.max() for c in report.comparisons if c.name.endswith("weights")]
    parts = [
        f"{result.case.name}{scope}: {floor_percent(report.bit_equal)} % of "
        f"{sum(c.count * len(c.steps) for c in report.comparisons):,} numbers equal bit for bit"
    ]
    if weights:
        parts.append(f"largest weight difference {np.max(weights):.1e}")
    if worst.problem is not None:
        parts.append(f"{worst.name}: {worst.problem}")
    else:
        parts.append(f"at most {worst.worst_ratio:.2f} of the tolerance ({worst.name})")
    return "; ".join(parts)


def recording(runs: Runs, name: str) -> Trajectory | None:
    """A recording made with the seed of these runs, which must be 0."""
    return recorded.load(name).trajectory if runs.options.seed == 0 else None


def zoo_recording(runs: Runs) -> Trajectory | None:
    """The zoo script's recording, where these runs are as long as it."""
    return recording(runs, ZOO) if runs.options.iterations in (None, 50_000) else None


def predictions(found: Trajectory, prefix: str) -> dict[str, np.ndarray]:
    names = ("initial_predictions", "final_predictions")
    return {name: found[f"{prefix}_{name}"].values[0] for name in names}
