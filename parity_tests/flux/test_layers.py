"""Flux's layers and loss: shapes, precision, order of draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from repro.errors import NonFiniteLossError
from repro.flux import Linear, back, gradient, mse
from repro.julia import MersenneTwister
from repro.luna import flatten, sine_model, unflatten


def test_parameters_are_drawn_weight_first_column_by_column():
    layer = Linear(3, 2, rng=MersenneTwister(7))
    bound = 1 / np.sqrt(3)
    drawn = np.array([-bound + 2 * bound * u for u in MersenneTwister(7).rand(8)])
    assert np.array_equal(layer.weight.detach(), drawn[:6].reshape(3, 2).T.astype(np.float32))
    assert np.array_equal(layer.bias.detach(), drawn[6:].astype(np.float32))


def test_float64_model_starts_from_the_same_numbers():
    narrow, wide = (sine_model(MersenneTwister(0), dtype=d) for d in (torch.float32, torch.float64))
    assert flatten(wide).dtype == np.float64
    assert np.array_equal(flatten(narrow), flatten(wide))


def test_float64_data_meet_float32_weights_in_float64():
    layer = Linear(1, 4, torch.tanh, rng=MersenneTwister(0))
    out = layer(torch.ones(1, 3, dtype=torch.float64))
    out.sum().backward()
    assert out.dtype == torch.float64
    assert layer.weight.grad.dtype == torch.float32


def test_mse_multiplies_by_the_rounded_reciprocal():
    """torch's own mean divides, and differs in the last bit for many values."""
    generator = torch.Generator().manual_seed(0)
    predictions = torch.randn(1000, 1, 10, generator=generator)
    target = torch.zeros(1, 10)
    ours = torch.stack([mse(p, target) for p in predictions])
    divided = (predictions**2).sum(dim=(1, 2)) / 10
    assert 0.1 < (ours != divided).float().mean() < 0.4
    assert torch.equal(ours, (predictions**2).sum(dim=(1, 2)) * np.float32(0.1))


def test_mse_refuses_to_broadcast():
    with pytest.raises(ValueError, match="reshape the target"):
        mse(torch.zeros(1, 3), torch.zeros(3, 1))


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_loss_that_is_not_finite_is_refused(value):
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    for differentiate in (back, gradient):
        with pytest.raises(NonFiniteLossError, match="Flux refuses"):
            differentiate((weight * value).sum(), [weight])
    assert weight.grad is None


def test_back_adds_and_gradient_neither_reads_nor_writes():
    weight = torch.nn.Parameter(torch.tensor([3.0]))
    weights = {"w": weight}
    back((weight * 2).sum(), weights)
    back((weight * 2).sum(), weights)
    assert gradient((weight * 5).sum(), weights)["w"].item() == 5
    assert weight.grad.item() == 4


def test_flatten_and_unflatten_are_inverse():
    model = sine_model(MersenneTwister(3))
    values = flatten(model)
    other = sine_model(MersenneTwister(4))
    unflatten(other, values)
    assert values.shape == (4353,)
    assert np.array_equal(flatten(other), values)
    with pytest.raises(ValueError, match="expected 4353"):
        unflatten(other, values[:-1])
