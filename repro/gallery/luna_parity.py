"""What parity has to say about the runs behind the first post's figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from repro.cases import Case
from repro.cases.case import AT_THE_END
from repro.cases.luna import evaluated
from repro.checks import Check, Verdict, check
from repro.gallery.runs import Finding, Runs, Training
from repro.luna import Evaluation
from repro.reports.outcome import floor_percent, largest
from repro.run import Kind, Run, RunError
from repro.sides import recorded
from repro.sides.recorded import Recorded

ZOO, UNTRAINED = "zoo_script_seed0", "eval_model_untrained_seed0"


def untrained(runs: Runs, training: Training, tuned: Evaluation) -> Finding:
    """The new model, fine-tuned on ten points, against the recording of just that."""
    seed = runs.options.seed
    if seed != 0:
        return not_run(training, f"an untrained model is recorded for seed 0 only, not for {seed}")
    case = recorded.load(UNTRAINED).case
    port = Run(evaluated("lr002", partial(getattr, tuned), step=0))
    scope = " over the fine-tuning on ten points"
    return finding(training, case, port, [*port.quantities], scope)


def transfer(runs: Runs, training: Training) -> Finding:
    """The run's first 5,000 iterations against a recording of as many."""
    seed, epochs = runs.options.seed, _epochs(runs, training)
    name = f"transfer_learn_seed{seed}_long"
    if name not in recorded.names():
        reason = f"transfer learning is recorded for seeds 0, 1 and 42, not for {seed}"
        return not_run(training, reason)
    if epochs < 250:
        return not_run(training, "nothing is recorded before iteration 250")
    case = recorded.load(name).case.upto(epochs)
    rest = f"; NOT_RUN for the {epochs - case.epochs:,} after those, which are not recorded"
    scope = f" over the first {case.epochs:,} iterations" + (rest if epochs > case.epochs else "")
    found = runs[training].upto(case.epochs)
    there = Recorded().run(case).quantities
    names = [n for n in there if n in found.quantities and n != AT_THE_END]
    return finding(training, case, found, names, scope)


def zoo(
    runs: Runs, training: Training, name: str, evaluate: Callable[[Runs], Evaluation]
) -> Finding:
    """Training and one evaluation, ``"10x32"`` or ``"5x10"``, against the model zoo's script."""
    seed, epochs = runs.options.seed, _epochs(runs, training)
    if seed != 0:
        reason = f"the model zoo's script is recorded for seed 0 only, not for {seed}"
        return not_run(training, reason)
    if epochs < 1000:
        return not_run(training, "nothing is recorded before iteration 1,000")
    case = recorded.load(ZOO).case.upto(epochs)
    port = {f"{training.name}_eval_test_losses": runs[training]["test_losses"]}
    scope = f" over the evaluations of the first {case.epochs:,} iterations"
    if epochs == 50_000:
        port[f"{training.name}_weights"] = runs[training]["final_weights"]
        result = evaluate(runs)
        port |= evaluated(f"{training.name}_{name}", partial(getattr, result), step=epochs)
        scope = f" over all {epochs:,} iterations and this evaluation"
    return finding(training, case, Run(port), [*port], scope)


def _epochs(runs: Runs, training: Training) -> int:
    return runs[training].provenance.epochs or 0


def not_run(training: Training, reason: str) -> Finding:
    return Finding(training.name, Verdict.NOT_RUN, f"{reason}; `repro parity` has the rest")


def finding(training: Training, case: Case, port: Run, names: Sequence[str], scope: str) -> Finding:
    """Hold some quantities of a run against their recording."""
    try:
        rule = Recorded().rule(case)
    except RunError as error:
        return Finding(training.name, Verdict.NOT_RUN, str(error))
    result = check(Recorded().run(case), port, tolerance=rule, names=names)
    return Finding(training.name, result.verdict, sentence(case.name, result, scope))


def sentence(name: str, result: Check, scope: str) -> str:
    """How close to what is called so, in one sentence."""
    own = result.own
    if own is None or own.report is None:
        return f"{name}{scope}: {result.message}"
    report, worst = own.report, own.report.worst
    parts = [
        f"{name}{scope}: {floor_percent(report.bit_equal)} % of "
        f"{sum(c.count * len(c.steps) for c in report.comparisons):,} numbers equal bit for bit"
    ]
    weights = largest(own, Kind.STATE)
    if weights is not None:
        parts.append(f"largest weight difference {weights:.1e}")
    if worst.problem is not None:
        parts.append(f"{worst.name}: {worst.problem}")
    else:
        parts.append(f"worst error / tolerance {worst.worst_ratio:.2f} ({worst.name})")
    return "; ".join(parts)


def recording(runs: Runs, name: str) -> Run | None:
    """A recording made with the seed of these runs, which must be 0."""
    return recorded.load(name).run() if runs.options.seed == 0 else None


def zoo_recording(runs: Runs) -> Run | None:
    """The zoo script's recording, where these runs are as long as it."""
    return recording(runs, ZOO) if runs.options.iterations in (None, 50_000) else None


def predictions(found: Run, prefix: str) -> dict[str, np.ndarray]:
    names = ("initial_predictions", "final_predictions")
    return {name: found[f"{prefix}_{name}"].values[0] for name in names}
