"""A comparison of ensembles in words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from repro.checks.ensembles.permuting import PERMUTATIONS
from repro.checks.ensembles.planning import MOST_SEEDS
from repro.checks.ensembles.summary import Equivalence

if TYPE_CHECKING:
    from repro.checks.ensembles.result import EnsembleCheck

SHOWN = 4
"""Differing numbers that are named one by one."""


def message(found: EnsembleCheck) -> str:
    return "\n".join(_lines(found))


def _lines(found: EnsembleCheck) -> Iterator[str]:
    yield f"{found.verdict}: {compared(found)}"
    if found.rate.any:
        yield f"{found.rate} (p = {found.rate.p:.2g})"
    yield from _difference(found)
    yield from ("  " + sentence(s) for s in found.judged)
    if found.unjudged:
        yield f"not judged, for the port lacks it: {'; '.join(map(str, found.unjudged))}"
    if found.beside.alone:
        yield "not compared: " + "; ".join(found.beside.alone)
    yield advice(found)


def compared(found: EnsembleCheck) -> str:
    """How many runs of what."""
    columns = f"{len(found.beside.columns)} numbers a run"
    if found.paired:
        return f"{len(found.beside.a)} pairs of the same seed, {columns}"
    return f"{len(found.beside.b)} runs against {len(found.beside.a)}, unpaired, {columns}"


def sentence(s: Equivalence) -> str:
    """A summary, its interval and its margin, in the quantity's own unit."""
    verb = "within" if s.holds else "not within"
    low, high, least, most = map(s.in_unit, (s.low, s.high, -s.margin, s.margin))
    return (
        f"{s.label}: off by {s.in_unit(s.difference)}, 90 % interval {low} to {high}, "
        f"{verb} {least} to {most}"
    )


def _difference(found: EnsembleCheck) -> Iterator[str]:
    if found.tests is None:
        yield "too few runs came to their end: nothing but the rate is compared"
        return
    yield f"could they come from one program? p = {found.tests.p:.2g}, all names and steps together"
    if found.parted:
        first = found.parted[0]
        rest = ", ".join(map(str, found.parted[1:SHOWN]))
        more = f"; then {rest}" if rest else ""
        over = len(found.parted) - SHOWN
        yield f"they part first in {first}{more}" + (f", and {over} more" if over > 0 else "")


def advice(found: EnsembleCheck) -> str:
    """What to do next."""
    kind = "pairs" if found.paired else "seeds a side"
    if found.verdict.value == "EQUIVALENT":
        return f"{_margins(found)}; {_for_equivalence(found)}"
    if found.verdict.value == "DIFFERENT":
        return (
            "run one seed of both step by step (repro.check) as far as their numbers agree: it "
            "names the operation"
        )
    if found.unjudged:
        return "let the port yield what is not judged, to the reference's last step"
    if found.rate.any:
        return f"runs that diverge decide slowly: run more {kind}, or shorter ones"
    seeds = min(len(found.beside.a), len(found.beside.b))
    if seeds < found.least_seeds:
        return (
            f"so few {kind} cannot tell any port from any other: run at least {found.least_seeds}"
        )
    if not found.could_tell:
        return f"{PERMUTATIONS:,} dealings cannot show so small an alpha: raise it"
    if found.seeds_to_decide is None:
        instead = "" if found.paired else "use pairs, or "
        return f"more than {MOST_SEEDS} {kind} would be needed: {instead}name wider margins"
    return f"{found.seeds_to_decide} {kind} would decide it nine times in ten: run as many"


def _margins(found: EnsembleCheck) -> str:
    shares = dict.fromkeys(f"{s.margin / s.spread:.2g}" for s in found.summaries if s.spread > 0)
    return f"the margins are {' and '.join(shares) or 'nothing'} of the spread between seeds"


def _for_equivalence(found: EnsembleCheck) -> str:
    n = found.seeds_for_equivalence
    kind = "pairs" if found.paired else "seeds a side"
    return f"identical programs get here nine times in ten with {n or f'over {MOST_SEEDS}'} {kind}"


def as_dict(found: EnsembleCheck) -> dict[str, Any]:
    tests = found.tests
    return {
        "verdict": str(found.verdict),
        "message": found.message,
        "paired": found.paired,
        "runs": {"reference": len(found.reference), "port": len(found.port)},
        "compared_runs": {"reference": len(found.beside.a), "port": len(found.beside.b)},
        "diverged": {"reference": int(found.rate.a.sum()), "port": int(found.rate.b.sum())},
        "diverged_p": found.rate.p,
        "alpha": found.alpha,
        "p": None if tests is None else tests.p,
        "summaries": [
            {
                "name": s.label,
                "difference": s.difference,
                "low": s.low,
                "high": s.high,
                "margin": s.margin,
                "spread": s.spread,
                "log": s.log,
                "holds": s.holds,
            }
            for s in found.judged
        ],
        "parted": [
            {
                "name": f.column.name,
                "step": f.column.step,
                "element": f.column.element,
                "what": f.what,
                "p": f.p,
            }
            for f in found.parted
        ],
        "seeds_to_decide": found.seeds_to_decide,
        "seeds_for_equivalence": found.seeds_for_equivalence,
        "unjudged": [str(s) for s in found.unjudged],
        "not_compared": list(found.beside.alone),
        "sides": {
            "reference": found.reference.provenance.as_dict(),
            "port": found.port.provenance.as_dict(),
        },
    }
