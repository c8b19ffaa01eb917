"""What came of a check, in sentences: where the port parts first, by how much, what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from repro.parity.compare import Comparison, Report
from repro.parity.envelope import quantum, rows
from repro.parity.rules import difference
from repro.parity.verdict import Verdict
from repro.steps import base_name
from repro.trajectory import Series, Trajectory

if TYPE_CHECKING:
    from repro.parity.result import Check, Side


def message(check: Check) -> str:
    """Several lines; the first is the verdict, and an error's says what to do about it; the last
    says what to do next about a failure."""
    if not check.sides:
        return f"{check.verdict}: {check.reason}"
    lines = [f"{check.verdict}: {_headline(check)}"]
    sharp = next((side for side in check.sides if not side.verdict), check.sides[0])
    lines += [f"  {line}" for line in _findings(check, sharp)]
    lines += [f"  {_which(check, side)}: {_figures(side)}" for side in check.sides]
    lines += [f"  tolerance: {words}" for words in dict.fromkeys(s.tolerance for s in check.sides)]
    lines += [f"  note: {note}" for note in dict.fromkeys(_notes(check))]
    if sharp.first_excess is not None:
        lines.append(f"Next: {_advice(check, sharp, sharp.first_excess)}")
    return "\n".join(lines)


def _headline(check: Check) -> str:
    problem = next((side.problem for side in check.sides if side.problem), None)
    if problem is not None:
        return problem
    if check:
        return "the port agrees with the reference"
    if check.resynchronised is not None and check.resynchronised.verdict:
        return "the port's own run parts from the reference, though every single step agrees"
    return "the port parts from the reference"


def _findings(check: Check, side: Side) -> Iterator[str]:
    """Where it parts first, and what was right before."""
    first = side.first_excess
    if first is None:
        return
    step = first.first_excess
    where = "nowhere compared" if step is None else f"in step {step}"
    if first.problem is not None and not _measured_at(first, step):
        yield f"first wrong: {_named(first)} {where}: {_form(side, first)}{_lengths(side)}"
    else:
        yield f"first wrong: {_named(first)} {where}: {_place(side, first)}"
    before = _before(side, first.name, step)
    if before:
        yield f"right before it in that step: {_listed(before)}"
    if side is check.resynchronised:
        yield f"step {step} started from the reference's own state: it went wrong there"
    others = [c.name for c in side.comparisons if not c and _named(c) != _named(first)]
    if others:
        yield f"wrong at that step or later: {_listed(others)}"


def _which(check: Check, side: Side) -> str:
    if check.resynchronised is None:
        return "compared"
    return "resynchronised" if side is check.resynchronised else "own run"


def _figures(side: Side) -> str:
    if side.report is None:
        return "nothing"
    report, worst = side.report, side.report.worst
    names = {base_name(c.name) for c in report.comparisons}
    steps = np.unique(np.concatenate([c.steps for c in report.comparisons]))
    verdict = report.verdict
    if verdict is Verdict.PASS_BITWISE:
        agreement = "all bits equal"
    else:
        share = np.floor(report.bit_equal * 1e4) / 100
        agreement = f"{share:.2f} % of the values bit-equal, first other bit {_first_bit(report)}"
    closest = f"; {_named(worst)} reaches {worst.worst_ratio:.3g} of its tolerance"
    return (
        f"{verdict}, {len(names)} names over {len(steps)} steps, {agreement}"
        f"{closest if 0 < worst.worst_ratio < np.inf else ''}"
    )


def _first_bit(report: Report) -> str:
    first = report.first_difference
    return "nowhere" if first is None else f"in {_named(first)}, step {first.first_difference}"


def _place(side: Side, c: Comparison) -> str:
    """The element that is furthest off in the first step beyond tolerance."""
    at = np.array([c.first_excess])
    series = side.reference[c.name]
    expected = Series(at, series.at(at), series.kind)
    a, b = expected.values, side.port[c.name].at(at)
    index = np.unravel_index(int(np.argmax(difference(a, b))), a.shape)
    i = int(np.argmax(c.steps == c.first_excess))
    text = f"off by {c.absolute[i]:.3g}, allowed {c.allowed[i]:.3g}"
    if a.dtype.kind == "f" and series.kind != "runs":
        unit = float(quantum(expected)[0])
        text += f" ({c.absolute[i] / unit:.3g} ulp, allowed {c.allowed[i] / unit:.3g})"
    place = f" at {_index(index)} of shape {a.shape[1:]}" if a.ndim > 1 else ""
    return f"the reference has {a[index]!s}, the port {b[index]!s}{place}; {text}"


def _named(c: Comparison) -> str:
    return f"`{base_name(c.name)}`"


def _form(side: Side, c: Comparison) -> str | None:
    """The problem; where a quantity is lacking in one form only, the forms it has."""
    forms = {}
    for who, trajectory in (("port", side.port), ("reference", side.reference)):
        for name, s in trajectory.series.items():
            if base_name(name) == base_name(c.name) and c.first_excess in s.steps:
                forms[who] = f"{s.values.dtype}{list(s.values.shape[1:])}"
    if len(forms) < 2 or len(set(forms.values())) < 2 or "lacks step" not in (c.problem or ""):
        return c.problem
    return f"the port has {forms['port']} there, the reference {forms['reference']}"


def _index(index: tuple) -> str:
    return str([int(i) for i in index[1:]])


def _before(side: Side, name: str, step: int | None) -> list[str]:
    """Names that come before this one, and so were right in its step."""
    names = [c.name for c in side.comparisons]
    return [c.name for c in side.comparisons[: names.index(name)] if step in c.steps]


def _measured_at(c: Comparison, step: int | None) -> bool:
    return step is not None and not np.isnan(c.absolute[np.argmax(c.steps == step)])


def _lengths(side: Side) -> str:
    a, b = _last(side.reference), _last(side.port)
    if a is None or b is None or a == b:
        return ""
    return f"; the reference ends with step {a}, the port with step {b}"


def _last(trajectory: Trajectory) -> int | None:
    return max((int(s.steps[-1]) for s in trajectory.series.values() if len(s.steps)), default=None)


def _notes(check: Check) -> Iterator[str]:
    """What a verdict does not say: where there was little or nothing to compare."""
    for side in check.sides:
        for c in side.comparisons:
            series = side.reference.series.get(c.name)
            if series is not None and c.finite:
                yield from _hollow(c, series)
            elif c.problem is None:
                yield f"{_named(c)} has no finite value, on either side: nothing was measured"
        if side.shared and not check:
            yield (
                f"{_listed(side.shared)}: one and the same array in several steps of a list; if "
                "it is changed in place, every step shows its last value. Yield copies"
            )


def _hollow(c: Comparison, series: Series) -> Iterator[str]:
    if series.values.dtype.kind != "f":
        return
    values = rows(series.values)
    bad = series.steps[~np.isfinite(values).all(axis=1)]
    if len(bad):
        yield f"{_named(c)} has NaN or infinities from step {bad[0]} on; equal ones agree"
    largest = np.abs(np.nan_to_num(values, posinf=0, neginf=0)).max(axis=1, initial=0)
    allowed = dict(zip(c.steps.tolist(), c.allowed, strict=True))
    for step, size in zip(series.steps.tolist(), largest, strict=True):
        if 0 < size < allowed[step]:
            yield f"the tolerance of {_named(c)} is larger than itself from step {step} on"
            return


def _advice(check: Check, side: Side, first: Comparison) -> str:
    name = _named(first)
    problem = first.problem or ""
    if "does not have it" in problem:
        return f"yield {name} on both sides under one name, or leave it out with names=[...]"
    if "lacks step" in problem and not _measured_at(first, first.first_excess):
        if _form(side, first) == problem:
            return "let both sides yield the same steps"
        return f"give {name} the reference's shape and type in that step"
    if "shape is" in problem:
        return f"give {name} the reference's shape (Julia's arrays arrive in Julia's own shape)"
    if "type is" in problem:
        return f"compute {name} in the reference's type; strict=False lets another width pass"
    if side is check.resynchronised:
        return f"read the line that computes {name} beside the reference's: its inputs agreed"
    if check.resynchronised is not None:
        return (
            "more perturbations, Growth(range(1, 33)), tell whether rounding can carry that far; "
            "if it cannot, something handed from step to step is not among the state"
        )
    return (
        f"read the line that computes {name} beside the reference's. Rounding amplified over "
        "earlier steps is told apart by a port written as step(state, draws) and resynchronise=True"
    )


def _listed(names: list[str] | tuple[str, ...]) -> str:
    listed = list(dict.fromkeys(f"`{base_name(name)}`" for name in names))
    return ", ".join(listed[:8]) + (" …" if len(listed) > 8 else "")
