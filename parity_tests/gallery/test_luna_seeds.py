"""The bands over many seeds are those of the seeds' own runs."""

from __future__ import annotations

import numpy as np
import pytest

from repro import luna
from repro.gallery import luna_seeds
from repro.gallery.runs import Options, Runs
from repro.julia import MersenneTwister
from repro.run.store import Store


@pytest.fixture(autouse=True)
def three_seeds(monkeypatch):
    monkeypatch.setattr(luna_seeds, "SEEDS", 3)


def arguments(name: str, **others):
    options = Options(seed=4, iterations=6, engine="exact", **others)
    return luna_seeds.RUNS[name].job(options).arguments


@pytest.mark.parametrize("name", ["transfer", "fomaml", "reptile"])
def test_each_row_is_the_evaluation_that_ends_a_seeds_eager_run(name):
    """Catches one seed for all, another evaluation, and other rates than the post's.

    1e-4: six iterations and 32 updates of rounding; a neighbour's evaluation is off by 0.1.
    """
    found = luna_seeds.test_losses(arguments(name))
    for row, seed in zip(found, (4, 5, 6), strict=True):
        rng = MersenneTwister(seed)
        model = luna.sine_model(rng)
        train = getattr(luna, luna_seeds.FUNCTIONS[name])
        (evaluation,) = train(model, epochs=6, eval_interval=6, rng=rng)
        assert row == pytest.approx(evaluation.test_losses, rel=1e-4)


def test_a_perturbation_reaches_every_seed():
    plain, moved = (luna_seeds.test_losses(arguments("fomaml", perturbation=p)) for p in (None, 1))
    assert (plain != moved).any(axis=1).all()
    assert moved == pytest.approx(plain, rel=1e-3)


def test_the_bands_are_quartiles(tmp_path):
    runs = Runs(Options(iterations=2), Store(tmp_path, print))
    data = luna_seeds.bands(runs)
    losses = runs[luna_seeds.RUNS["random"]]["test_losses"].values[0]
    assert losses.shape == (3, 33)
    assert data["random_median"].values[0] == pytest.approx(np.sort(losses, axis=0)[1])
    for name in luna_seeds.FUNCTIONS:
        low, median, high = (data[f"{name}_{q}"].values[0] for q in ("low", "median", "high"))
        assert (low <= median).all() and (median <= high).all() and (low < high).any()
