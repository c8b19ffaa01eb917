"""Scopes and notes: what a listener hears, and under which name."""

from __future__ import annotations

import pytest

from repro.trace import Noted, at_step, listening, note, within


class Heard:
    def __init__(self):
        self.steps, self.noted = [], []

    def step(self, number):
        self.steps.append(number)

    def values(self, noted):
        self.noted.append(noted)


def test_values_are_named_by_their_scopes_and_parts():
    """Catches parts of one name, and scopes in another order."""
    one, other = Heard(), Heard()
    with listening(one), within("task", 2), within("inner"):
        at_step(3)
        note("loss", 1.5, "a", "b")
        with listening(other):
            note("grad", {"W": 1, "b": 2}, "x")
    assert one.steps == [3] and other.steps == []
    assert one.noted[0] == [Noted("task2.inner.loss", "loss", 1.5, ("a", "b"))]
    parts = [Noted(f"task2.inner.grad.{n}", "grad", v, ("x",)) for n, v in (("W", 1), ("b", 2))]
    assert one.noted[1] == parts == other.noted[0] and len(one.noted) == 2


def test_who_has_left_hears_nothing_and_a_scope_ends_with_its_block():
    heard = Heard()
    with pytest.raises(KeyError), listening(heard), within("lost"):
        raise KeyError
    note("nobody", 1), at_step(1)
    with listening(heard):
        note("a", 1)
        with within("scope"):
            note("b", 2)
        note("c", 3)
    assert [n.name for (n,) in heard.noted] == ["a", "scope.b", "c"] and not heard.steps
