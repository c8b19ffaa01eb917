"""What a verdict leaves open, in sentences: what was given, and what was let through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from repro.checks.compare import Comparison
from repro.checks.pair import Pair, Way
from repro.run import base_name


def given(pairs: Sequence[Pair]) -> dict[str, tuple[str, ...]]:
    """What the port had from the reference, so that nobody has checked how it is made: ``draws``
    in every step, ``start``, the state before the first."""
    steppers = [pair.stepper for pair in pairs if pair.stepper is not None]
    if not steppers:
        return {}
    first = steppers[0]
    return {"draws": (*first.draws, *first.constants), "start": first.state}


def given_lines(pairs: Sequence[Pair]) -> Iterator[str]:
    """In words."""
    found = given(pairs)
    if found.get("draws"):
        yield (
            f"{names(found['draws'])} came from the reference: drawing, order and batching were "
            "not checked"
        )
    if found.get("start"):
        yield f"{names(found['start'])} started as the reference's: no initialisation was checked"


def accepted(pairs: Sequence[Pair]) -> dict[str, Comparison]:
    """The names that differ and may, each by its sharpest comparison."""
    found: dict[str, Comparison] = {}
    for pair in pairs:
        for c in pair.comparisons:
            if c.differs and c.accepted is not None:
                found.setdefault(base_name(c.name), c)
    return found


def accepted_lines(accept: Mapping[str, str], pairs: Sequence[Pair]) -> Iterator[str]:
    """What was let through, how often and how far; and what need not be."""
    differing = accepted(pairs)
    for name, reason in accept.items():
        c = differing.get(name)
        if c is None:
            yield f"accept names `{name}`, which does not differ: take it out"
            continue
        wrong = c.steps[~(c.ratio <= 1)]
        far = f", up to {c.worst_ratio:.3g} times its tolerance" * bool(
            c.worst_ratio < float("inf")
        )
        yield (
            f"accepted: `{name}` differs in {len(wrong)} of {len(c.steps)} steps, from step "
            f"{wrong[0] if len(wrong) else '-'} on{far}: {reason}"
        )
    state = [n for p in pairs if p.stepper and p.way is Way.OWN for n in p.stepper.state]
    held = [n for n in accept if n in state and n in differing]
    if held:
        yield f"the own run goes on from the reference's {names(held)} in every step"


def names(listed: Sequence[str], most: int = 8) -> str:
    """As messages list names."""
    shown = list(dict.fromkeys(f"`{base_name(name)}`" for name in listed))
    return ", ".join(shown[:most]) + (" …" if len(shown) > most else "")
