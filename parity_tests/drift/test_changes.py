"""Changes get their grade, and the operation that carries them is named."""

from __future__ import annotations

import pytest
from drift.changes import CHANGES, FIT, Change, flushing, graded, named, repeated

from repro.drift import Grade

QUICK = {
    "the bias fused", "TF32-like products at one shape", "a learning rate in Float32",
    "Adam's rate last", "a changed epsilon", "var otherwise", "another epsilon",
    "flush-to-zero",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [pytest.param(c, marks=[] if c.name in QUICK else pytest.mark.slow) for c in CHANGES],
    ids=str,
)
def test_a_change_is_graded_and_its_operation_named(change):
    found = graded(change)
    assert found.grade is change.grade, found.where
    assert named(change, found), found.where


def test_there_are_enough_of_both_kinds():
    grades = [change.grade for change in CHANGES]
    assert (grades.count(Grade.ROUNDING), grades.count(Grade.CHANGED)) == (29, 15)


def test_flushing_denormal_numbers_changes_nothing_where_there_are_none():
    found = graded(Change("flush-to-zero", Grade.SAME, "", FIT, under=flushing))
    assert found.grade is Grade.SAME
    assert found.environment == {"torch.flush_denormal": ("False", "True")}


@pytest.mark.parametrize("runs", [6, pytest.param(1000, marks=pytest.mark.slow)])
def test_what_is_computed_again_is_the_same(runs):
    assert repeated(runs) == []
