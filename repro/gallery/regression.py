"""A gallery drawn anew against a committed one: the arrays first, the pictures second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from repro.checks import (
    PERTURBATIONS,
    Envelope,
    NothingToCompare,
    Report,
    Verdict,
    compare,
    measure,
)
from repro.gallery.figure import Figure, folder
from repro.gallery.image import Likeness, alike
from repro.gallery.manifest import Entry
from repro.gallery.runs import Options, Runs, Watch, unwatched
from repro.run import Provenance, Run, RunError
from repro.run.store import Store

ENVELOPES = folder() / "envelopes"
MEASURE = "repro figures-envelope --only"


@dataclass(frozen=True)
class Regression:
    """How a figure drawn anew compares with the committed one; true when it is the same.

    Attributes:
        name: the figure.
        verdict: over the arrays, and over the pictures where the arrays agree.
        report: the arrays, where they could be compared.
        picture: the pictures, where they were.
        reason: why it is no pass.
    """

    name: str
    verdict: Verdict
    report: Report | None = None
    picture: Likeness | None = None
    reason: str | None = None

    def __bool__(self) -> bool:
        return bool(self.verdict)


def check_figure(
    figure: Figure, entry: Entry, committed: Path, fresh: Path, envelopes: Path = ENVELOPES
) -> Regression:
    """Compare a figure's files in two folders.

    Args:
        figure: which.
        entry: what the committed gallery says of it.
        committed, fresh: the folders.
        envelopes: where the tolerances of figures with runs behind them are.
    """
    name = figure.name
    try:
        reference, found = (Run.load(at / f"{name}.npz") for at in (committed, fresh))
        report = None
        if reference.quantities or found.quantities:  # pseudocode is drawn of nothing
            allowed = envelope(name, entry, reference, envelopes).tolerance
            report = compare(reference, found, allowed)
    except NoEnvelope as error:
        return Regression(name, Verdict.NOT_RUN, reason=str(error))
    except (RunError, NothingToCompare) as error:
        return Regression(name, Verdict.ERROR, reason=str(error))
    verdict = Verdict.PASS if report is None else report.verdict
    if report is not None and not report:
        return Regression(name, verdict, report, reason=_data_reason(report))
    picture = alike(committed / f"{name}.png", fresh / f"{name}.png")
    if not picture:
        return Regression(name, Verdict.FAIL, report, picture, _picture_reason(picture))
    return Regression(name, verdict, report, picture)


class NoEnvelope(RunError):
    """No tolerances have been measured for a figure as it was drawn."""


def envelope(name: str, entry: Entry, reference: Run, folder: Path) -> Envelope:
    """The tolerances of a figure's arrays.

    A figure with no run behind it has nothing through which a last-bit difference could grow,
    and runs of the exact engine are the same bits on every machine: where nothing was measured
    these are allowed what every quantity is, some units in the last place.

    Raises:
        NoEnvelope: there are other runs, and nothing measured for this seed and length.
    """
    path = folder / f"{name}.npz"
    exact = all(run["engine"] == "exact" for run in entry["runs"].values())
    if not entry["runs"] or (exact and not path.exists()):
        return measure(lambda perturbation: reference, [0])
    if not path.exists():
        raise NoEnvelope(f"its tolerances have not been measured: run `{MEASURE} {name}`")
    found = Envelope.load(path)
    made_by = found.provenance.as_dict()
    made_with = {key: made_by.get(key) for key in ("seed", "iterations")}
    if made_with != {key: entry[key] for key in made_with}:
        raise NoEnvelope(f"its tolerances are those of {made_with}: run `{MEASURE} {name}`")
    return found


def measure_envelope(
    figure: Figure,
    options: Options,
    store: Store,
    perturbations: Sequence[int] = PERTURBATIONS,
    watch: Watch = unwatched,
) -> Envelope:
    """How far a last-bit perturbation of the initial weights carries into a figure's arrays.

    Args:
        figure: which.
        options: of the runs; their perturbation is set here.
        store: keeps the runs.
        perturbations: seeds of the perturbations.
        watch: shows the runs' progress.
    """

    def run(perturbation: int | None) -> Run:
        runs = Runs(replace(options, perturbation=perturbation), store, watch)
        made_by = {"seed": options.seed, "iterations": options.iterations}
        return replace(figure.data(runs), provenance=Provenance("figure", details=made_by))

    return measure(run, perturbations)


def _data_reason(report: Report) -> str:
    worst = report.worst
    if report.verdict is Verdict.UNDECIDED:
        dull = [c.name for c in report.comparisons if c.verdict is Verdict.UNDECIDED]
        return (
            f"rounding alone moves most of {', '.join(dull)} by as much as it is, so that no "
            "fault could be seen in it: draw an earlier part, which can be held"
        )
    if worst.problem is not None:
        return f"{worst.name}: {worst.problem}"
    return f"{worst.name} is {worst.worst_ratio:.3g} times as far off as its tolerance allows"


def _picture_reason(picture: Likeness) -> str:
    if picture.problem is not None:
        return f"its picture {picture.problem}"
    return f"its picture looks different: {picture.ratio:.3g} times what is allowed"
