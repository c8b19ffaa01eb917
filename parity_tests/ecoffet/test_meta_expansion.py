"""MAML, first-order MAML and Reptile against their Taylor expansions in the inner rate.

An expansion that is right to first order leaves an error in ``lr**2``: halving the rate divides
it by 4. One with a wrong coefficient leaves an error in ``lr``, which is divided by 2 only.
The post's network is smooth only between the kinks of its relus: at these points the first one
is met between rates 5e-5 and 1e-4, hence the smaller rates. A tanh network has no kinks.
"""

from __future__ import annotations

from itertools import permutations
from random import Random

import numpy as np
import pytest
import torch

from repro.ecoffet import SineModel, SineWaveTask, flatten, maml_sine, reptile_sine, theory, train
from repro.ecoffet.sine import points_for

CASES = [(name, k) for name in theory.DIRECTIONS for k in (2, 3)]
RATES = {"relu": (1e-5, 5e-6), "tanh": (1e-3, 5e-4)}


@pytest.fixture(scope="module", params=RATES)
def problem(request):
    """A float64 network's weights, losses on four minibatches of one wave, two rates."""
    return *theory.problem(request.param), RATES[request.param]


@pytest.mark.parametrize(("name", "k"), CASES)
def test_the_error_falls_with_the_square_of_the_rate(problem, name, k):
    w, losses, rates = problem
    coarse, fine = theory.residuals(name, losses, w, rates, k)[1]
    assert coarse / fine == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize(("name", "k"), CASES)
def test_a_wrong_coefficient_would_be_noticed(problem, name, k, monkeypatch):
    w, losses, rates = problem
    c, d = theory.coefficients(name, k)
    monkeypatch.setattr(theory, "coefficients", lambda *_: (c, d / 2))
    coarse, fine = theory.residuals(name, losses, w, rates, k)[1]
    assert coarse / fine == pytest.approx(2, rel=0.05)


def test_average_inner_is_half_the_gradient_of_the_mean_inner_product(problem):
    """AvgGradInner as E[H_2 g_1], from Hessian-vector products."""
    w, losses, _ = problem
    g = [theory.slope(loss, w) for loss in losses]
    hg = [
        torch.autograd.functional.vhp(losses[i], w, g[j])[1] for i, j in permutations(range(4), 2)
    ]
    expected = torch.stack(hg).mean(0)
    torch.testing.assert_close(theory.average_inner(losses, w), expected, rtol=0, atol=1e-12)


class Recorder(torch.optim.Adam):
    """Keeps what the outer optimiser was handed, and does not move."""

    given: list[np.ndarray]

    def step(self, closure=None):
        grads = [p.grad.numpy().ravel() for group in self.param_groups for p in group["params"]]
        type(self).given.append(np.concatenate(grads))


@pytest.fixture
def outer(monkeypatch):
    """The gradients that reach the outer optimiser of :mod:`repro.ecoffet.train`."""
    Recorder.given = []
    monkeypatch.setattr(train, "Adam", Recorder)
    return Recorder.given


def trained_on_one_task(procedure):
    """The network before, and the training and fresh points that the procedure meets."""
    rng = np.random.RandomState(3)
    task = SineWaveTask(rng)
    train_points = task.training_set()
    state = rng.get_state()
    fresh_points = task.training_set(force_new=True)
    rng.set_state(state)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = SineModel().double()
        procedure(model, [task])
    x, y = (
        torch.stack(v)
        for v in zip(*[points_for(model, p) for p in (train_points, fresh_points)], strict=True)
    )
    return torch.from_numpy(flatten(model)), theory.minibatch_losses(model, x, y)


@pytest.mark.parametrize("peculiar", [True, False])
@pytest.mark.parametrize("first_order", [True, False])
def test_what_maml_sine_hands_to_its_optimiser(outer, peculiar, first_order):
    w, losses = trained_on_one_task(
        lambda model, tasks: maml_sine(
            model, 1, 0.02, first_order=first_order, tasks=tasks, peculiar=peculiar
        )
    )
    direction = theory.fomaml if first_order else theory.maml
    expected = direction(losses, w, 0.02)
    if peculiar:
        expected = expected + theory.slope(losses[0], w)
    np.testing.assert_allclose(outer[0], expected.numpy(), rtol=0, atol=1e-12)


def test_of_maml_as_published_no_task_hangs_on_those_before_it_in_a_meta_batch(outer):
    def given(batch_size):
        outer.clear()
        rng = np.random.RandomState(3)
        tasks = [SineWaveTask(rng) for _ in range(3)]
        with torch.random.fork_rng():
            torch.manual_seed(1)
            model, sampler = SineModel().double(), Random(0)
            maml_sine(model, 1, 0.02, batch_size, tasks=tasks, peculiar=False, sampler=sampler)
        return np.array(outer)

    np.testing.assert_allclose(given(3)[0], given(1).sum(axis=0), rtol=0, atol=1e-12)


@pytest.mark.parametrize("k", [1, 3])
def test_what_reptile_sine_hands_to_its_optimiser(outer, k):
    w, losses = trained_on_one_task(
        lambda model, tasks: reptile_sine(model, 1, 0.02, k=k, batch_size=1, tasks=tasks)
    )
    expected = theory.reptile([losses[0]] * k, w, 0.02) / k
    np.testing.assert_allclose(outer[0], expected.numpy(), rtol=0, atol=1e-12)
