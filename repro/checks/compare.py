"""Compare two runs, quantity by quantity and step by step.

Two arrays agree by the rules of :mod:`repro.checks.agreement`. Of two runs:

* A quantity that the port lacks fails, and so does a step of it that the port lacks; the steps
  that both have are measured all the same. Runs of different lengths are a case of this.
* What only the port has is not looked at, unless the comparison is strict: then it fails too.
* A tolerance that is infinite, or no number, allows nothing but equal values: it could not be
  exceeded, so it would hold the port to nothing.
* What is NaN on both sides, or dull (its tolerance exceeds its own magnitude, so that zero would
  pass too), was not judged. Where that is over half of a quantity, it is undecided.
* Denormal numbers count, also where the port has the processor flush them to zero.
* Where not one finite value was held against another there is no verdict, but an error: no
  common quantity, empty runs, empty arrays, runs that are NaN on both sides throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from repro.checks.agreement import difference, mismatch
from repro.checks.denormals import denormals
from repro.checks.judged import Judged, Sharpness, median_of
from repro.checks.loops import kernels
from repro.checks.verdict import Verdict, worst
from repro.run import Quantity, Run, base_name, rows


class Fault(Enum):
    """Why two quantities cannot be laid beside each other, or not in every step."""

    MISSING = "one side does not have it"
    TYPE = "their types differ"
    SHAPE = "their shapes differ"
    STEPS = "one side lacks steps"


@dataclass(frozen=True)
class Problem:
    """A fault, and what it is in this case, in words."""

    fault: Fault
    text: str

    def __str__(self) -> str:
        return self.text


Tolerance = Callable[[str, Quantity], np.ndarray]
"""``tolerance(name, reference)`` gives the allowed difference, broadcastable to the values."""


@dataclass(frozen=True)
class Comparison:
    """One quantity of a port beside its reference; true when within tolerance everywhere.

    Attributes:
        name: the quantity.
        steps: (k,) the reference's steps; in a strict comparison, those of either side.
        count: values per step.
        equal: (k,) share of the values equal bit for bit.
        absolute: (k,) largest absolute difference.
        ulp: (k,) largest difference in ulp of the single value, in the reference's dtype.
        allowed: (k,) the tolerance at the place that comes closest to it.
        ratio: (k,) largest difference over its tolerance: above 1 is too much.
        same_dtype: both sides computed in one precision; without it nothing is bitwise.
        problem: why no comparison was possible, or what one side lacks; None when all is there.
            The figures of steps that were not compared are NaN, their ratio is infinite.
        finite: how many finite values of the reference were held against the port's.
        operation: what computes it, where the port says so.
        judged: how much of it could be judged; None where nothing was compared.
        undecided_ok: why it may be undecided; None where it may not.
        accepted: why it may differ; None where it may not. What differs then is no failure, and is
            counted and said.
        furthest: (k, 2) the reference's number and the port's that are most ulp apart, as Float64;
            NaN where none are, and of what is not floating.
    """

    name: str
    steps: np.ndarray
    count: int
    equal: np.ndarray
    absolute: np.ndarray
    ulp: np.ndarray
    allowed: np.ndarray
    ratio: np.ndarray
    same_dtype: bool = True
    problem: Problem | None = None
    finite: int = 0
    operation: str | None = None
    judged: Judged | None = None
    undecided_ok: str | None = None
    accepted: str | None = None
    furthest: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))

    @property
    def differs(self) -> bool:
        """Whether it is off by more than is allowed, or cannot be compared throughout."""
        return self.problem is not None or not bool(np.all(self.ratio <= 1))

    @property
    def verdict(self) -> Verdict:
        if self.differs:
            return Verdict.FAIL if self.accepted is None else Verdict.PASS
        if self.undecided and self.undecided_ok is None:
            return Verdict.UNDECIDED
        return Verdict.PASS_BITWISE if self.bitwise and not self.undecided else Verdict.PASS

    @property
    def bitwise(self) -> bool:
        """Whether every bit compared is equal."""
        return bool(self.same_dtype and np.all(self.equal == 1))

    @property
    def undecided(self) -> bool:
        """Whether over half of it could not be judged."""
        if self.judged is None:
            return False
        return bool(2 * self.judged.lost(self.bitwise).sum() > self.judged.candidates.sum())

    @property
    def sharpness(self) -> Sharpness | None:
        """None where nothing was compared, or nothing is there."""
        return None if self.judged is None else self.judged.sharpness(self.steps, self.bitwise)

    def __bool__(self) -> bool:
        return bool(self.verdict)

    def __add__(self, later: Comparison) -> Comparison:
        """This and a comparison of later steps as one."""
        return replace(
            self,
            steps=np.concatenate([self.steps, later.steps]),
            equal=np.concatenate([self.equal, later.equal]),
            absolute=np.concatenate([self.absolute, later.absolute]),
            ulp=np.concatenate([self.ulp, later.ulp]),
            allowed=np.concatenate([self.allowed, later.allowed]),
            ratio=np.concatenate([self.ratio, later.ratio]),
            same_dtype=self.same_dtype and later.same_dtype,
            problem=self.problem or later.problem,
            finite=self.finite + later.finite,
            judged=_together(self.judged, later.judged),
            furthest=np.concatenate([self.furthest, later.furthest]),
        )

    def amended(self, part: Comparison) -> Comparison:
        """With some of its steps held to another tolerance."""
        place = np.searchsorted(self.steps, part.steps)
        allowed, ratio = self.allowed.copy(), self.ratio.copy()
        allowed[place], ratio[place] = part.allowed, part.ratio
        judged = self.judged and part.judged and self.judged.amended(part.judged, place)
        return replace(self, allowed=allowed, ratio=ratio, judged=judged)

    @property
    def worst_ratio(self) -> float:
        return float(self.ratio.max(initial=0.0))

    @property
    def excess(self) -> np.ndarray:
        """The steps that exceed their tolerance."""
        return self.steps[~(self.ratio <= 1)]

    @property
    def first_difference(self) -> int | None:
        """The first step in which any bit differs."""
        return _first(self.steps, self.equal < 1)

    @property
    def first_excess(self) -> int | None:
        """The first step that exceeds its tolerance."""
        return _first(self.steps, ~(self.ratio <= 1))


@dataclass(frozen=True)
class Report:
    """All quantities of one case; true when every one of them passes."""

    comparisons: tuple[Comparison, ...]

    @property
    def verdict(self) -> Verdict:
        return worst(c.verdict for c in self.comparisons)

    def __bool__(self) -> bool:
        return bool(self.verdict)

    def __getitem__(self, name: str) -> Comparison:
        return next(c for c in self.comparisons if c.name == name)

    def accepting(
        self, undecided: Mapping[str, str], differing: Mapping[str, str] | None = None
    ) -> Report:
        """The same, where some names may be undecided and some may differ, each with its reason."""
        known = differing or {}
        names = (base_name(c.name) for c in self.comparisons)
        return Report(
            tuple(
                replace(c, undecided_ok=undecided.get(name), accepted=known.get(name))
                for c, name in zip(self.comparisons, names, strict=True)
            )
        )

    @property
    def bit_equal(self) -> float:
        """Share of all compared values that are equal bit for bit."""
        weights = [c.count * len(c.steps) for c in self.comparisons]
        shares = [c.equal.mean() if len(c.steps) else 1.0 for c in self.comparisons]
        return float(np.average(shares, weights=weights)) if sum(weights) else 1.0

    @property
    def worst(self) -> Comparison:
        """The quantity that comes closest to its tolerance, or exceeds it furthest; where its
        difference is accepted, only if there is no other."""
        return max(
            self.comparisons,
            key=lambda c: (not (c.differs and c.accepted), c.problem is not None, c.worst_ratio),
        )

    @property
    def first_excess(self) -> Comparison | None:
        """The quantity that fails in the earliest step; of several, the first in order."""
        failing = [c for c in self.comparisons if c.verdict is Verdict.FAIL]
        return _earliest([(c.first_excess, c) for c in failing])

    @property
    def first_difference(self) -> Comparison | None:
        """The quantity that differs at all in the earliest step; of several, the first in order."""
        differing = [c for c in self.comparisons if c.first_difference is not None]
        return _earliest([(c.first_difference, c) for c in differing])


class NothingToCompare(ValueError):
    """Reference and port have no quantity in common, or no finite value."""


@denormals()
def compare(
    reference: Run,
    port: Run,
    tolerance: Tolerance,
    *,
    strict: bool = False,
    blind: Tolerance | None = None,
) -> Report:
    """Hold every quantity of the reference against the port's, by the rules above.

    Args:
        reference: says what is compared, at which steps.
        port: the run under test.
        tolerance: the allowed difference of a floating quantity; other ones must be equal.
        strict: fail what only the port has, and floating types of another width.
        blind: says of which elements the tolerance knows nothing.

    Raises:
        NothingToCompare: no quantity is in both, or all agree and there is no finite value.
    """
    if not set(reference.quantities) & set(port.quantities):
        raise NothingToCompare(
            f"nothing in common: the reference has {_listed(reference)}, "
            f"the port {_listed(port)}. Name the port's quantities as the reference does"
        )
    names = list(reference.quantities)
    if strict:
        names += [name for name in port.quantities if name not in reference.quantities]
    found = (
        _quantity(
            name,
            reference.quantities.get(name),
            port.quantities.get(name),
            tolerance,
            strict,
            blind,
        )
        for name in names
    )
    report = Report(tuple(found))
    if report.verdict is not Verdict.FAIL and not sum(c.finite for c in report.comparisons):
        raise NothingToCompare(
            "not one finite value was compared: the runs have no steps in common, or their arrays "
            "are empty, or they hold NaN and infinities alone. Compare an earlier part"
        )
    return report


def _quantity(
    name: str,
    expected: Quantity | None,
    found: Quantity | None,
    tolerance: Tolerance,
    strict: bool,
    blind: Tolerance | None,
) -> Comparison:
    if expected is None:
        assert found is not None
        missing = Problem(Fault.MISSING, "the reference does not have it")
        return _uncompared(name, found, found.steps, missing)
    if found is None:
        missing = Problem(Fault.MISSING, "the port does not have it")
        return _uncompared(name, expected, expected.steps, missing)
    unlike = _unlike(expected.values, found.values, strict)
    if unlike is not None:
        return _uncompared(name, expected, expected.steps, unlike)
    if expected.steps.tobytes() == found.steps.tobytes():
        return _measured(name, expected, found.values, tolerance, blind)
    common = np.intersect1d(expected.steps, found.steps)
    steps = np.union1d(expected.steps, found.steps) if strict else expected.steps
    here = Quantity(common, expected.at(common), expected.kind)
    measured = _measured(name, here, found.at(common), tolerance, blind)
    problem = _one_sided(expected.steps, found.steps, strict)
    return measured if problem is None else _spread(measured, steps, problem)


def _unlike(expected: np.ndarray, found: np.ndarray, strict: bool) -> Problem | None:
    problem = mismatch(expected.dtype, found.dtype, strict=strict)
    if problem is not None:
        return Problem(Fault.TYPE, problem)
    if found.shape[1:] != expected.shape[1:]:
        shapes = f"{found.shape[1:]}, not {expected.shape[1:]}"
        if (2,) in (_last_axis(found, expected), _last_axis(expected, found)):
            shapes += " (a complex number has a last axis of two)"
        return Problem(Fault.SHAPE, f"the port's shape is {shapes}")
    return None


def _last_axis(longer: np.ndarray, shorter: np.ndarray) -> tuple[int, ...]:
    """The axis that one has more than the other, where the others are equal."""
    return longer.shape[shorter.ndim :] if longer.shape[: shorter.ndim] == shorter.shape else ()


def _one_sided(expected: np.ndarray, found: np.ndarray, strict: bool) -> Problem | None:
    lacking = _steps_listed(np.setdiff1d(expected, found))
    extra = _steps_listed(np.setdiff1d(found, expected)) if strict else ""
    problems = [
        *([f"the port lacks step {lacking}"] if lacking else []),
        *([f"the reference lacks step {extra}"] if extra else []),
    ]
    return Problem(Fault.STEPS, "; ".join(problems)) if problems else None


def _spread(measured: Comparison, steps: np.ndarray, problem: Problem) -> Comparison:
    """The comparison of some steps as one of all ``steps``, the others being faults."""
    place = np.searchsorted(steps, measured.steps)

    def fill(values: np.ndarray, other: float) -> np.ndarray:
        filled = np.full((len(steps), *values.shape[1:]), other)
        filled[place] = values
        return filled

    return replace(
        measured,
        steps=steps,
        equal=fill(measured.equal, 0.0),
        absolute=fill(measured.absolute, np.nan),
        ulp=fill(measured.ulp, np.nan),
        allowed=fill(measured.allowed, np.nan),
        ratio=fill(measured.ratio, np.inf),
        problem=problem,
        judged=measured.judged and measured.judged.spread(place, len(steps)),
        furthest=fill(measured.furthest, np.nan),
    )


def _measured(
    name: str,
    expected: Quantity,
    values: np.ndarray,
    tolerance: Tolerance,
    blind: Tolerance | None,
) -> Comparison:
    if values.dtype.kind == "U":  # all that counts of a text is whether it is the same
        values = difference(expected.values, values).astype(int)
        expected = replace(expected, values=np.zeros_like(values))
    floating = expected.values.dtype.kind == "f"
    shape, allowed, unknown = expected.values.shape, np.zeros(()), np.zeros((), bool)
    if expected.values.size and floating:
        allowed = tolerance(name, expected)
        unknown = blind(name, expected) if blind is not None else unknown
    pair = _beside(expected.values, values) if floating else _apart(expected.values, values)
    given = (np.broadcast_to(a, shape) for a in (allowed, unknown))
    size = np.empty(rows(expected.values).shape)
    found = kernels().hold(size, *pair, *(np.ascontiguousarray(rows(a)) for a in given))
    equal, absolute, ulp, closest, ratio, finite, *others = found
    candidates, dull, missing, sized, worst, *far = others
    return Comparison(
        name,
        expected.steps,
        _count(expected),
        equal=equal,
        absolute=absolute,
        ulp=ulp,
        allowed=closest,
        ratio=ratio,
        same_dtype=values.dtype == expected.values.dtype,
        finite=int(finite.sum()),
        judged=Judged(candidates, dull, missing, median_of(size, sized.astype(int)), worst),
        furthest=np.stack(far, axis=1) if floating else np.full((len(equal), 2), np.nan),
    )


def _beside(expected: np.ndarray, values: np.ndarray) -> tuple[np.ndarray | int, ...]:
    """Floating values and their bits in the reference's type, a row each step."""
    with np.errstate(over="ignore"):
        cast = values.astype(expected.dtype, copy=False)
    integer = np.dtype(f"i{expected.dtype.itemsize}")
    bits = (np.ascontiguousarray(rows(a)).view(integer) for a in (expected, cast))
    wide = (a.astype(np.float32) if a.dtype.itemsize < 4 else a for a in (expected, values))
    return (*(np.ascontiguousarray(rows(a)) for a in wide), *bits, int(np.iinfo(integer).max))


def _apart(expected: np.ndarray, values: np.ndarray) -> tuple[np.ndarray | int, ...]:
    """The same of integers and Bools, which Float64 could not tell apart: 1 stands for all of them
    but 0, and their distance is added to it."""
    apart = rows(difference(expected, values))
    some = rows(expected != 0).astype(np.float64)
    bits = np.minimum(apart, 2.0**62).astype(np.int64)
    return some, some + apart, np.zeros_like(bits), bits, int(np.iinfo(np.int64).max)


def _uncompared(name: str, quantity: Quantity, steps: np.ndarray, problem: Problem) -> Comparison:
    none = np.empty(0)
    nowhere = np.empty(0, np.int64)
    nothing = Comparison(name, nowhere, _count(quantity), none, none, none, none, none)
    return _spread(nothing, steps, problem)


def _count(quantity: Quantity) -> int:
    return int(np.prod(quantity.values.shape[1:]))


def _first(steps: np.ndarray, where: np.ndarray) -> int | None:
    return int(steps[where.argmax()]) if where.any() else None


def _earliest(found: list[tuple[int | None, Comparison]]) -> Comparison | None:
    """The first of those with the smallest step; one without any step comes last."""
    steps = [np.inf if step is None else step for step, _ in found]
    return found[int(np.argmin(steps))][1] if found else None


def _listed(run: Run) -> str:
    return ", ".join(sorted(run.quantities)) or "none"


def _steps_listed(steps: np.ndarray) -> str:
    return ", ".join(map(str, steps[:5])) + (" …" if len(steps) > 5 else "")


def _together(earlier: Judged | None, later: Judged | None) -> Judged | None:
    return earlier + later if earlier is not None and later is not None else earlier or later
