"""How sharp a check was, in sentences: what it would not have noticed, what a failure hung on."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from repro.checks.agreement import difference
from repro.checks.compare import Comparison
from repro.checks.envelope import FACTOR
from repro.checks.measured import Measured, last_step
from repro.checks.noise import Noise, half_ulp
from repro.checks.pair import Pair
from repro.run import base_name

SHOWN = 8
"""Names in one line."""


def lines(side: Pair) -> Iterator[str]:
    """To what each name was held, by how many perturbed runs, and what they could not move. Where
    nothing may differ, there is nothing to say."""
    known = [c for c in side.comparisons if _floating(side, c) and _bluntness(c) > 0]
    if not known:
        return
    worst = sorted(known, key=_bluntness, reverse=True)[:SHOWN]
    held = [
        f"`{c.name}` {c.sharpness.median:.1e} (worst element {c.sharpness.worst:.1e})"
        for c in known
        if c in worst and c.sharpness is not None
    ]
    more = " …" if len(known) > SHOWN else ""
    yield f"held to, as a share of each number: {', '.join(held)}{more}"
    if side.measured is not None:
        yield from _narrower(side, side.measured.moves.units)
        yield from _perturbed(side.measured)
    yield from _narrow(side, known)


def _narrower(side: Pair, units: Collection[float]) -> Iterator[str]:
    """Of a port that computes in a narrower type than any that is compared: it allows for that
    type's rounding, which the reference may not have."""
    compared = [side.reference[c.name].values.dtype for c in side.comparisons if _floating(side, c)]
    own = max((half_ulp(dtype) for dtype in compared), default=np.inf)
    coarsest = max(units, default=0.0)
    if coarsest > max(own, side.measured.moves.coarsest if side.measured else 0.0):
        yield (
            f"the port computes in {TYPES.get(coarsest, 'a narrower type')}, narrower than what is "
            "compared, and its rounding is allowed for: if the reference does not, this is a fault "
            "that the tolerance hides"
        )


TYPES = {half_ulp(np.dtype(t)): f"Float{8 * np.dtype(t).itemsize}" for t in ("f2", "f4", "f8")}
TYPES[2.0**-8] = "BFloat16"


def _perturbed(measured: Measured) -> Iterator[str]:
    if not measured.runs:
        yield "perturbed runs: none were needed, every difference is within 10 ulp"
        return
    moves = measured.moves
    rows = {noise for _, noise in moves.moved}
    names = {noise: sorted({n for n, row in moves.moved if row is noise}) for noise in rows}
    told = [f"{_short(names[noise])} ({noise.name.lower()})" for noise in Noise if noise in rows]
    moved = "; ".join(told) or (
        "no operation: only what the port moves itself. (What it computes with is made where "
        "nobody sees it: give its arrays through `np.array`, in the port's own code)"
    )
    yield f"perturbed runs: {measured.runs}, moving {moved}"
    if moves.unlisted:
        yield f"in no row of the table, moved by an ulp: {', '.join(moves.unlisted)}"
    if moves.inside:
        yield (
            f"inside {', '.join(moves.inside)} operations stay as they are; inputs, results and "
            "what is noted were moved: a tolerance may be too tight, never too wide"
        )
    for reason, times in moves.inputs_only.items():
        yield f"operations not moved, inputs alone, {times} times: {reason}"
    if measured.short:
        yield f"{measured.short} perturbed runs have fewer steps, or other shapes"
    for name, count in measured.aside.items():
        yield f"`{base_name(name)}`: {count} perturbed values were not finite, and set aside"


def _narrow(side: Pair, known: list[Comparison]) -> Iterator[str]:
    """What Float32 cannot see."""
    narrow = [c for c in known if side.reference[c.name].values.dtype.itemsize < 8]
    coarse = [c for c in narrow if not c.bitwise]
    if coarse and side.verdict:
        least = min(c.sharpness.median for c in coarse if c.sharpness is not None)
        width = side.reference[coarse[0].name].values.dtype
        yield (
            f"not noticed in {width}: any mistake below {least:.0e} of a number, Adam's epsilon of "
            "1e-8 in another place for one. The same check with Float64 on both sides sees it"
        )


def explanations(side: Pair, first: Comparison) -> Iterator[str]:
    """What a failure may hang on, besides a wrong operation."""
    measured = side.measured
    if measured is None:
        return
    if measured.moves.inside and first.worst_ratio < _half_the_digits(side, first):
        yield (
            "this may be rounding inside the step, which no perturbed run shows: take "
            '`note = (name, value) -> value` as a keyword, and write z = note("z", ...) for what '
            f"goes into `{base_name(first.name)}`; each is then judged by itself"
        )
    flips = measured.flipped.get(first.name)
    if flips:
        yield (
            f"the choice hung on the last bit: {flips} of {measured.runs} perturbed runs choose "
            f"otherwise in `{base_name(first.name)}`"
        )
    if measured.common_end(side.reference) is not None:
        ends = sorted(e for e in measured.ends if e is not None)
        yield (
            f"the number of steps hangs on the last bit: these runs end with step {ends[0]} to "
            f"{ends[-1]}, the reference with {last_step(side.reference)}"
        )
    yield from _less_exact(side, first)


def _half_the_digits(side: Pair, first: Comparison) -> float:
    """In tolerances, what cancellation inside a step may cost at most."""
    dtype = side.reference[first.name].values.dtype
    return float(2 ** ((np.finfo(dtype).nmant + 1) / 2) / FACTOR) if dtype.kind == "f" else 0.0


def _less_exact(side: Pair, first: Comparison) -> Iterator[str]:
    """Where the port's Float64 run agrees with the port, and the reference is off by no more than
    rounding can do: half of its digits."""
    exact = None if side.exact is None else side.exact.quantities.get(first.name)
    step, tolerance = first.first_excess, side.tolerance
    if exact is None or step is None or tolerance is None or first.problem is not None:
        return
    at = np.array([step])
    expected, port = side.reference[first.name], side.port[first.name]
    if step not in exact.steps or exact.values.dtype != np.float64:
        return
    if np.float64 in (expected.values.dtype, port.values.dtype):
        return
    here = type(expected)(at, expected.at(at), expected.kind)
    truth = exact.at(at)
    reference, own = difference(here.values, truth), difference(port.at(at), truth)
    allowed = tolerance(first.name, here)
    digits = 2.0 ** (-(np.finfo(here.values.dtype).nmant + 1) / 2)
    beyond = difference(here.values, port.at(at)) > allowed
    small = reference <= digits * np.maximum(np.abs(truth), np.abs(truth).max(initial=0))
    if np.all(own[beyond] <= allowed[beyond] / 10) and np.all(small[beyond]):
        yield (
            f"given Float64 the port computes the same, to {own.max():.1e}, and the reference is "
            f"{reference.max():.1e} from it: if the two mean the same formula, the reference is "
            "the less exact side"
        )


def _bluntness(c: Comparison) -> float:
    return 0.0 if c.sharpness is None else np.nan_to_num(c.sharpness.median, nan=np.inf)


def _floating(side: Pair, c: Comparison) -> bool:
    q = side.reference.quantities.get(c.name)
    return q is not None and q.values.dtype.kind == "f"


def _short(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
