"""Hold any port against any reference: two things that yield named arrays per step."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from repro.checks.agreement import equal_bits
from repro.checks.compare import NothingToCompare, Report, compare
from repro.checks.measured import Measured, Runner, judge
from repro.checks.noise import Moves, Stream
from repro.checks.pair import Pair, Way
from repro.checks.perturb import perturbing
from repro.checks.perturb_numpy import aware
from repro.checks.progress import telling
from repro.checks.result import Check
from repro.checks.rules import CANNOT, Bitwise, Growth, Rule, ToleranceError, Unmeasured
from repro.checks.stepping import Stepper
from repro.checks.verdict import Verdict
from repro.errors import ReproError, Unavailable
from repro.run import Run, Source, base_name, collect


class CheckError(ReproError, ValueError):
    """A check that was asked for in a way that cannot be carried out."""


def check(
    reference: Source,
    port: Source | Callable[..., Any],
    *,
    tolerance: Rule | None = None,
    names: Sequence[str] | None = None,
    strict: bool = True,
    resynchronise: bool = False,
    draws: Sequence[str] = (),
    state: Sequence[str] | None = None,
    undecided_ok: Mapping[str, str] | None = None,
) -> Check:
    """Hold a port against a reference, step by step and name by name.

    Both yield named arrays per step: a callable that gives an iterable of dicts, such an iterable
    itself, a :class:`repro.run.Run` or the path of a saved one. The names within a step stand in
    the order of computation, so that the first that is off names the operation that is wrong.

    Args:
        reference: what is right. A Julia function: :class:`repro.JuliaFunction`.
        port: what is held against it. With ``resynchronise``, a function
            ``step(state, draws)`` of two dicts of arrays that gives the step's arrays, the new
            state among them under the reference's names.
        tolerance: ``Bitwise()``, ``Ulps(budget, because=...)`` or ``Growth()``. By default
            ``Growth()`` where the port is a function, else ``Bitwise()``. A function may take
            ``perturbation=None``, a seed to move its inputs by one ulp (:func:`nudged` does).
            What is stated holds for every way in which the port is run.
        names: compare these alone; by default all.
        strict: a quantity, step or floating width that only one side has fails. Without it what
            only the port has is not looked at, and another width passes within tolerance.
        resynchronise: run the port on its own, and again with the reference's state before every
            step, to tell a wrong operation from amplified rounding. The reference then yields
            the state before the first iteration first.
        draws: with ``resynchronise``, names of a step's inputs, which the port gets from the
            reference; they are not compared.
        state: with ``resynchronise``, names of what is handed from step to step; by default all
            that the reference yields first.
        undecided_ok: names that may be undecided, each with the reason. No failure is let
            through.

    Returns:
        A :class:`Check`. ``NOT_RUN`` where a side cannot be had here, a Julia for instance;
        ``FAIL`` also where the port alone breaks off with an ``ArithmeticError``; ``ERROR`` where
        the reference does, there is nothing to compare, or a tolerance cannot be measured, for
        the port does not repeat itself; ``UNDECIDED`` where most of a quantity could not be judged.

    Raises:
        ReproError: what was given cannot be read, run, or resynchronised. The message says why.
    """
    if (draws or state is not None) and not resynchronise:
        raise CheckError("draws and state are names for resynchronising: add resynchronise=True")
    try:
        expected = _chosen(collect(reference), names, "reference")
        accepted = _accepted(undecided_ok or {}, expected)
        if resynchronise:
            found = _step_by_step(expected, port, tolerance, strict, draws, state)
        else:
            found = Check((_own(expected, port, tolerance, names, strict),))
        return replace(found, pairs=tuple(_accepting(pair, accepted) for pair in found.pairs))
    except Unavailable as problem:
        return Check(not_run=str(problem))


def _own(
    expected: Run, port: Any, tolerance: Rule | None, names: Sequence[str] | None, strict: bool
) -> Pair:
    moves = Moves()
    takes_seed = callable(port) and "perturbation" in _parameters(port)
    perturbable = takes_seed or _is_function(port)

    def run(perturbation: int | None = None, steps: np.ndarray | None = None) -> Run:
        if perturbation is None:
            return _chosen(collect(port, "port"), names, "port")
        seed = {"perturbation": perturbation} if takes_seed else {}
        return _chosen(_perturbed(port, Stream(perturbation, moves), seed), names, "port")

    rule = tolerance or (Growth() if perturbable else Bitwise())
    return _pair(Way.OWN, expected, run, rule, strict, perturbable, moves)


def _perturbed(port: Any, stream: Stream, seed: dict[str, int]) -> Run:
    """A port in a perturbed run, which may end in any way."""
    for function in (aware(port, stream), port):
        stream.at(0)
        try:
            with perturbing(stream):
                return collect(function, "port", **seed)
        except Exception as error:
            stream.moves.inputs_only[f"{type(error).__name__}: {error}"] += 1
    return Run({})


def _step_by_step(
    expected: Run,
    step: Any,
    tolerance: Rule | None,
    strict: bool,
    draws: Sequence[str],
    state: Sequence[str] | None,
) -> Check:
    if not callable(step):
        raise CheckError(
            f"resynchronise=True needs a function step(state, draws), not a {type(step).__name__}"
        )
    stepper = Stepper.on(step, expected, draws, state)
    here, rule = stepper.compared(expected), tolerance or Growth()
    own = _pair(Way.OWN, here, stepper.free, rule, strict, True, stepper.moves, stepwise=True)
    repeated = own.measured is not None and own.measured.runs > 0
    each = _pair(
        Way.RESYNCHRONISED,
        here,
        stepper.resynchronised,
        rule,
        strict,
        True,
        stepper.moves,
        stepwise=True,
        repeated=repeated,
    )
    if each.verdict is Verdict.FAIL:
        each = replace(each, exact=_in_float64(stepper))
    return Check((own, each))


def _in_float64(stepper: Stepper) -> Run | None:
    try:
        return stepper.resynchronised(wide=True)
    except Exception:  # it takes its own types alone
        return None


def _pair(
    way: Way,
    expected: Run,
    run: Runner,
    rule: Rule,
    strict: bool,
    perturbable: bool,
    moves: Moves,
    stepwise: bool = False,
    repeated: bool = False,
) -> Pair:
    """Run the port and hold it against the reference.

    Args:
        stepwise: whether it can be run in some of its steps alone.
        repeated: whether it is known to repeat itself.
    """
    with telling(str(way)) as tell:
        found = run(None)
        pair = Pair(way, expected, found, None, rule.words)

        def again(seed: int | None, steps: np.ndarray | None = None) -> Run:
            return found if seed is None else run(seed)

        def repeats() -> None:
            problem = None if repeated else _unrepeated(found, run(None))
            if problem is not None:
                raise Unmeasured(problem)

        if isinstance(rule, Growth) and not perturbable:
            raise ToleranceError(CANNOT)
        try:
            if isinstance(rule, Growth):
                measured = Measured(found, run, moves, stepwise)
                report = judge(expected, measured, rule.perturbations, strict, repeats, tell)
                return replace(pair, tolerance=measured, report=report)
            tolerance = rule.bind(again if perturbable else None)
            pair = replace(pair, tolerance=tolerance)
            return replace(pair, report=compare(expected, found, tolerance, strict=strict))
        except (NothingToCompare, Unmeasured) as problem:
            return replace(pair, unmeasured=str(problem))


def _accepted(reasons: Mapping[str, str], expected: Run) -> Mapping[str, str]:
    for name, reason in reasons.items():
        if name not in map(base_name, expected.quantities):
            raise CheckError(f"undecided_ok names {name}, which the reference does not have")
        if not str(reason).strip():
            said = f"undecided_ok={{{name!r}: 'because'}}"
            raise CheckError(f"say why {name} may be undecided: {said}")
    return reasons


def _accepting(pair: Pair, reasons: Mapping[str, str]) -> Pair:
    if pair.report is None or not reasons:
        return pair
    found = tuple(
        replace(c, accepted=reasons.get(base_name(c.name))) for c in pair.report.comparisons
    )
    return replace(pair, report=Report(found))


def _unrepeated(once: Run, again: Run) -> str | None:
    """Where a second run of the same port differs from the first: no measure would hold then."""
    if _same(once, again):
        return None
    try:
        report = compare(once, again, Bitwise().bind(None), strict=True)
    except NothingToCompare:
        return None
    first = report.first_excess
    if first is None:
        return None
    return (
        f"the port does not repeat itself: run again, `{first.name}` differs in step "
        f"{first.first_excess}. Seed what it draws, and let it keep nothing between runs or steps"
    )


def _same(once: Run, again: Run) -> bool:
    """Whether every bit is, those of NaN too."""
    pairs = [(q, again.quantities.get(name)) for name, q in once.quantities.items()]
    return len(once.quantities) == len(again.quantities) and all(
        b is not None and equal_bits(a.values, b.values) for a, b in pairs
    )


def _chosen(run: Run, names: Sequence[str] | None, side: str) -> Run:
    """Cut a run to some quantities, under whichever of their forms."""
    if names is None:
        return run
    kept = {n: q for n, q in run.quantities.items() if n in names or base_name(n) in names}
    lacking = [n for n in names if n not in run.quantities]
    if side == "reference" and lacking:
        known = ", ".join(run.quantities) or "none"
        raise CheckError(f"the reference has no {', '.join(lacking)}: choose from {known}")
    return replace(run, quantities=kept)


def _parameters(port: Any) -> Sequence[str]:
    try:
        return list(inspect.signature(port).parameters)
    except (TypeError, ValueError):
        return []


def _is_function(port: Any) -> bool:
    """A function of Python, whose operations can be moved from outside."""
    if isinstance(port, functools.partial):
        return _is_function(port.func)
    return isinstance(port, types.FunctionType | types.MethodType)
