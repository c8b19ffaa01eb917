"""Tasks' generators, quickly: `test_recorded_rows.py` holds the same forks to Julia's own rows."""

from __future__ import annotations

import numpy as np
import pytest

from repro.julia import MersenneTwister
from repro.julia.tasks import TaskLocal, default_rng

FORKED = {  # child, its child, the parent, the parent's next child; as they equal Julia's rows
    "1.7": (0xBFEA302DDE8CFDE4, 0x4675B11370C11021, 0x5B0A069FAB8FB764, 0x1482F99259EF7C26),
    "1.10": (0x38EFD410C02802D6, 0x2A80F51270D580A3, 0xFA471E505020C9E8, 0xDD19FA1DEE63C44A),
    "1.12": (0xBE877A6E7A68E240, 0xBC2710B75838EFDB, 0xFA471E505020C9E8, 0xC8C1E18088414DA9),
}


@pytest.mark.parametrize("julia", FORKED)
def test_a_fork_and_its_parent(julia):
    """Catches a child that follows another version, or a parent that does not move on with it."""
    parent = TaskLocal(5, julia)
    child = parent.fork()
    again = child.fork()
    found = (child.next_word(), again.next_word(), parent.next_word(), parent.fork().next_word())
    assert found == FORKED[julia] and child.version == again.version == parent.version
    assert parent.state()["state"].shape == ((4,) if julia == "1.7" else (5,))


def test_a_generator_goes_on_from_four_words_as_from_five():
    seeded = TaskLocal(5, "1.10")
    four = TaskLocal.from_state({"state": seeded.state()["state"][:4]}, "1.10")
    assert four == seeded and four.fork() == seeded.fork()
    drawn = TaskLocal(5, "1.10")
    drawn.fork()
    assert TaskLocal.from_state(drawn.state(), "1.10").fork() == drawn.fork()
    assert drawn != TaskLocal(5, "1.10")


@pytest.mark.parametrize(("julia", "kind"), [("1.6", MersenneTwister), ("1.7", TaskLocal)])
def test_the_default_generator_of_each_version(julia, kind):
    rng = default_rng(3, julia)
    assert type(rng) is kind and rng == kind(3, julia)
    assert rng.version[:2] == (1, int(julia[2:]))


def test_to_seed_again_starts_anew_forks_included():
    rng = TaskLocal(5, "1.10")
    rng.fork(), rng.rand()
    assert rng.seed_(5) is rng and rng == TaskLocal(5, "1.10")
    assert np.array_equal(rng.fork().state()["state"], TaskLocal(5, "1.10").fork().state()["state"])


def test_1_11_forks_and_draws_tails_as_1_12():
    """No rows of 1.11 are recorded: by its sources. Catches what 1.12 alone would have."""
    here, later, before = (TaskLocal(5, julia) for julia in ("1.11", "1.12", "1.10"))
    assert here.fork().state()["state"].tolist() == later.fork().state()["state"].tolist()
    tails = here.randexp(20_000)
    assert np.array_equal(tails, later.randexp(20_000))
    before.fork()
    other = before.randexp(20_000)
    assert (tails != other).any() and np.allclose(np.sort(tails)[:1000], np.sort(other)[:1000])


def test_of_more_true_than_false_the_false_are_placed():
    """From 1.11 on. Catches a number of places that is taken from the other value."""
    some = np.arange(10) % 3 == 0
    found, other = (TaskLocal(5, "1.11").shuffle(a) for a in (some, ~some))
    assert found.sum() == 4 and np.array_equal(other, ~found)


def test_a_tuple_of_one_is_drawn_from():
    assert TaskLocal(5, "1.10").rand((7,), 3).tolist() == [7, 7, 7]
