"""Perturbations: each floating result by one ulp, whole numbers and views not at all."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from repro.checks import nudged
from repro.checks.agreement import ulp_distance
from repro.checks.perturb import rounded, rounding_array, torch_rounding

F32 = np.float32


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_nudged_moves_every_value_by_one_ulp_either_way(dtype):
    values = generator().normal(size=(50, 4)).astype(dtype)
    moved = nudged(values, 3)
    assert moved.dtype == dtype and (ulp_distance(values, moved) == 1).all()
    assert 60 < (moved > values).sum() < 140
    assert np.array_equal(moved, nudged(values, 3))
    assert not np.array_equal(moved, nudged(values, 4))


@pytest.mark.parametrize("values", [3, True, [1, 2], np.uint8(7)])
def test_nudged_leaves_integers_and_bools(values):
    assert np.array_equal(nudged(values, 0), values)


def test_rounded_leaves_whole_numbers():
    """Catches a perturbation that makes 1.0000001 of a probability or of a label."""
    values = np.array([0, 1, -2, 0.5, 1e9, np.inf, np.nan], F32)
    moved = rounded(values, generator())
    unmoved = (moved == values) | np.isnan(values)
    assert unmoved.tolist() == [True, True, True, False, True, True, True]


def test_an_array_s_results_are_moved_and_so_are_theirs():
    x = generator().normal(size=(4, 3)).astype(F32)
    for compute in (
        lambda a: a * F32(0.3),
        lambda a: F32(0.3) * a,
        np.exp,
        lambda a: a @ a.T,
        lambda a: a.sum(axis=0),
        lambda a: np.modf(a)[0],
    ):
        plain, moved = compute(x), compute(rounding_array(x, generator()))
        assert moved.dtype == plain.dtype and moved.shape == plain.shape
        assert 0 < ulp_distance(plain, np.asarray(moved)).max() <= 1
    twice = np.exp(np.exp(rounding_array(x, generator())))
    assert ulp_distance(np.exp(np.exp(x)), np.asarray(twice)).max() > 1


def test_an_array_changed_in_place_is_moved():
    x = rounding_array(np.full(9, 0.3, F32), generator())
    x -= F32(0.1)
    assert (ulp_distance(np.asarray(x), np.full(9, 0.3, F32) - F32(0.1)) == 1).all()
    plain = np.zeros(9, F32)
    plain += rounding_array(np.full(9, 0.3, F32), generator())
    assert (ulp_distance(plain, np.full(9, 0.3, F32)) == 1).all()


def test_comparisons_and_counts_are_not_moved():
    x = rounding_array(np.array([0.1, 0.7], F32), generator())
    assert (x > 0.5).tolist() == [False, True] and np.floor(x * 10).tolist() == [1, 7]
    assert int(np.argmax(x)) == 1 and float((x > 0.5).sum()) == 1


def test_torch_s_results_are_moved_inside_the_block_alone():
    x = torch.linspace(0.1, 0.9, 7)
    plain = torch.exp(x)
    with torch_rounding(generator()):
        moved = torch.exp(x)
    assert (ulp_distance(plain.numpy(), moved.numpy()) == 1).all()
    assert torch.equal(torch.exp(x), plain)


def test_torch_s_gradients_are_moved():
    """Catches a mode that reaches the forward pass alone."""

    def gradient():
        w = torch.tensor([0.3, 0.7], requires_grad=True)
        torch.sigmoid(w).sum().backward()
        return w.grad.numpy()

    plain = gradient()
    with torch_rounding(generator()):
        moved = gradient()
    assert (ulp_distance(plain, moved) > 0).any()


def test_views_and_what_is_written_in_place_stay_one_memory():
    """Catches a mode that gives a copy for a view, so that an update is lost."""
    with torch_rounding(generator()):
        w = torch.full((2, 2), 0.5)
        w.T[0].mul_(0)
        w.detach()[0, 1] += 1
    assert w[:, 0].tolist() == [0, 0] and w[0, 1] > 1.4


def test_torch_s_whole_numbers_and_integers_are_not_moved():
    with torch_rounding(generator()):
        one = torch.sigmoid(torch.tensor([100.0]))
        count = torch.tensor([0.2, 0.8]).gt(0.5).sum()
        half = torch.tensor([0.3]).half()
    assert one.item() == 1 and count.item() == 1 and half.item() == np.float16(0.3)


def test_the_program_s_own_random_stream_is_untouched():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with torch_rounding(generator()):
        torch.exp(torch.tensor([0.3]))
        drawn = torch.rand(3)
    assert np.abs(drawn.numpy() - expected.numpy()).max() < 1e-6
