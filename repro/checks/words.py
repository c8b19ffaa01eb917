"""What came of a check, in sentences: where the port parts first, by how much, what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from repro.checks import sharpness, told
from repro.checks.agreement import difference, ulp_of
from repro.checks.compare import Comparison, Fault, Report
from repro.checks.measured import last_step
from repro.checks.pair import Pair, Way
from repro.checks.rules import BitwiseForLack
from repro.checks.seen import pattern
from repro.checks.told import names as _listed
from repro.checks.verdict import Verdict
from repro.run import Quantity, base_name, form, rows

ADVICE = {
    Fault.MISSING: "yield {name} on both sides under one name, or leave it out with names=[...]",
    Fault.SHAPE: "give {name} the reference's shape (Julia's arrays arrive in Julia's own shape)",
    Fault.TYPE: "compute {name} in the reference's type; strict=False lets another width pass",
}
"""What to do about a quantity that cannot be compared at all."""


def message(verdict: Verdict, pairs: Sequence[Pair], accept: Mapping[str, str]) -> str:
    """Several lines; the first is the verdict, and an error's says what to do about it; the last
    says what to do next about a failure.

    Args:
        verdict: over all pairs.
        pairs: what was compared, the sharper way first, at least one.
        accept: names that may differ, with the reasons.
    """
    lines = [f"{verdict}: {_headline(verdict, pairs)}"]
    sharp = next((pair for pair in pairs if not pair.verdict), pairs[0])
    alone = len(pairs) == 1
    lines += [f"  {line}" for line in _findings(sharp, alone)]
    lines += [f"  {'compared' if alone else pair.way}: {_figures(pair)}" for pair in pairs]
    lines += [f"  tolerance: {words}" for words in dict.fromkeys(pair.rule for pair in pairs)]
    if sharp.report is not None:
        lines += [f"  {line}" for line in sharpness.lines(sharp)]
    lines += [f"  given: {line}" for line in told.given_lines(pairs)]
    lines += [f"  {line}" for line in told.accepted_lines(accept, pairs)]
    lines += [f"  note: {note}" for note in dict.fromkeys(_notes(verdict, pairs))]
    if sharp.first_excess is not None:
        lines.append(f"Next: {_advice(sharp, sharp.first_excess, alone)}")
    elif verdict is Verdict.UNDECIDED:
        lines.append(f"Next: {_deciding(sharp)}")
    return "\n".join(lines)


def _headline(verdict: Verdict, pairs: Sequence[Pair]) -> str:
    problem = next((pair.problem for pair in pairs if pair.problem), None)
    if problem is not None:
        return problem
    if verdict:
        known = told.accepted(pairs)
        but = f", but for what is accepted: {_listed([*known])}" if known else ""
        return f"the port agrees with the reference{_judged_to(pairs)}{but}"
    if verdict is Verdict.UNDECIDED:
        names = [c.name for p in pairs for c in p.comparisons if c.verdict is Verdict.UNDECIDED]
        return f"nothing wrong was found in {_listed(names)}, and nothing could have been"
    sharp = next(pair for pair in pairs if not pair.verdict)
    if sharp.first_excess is not None and _ends_alone(sharp, sharp.first_excess):
        return f"the port agrees with the reference as far as both go{_lengths(sharp)}"
    if all(pair.verdict for pair in pairs if pair.way is not Way.OWN) and len(pairs) > 1:
        return "the port's own run parts from the reference, though every single step agrees"
    first = sharp.first_excess
    at = "" if first is None or first.first_excess is None else f" in step {first.first_excess}"
    where = "" if first is None else f"{_named(first)}{at} is where "
    return f"{where}the port parts from the reference"


def _judged_to(pairs: Sequence[Pair]) -> str:
    """Where chaos has eaten a part that no pair judges: up to which step it is none."""
    sharp = [c for p in pairs for c in p.comparisons if c.sharpness is not None and len(c.steps)]
    whole = {c.name for c in sharp if c.sharpness and c.sharpness.judged_to == c.steps[-1]}
    ends = [c.sharpness.judged_to for c in sharp if c.sharpness and c.name not in whole]
    known = [end for end in ends if end is not None]
    return f" up to step {min(known)}, as far as it could be judged" if known else ""


def _findings(side: Pair, alone: bool) -> Iterator[str]:
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
    looks = pattern(side, first)
    if looks is not None:
        yield f"what the port has there: {looks}"
    yield from sharpness.explanations(side, first)
    before = _before(side, first.name, step)
    if before:
        yield f"right before it in that step: {_listed(before)}"
    if side.way is Way.RESYNCHRONISED:
        given = "inputs" if alone else "state"
        yield f"step {step} started from the reference's own {given}: it went wrong there"
    others = [
        c.name for c in side.comparisons if c.verdict is Verdict.FAIL and _named(c) != _named(first)
    ]
    if others:
        yield f"wrong at that step or later: {_listed(others)}"


def _figures(side: Pair) -> str:
    if side.report is None:
        return "nothing"
    report, worst = side.report, side.report.worst
    names = {base_name(c.name) for c in report.comparisons}
    steps = np.unique(np.concatenate([c.steps for c in report.comparisons]))
    verdict = report.verdict
    if verdict is Verdict.PASS_BITWISE:
        lost = [
            c.name for c in report.comparisons if c.judged is not None and c.judged.missing.any()
        ]
        agreement = "all bits equal" + (f", where {_listed(lost)} is finite" if lost else "")
    else:
        share = np.floor(report.bit_equal * 1e4) / 100
        agreement = f"{share:.2f} % of the values bit-equal, first other bit {_first_bit(report)}"
    closest = (
        f"; worst error / tolerance {worst.worst_ratio:.3g}, in {_named(worst)} (1 is allowed)"
    )
    return (
        f"{verdict}, {len(names)} names over {len(steps)} steps, {agreement}"
        f"{closest if 0 < worst.worst_ratio < np.inf else ''}"
    )


def _first_bit(report: Report) -> str:
    first = report.first_difference
    return "nowhere" if first is None else f"in {_named(first)}, step {first.first_difference}"


@np.errstate(over="ignore")
def _place(side: Pair, c: Comparison) -> str:
    """The element that is furthest off in the first step beyond tolerance."""
    at = np.array([c.first_excess])
    whole = side.reference[c.name]
    expected = Quantity(at, whole.at(at), whole.kind)
    a, b = expected.values, side.port[c.name].at(at)
    index = np.unravel_index(int(np.argmax(_excess(side, c.name, expected, b))), a.shape)
    i = int(np.argmax(c.steps == c.first_excess))
    if a.dtype.kind == "U":
        place = f" at {_index(index)} of shape {a.shape[1:]}" if a.ndim > 1 else ""
        return f"the reference has {str(a[index])!r}, the port {str(b[index])!r}{place}"
    off = float(difference(a, b)[index])  # there, which need not be the most
    text = f"off by {off:.3g}, allowed {c.allowed[i]:.3g}"
    if a.dtype.kind == "f":
        unit = float(ulp_of(np.asarray(a[index]), a.dtype))
        text += f" ({off / unit:.3g} ulp, allowed {c.allowed[i] / unit:.3g})"
    place = f" at {_index(index)} of shape {a.shape[1:]}" if a.ndim > 1 else ""
    return f"the reference has {a[index]!s}, the port {b[index]!s}{place}; {text}"


def _excess(side: Pair, name: str, expected: Quantity, values: np.ndarray) -> np.ndarray:
    """How far each element is off, over its tolerance where that is known."""
    apart = difference(expected.values, values)
    if side.tolerance is None or expected.values.dtype.kind != "f":
        return apart
    allowed = np.broadcast_to(side.tolerance(name, expected), apart.shape)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(apart == 0, 0.0, np.nan_to_num(apart / allowed, posinf=np.inf))


def _named(c: Comparison) -> str:
    return f"`{base_name(c.name)}`"


def _form(side: Pair, c: Comparison) -> str:
    """The problem; where a quantity is lacking in one form only, the forms it has."""
    forms = {}
    for who, run in (("port", side.port), ("reference", side.reference)):
        for name, q in run.quantities.items():
            if base_name(name) == base_name(c.name) and c.first_excess in q.steps:
                forms[who] = _said(q.at(np.array([c.first_excess]))[0])
    if len(set(forms.values())) < 2 or not _lacks_steps(c):
        return str(c.problem)
    return f"the port has {forms['port']} there, the reference {forms['reference']}"


def _said(a: np.ndarray) -> str:
    """Type and shape in words, and a whole number itself."""
    number = str(a) if a.ndim == 0 and a.dtype.kind in "iuU" else ""
    if a.dtype.kind == "U" and number.lstrip("-").isdigit():
        return f"{number}, an integer beyond 64 bits,"
    return f"{form(a)} {number}".rstrip()


def _lacks_steps(c: Comparison) -> bool:
    return c.problem is not None and c.problem.fault is Fault.STEPS


def _index(index: tuple[np.intp, ...]) -> str:
    return str([int(i) for i in index[1:]])


def _before(side: Pair, name: str, step: int | None) -> list[str]:
    """Names that come before this one, and so were judged right in its step."""
    names = [c.name for c in side.comparisons]
    earlier = side.comparisons[: names.index(name)]
    return [c.name for c in earlier if step in c.steps and not (c.undecided or _off(c, step))]


def _off(c: Comparison, step: int | None) -> bool:
    """Whether it is wrong in that step, as what is accepted may be."""
    return c.accepted is not None and not bool(np.all(c.ratio[c.steps == step] <= 1))


def _measured_at(c: Comparison, step: int | None) -> bool:
    return step is not None and not np.isnan(c.absolute[np.argmax(c.steps == step)])


def _ends_alone(side: Pair, first: Comparison) -> bool:
    """Whether it fails only because one side has more steps."""
    a, b, step = last_step(side.reference), last_step(side.port), first.first_excess
    return a is not None and b is not None and step is not None and a != b and step > min(a, b)


def _lengths(side: Pair) -> str:
    a, b = last_step(side.reference), last_step(side.port)
    if a is None or b is None or a == b:
        return ""
    return f"; the reference ends with step {a}, the port with step {b}"


def _notes(verdict: Verdict, pairs: Sequence[Pair]) -> Iterator[str]:
    """What a verdict does not say: where there was little or nothing to compare."""
    for side in pairs:
        for c in side.comparisons:
            expected = side.reference.quantities.get(c.name)
            if c.problem is None and not c.finite:
                yield f"{_named(c)} has no finite value, on either side: nothing was measured"
            elif expected is not None and c.finite:
                yield from _hollow(side, c, expected)
        yield from _shared(verdict, side)
        yield from _unfinished(verdict, side)


def _shared(verdict: Verdict, side: Pair) -> Iterator[str]:
    """Values of a list that may all be the last one: seen where they fail, and where neither side
    could have shown a change."""
    failing = {base_name(c.name) for c in side.comparisons if c.verdict is Verdict.FAIL}
    told = [name for name in side.shared if base_name(name) in failing]
    if told:
        yield (
            f"{_listed(told)}: one and the same array in several steps of a list; if it is changed "
            "in place, every step shows its last value. Yield copies"
        )
    both = [name for name in side.reference.shared if name in side.port.shared]
    if verdict and both:
        yield (
            f"{_listed(both)}: one and the same array in several steps of both lists. If it is "
            "changed in place, its last value alone was compared: yield copies"
        )


def _unfinished(verdict: Verdict, side: Pair) -> Iterator[str]:
    """Of a pass: what lies beyond the steps that both have."""
    if side.report is None or side.verdict is Verdict.FAIL or not _lengths(side):
        return
    end = side.measured and side.measured.common_end(side.reference)
    why = "" if end is None else ", and the number of steps hangs on the last bit"
    yield f"compared as far as both go{_lengths(side)}{why}: nothing is said of the steps after"


def _hollow(side: Pair, c: Comparison, expected: Quantity) -> Iterator[str]:
    if expected.values.dtype.kind != "f":
        return
    bad = expected.steps[~np.isfinite(rows(expected.values)).all(axis=1)]
    if len(bad):
        yield f"{_named(c)} has NaN or infinities from step {bad[0]} on; equal ones agree"
    sharp = c.sharpness
    if sharp is not None and len(c.steps) and sharp.judged_to != c.steps[-1]:
        upto = "nowhere" if sharp.judged_to is None else f"up to step {sharp.judged_to}"
        yield (
            f"{_named(c)} is judged {upto} ({side.way}): after that most of it is not finite, or "
            "has a tolerance larger than itself"
        )
    if c.undecided and c.undecided_ok is not None:
        yield f"{_named(c)} may be undecided: {c.undecided_ok}"


def _deciding(side: Pair) -> str:
    """What would decide what this check could not."""
    undecided = next((c for c in side.comparisons if c.verdict is Verdict.UNDECIDED), None)
    name = "it" if undecided is None else _named(undecided)
    narrow = undecided is not None and (side.reference[undecided.name].values.dtype.itemsize < 8)
    ways = [
        *(["Float64 on both sides"] if narrow else []),
        *(["a port written as step(state, draws) and resynchronise=True"]
          if side.way is Way.OWN else []),
        "a smaller step or a shorter run",
    ]  # fmt: skip
    return (
        f"what would decide {name}: {', '.join(ways)}, or its distribution over many seeds. If it "
        f'cannot be known, say why: undecided_ok={{{name.strip("`")!r}: "zero in theory"}}'
    )


def _advice(side: Pair, first: Comparison, alone: bool) -> str:
    name = _named(first)
    fault = first.problem.fault if first.problem is not None else None
    if fault in ADVICE:
        return ADVICE[fault].format(name=name)
    if fault is Fault.STEPS and not _measured_at(first, first.first_excess):
        if _form(side, first) == str(first.problem):
            return "let both sides yield the same steps"
        return f"give {name} the reference's shape and type in that step"
    looks = pattern(side, first)
    if looks is not None and looks.name == "signs of slices":
        return (
            f"if nothing fixes the signs of {name}, as of eigenvectors, fix them alike on both "
            "sides, or compare what does not depend on them. Else read the line that computes it"
        )
    if side.way is not Way.OWN:
        return f"read the line that computes {name} beside the reference's{_agreed(side, first)}"
    if not alone:
        compared = [base_name(c.name) for c in side.comparisons]
        unseen = [n for n in (side.stepper.state if side.stepper else ()) if n not in compared]
        if unseen:
            return f"state that is not compared may be wrong: add {_listed(unseen)} to names=[...]"
        return (
            "rounding did not carry that far in any perturbed run, so something handed from step "
            "to step is likely not among the state. Name all of it as state"
        )
    if side.rule == BitwiseForLack.words and _like_rounding(side, first):
        return (
            f"if {name} is off by rounding alone, give the port as a function of Python, so that a "
            "tolerance can be measured, or count one: tolerance=Ulps(...) (--ulps). Else read the "
            f"line that computes {name} beside the reference's"
        )
    if first.first_excess == min(int(q.steps[0]) for q in side.reference.quantities.values()):
        return f"read the line that computes {name} beside the reference's"
    return (
        f"read the line that computes {name} beside the reference's. Rounding amplified over "
        "earlier steps is told apart by a port written as step(state, draws) and resynchronise=True"
    )


def _like_rounding(side: Pair, c: Comparison) -> bool:
    """Whether it is off, where it parts first, in the lower half of its digits alone."""
    dtype = side.reference[c.name].values.dtype
    if dtype.kind != "f" or c.problem is not None:
        return False
    off = c.ulp[np.argmax(c.steps == c.first_excess)]
    return bool(off <= 2 ** ((np.finfo(dtype).nmant + 1) / 2))


def _agreed(side: Pair, first: Comparison) -> str:
    """Said only of what was judged."""
    names = [c.name for c in side.comparisons]
    earlier = side.comparisons[: names.index(first.name)]
    known = [c.name for c in earlier if _off(c, first.first_excess)]
    if known:
        return f"; what went into it differs in {_listed(known)}, which is accepted"
    lost = [c.name for c in earlier if c.undecided]
    if lost:
        return f"; of what went into it {_listed(lost)} was not judged"
    return ": its inputs agreed"
