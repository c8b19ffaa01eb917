"""What came of a case, as table rows, sentences and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from repro.cases import Case, Record, record_of
from repro.checks import Check, Comparison, Pair, Report, Rounding, Row, Sharpness, Verdict, worst
from repro.run import Kind, Run

COLUMNS = (
    "case [iterations]",
    "verdict",
    "worst error / tolerance",
    "bits equal",
    "largest weight error",
    "first differing bit (not a failure)",
)
LEGEND = (
    "[iterations]: how many of the recording were compared. worst error / tolerance: above 1 is a "
    "failure; the quantity that comes nearest. @: in which iteration. -: there is none to compare."
)

SIDES = ("reference", "port")
OPERATIONS = ("operation", "numbers", "bits equal", "largest, ulp", "of its budget")
"""Then, of either side, the number where they are that many ulp apart."""


@dataclass(frozen=True)
class Named:
    """A check of someone's own, as reports call it: there is no record of it.

    Attributes:
        name: how tables and files call it.
        function: what was held, in a word.
        kwargs: what else is to be said of it.
    """

    name: str
    function: str = "check"
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    epochs: int = 0

    @property
    def label(self) -> str:
        return self.name


@dataclass(frozen=True)
class Outcome:
    """A case, by which engine, and its check; true when it passed."""

    case: Case | Named
    check: Check
    engine: str = "eager"

    def __bool__(self) -> bool:
        return bool(self.check)

    @property
    def verdict(self) -> Verdict:
        return self.check.verdict

    @property
    def label(self) -> str:
        """The case, its length, and the engine where it is not the port itself."""
        return self.case.label + ("" if self.engine == "eager" else f" {self.engine}")

    @property
    def record(self) -> Record | None:
        """All that is known of the case; None of someone's own."""
        return record_of(self.case) if isinstance(self.case, Case) else None

    @property
    def report(self) -> Report | None:
        """Of the port's own run."""
        return self.check.own.report if self.check.own is not None else None

    @property
    def seconds(self) -> float:
        """Wall time of the port's run."""
        own = self.check.own
        return (own.port.provenance.seconds or 0.0) if own is not None else 0.0


def exit_status(outcomes: Sequence[Outcome]) -> int:
    """0 where all passed, 2 where something could not run, else 1."""
    verdict = worst(outcome.verdict for outcome in outcomes)
    return 0 if verdict else 1 if verdict in (Verdict.FAIL, Verdict.UNDECIDED) else 2


def row(outcome: Outcome) -> tuple[str, ...]:
    """What :data:`COLUMNS` name."""
    report = outcome.report
    if report is None:
        reason = outcome.check.not_run or "-"
        return (outcome.label, str(outcome.verdict), "-", "-", "-", reason)
    closest = report.worst
    first = report.first_difference
    return (
        outcome.label,
        str(outcome.verdict),
        f"{_ratio(closest.worst_ratio)} {closest.name}" if closest.worst_ratio else "0",
        f"{floor_percent(report.bit_equal)} %",
        _weight_error(outcome.check.own),
        f"{first.name} @ {first.first_difference}" if first is not None else "none",
    )


def operation_row(kind: str, r: Rounding) -> tuple[str, ...]:
    """What :data:`OPERATIONS` and two sides' names name."""
    equal = f"{floor_percent(r.equal / r.values)} %" if r.values else "-"
    figures = (kind, str(r.values), equal, f"{r.ulp:.3g}", f"{r.budget_used:.2f}")
    return figures + (("-", "-") if r.apart is None else told_apart(*r.apart))


def told_apart(a: float, b: float) -> tuple[str, str]:
    """Two numbers with one digit more than tells them apart, 4 to 17."""
    pairs = ((f"{a:.{n}g}", f"{b:.{n}g}", n) for n in range(3, 17))
    digits = next((n + 1 for x, y, n in pairs if x != y), 17)
    return f"{a:.{digits}g}", f"{b:.{digits}g}"


def _ratio(value: float) -> str:
    """As messages have it, and with two decimals where those are read."""
    return f"{value:.2f}" if value < 100 else f"{value:.3g}"


def floor_percent(share: float) -> str:
    """Two decimals, rounded down: only all of it reads 100.00."""
    return f"{np.floor(share * 1e4) / 100:.2f}"


def largest(pair: Pair, kind: Kind) -> float | None:
    """The largest difference of quantities of a kind that both sides have."""
    there = pair.reference.quantities
    of_kind = [c for c in pair.comparisons if c.name in there and there[c.name].kind is kind]
    found = [c.absolute.max() for c in of_kind if c.problem is None and c.steps.any()]
    return float(max(found)) if found else None


def _weight_error(pair: Pair | None) -> str:
    error = largest(pair, Kind.STATE) if pair is not None else None
    return "-" if error is None else f"{error:.1e}"


def explain(outcome: Outcome) -> str:
    """Why a case is no pass, and what to do next."""
    return f"{outcome.label}: {outcome.check.message}"


def causes(outcomes: Iterable[Outcome]) -> list[list[Outcome]]:
    """What did not pass, put together by what is wrong: the same verdict, name and step of one
    function, whatever its seed and arguments, is one cause."""
    found: dict[tuple[str, str, str], list[Outcome]] = {}
    for outcome in outcomes:
        if not outcome:
            headline = outcome.check.message.partition("\n")[0]
            found.setdefault((outcome.case.function, outcome.engine, headline), []).append(outcome)
    return [*found.values()]


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Everything known about a case, as plain JSON values."""
    case, check = outcome.case, outcome.check
    first = check.first
    return {
        "case": case.name,
        "function": case.function,
        "seed": case.seed,
        "epochs": case.epochs,
        "arguments": dict(case.kwargs),
        "engine": outcome.engine,
        "verdict": str(outcome.verdict),
        "not_run": check.not_run,
        "message": check.message,
        "note": check.note,
        "first_wrong": None if first is None else {"step": first.step, "name": first.name},
        "given": {what: list(names) for what, names in check.given.items()},
        "accepted": dict(check.accepted),
        "table": [_row(found) for found in check.table],
        "seconds": round(outcome.seconds, 3),
        "bit_equal": outcome.report.bit_equal if outcome.report is not None else None,
        "pairs": [_pair(pair) for pair in check.pairs],
    }


def _row(found: Row) -> dict[str, Any]:
    return {**found.as_dict(), "worst_ratio": _plain(found.worst_ratio)}


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "way": str(pair.way),
        "verdict": str(pair.verdict),
        "problem": pair.problem,
        "rule": pair.rule,
        "perturbed_runs": None if pair.measured is None else pair.measured.runs,
        "moved": None if pair.measured is None else pair.measured.moves.as_dict(),
        "reference": _provenance(pair.reference),
        "port": _provenance(pair.port),
        "rounding": {kind: rounding_json(r) for kind, r in pair.rounding.items()},
        "quantities": [_quantity(c) for c in pair.comparisons] if not pair.rounding else [],
    }


def rounding_json(r: Rounding, sides: tuple[str, str] = SIDES) -> dict[str, Any]:
    """What a kind of operation contributes, as plain JSON values."""
    apart = [None, None] if r.apart is None else map(_plain, r.apart)
    figures = {"values": r.values, "equal": r.equal, "ulp": _plain(r.ulp)}
    return figures | {"budget_used": _plain(r.budget_used)} | dict(zip(sides, apart, strict=True))


def rounding_of(found: Mapping[str, Any], sides: tuple[str, str]) -> Rounding:
    """What :func:`rounding_json` has written."""
    a, b = (found[side] for side in sides)
    apart = None if a is None else (float(a), float(b))
    figures = (found["values"], found["equal"], float(found["ulp"]), float(found["budget_used"]))
    return Rounding(*figures, apart)


def _provenance(run: Run) -> dict[str, Any]:
    return run.provenance.as_dict()


def _quantity(c: Comparison) -> dict[str, Any]:
    return {
        "name": c.name,
        "verdict": str(c.verdict),
        "problem": None if c.problem is None else str(c.problem),
        "worst_ratio": _plain(c.worst_ratio),
        "sharpness": None if c.sharpness is None else _sharpness(c.sharpness),
        "first_difference": c.first_difference,
        "first_excess": c.first_excess,
        "steps": c.steps.tolist(),
        "bit_equal": c.equal.tolist(),
        "absolute": [_plain(v) for v in c.absolute],
        "ulp": [_plain(v) for v in c.ulp],
        "allowed": [_plain(v) for v in c.allowed],
        "ratio": [_plain(v) for v in c.ratio],
    }


def _sharpness(sharpness: Sharpness) -> dict[str, Any]:
    found = {name: _plain(getattr(sharpness, name)) for name in ("median", "worst", "dull")}
    return {**found, "judged_to": sharpness.judged_to}


def _plain(value: float) -> float | str:
    """JSON has no infinity and no NaN: they are written as text."""
    return float(value) if np.isfinite(value) else str(float(value))
