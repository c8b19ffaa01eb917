"""What became of a case from one environment to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

from repro.cases import Case, record_of
from repro.checks import Check, Rounding, Saved, Verdict, check
from repro.drift.marks import Site, differing
from repro.drift.prefix import follow_prefix
from repro.drift.taken import Taken
from repro.reports import Named, Outcome
from repro.run import Run
from repro.sides import recorded
from repro.sides.envelopes import growth
from repro.sides.parity import Side
from repro.sides.port import Port


class Grade(str, Enum):
    """How much a case has moved; ``bool()`` says whether that is harmless."""

    SAME = "same bits"
    ROUNDING = "rounding"
    CHANGED = "changed"

    def __bool__(self) -> bool:
        return self is not Grade.CHANGED

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Drift:
    """A case in two environments.

    Attributes:
        case: what was computed.
        check: what now was computed, held against the baseline; its operations too, where a mark
            differs and they are kept.
        sites: the operations whose marks differ, the first first; none where every bit is equal.
        environment: what differs between the two, as ``setting: (then, now)``.
        control: what is wrong with the exact engine's run; empty where nothing is.
        control_not_run: why it was not held; empty where it was.
    """

    case: Case | Named
    check: Check
    sites: tuple[Site, ...] = ()
    environment: Mapping[str, tuple[str, str]] | None = None
    control: str = ""
    control_not_run: str = "there is no exact engine's run of it"

    @property
    def grade(self) -> Grade:
        """Derived: every bit, else every bound, else changed. Undecided is not harmless."""
        if not self.check or self.control:
            return Grade.CHANGED
        same = self.check.verdict is Verdict.PASS_BITWISE and not self.sites
        return Grade.SAME if same else Grade.ROUNDING

    def __bool__(self) -> bool:
        return bool(self.grade)

    @property
    def outcome(self) -> Outcome:
        """For the reports."""
        return Outcome(self.case, self.check)

    @property
    def operations(self) -> Mapping[str, Rounding]:
        """By kind of operation, what of it is equal and how far the rest is; of those kept."""
        return {} if self.check.followed is None else self.check.followed.rounding

    @property
    def carriers(self) -> list[str]:
        """The kinds of operation that differ on the baseline's own inputs: what came new into the
        run, and was not handed on."""
        kinds = [kind for kind, r in self.operations.items() if r.equal < r.values]
        each = self.check.resynchronised
        kinds += [c.name for c in (each.comparisons if each else ()) if not c.bitwise]
        # All before the first is equal in every bit, so that its inputs are the baseline's too.
        first = [site.kind for site in self.sites[:1] if site.name and not each]
        return [*dict.fromkeys(first + kinds)]

    @property
    def where(self) -> str:
        """In one sentence: what is beyond its bound, or which operations carry the difference."""
        if self.control:
            return self.control
        first = self.check.first
        if not self.check and first is not None:
            return f"`{first.name}` in step {first.step} is beyond its bound ({first.way})"
        if not self.check:
            said = self.check.message.splitlines()[0]
            return f"{said}; first differs: {self.sites[0]}" if self.sites else said
        if not self.sites:
            return "every bit is equal"
        carried = ", ".join(f"`{kind}`" for kind in self.carriers) or "none of those kept"
        return f"first differs: {self.sites[0]}; carried by {carried}"


def drift(case: Case, then: Taken, now: Taken, port: Side | None = None) -> Drift:
    """Hold what a case computes here against a baseline.

    Where a mark differs and operations are kept the port is run again along them, on the
    baseline's inputs.

    Args:
        case: what was computed.
        then: by the baseline's environment.
        now: here.
        port: what computed it here; the eager port by default.
    """
    sites = tuple(differing(then.marks, now.marks))
    found = _trajectory(case, then.run, now.run)
    counted = record_of(case).drifting or record_of(case).counted
    if counted is not None and sites and then.prefix.names:
        run = partial((port or Port()).run, case)
        found = replace(found, pairs=(*found.pairs, follow_prefix(run, then.prefix, counted())))
    moved = differences(then.environment, now.environment)
    not_run = then.control.not_run or now.control.not_run
    return Drift(case, found, sites, moved, _control(then, now), not_run)


def drift_of(name: str, found: Check) -> Drift:
    """A check of someone's own port against its baseline."""
    if not found.pairs:
        return Drift(Named(name), found)
    pair = found.sharpest[0]
    then, now = (run.provenance.details.get("settings", {}) for run in (pair.reference, pair.port))
    differing = [(c.first_difference, c) for c in pair.comparisons if not c.bitwise]
    sites = sorted(
        (Site(step or 0, c.name, f"{c.count} numbers", c.name) for step, c in differing),
        key=lambda site: site.step,
    )
    return Drift(Named(name), found, tuple(sites), differences(then, now))


def _trajectory(case: Case, then: Run, now: Run) -> Check:
    rule = recorded.Recorded().rule(case) if case.name in recorded.names() else growth(case)
    open_ones = rule.undecided_ok if isinstance(rule, Saved) else {}
    known = {n: why for n, why in open_ones.items() if n in then.quantities}
    return check(then, now, tolerance=rule, undecided_ok=known)


def _control(then: Taken, now: Taken) -> str:
    if not then.control.differs(now.control):
        return ""
    return (
        "the exact engine has other bits here, which it never may: nothing above is to be relied "
        "on; report it with `repro doctor --json` of both environments"
    )


def differences(
    then: Mapping[str, object], now: Mapping[str, object], prefix: str = ""
) -> dict[str, tuple[str, str]]:
    """What differs between two environments, as ``setting: (then, now)``."""
    found: dict[str, tuple[str, str]] = {}
    for name in dict.fromkeys([*then, *now]):
        a, b = then.get(name), now.get(name)
        if isinstance(a, Mapping) or isinstance(b, Mapping):
            a, b = (v if isinstance(v, Mapping) else {} for v in (a, b))
            found |= differences(a, b, f"{prefix}{name}.")
        elif a != b:
            found[f"{prefix}{name}"] = (_said(a), _said(b))
    return found


def _said(value: object) -> str:
    return "not set" if value is None else str(value)
