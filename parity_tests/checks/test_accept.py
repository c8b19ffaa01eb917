"""Known differences let through by name, and what a port was given and so was not checked."""

from __future__ import annotations

import numpy as np
import pytest

import repro
from repro.checks import Verdict
from repro.errors import ReproError

F32 = np.float32
DRAWS = ("x",)


def reference(floor=0.0, decay=0.9, steps=6):
    """Q-learning in small: a floored Qn, its running mean, and what is computed after it."""
    rng = np.random.default_rng(2)
    q, m = np.full(3, 0.5, F32), np.zeros(3, F32)
    yield {"q": q, "m": m}
    for _ in range(steps):
        x = rng.normal(size=3).astype(F32)
        yield {"x": x, **step({"q": q, "m": m}, {"x": x}, floor, decay, made := {})}
        q, m = made["q"], made["m"]


def step(state, draws, floor=0.01, decay=0.9, made=None):
    made = {} if made is None else made
    q = np.maximum(F32(0.5) * state["q"], F32(floor))
    loss = (draws["x"] ** 2).sum()
    made |= {"q": q, "loss": loss, "m": F32(decay) * state["m"] + draws["x"]}
    return made


def check(port=step, **options):
    return repro.check(reference, port, resynchronise=True, draws=DRAWS, **options)


WHY = {"q": "floored at 0.01 here"}


def test_a_known_difference_is_let_through_counted_and_said():
    assert check().first.name == "q"
    found = check(accept=WHY)
    assert found.verdict is Verdict.PASS and found.first is None, found.message
    assert "PASS: the port agrees with the reference, but for what is accepted: `q`" in str(found)
    assert "accepted: `q` differs in 1 of 6 steps, from step 6 on" in found.message
    assert "times its tolerance: floored at 0.01 here" in found.message
    assert "own run goes on from the reference's `q` in every step" in found.message
    assert found.accepted == WHY and found.table["q"].cells[-1].startswith("accepted: floored")
    assert found.worst_ratio <= 1


def test_what_comes_after_it_is_seen():
    """Catches an acceptance that lets through more than its name."""
    found = check(lambda s, d: step(s, d, decay=0.91), accept=WHY)
    assert (found.verdict, found.first.name) == (Verdict.FAIL, "m")
    late = check(lambda s, d: step(s, d) | {"loss": F32(1)}, accept=WHY)
    assert late.first.name == "loss" and "before it in that step: `q`" in late.message


def test_without_steps_too():
    right = [{"q": a, "r": a} for a in (F32(1), F32(2))]
    wrong = [{"q": a, "r": a} for a in (F32(1), F32(3))]
    port = [{**r, "q": w["q"]} for r, w in zip(right, wrong, strict=True)]
    assert not repro.check(right, port)
    assert repro.check(right, port, accept={"q": "known"}).verdict is Verdict.PASS
    assert repro.check(right, wrong, accept={"q": "known"}).first.name == "r"
    shorter = [{"r": r["r"]} for r in right]
    assert repro.check(right, shorter, accept={"q": "not ported"}).verdict is Verdict.PASS


def test_an_acceptance_that_nothing_needs_is_said():
    found = check(lambda s, d: step(s, d, floor=0), accept=WHY)
    assert found.verdict is Verdict.PASS_BITWISE and found.accepted == {}
    assert "accept names `q`, which does not differ: take it out" in found.message


@pytest.mark.parametrize(
    ("accept", "said"),
    [
        ({"Q": "known"}, "accept names Q, which the reference does not have: choose from loss"),
        ({"x": "known"}, "accept names x, which is given and not compared"),
        ({"q": " "}, "say why q may differ: accept={'q': 'because'}"),
        ({"q": "a", "m": "a", "loss": "a"}, "accept names all that is compared"),
        ({"q": None}, "say why q may differ: accept={'q': 'because'}"),
        (["q"], "accept gives a reason for every name: accept={NAME: 'because'}"),
        ("q", "accept gives a reason for every name: accept={NAME: 'because'}"),
    ],
)
def test_what_cannot_be_accepted_is_refused(accept, said):
    with pytest.raises(ReproError) as raised:
        check(accept=accept)
    assert said in str(raised.value)


def test_a_name_that_reads_as_another_s_part_is_refused():
    """Catches a wrong array that is let through, for another one's difference is accepted."""
    right = {"loss": 1.0, "loss as mean": 1.0, "w": 1.0}
    wrong = {**right, "loss as mean": 2.0}
    with pytest.raises(ReproError, match="'loss as mean' in step 0 is taken for a part of 'loss'"):
        repro.check([right], [wrong], accept={"loss": "known"})


def test_accept_decides_nothing_that_is_undecided_and_undecided_ok_lets_no_difference_through():
    assert check(undecided_ok={"q": "not known"}).verdict is Verdict.FAIL
    nan = [{"a": F32(np.nan), "b": F32(1)}]
    assert repro.check(nan, nan, accept={"a": "known"}).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("rest", [np.empty(0), np.nan])
def test_where_nothing_is_left_to_hold_nothing_passes(rest):
    """Catches a port that is wrong in all that has a value, beside what has none."""
    right, wrong = [{"a": F32(1), "b": rest}], [{"a": F32(2), "b": rest}]
    found = repro.check(right, wrong, accept={"a": "known"}, undecided_ok={"b": "not known"})
    assert found.verdict is Verdict.ERROR and "not one finite value" in found.message
    right, wrong = ([{**s[0], "c": F32(1)}] for s in (right, wrong))
    assert repro.check(right, wrong, accept={"a": "known"}, undecided_ok={"b": "not known"})


def test_what_the_port_was_given_is_listed():
    """Catches a pass that reads as if batching and initialisation had been checked."""
    found = check(accept=WHY)
    assert found.given == {"draws": ("x",), "start": ("q", "m")}
    assert "given: `x` came from the reference: drawing, order and batching" in found.message
    assert "given: `q`, `m` started as the reference's" in found.message
    alone = repro.check(reference, reference)
    assert alone.given == {} and "given:" not in alone.message
