"""Hold any port against any reference: two things that yield named arrays per step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from repro.checks.agreement import equal_bits
from repro.checks.aware import aware
from repro.checks.compare import NothingToCompare, compare
from repro.checks.measured import Measured, Runner, judge, teller
from repro.checks.noise import Moves, Stream, half_ulp
from repro.checks.pair import Pair, Way
from repro.checks.perturb import perturbing
from repro.checks.result import Check
from repro.checks.rules import (
    CANNOT,
    Bitwise,
    BitwiseForLack,
    Growth,
    Rule,
    ToleranceError,
    Unmeasured,
)
from repro.checks.stepping import Roles, Stepper
from repro.checks.verdict import Verdict
from repro.errors import ReproError, Unavailable
from repro.progress import telling
from repro.run import Run, Source, base_name, collect, under


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
    constants: Sequence[str] = (),
    inputs: Sequence[str] = (),
    undecided_ok: Mapping[str, str] | None = None,
    accept: Mapping[str, str] | None = None,
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
            ``Growth()`` where the port can be called, else ``Bitwise()``. A callable may take
            ``perturbation=None``, a seed to move its inputs by one ulp (:func:`nudged` does).
            What is stated holds for every way in which the port is run.
        names: compare these alone; by default all.
        strict: a quantity, step or floating width that only one side has fails. Without it what
            only the port has is not looked at, and another width passes within tolerance.
        resynchronise: run the port on its own, and again with the reference's state before every
            step, to tell a wrong operation from amplified rounding. The reference then yields
            the state before the first iteration first.
        draws: with ``resynchronise``, names of a step's inputs, which the port gets from the
            reference; they are not compared. A step gets those that the reference has in it.
        state: with ``resynchronise``, names of what is handed from step to step; by default all
            that the reference yields first.
        constants: names that the reference yields once; they come with every step's draws.
        inputs: where nothing is handed from step to step: names of all that a step is given. The
            port is then a function ``step(inputs)`` of one dict, and every step is by itself.
        undecided_ok: names that may be undecided, each with the reason. No failure is let
            through.
        accept: names that are known to differ, each with the reason. What differs there is
            counted and said, and is no failure, so that what comes after it can be seen; where
            such a name is state, the port's own run goes on from the reference's value of it.

    Returns:
        A :class:`Check`. ``NOT_RUN`` where a side cannot be had here, a Julia for instance;
        ``FAIL`` also where the port alone breaks off with an ``ArithmeticError``; ``ERROR`` where
        the reference does, there is nothing to compare, or a tolerance cannot be measured, for
        the port does not repeat itself; ``UNDECIDED`` where most of a quantity could not be judged.

    Raises:
        ReproError: what was given cannot be read, run, or resynchronised. The message says why.
    """
    names = None if names is None else _names(names)
    roles = Roles(
        _names(draws), None if state is None else _names(state), _names(constants), _names(inputs)
    )
    _refuse(reference, port, tolerance, resynchronise, roles)
    try:
        whole = collect(reference)
        expected = _chosen(whole, names, "reference")
        undecided = _reasons("undecided_ok", undecided_ok or {}, expected, roles.given)
        accepted = _reasons("accept", accept or {}, expected, roles.given)
        if resynchronise or inputs:
            found = _step_by_step(whole, port, tolerance, names, strict, roles, tuple(accepted))
        else:
            found = Check((_own(expected, port, tolerance, names, strict),))
        pairs = tuple(_accepting(pair, undecided, accepted) for pair in found.pairs)
        return replace(found, pairs=pairs, accept=accepted)
    except Unavailable as problem:
        return Check(not_run=str(problem))


def _names(given: Sequence[str]) -> tuple[str, ...]:
    found = (given,) if isinstance(given, str) else given
    if not isinstance(found, Iterable) or not all(isinstance(name, str) for name in found):
        raise CheckError(f"{given!r} names nothing: give a name, or a list of names")
    return tuple(found)


def _refuse(reference: Any, port: Any, tolerance: Any, resynchronise: bool, roles: Roles) -> None:
    """What cannot be meant so, each with what to write."""
    if isinstance(tolerance, type) or (tolerance is not None and not hasattr(tolerance, "bind")):
        said = getattr(tolerance, "__name__", tolerance)
        raise CheckError(
            f"tolerance={said} does not say where it comes from: leave it out to have it measured, "
            "or count it: tolerance=Ulps(4, because='3 additions and a product')"
        )
    if roles.inputs and (resynchronise or roles.draws or roles.state is not None):
        raise CheckError("inputs are all that a step is given: leave out resynchronise and draws")
    if (roles.draws or roles.state is not None) and not resynchronise:
        raise CheckError(
            "draws and state are names for resynchronising: add resynchronise=True "
            "(--resynchronise)"
        )
    if roles.constants and not (resynchronise or roles.inputs):
        raise CheckError("constants come with a step's draws: add resynchronise=True, or inputs")
    needs = _misfit(reference, 0) if callable(reference) else None
    if needs is not None:
        raise CheckError(
            f"the reference takes {needs}, and is called with nothing: give its arguments, "
            "functools.partial(train, 1), or in a command FILE.py:train(1)"
        )
    if callable(port):
        _refuse_arguments(port, 2 if resynchronise else 1 if roles.inputs else 0)


def _refuse_arguments(port: Any, count: int) -> None:
    """A port that cannot be called as it would be."""
    signature = _misfit(port, count)
    if signature is not None:
        how = (
            "a step takes its state and draws: add resynchronise=True, and draws=[...] if any; "
            "where it has no state, its inputs: add inputs=[...]",
            "with inputs=[...] it is step(inputs)",
            "with resynchronise=True it is step(state, draws)",
        )[count]
        raise CheckError(f"the port takes {signature}, and is not called so: {how}")


def _misfit(function: Any, count: int) -> inspect.Signature | None:
    """The signature, if it is known and does not take so many arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*range(count))
    except TypeError:
        return signature
    return None


def _own(
    expected: Run, port: Any, tolerance: Rule | None, names: Sequence[str] | None, strict: bool
) -> Pair:
    moves = Moves()
    takes_seed = callable(port) and "perturbation" in _parameters(port)
    perturbable = callable(port) and getattr(port, "perturbable", True)

    def run(perturbation: int | None = None, steps: np.ndarray | None = None) -> Run:
        if perturbation is None:
            return _chosen(collect(port, "port"), names, "port")
        seed = {"perturbation": perturbation} if takes_seed else {}
        return _chosen(_perturbed(port, Stream(perturbation, moves), seed), names, "port")

    rule = tolerance or (Growth() if perturbable else BitwiseForLack())
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
    names: Sequence[str] | None,
    strict: bool,
    roles: Roles,
    accepted: tuple[str, ...],
) -> Check:
    if not callable(step):
        way = "inputs=[...] needs a function step(inputs)"
        if not roles.inputs:
            way = "resynchronise=True needs a function step(state, draws)"
        raise CheckError(f"{way}, not a {type(step).__name__}")
    stepper = replace(Stepper.on(step, expected, roles), accepted=accepted)
    stepper.check_inputs(_chosen(expected, names, "step"))
    here, rule = _chosen(stepper.compared(expected), names, "step"), tolerance or Growth()

    def pair(way: Way, run: Runner, repeated: bool = False) -> Pair:
        def chosen(seed: int | None, steps: np.ndarray | None = None) -> Run:
            return _chosen(run(seed, steps), names, "step")

        moves = stepper.moves
        found = _pair(
            way, here, chosen, rule, strict, True, moves, stepwise=True, repeated=repeated
        )
        return replace(found, stepper=stepper)

    own = () if stepper.alone else (pair(Way.OWN, stepper.free),)
    repeated = any(p.measured is not None and p.measured.runs > 0 for p in own)
    each = pair(Way.RESYNCHRONISED, stepper.resynchronised, repeated)
    if each.verdict is Verdict.FAIL:
        each = replace(each, exact=_in_float64(stepper))
    return Check((*own, each))


def _in_float64(stepper: Stepper) -> Run | None:
    try:
        return stepper.resynchronised(wide=True).in_parts()
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

    def parts(seed: int | None, steps: np.ndarray | None = None) -> Run:
        return run(seed, steps).in_parts()

    with telling() as say:
        tell = teller(str(way), say)
        expected, found = expected.in_parts(), parts(None)
        pair = Pair(way, expected, found, None, rule.words)

        def again(seed: int | None, steps: np.ndarray | None = None) -> Run:
            return found if seed is None else parts(seed)

        def repeats() -> None:
            problem = None if repeated else _unrepeated(found, parts(None))
            if problem is not None:
                raise Unmeasured(problem)

        if isinstance(rule, Growth) and not perturbable:
            raise ToleranceError(CANNOT)
        try:
            if isinstance(rule, Growth):
                # A quantity of several forms is called after those that a run has: by all of them.
                stepwise = stepwise and all(base_name(name) == name for name in found.quantities)
                coarse = {} if strict else _coarse(expected, found)
                measured = Measured(found, parts, moves, stepwise, coarse)
                report = judge(expected, measured, rule.perturbations, strict, repeats, tell)
                return replace(pair, tolerance=measured, report=report)
            tolerance = rule.bind(again if perturbable else None)
            pair = replace(pair, tolerance=tolerance)
            return replace(pair, report=compare(expected, found, tolerance, strict=strict))
        except (NothingToCompare, Unmeasured) as problem:
            return replace(pair, unmeasured=str(problem))


def _coarse(expected: Run, found: Run) -> dict[str, float]:
    """By name ``u`` of the reference's floating type, where the port's is wider: rounding is the
    coarser one's."""
    both = expected.quantities.keys() & found.quantities.keys()
    types = {name: (expected[name].values.dtype, found[name].values.dtype) for name in both}
    return {
        name: half_ulp(a)
        for name, (a, b) in types.items()
        if a.kind == b.kind == "f" and a.itemsize < b.itemsize
    }


LET_THROUGH = {"undecided_ok": "be undecided", "accept": "differ"}


def _reasons(
    option: str, reasons: Mapping[str, str], expected: Run, given: Sequence[str]
) -> Mapping[str, str]:
    """By the name of what is compared; a name that is given stands for its parts as well."""
    if not isinstance(reasons, Mapping):
        raise CheckError(f"{option} gives a reason for every name: {option}={{NAME: 'because'}}")
    compared = {base_name(name) for name in expected.quantities if not under(name, given)}
    for name, reason in reasons.items():
        if not any(under(label, [name]) for label in compared):
            known = ", ".join(sorted(compared)) or "none"
            is_given = under(name, given)
            lacks = "is given and not compared" if is_given else "the reference does not have"
            raise CheckError(f"{option} names {name}, which {lacks}: choose from {known}")
        if reason is None or not str(reason).strip():
            said = f"{option}={{{name!r}: 'because'}}"
            raise CheckError(f"say why {name} may {LET_THROUGH[option]}: {said}")
    found = {label: reasons[name] for name in reasons for label in compared if under(label, [name])}
    if option == "accept" and found and compared <= set(found):
        raise CheckError("accept names all that is compared: nothing would be held. Leave one out")
    return found


def _accepting(pair: Pair, undecided: Mapping[str, str], accepted: Mapping[str, str]) -> Pair:
    if pair.report is None:
        return pair
    report = pair.report.accepting(undecided, accepted)
    found = report.comparisons
    held = sum(c.finite for c in found if not (c.differs and c.accepted))
    if not held and any(c.accepted for c in found) and report.verdict is not Verdict.FAIL:
        return replace(pair, report=report, unmeasured=NOTHING_HELD)
    return replace(pair, report=report)


NOTHING_HELD = "but for what is accepted, not one finite value was compared: accept less"


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
    return once.quantities.keys() == again.quantities.keys() and all(
        equal_bits(q.values, again[name].values) for name, q in once.quantities.items()
    )


def _chosen(run: Run, names: Sequence[str] | None, side: str) -> Run:
    """Cut a run to some quantities, under whichever of their forms."""
    if names is None:
        return run
    kept = {label: q for label, q in run.quantities.items() if under(label, names)}
    lacking = [n for n in names if not any(under(label, [n]) for label in kept)]
    if side == "reference" and lacking:
        known = ", ".join(run.quantities) or "none"
        raise CheckError(f"the reference has no {', '.join(lacking)}: choose from {known}")
    return replace(run, quantities=kept)


def _parameters(port: Any) -> Sequence[str]:
    try:
        return list(inspect.signature(port).parameters)
    except (TypeError, ValueError):
        return []
