"""A case held by one side against another: what `repro parity` does for each of its cases."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Protocol

import torch

from repro.cases import Case, record_of
from repro.checks import (
    Arbiter,
    Check,
    Operations,
    Pair,
    Pooled,
    Rule,
    Saved,
    Verdict,
    arbitrate,
    check,
    follow,
)
from repro.errors import ReproError
from repro.julia import GENERATORS
from repro.run import Run, collect
from repro.sides.kinks import first_kink, follows_kinks
from repro.sides.port import Port


class Side(Protocol):
    """Anything that turns a case into a run."""

    @property
    def name(self) -> str: ...

    def run(self, case: Case) -> Run: ...


class Reference(Side, Protocol):
    """A side that knows how close a port has to come to it."""

    def rule(self, case: Case) -> Rule: ...


class LiveReference(Reference, Protocol):
    """A reference of any seed, which can also be followed operation by operation.

    Attributes:
        generator: that it draws from where nothing else is asked for.
    """

    @property
    def generator(self) -> str: ...

    def operations(self, case: Case) -> Operations: ...


def parity(
    case: Case,
    reference: Reference,
    port: Side | None = None,
    *,
    operations: Operations | None = None,
    arbiter: bool = False,
) -> Check:
    """Hold a case's port against its reference.

    Args:
        case: what to compute.
        reference: what is right, and how close is close enough.
        port: what is held against it; the eager port by default.
        operations: what the reference computes on the way; the port is then also followed
            operation by operation. Only the eager port names its operations.
        arbiter: also run the port in Float64 and measure both sides' distance from it, where
            the port passes.

    Raises:
        ReproError: recordings are damaged, or a device is impossible: nothing was tried.
    """
    port = port or Port()
    expected = collect(partial(reference.run, case))
    _same_generator(expected, case)
    narrow = getattr(port, "dtype", torch.float32) is torch.float32
    rule = reference.rule(case)
    accepted = rule.undecided_ok if isinstance(rule, Saved) else {}
    own, note = collect(partial(port.run, case), "port") if follows_kinks(case) else None, ""
    if own is not None and (kink := first_kink(case, expected, own)) is not None:
        last = kink[0] - 1
        expected, own = expected.upto(last), own.upto(last)
        note = f"compared up to iteration {last}, before the first kink: {kink[1]}"
    held = partial(
        check,
        expected,
        own or partial(port.run, case),
        strict=narrow,
        undecided_ok={n: why for n, why in accepted.items() if n in expected.quantities},
    )
    found = held(tolerance=rule)
    if found.verdict is Verdict.FAIL and isinstance(rule, Pooled):
        found = held(tolerance=rule.patient())
    found = replace(found, note=note)
    if operations is not None and record_of(case).counted is not None:
        found = replace(found, pairs=(*found.pairs, followed(case, operations, port)))
    if arbiter:
        found = replace(found, arbiter=_arbiter(case, found))
    return found


def _same_generator(expected: Run, case: Case) -> None:
    """Refuse two sides that draw from different generators, before anything is compared."""
    named = (expected.provenance.generator or "").partition("(")[0]
    if named in GENERATORS and named != case.generator:
        raise ReproError(
            f"{case.name}: the reference draws from {expected.provenance.generator}, the port "
            f"from {case.generator}({case.seed}): choose one with --generator"
        )


def followed(case: Case, operations: Operations, port: Side | None = None) -> Pair:
    """A case's port, operation by operation.

    Args:
        case: of a record that has a rule for single operations.
        operations: what the reference computes.
        port: the eager port by default.
    """
    counted = record_of(case).counted
    assert counted is not None
    return follow(partial((port or Port()).run, case), operations, counted())


def _arbiter(case: Case, found: Check) -> Arbiter | None:
    """The run in Float64 is the port's own, so it judges no port that fails by itself."""
    own = found.own
    if own is None or own.tolerance is None or not own.verdict:
        return None
    try:
        exact = Port(dtype=torch.float64).run(case)
    except ArithmeticError:
        return None
    return arbitrate(exact, own.reference, own.port, own.tolerance)
