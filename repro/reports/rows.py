"""Results as table rows, sentences and JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from repro.checks import Comparison, Report
from repro.suite import Result


def row(result: Result) -> tuple[str, ...]:
    """Case, verdict, bit-equal share, largest weight difference, worst ratio, divergence."""
    case = result.case
    name = f"{case.name} [{case.epochs}]" if case.epochs else case.name
    if case.function == "zoo_training":
        name += " training"
    engine = result.port.provenance.get("engine", "eager") if result.port else "eager"
    if engine != "eager":
        name += f" {engine}"
    if result.report is None:
        return (name, str(result.verdict), "-", "-", "-", result.reason or "-")
    report = result.report
    worst = report.worst
    return (
        name,
        str(result.verdict),
        f"{floor_percent(report.bit_equal)} %",
        _weight_difference(report),
        f"{worst.worst_ratio:.2f} {worst.name}" if worst.worst_ratio else "0",
        _divergence(report),
    )


def floor_percent(share: float) -> str:
    """Two decimals, rounded down: only all of it reads 100.00."""
    return f"{np.floor(share * 1e4) / 100:.2f}"


def explain(result: Result) -> str:
    """Why a result is no pass, and what to do next."""
    head = f"{result.case.name}: {result.verdict}"
    if result.report is None:
        return f"{head}: {result.reason}"
    lines = [f"{head}: {_sentence(c)}" for c in result.report.comparisons if not c]
    if result.finding is not None:
        lines.append(f"{head}: {result.finding}")
    return "\n".join(lines)


def _sentence(c: Comparison) -> str:
    if c.problem is not None:
        return f"{c.name}: {c.problem}. Compare the port's quantities with the reference's"
    i = int(np.argmax(c.steps == c.first_excess))
    return (
        f"{c.name} exceeds its tolerance from iteration {c.first_excess} on "
        f"(off by {c.absolute[i]:.3g}, allowed {c.allowed[i]:.3g}); it first differs at all "
        f"in iteration {c.first_difference}. Look at the draws first, then at that iteration"
    )


def _weight_difference(report: Report) -> str:
    weights = [c for c in report.comparisons if c.name.endswith("weights") and c.steps.any()]
    differences = [c.absolute.max() for c in weights if c.problem is None and len(c.steps)]
    return f"{max(differences):.1e}" if differences else "-"


def _divergence(report: Report) -> str:
    """The first step with any differing bit, and the first quantity, causes before effects."""
    found = [c for c in report.comparisons if c.first_difference is not None]
    first = min(found, key=lambda c: c.first_difference, default=None)  # type: ignore
    return f"{first.name} @ {first.first_difference}" if first is not None else "none"


def as_json(result: Result) -> dict[str, Any]:
    """Everything known about a result, as plain JSON values."""
    report = result.report
    return {
        "case": result.case.name,
        "function": result.case.function,
        "seed": result.case.seed,
        "epochs": result.case.epochs,
        "arguments": dict(result.case.kwargs),
        "verdict": str(result.verdict),
        "reason": result.reason,
        "seconds": round(result.seconds, 3),
        "reference": dict(result.reference.provenance) if result.reference else None,
        "port": dict(result.port.provenance) if result.port else None,
        "envelope": dict(result.envelope.provenance) if result.envelope else None,
        "finding": str(result.finding) if result.finding is not None else None,
        "rounding": _rounding(result),
        "bit_equal": report.bit_equal if report is not None else None,
        "quantities": [_quantity(c) for c in report.comparisons] if report is not None else [],
    }


def _rounding(result: Result) -> dict[str, Any]:
    """Per kind of operation, what following the port measured."""
    if result.finding is None:
        return {}
    return {kind: vars(rounding) for kind, rounding in result.finding.rounding.items()}


def _quantity(c: Comparison) -> dict[str, Any]:
    return {
        "name": c.name,
        "verdict": str(c.verdict),
        "problem": c.problem,
        "worst_ratio": _plain(c.worst_ratio),
        "first_difference": c.first_difference,
        "first_excess": c.first_excess,
        "steps": c.steps.tolist(),
        "bit_equal": c.equal.tolist(),
        "absolute": [_plain(v) for v in c.absolute],
        "ulp": [_plain(v) for v in c.ulp],
        "allowed": [_plain(v) for v in c.allowed],
        "ratio": [_plain(v) for v in c.ratio],
    }


def _plain(value: float) -> float | str:
    """JSON has no infinity and no NaN: they are written as text."""
    return float(value) if np.isfinite(value) else str(float(value))
