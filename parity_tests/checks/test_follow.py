"""Following operation by operation: what is blamed, and that nothing slips through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import repro
from repro.checks import Check, Verdict, Way, follow
from repro.trace import at_step, note, within

STEPS, RATE = 3, 0.25


class Exact:
    """Every operation to the bit."""

    words = "exact"

    def bounds(self, noted, expected):
        return [0.0 for _ in noted]


class Reference:
    """What `descend` computes, reported step by step."""

    def __init__(self, steps: int = STEPS) -> None:
        self.steps = [{"start.w": np.array([1.0, -2.0])}]
        w = self.steps[0]["start.w"]
        for _ in range(steps):
            grad = 2 * w
            w = w - RATE * grad
            self.steps.append({"inner.grad": grad, "inner.loss": np.sum(w * w), "inner.w": w})

    def values(self, step: int) -> dict[str, np.ndarray]:
        return self.steps[step]


def descend(grad_of=lambda w: 2 * w, twice=False, forget=None, extra=False, steps=STEPS):
    def port():
        w = torch.tensor([1.0, -2.0], dtype=torch.float64)
        with within("start"):
            note("w", w)
        for i in range(1, steps + 1):
            at_step(i)
            with within("inner"):
                grad = grad_of(w)
                if forget != "grad":
                    note("grad", grad)
                for _ in range(1 + twice):
                    w = w - RATE * grad
                    if forget != "w":
                        note("w", w)
                note("loss", torch.sum(w * w))
                if extra:
                    note("norm", w.norm())

    return port


def followed(port, rule=None):
    return follow(port, Reference(), rule or Exact())


def test_a_right_port_is_followed_to_its_end():
    found = followed(descend())
    assert found.verdict is Verdict.PASS_BITWISE and found.way is Way.FOLLOWED
    assert max(c.steps.max() for c in found.comparisons) == STEPS
    assert found.rounding["grad"].values == 2 * STEPS == found.rounding["grad"].equal


def test_a_wrong_operation_is_named_in_its_step_and_the_rest_goes_on_from_the_reference():
    calls = iter([False, True, True])
    found = followed(descend(lambda w: 3 * w if next(calls) else 2 * w))
    first = found.first_excess
    assert (first.name, first.first_excess) == ("inner.grad", 2)
    assert [c.name for c in found.comparisons if not c] == ["inner.grad"]


def test_nan_beside_a_number_is_not_equal_where_the_budget_is_zero():
    """It was: a difference that is NaN is no larger than any budget."""
    found = followed(descend(lambda w: 2 * w * float("nan")))
    assert found.verdict is Verdict.FAIL and found.first_excess.name == "inner.grad"


class Counted(Exact):
    """A gradient may be off by half, in its first element by an eighth."""

    words = "counted"

    def bounds(self, noted, expected):
        return [np.array([0.125, 0.5]) if one.operation == "grad" else 0.0 for one in noted]


@pytest.mark.parametrize(
    ("off", "verdict", "used"),
    [([0.0625, 0.25], "PASS", 0.5), ([0, 0.75], "FAIL", 1.5), ([0.25, 0], "FAIL", 2.0)],
)
def test_an_operation_is_held_to_its_own_bound(off, verdict, used):
    """Catches bounds that are lost on the way, and one bound for all elements."""
    found = followed(descend(lambda w: 2 * w + torch.tensor(off, dtype=w.dtype)), Counted())
    assert found.verdict is Verdict[verdict] and found.rule == "counted"
    assert found.rounding["grad"].budget_used == used
    assert all(c.verdict for c in found.comparisons if c.operation != "grad")


@pytest.mark.parametrize("forget", ["grad", "w"])
def test_what_never_comes_is_blamed(forget):
    found = followed(descend(forget=forget))
    assert found.verdict is Verdict.FAIL
    assert found.first_excess.name == f"inner.{forget}" and found.first_excess.problem


def test_what_the_reference_does_not_compute_is_blamed():
    found = followed(descend(extra=True))
    assert found.first_excess.name == "inner.norm" and found.verdict is Verdict.FAIL


def test_a_step_taken_twice_is_not_hidden_by_putting_the_reference_in_its_place():
    found = followed(descend(twice=True))
    assert found.verdict is Verdict.FAIL
    assert found.first_excess.name == "inner.w (computed again)"


@pytest.mark.parametrize(
    "change",
    [lambda g: g[:1], lambda g: g.float(), lambda g: g > 0],
    ids=["shape", "width", "kind"],
)
def test_another_shape_or_type_is_blamed(change):
    def port():
        w = torch.tensor([1.0, -2.0], dtype=torch.float64)
        with within("start"):
            note("w", w)
        at_step(1)
        with within("inner"):
            note("grad", change(2 * w))

    found = followed(port)
    assert found.verdict is Verdict.FAIL and found.first_excess.name == "inner.grad"


def test_a_transposed_matrix_of_one_number_repeated_is_blamed():
    """Catches matrices that are compared by their size alone, as vectors are."""

    class OfMatrices:
        def values(self, step):
            return {"start.w": np.ones((2, 3)), "start.b": np.ones((3, 1))}

    def port(w, b):
        def run():
            with within("start"):
                note("w", w)
                note("b", b)

        return run

    right, flat = np.ones((2, 3)), np.ones(3)
    assert follow(port(right, flat), OfMatrices(), Exact())
    found = follow(port(right.T.copy(), flat), OfMatrices(), Exact())
    assert found.verdict is Verdict.FAIL and found.first_excess.name == "start.w"


def test_a_port_that_breaks_off_fails_where_it_did():
    def grad_of(w):
        raise FloatingPointError("the loss is NaN")

    found = followed(descend(grad_of))
    assert found.verdict is Verdict.FAIL and "the loss is NaN" in found.problem


def test_a_port_that_names_nothing_is_an_error():
    assert followed(lambda: None).verdict is Verdict.ERROR
    found = followed(lambda: note("else", 1.0))
    assert found.verdict is Verdict.ERROR
    assert found.problem == "the port names no operation of the reference's"
    assert followed(descend()).problem is None


def test_what_is_found_by_following_fails_the_check():
    """It was a remark under a PASS: the verdict was stored before the port was followed."""
    own = repro.check([{"w": np.ones(2)}], [{"w": np.ones(2)}])
    wrong = followed(descend(lambda w: 2.001 * w))
    whole = replace(own, pairs=(*own.pairs, wrong))
    assert own.verdict is Verdict.PASS_BITWISE
    assert whole.verdict is Verdict.FAIL and not whole
    assert whole.first.name == "inner.grad" and whole.first.resynchronised
    assert "first wrong: `inner.grad` in step 1" in whole.message
    assert Check((wrong,)).worst_ratio > 1


def reference():
    w = np.array([1.0, -2.0])
    yield {"w": w}
    for _ in range(STEPS):
        grad, scaled = 2 * w, 2 * w * RATE
        w = w - scaled
        yield {"grad": grad, "scaled": scaled, "w": w}


def stepping(fault):
    def step(state, draws):
        w = torch.from_numpy(np.array(state["w"]))
        grad = 2 * w
        if fault == "grad":
            grad = grad * 1.01
        note("grad", grad)
        scaled = grad * (RATE * 1.01 if fault == "scaled" else RATE)
        note("scaled", scaled)
        return {"w": w - scaled}

    return step


def test_a_strangers_step_that_names_its_operations_is_followed_inside():
    assert repro.check(reference, stepping(None), resynchronise=True)


@pytest.mark.parametrize("fault", ["grad", "scaled"])
def test_a_strangers_wrong_operation_alone_is_named(fault):
    """What comes after it goes on from the reference's value, and so is right."""
    found = repro.check(reference, stepping(fault), resynchronise=True)
    assert (found.first.step, found.first.name) == (1, fault)
    wrong = [c.name for c in found.resynchronised.comparisons if not c]
    assert wrong == [fault]
