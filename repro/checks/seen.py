"""What the rules of :mod:`repro.checks.patterns` look at, out of two runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from repro.checks.compare import Comparison, Fault
from repro.checks.envelope import FACTOR
from repro.checks.measured import floor
from repro.checks.pair import Pair
from repro.checks.pattern import HALF_OF_THE_DIGITS, Pattern, Seen
from repro.checks.patterns import pattern_of
from repro.run import Quantity, base_name

STEPS = 64
"""So many wrong steps are looked at."""

ELEMENTS = 1_000_000
"""And so many elements in all of them; of a larger array none."""


@np.errstate(over="ignore", invalid="ignore")  # of wrong arrays anything may come
def pattern(pair: Pair, c: Comparison) -> Pattern | None:
    """What a failing quantity's difference looks like, from its first wrong step on; None where
    it looks like nothing that is known, or there are no two arrays of one kind."""
    reference, port = (run.quantities.get(c.name) for run in (pair.reference, pair.port))
    if reference is None or port is None:
        return None
    if not {q.values.dtype.kind for q in (reference, port)} <= set("biuf"):
        return None
    fault = None if c.problem is None else c.problem.fault
    if fault not in (None, Fault.STEPS, Fault.SHAPE) or not reference.values[:1].size:
        return None
    if reference.values[0].size > ELEMENTS:
        return None
    seen = list(_seen(pair, c, reference, port, fault is Fault.SHAPE))
    return pattern_of(seen) if seen else None


def _seen(
    pair: Pair, c: Comparison, reference: Quantity, port: Quantity, reshaped: bool
) -> Iterator[Seen]:
    wrong = c.steps[~(c.ratio <= 1)]
    if not reshaped and (not len(wrong) or wrong[0] not in port.steps):
        return
    both = np.intersect1d(np.intersect1d(wrong, reference.steps), port.steps)
    given = _given(pair, base_name(c.name))
    most = 1 if reshaped else min(STEPS, ELEMENTS // max(reference.values[0].size, 1))
    for t in both.tolist()[:most]:
        at = np.array([t])
        a, b = reference.at(at), port.at(at)
        yield Seen(
            a[0].astype(np.float64),
            b[0].astype(np.float64),
            _slack(pair, c.name, Quantity(at, a, reference.kind), port.values.dtype, reshaped)[0],
            _width(reference.values.dtype, port.values.dtype),
            before=_wide(given.get(t - 1, _at(reference, t - 1))),
            after=_wide(given.get(t + 1, _at(reference, t + 1))),
            sizes=_sizes(pair, t),
        )


def _wide(a: np.ndarray | None) -> np.ndarray | None:
    return None if a is None else a.astype(np.float64)


def allowed_at(pair: Pair, name: str, t: int) -> float:
    """The largest tolerance of a name's elements in a step; 0 where no difference is allowed, or
    nothing is known."""
    for label, q in pair.reference.quantities.items():
        if base_name(label) == name and t in q.steps and q.values.dtype.kind == "f":
            at = np.array([t])
            here = Quantity(at, q.at(at), q.kind)
            found = 0.0 if pair.tolerance is None else pair.tolerance(label, here)
            return float(np.max(found, initial=0.0))
    return 0.0


def _slack(pair: Pair, name: str, a: Quantity, dtype: np.dtype, reshaped: bool) -> np.ndarray:
    """The tolerance, and never less than ten ulp of what may have cancelled to it: where nothing
    may differ rounding is no pattern either. Of another shape's rounding nothing is known: there,
    half of the digits."""
    if a.values.dtype.kind != "f":
        return np.zeros(a.values.shape)
    coarse = max((a.values.dtype, dtype), key=lambda d: np.finfo(d).eps)
    least = FACTOR * floor(a.values, coarse)
    if reshaped:
        size = np.where(np.isfinite(a.values), np.abs(a.values), 0).astype(np.float64)
        return np.asarray(np.maximum(least, HALF_OF_THE_DIGITS[coarse.itemsize] * size))
    if pair.tolerance is None:
        return least
    allowed = np.broadcast_to(pair.tolerance(name, a), a.values.shape)
    return np.asarray(np.maximum(least, np.where(np.isfinite(allowed), allowed, 0)))


def _width(a: np.dtype, b: np.dtype) -> int:
    return min(a.itemsize, b.itemsize) if a.kind == "f" else 0


def _given(pair: Pair, name: str) -> dict[int, np.ndarray]:
    """The state before the first iteration, which is not compared."""
    stepper = pair.stepper
    if stepper is None or name not in stepper.steps[stepper.first]:
        return {}
    return {stepper.first: stepper.steps[stepper.first][name]}


def _at(q: Quantity, t: int) -> np.ndarray | None:
    return q.at(np.array([t]))[0] if t in q.steps else None


def _sizes(pair: Pair, t: int) -> tuple[int, ...]:
    """Lengths and element counts in that step, the draws' among them."""
    if pair.stepper is not None:
        arrays = list(pair.stepper.steps.get(t, {}).values())
    else:
        arrays = [q.values[0] for q in pair.reference.quantities.values() if t in q.steps]
    found = {n: None for a in arrays for n in (*a.shape, a.size)}
    return tuple(sorted(n for n in found if n > 1))
