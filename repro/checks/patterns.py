"""What a difference looks like: rules that each know one kind of it, and how often it would be an
accident (:mod:`repro.checks.pattern`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import permutations, takewhile
from math import lgamma, log

import numpy as np

from repro.checks.agreement import difference
from repro.checks.measured import CLEAR
from repro.checks.pattern import HALF_OF_THE_DIGITS as HALF
from repro.checks.pattern import LEAST, Explanation, Pattern, Seen, agree, holds

NARROWER = {8: (np.float32, 29), 4: (np.float16, 13)}
"""By width: the next narrower type, and how many bits it lacks."""


def pattern_of(steps: Sequence[Seen]) -> Pattern | None:
    """What a quantity's difference looks like, the first rule's that is hardly an accident.

    Args:
        steps: its wrong steps in order, at least one. The first has to be explained; later ones
            count as far as the same explanation goes on holding.
    """
    if steps[0].a.shape != steps[0].b.shape:
        return next(_likely([axes(steps)]), None)
    if not steps[0].wrong.any():
        return None
    return next(_likely(rule(steps) for rule in RULES), None)


def _likely(found: Iterable[Pattern | None]) -> Iterator[Pattern]:
    return (one for one in found if one is not None and one.chance <= LEAST)


def one_step_off(steps: Sequence[Seen]) -> Pattern | None:
    """The reference's value one step earlier or later: read before or after the update.

    Chance: two explanations, nothing fitted.
    """

    def beside(which: str) -> Explanation:
        def explain(s: Seen) -> tuple[np.ndarray, np.ndarray] | None:
            found = getattr(s, which)
            return None if found is None else (found, 2 * s.slack)

        return explain

    words = {"before": "one step earlier, as before the update", "after": "one step later"}
    for which, text in words.items():
        chance, kept = holds(steps, beside(which), log(2))
        if chance <= LEAST:
            return Pattern("one step off", f"the reference's value {text}{_in(kept)}", chance)
    return None


def factor(steps: Sequence[Seen]) -> Pattern | None:
    """A constant times the reference's.

    The constant is fitted to the element that tells it best, so that this one is no evidence;
    unless it is one of few that come to mind: 0, -1, 2, 1/2, and with n a length in that step
    n, 1/n, n/(n-1), its inverse, and their roots. Chance: as many explanations as there are of
    those, or one and an element less.
    """
    one = steps[0]
    sharp = np.where(np.isfinite(one.a) & (one.a != 0) & np.isfinite(one.b),
                     np.abs(one.a) / np.maximum(one.slack, 1e-300), 0)  # fmt: skip
    if not sharp.any():
        return None
    j = np.unravel_index(int(np.argmax(sharp)), sharp.shape)
    c = float(one.b[j] / one.a[j])
    unsure = float((1 + abs(c)) * one.slack[j] / abs(one.a[j])) + 1e-12 * abs(c)
    known = _known_factors(one.sizes)
    near = next(((label, k) for label, k in known if abs(k - c) <= unsure), None)
    choices, fitted, why = 0.0, None if near else float(one.a[j]), ""
    if near is not None:
        choices, c, unsure = log(len(known)), near[1], 1e-12 * abs(near[1])
        why = f" ({near[0]})" if near[0] else ""

    def explain(s: Seen) -> tuple[np.ndarray, np.ndarray]:
        size = np.where(np.isfinite(s.a), np.abs(s.a), 0)
        with np.errstate(invalid="ignore"):
            return c * s.a, (1 + abs(c)) * s.slack + unsure * size

    chance, kept = holds(steps, explain, choices, fitted, distinct=True)
    if c == 0:
        return Pattern("zero", f"0{_every(one)}{_in(kept)}", chance)
    text = f"{_digits(c)} times the reference's{why}{_every(one)}{_in(kept)}"
    return Pattern("constant factor", text, chance)


def _known_factors(sizes: Sequence[int]) -> list[tuple[str, float]]:
    """Factors that come to mind, the simplest first, each with the words for it."""
    known = [("", 0.0), ("the other sign", -1.0), ("", 2.0), ("", 0.5)]
    for n in sizes:
        if n > 1:
            known += [(f"n = {n} is a length in that step", float(n)),
                      (f"1/n, n = {n} a length in that step", 1 / n)]  # fmt: skip
    for n in sizes:
        if n > 1:
            ratio, said = n / (n - 1), f"n = {n} a length in that step"
            known += [(f"n/(n-1), {said}", ratio), (f"(n-1)/n, {said}", 1 / ratio),
                      (f"the root of n/(n-1), {said}", ratio**0.5),
                      (f"the root of (n-1)/n, {said}", ratio**-0.5),
                      (f"the root of n, {said}", n**0.5),
                      (f"1 over the root of n, {said}", n**-0.5)]  # fmt: skip
    return known


def offset(steps: Sequence[Seen]) -> Pattern | None:
    """A constant more than the reference's: indices from 0 for indices from 1.

    Fitted to the element that tells it best, which is no evidence; ±1 is not fitted. Chance: one
    explanation and an element less, or two. Of integers, labels for instance, equal ones count.
    """
    one = steps[0]
    known = np.isfinite(one.a) & np.isfinite(one.b)
    if not known.any():
        return None
    j = np.unravel_index(int(np.argmin(np.where(known, one.slack, np.inf))), one.a.shape)
    c, unsure = float(one.b[j] - one.a[j]), 2 * float(one.slack[j])
    simple = abs(abs(c) - 1) <= unsure
    if simple:
        c, unsure = float(np.sign(c)), 0.0

    def explain(s: Seen) -> tuple[np.ndarray, np.ndarray]:
        return s.a + c, 2 * s.slack + unsure

    fitted = None if simple else float(one.a[j])
    choices, distinct = log(2) if simple else 0.0, one.width > 0
    chance, kept = holds(steps, explain, choices, fitted, distinct)
    more = "more" if c > 0 else "less"
    text = f"{abs(c):.6g} {more} than the reference's{_every(one)}{_in(kept)}"
    return Pattern("constant offset", text, chance)


def signs(steps: Sequence[Seen]) -> Pattern | None:
    """Slices along one axis equal up to their sign: eigenvectors, singular vectors.

    Chance: two explanations for every slice, times the axes.
    """
    one = steps[0]
    if one.a.ndim < 2:
        return None
    for axis in reversed(range(one.a.ndim)):
        a, b = np.moveaxis(one.a, axis, 0), np.moveaxis(one.b, axis, 0)
        with np.errstate(invalid="ignore"):
            along = (a * b).reshape(len(a), -1).sum(axis=1)
        sign = np.where(along < 0, -1.0, 1.0)
        shape = [len(sign) if i == axis else 1 for i in range(one.a.ndim)]
        whole = sign.reshape(shape)

        def explain(s: Seen, whole: np.ndarray = whole) -> tuple[np.ndarray, np.ndarray]:
            return whole * s.a, 2 * s.slack

        chance, _ = holds([one], explain, len(sign) * log(2) + log(one.a.ndim))
        if chance <= LEAST:
            turned = [_slice(one.a.ndim, axis, int(i)) for i in np.flatnonzero(sign < 0)]
            more = " …" if len(turned) > 4 else ""
            text = f"equal up to the sign of {', '.join(turned[:4])}{more}"
            return Pattern("signs of slices", text, chance)
    return None


Move = Callable[[np.ndarray], np.ndarray]


def axes(steps: Sequence[Seen]) -> Pattern | None:
    """Axes exchanged, or the numbers laid out in the other order (Julia's arrays go column by
    column).

    Chance: as many explanations as there are orders of axes, and two for the layouts. Where the
    shapes differ there is no ``d``; the spread of the array's own values stands for it.
    """
    one = steps[0]
    if one.a.ndim > 4 or one.a.size != one.b.size:
        return None
    shape = one.b.shape
    orders = [p for p in permutations(range(one.a.ndim)) if p != tuple(range(one.a.ndim))]
    tried: list[tuple[str, Move]] = []
    if shape != one.a.shape:
        tried.append(("the reference's numbers in their order, in another shape",
                      lambda x: x.reshape(shape)))  # fmt: skip
    for p in orders:
        said = "transposed" if one.a.ndim == 2 else f"with its axes in the order {list(p)}"
        tried.append((f"the reference's {said}", partial(np.transpose, axes=p)))
    laid = "the reference's numbers laid out"
    tried.append((f"{laid} column by column", lambda x: x.ravel(order="F").reshape(shape)))
    tried.append((f"{laid} row by row", lambda x: x.ravel().reshape(shape, order="F")))
    for text, move in tried:

        def explain(s: Seen, move: Move = move) -> tuple[np.ndarray, np.ndarray] | None:
            slack = move(s.slack)
            if slack.shape != s.b.shape:
                return None
            return move(s.a), slack + s.slack if slack.shape == s.slack.shape else slack

        if shape == one.a.shape:
            chance, kept = holds(steps, explain, log(len(tried)))
        else:
            chance, kept = _reshaped(one, explain, log(len(tried))), 1
        if chance <= LEAST:
            return Pattern("axes", f"{text}{_in(kept)}", chance)
    return None


def _reshaped(one: Seen, explain: Explanation, choices: float) -> float:
    found = explain(one)
    if found is None or found[0].shape != one.b.shape:
        return 1.0
    expected, slack = found
    known = expected[np.isfinite(expected)]
    if not known.size or not agree(expected, one.b, slack):
        return 1.0
    spread = difference(expected, np.full(expected.shape, known.mean()))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(spread > slack, np.maximum(slack, 0.0 if one.width else 0.5) / spread, 1.0)
    evidence = np.log(np.clip(share, 1e-300, 1.0)).sum()
    return float(np.exp(min(choices + evidence, 0.0)))


def reordered(steps: Sequence[Seen]) -> Pattern | None:
    """The reference's slices along one axis in another order.

    Chance: of m slices, m explanations where they are rolled or back to front, m! otherwise, times
    the axes.
    """
    one = steps[0]
    for axis in range(one.a.ndim):
        m = one.a.shape[axis]
        order = _order(np.moveaxis(one.a, axis, 0), np.moveaxis(one.b, axis, 0))
        if m < 2 or order is None:
            continue

        def explain(s: Seen, axis: int = axis, order: np.ndarray = order
                    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
            return s.a.take(order, axis), s.slack.take(order, axis) + s.slack

        shift = int(-order[0] % m)
        rolled = bool((order == np.roll(np.arange(m), shift)).all())
        turned = bool((order == np.arange(m)[::-1]).all())
        choices = log(m) if rolled or turned else lgamma(m + 1)
        chance, _ = holds([one], explain, choices + log(one.a.ndim))
        if chance <= LEAST:
            shift = shift if shift <= m // 2 else shift - m
            how = "back to front" if turned else f"rolled by {shift}" if rolled else "reordered"
            along = f" along axis {axis}" if one.a.ndim > 1 else ""
            return Pattern("reordered", f"the reference's, {how}{along}", chance)
    return None


def _order(a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """Which slice of ``a`` each of ``b`` would be, found by one projection onto fixed numbers."""
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    if not (np.isfinite(a).all() and np.isfinite(b).all()) or not a.size:
        return None
    onto = np.random.default_rng(0).normal(size=a.shape[1])
    order = np.empty(len(a), int)
    order[np.argsort(b @ onto, kind="stable")] = np.argsort(a @ onto, kind="stable")
    return order


def narrow(steps: Sequence[Seen]) -> Pattern | None:
    """Rounded to a narrower type on the way: Float32 precision in a Float64 array.

    Chance: one wrong number in 2**29 is a Float32 by accident (in 2**13 a Float16, of Float32),
    each distinct one counted.
    """
    one = steps[0]
    if one.width not in NARROWER:
        return None
    kind, lacking = NARROWER[one.width]
    wrong, away = one.wrong, HALF[2 if kind is np.float16 else 4]
    with np.errstate(over="ignore", invalid="ignore"):
        exact = one.b == one.b.astype(kind).astype(np.float64)
        near = (one.off <= away * np.abs(one.a)) & np.isfinite(one.b)
    if not (exact & near)[wrong].all():
        return None
    chance = float(np.exp(-lacking * log(2) * len(np.unique(one.b[wrong]))))
    name = "Float32" if kind is np.float32 else "Float16"
    text = f"rounded to {name}: every wrong number is one"
    return Pattern("narrower precision", text, chance)


def alone(steps: Sequence[Seen]) -> Pattern | None:
    """One slice, or one element, is wrong; all others agree. It is off by more than half of the
    digits of the array's median and by a hundred tolerances, which is no rounding, even where an
    element has cancelled.

    Chance: were every element wrong as likely as not, 2**-(right elements) times the slices; and
    were as many wrong elements strewn about, m**-(wrong elements) times the m slices (in every
    step, where it is not the same one). The larger of the two, times the axes.
    """
    one = steps[0]
    wrong = one.wrong
    count = int(wrong.sum())
    size = np.abs(one.a[np.isfinite(one.a) & (one.a != 0)])
    half = HALF.get(one.width, 0.0) * (np.median(size) if size.size else 0.0)
    if one.a.size < 2 or not (one.off > np.maximum(half, CLEAR * one.slack)).any():
        return None
    if count == 1:
        place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        chance = one.a.size * 2.0 ** -min(one.a.size - 1, 1000)
        text = f"wrong in the element {[int(i) for i in place]} alone"
        return Pattern("one slice alone", text, chance)
    for axis, m in enumerate(one.a.shape):
        places = [_touched(s, axis) for s in steps]
        held = list(takewhile(lambda touched: len(touched) == 1, places))
        if not held or m < 3:
            continue
        same = held[0] * len(held) == [i for place in held for i in place]
        counts = [int(s.wrong.sum()) for s in steps[: len(held)]]
        right = len(held) * (one.a.size - one.a.size // m)
        places_tried = log(one.a.ndim) + log(m) * (1 if same else len(held))
        evidence = min(right * log(2), sum(counts) * log(m))
        chance = float(np.exp(min(places_tried - evidence, 0.0)))
        if chance <= LEAST:
            text = f"wrong in one slice along axis {axis} alone, another in other steps"
            text = _one_slice(steps[: len(held)], axis, held[0][0]) if same else text
            return Pattern("one slice alone", text, chance)
    return None


def _one_slice(steps: Sequence[Seen], axis: int, i: int) -> str:
    """Which, and what it looks like there."""
    ndim = steps[0].a.ndim
    cut = [s.cut(tuple(i if k == axis else slice(None) for k in range(ndim))) for s in steps]
    inside = next(_likely([factor(cut), offset(cut)]), None)
    there = _in(len(cut)) if inside is None else f", there {inside.text}"
    return f"wrong in the slice {_slice(ndim, axis, i)} alone{there}"


def _touched(s: Seen, axis: int) -> list[int]:
    """In which slices along an axis anything is wrong."""
    found = np.moveaxis(s.wrong, axis, 0).reshape(s.wrong.shape[axis], -1).any(axis=1)
    return [int(i) for i in np.flatnonzero(found)]


RULES = (one_step_off, factor, offset, signs, axes, reordered, narrow, alone)
"""In the order in which they are tried."""


def _every(one: Seen) -> str:
    return ", in every element" if one.a.size > 1 else ""


def _in(steps: int) -> str:
    return f", in {steps} steps" if steps > 1 else ""


def _slice(ndim: int, axis: int, i: int) -> str:
    return "[" + ", ".join(str(i) if k == axis else ":" for k in range(ndim)) + "]"


def _digits(c: float) -> str:
    """Four digits, or as many as tell it from 1."""
    away = abs(c - 1)
    if 0 < away < 0.01:
        return f"{c:.{min(2 - int(np.floor(np.log10(away))), 16)}f}"
    return f"{c:#.4g}"
