"""Recording, checking and accepting: the commands' work, without their words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from repro.cases import RECORDS, Case, Tick
from repro.drift.baseline import INDEX, Baseline, DriftError, alone, load, write
from repro.drift.grade import Drift, drift
from repro.drift.summary import environment_digest
from repro.drift.taken import Taken, take
from repro.run.settings import settings
from repro.sides import recorded
from repro.sides.choosing import recorded_cases
from repro.sides.port import Port


@dataclass(frozen=True)
class Held:
    """A case: what it computes here, and what that is beside the baseline."""

    case: Case
    now: Taken
    drift: Drift


def record(folder: Path, asked: Sequence[str], tick: Tick = lambda n: None) -> Baseline:
    """Keep what this environment computes.

    Args:
        folder: of the baseline; there must be none yet.
        asked: functions or recordings; the default suite where empty.
        tick: called as ``tick(n)`` after n more iterations.

    Raises:
        DriftError: there is a baseline already, the folder was forgotten, or a run broke off.
    """
    if str(folder) in {*RECORDS, *recorded.names()} and not folder.exists():
        raise DriftError(
            f"{folder} is a case: name the folder before it, repro drift record DIR {folder}"
        )
    with alone(folder):
        if (folder / INDEX).exists():
            raise DriftError(
                f"{folder} holds a baseline: check it (repro drift check {folder}), accept what "
                "differs (repro drift accept), or name another folder"
            )
        taken = [(case, _whole(case, tick)) for case in recorded_cases(asked)]
        write(folder, asked, taken, [_line("recorded", [])])
    return load(folder)


def _whole(case: Case, tick: Tick) -> Taken:
    found = take(case, Port(tick=tick))
    if found.run.broke_off is not None:
        raise DriftError(
            f"{case.name} broke off ({found.run.broke_off}): mend that, or name other cases"
        )
    return found


def opened(folder: Path, asked: Sequence[str] | None = None) -> Baseline:
    """A baseline of these very cases; of its own words where none are given.

    Raises:
        DriftError: it cannot be used: :func:`repro.drift.baseline.load`, or it has other cases.
    """
    found = load(folder)
    found.refuse_others(recorded_cases(asked or found.asked))
    return found


def held(baseline: Baseline, tick: Tick = lambda n: None) -> Iterator[Held]:
    """Compute every case here, and hold it against the baseline."""
    for case in baseline.cases:
        then, now = baseline.taken(case), take(case, Port(tick=tick))
        yield Held(case, now, drift(case, then, now))


def accept(baseline: Baseline, found: Sequence[Held], because: str) -> None:
    """Put what was computed here in the baseline's place; its history says when, and why.

    Raises:
        DriftError: no reason is given, something broke off, or the control has other bits: that
            is no change to be accepted.
    """
    if not because.strip():
        raise DriftError("say why it is accepted: --because 'torch 2.13 sums in another order'")
    for one in found:
        if one.drift.control or one.now.run.broke_off is not None:
            raise DriftError(f"{one.case.name} cannot be accepted: {one.drift.where}")
    line = _line(because, [one.drift for one in found])
    with alone(baseline.folder):
        if load(baseline.folder) != baseline:
            raise DriftError(f"{baseline.folder} has changed meanwhile: check it again")
        pairs = [(one.case, one.now) for one in found]
        write(baseline.folder, baseline.asked, pairs, [*baseline.history, line])


def _line(because: str, drifts: Sequence[Drift]) -> dict[str, object]:
    return {
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "because": because,
        "environment": environment_digest(settings()),
        "grades": {d.case.name: f"{d.grade}: {d.where}" for d in drifts},
    }
