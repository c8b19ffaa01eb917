"""What one environment computes of one case."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from repro.cases import Case, record_of
from repro.drift.marks import Marking, Marks
from repro.drift.prefix import Keeping, Prefix
from repro.run import Kind, Quantity, Run, collect, digest
from repro.run.settings import settings
from repro.sides.parity import Side
from repro.sides.port import Port
from repro.trace import Listener, listening

USUAL, OTHER = 80_000, 30_000
"""Bytes of operations that are kept of a case: with the usual arguments, and with others."""

X86 = ("x86_64", "AMD64")
"""Processors of which some have no fused multiply-add; others of 64 bits all have it."""

LARGE = 1000
"""Bytes of one step of a state; a larger one is kept at its last step alone."""


@dataclass(frozen=True)
class Control:
    """The exact engine's run of a case, which is the same in every bit wherever it can run.

    Attributes:
        sha256: of all its quantities; empty where it was not run.
        not_run: why; empty where it was.
    """

    sha256: str = ""
    not_run: str = ""

    def differs(self, other: Control) -> bool:
        """Whether both were run and are not the same: then nothing here can be relied on."""
        return bool(self.sha256 and other.sha256 and self.sha256 != other.sha256)


@dataclass(frozen=True)
class Taken:
    """What was computed.

    Attributes:
        run: the trajectory, thinned (:func:`thinned`).
        marks: of every operation's result.
        prefix: the first operations, whole.
        control: the exact engine's run.
    """

    run: Run
    marks: Marks
    prefix: Prefix
    control: Control

    @property
    def environment(self) -> Mapping[str, object]:
        """Everything about the machine that can change a last bit."""
        found: Mapping[str, object] = self.run.provenance.details.get("settings", {})
        return found

    def packed(self) -> dict[str, np.ndarray]:
        """As arrays for an ``.npz``."""
        made_by = replace(self.run.provenance, seconds=None)
        arrays = self.marks.packed() | replace(self.run, provenance=made_by).packed()
        control = [self.control.sha256, self.control.not_run]
        arrays["prefix"] = np.array(
            json.dumps([self.prefix.names, [*self.prefix.marks.items()], control])
        )
        return arrays | {f"value:{name}": value for name, value in self.prefix.values.items()}

    @classmethod
    def unpacked(cls, arrays: Mapping[str, np.ndarray], path: Path) -> Taken:
        """What :meth:`packed` gave; ``path`` is for messages."""
        names, marked, control = json.loads(str(arrays["prefix"]))
        values = {n.partition(":")[2]: v for n, v in arrays.items() if n.startswith("value:")}
        kinds = {*map(str, Kind), "steps"}
        own = {n: v for n, v in arrays.items() if n.partition(":")[0] in kinds}
        own |= {name: arrays[name] for name in ("provenance", "sha256")}
        return cls(
            Run.unpacked(own, path),
            Marks.unpacked(arrays),
            Prefix(tuple(names), values, dict(marked)),
            Control(*control),
        )


def take(case: Case, port: Side | None = None, control: Control | None = None) -> Taken:
    """Compute a case here, and keep what a baseline keeps of it.

    Args:
        case: what to compute.
        port: what computes it; the eager port by default.
        control: the exact engine's run, where it is known already.
    """
    record, marking = record_of(case), Marking()
    allowance = USUAL if record.as_usual(case) else OTHER
    counted = record.drifting or record.counted
    keeping = None if counted is None else Keeping(counted(), allowance)
    with ExitStack() as stack:
        listeners: list[Listener] = [marking] if keeping is None else [marking, keeping]
        for listener in listeners:
            stack.enter_context(listening(listener))
        run = collect(partial((port or Port()).run, case), "port")
    return Taken(
        thinned(run),
        marking.finished(),
        Prefix() if keeping is None else keeping.finished(),
        control or exact(case),
    )


def exact(case: Case) -> Control:
    """The exact engine's run of a case, or why there is none."""
    record = record_of(case)
    if not record.runs_on("exact") or case.generator != "MersenneTwister":
        return Control(not_run=f"the exact engine does not compute {case.function}")
    here = settings()
    if here["platform"].endswith(X86) and "fma" not in here["instruction_sets"].split():
        return Control(not_run="this processor does not say that it has a fused multiply-add (fma)")
    part = record.compiled_part
    run = Port("exact").run(case if part is None else replace(case, function=part))
    return Control(digest({name: q.values for name, q in run.quantities.items()}))


def thinned(run: Run) -> Run:
    """A run for keeping: of draws a digest for each step, since they must be equal; a large state
    at its last step alone."""
    return replace(run, quantities={n: _thin(q) for n, q in run.quantities.items()})


def _thin(q: Quantity) -> Quantity:
    if q.kind is Kind.DRAW:
        return Quantity(q.steps, np.array([digest({"": v})[:16] for v in q.values]), q.kind)
    if q.kind is Kind.STATE and q.values[:1].nbytes > LARGE:
        return Quantity(q.steps[-1:], q.values[-1:], q.kind)
    return q
