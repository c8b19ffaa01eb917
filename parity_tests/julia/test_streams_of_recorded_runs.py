"""The draws of whole recorded runs of the original, without the arithmetic between them.

This holds `uniform` against Distributions 0.16.4 itself, which the streams' own recording, made by
its formula, does not.
"""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from repro.julia import MersenneTwister

ITERATIONS, INTERVAL = 5000, 250


def recorded_run(name: str):
    file = resources.files("repro.sides") / "recorded" / f"{name}.npz"
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as run:
        return {key: run[key] for key in ("init_weights", "eval_x", "next_rand")}


def initial_weights(rng: MersenneTwister) -> np.ndarray:
    """Three layers' weights, columns first, each followed by its biases."""
    drawn = []
    for inputs, outputs in ((1, 64), (64, 64), (64, 1)):
        bound = 1 / np.sqrt(inputs)
        drawn += [rng.uniform(-bound, bound, (outputs, inputs)).ravel(order="F")]
        drawn += [rng.uniform(-bound, bound, outputs)]
    return np.concatenate(drawn).astype(np.float32)


def draw_task(rng: MersenneTwister) -> None:
    rng.uniform(0.1, 5)
    rng.uniform(0, 2 * np.pi)


def draw_fomaml(rng: MersenneTwister) -> None:
    for _ in range(3):
        draw_task(rng)
        rng.uniform(-5, 5, 10)


def draw_reptile(rng: MersenneTwister) -> None:
    draw_task(rng)
    rng.randperm(50)


def draw_transfer(rng: MersenneTwister) -> None:
    draw_task(rng)
    rng.uniform(-5, 5, 50)


@pytest.mark.parametrize("seed", [0, 1, 42])
@pytest.mark.parametrize(
    ("name", "draw"),
    [("fomaml", draw_fomaml), ("reptile", draw_reptile), ("transfer_learn", draw_transfer)],
)
def test_a_recorded_run_draws_the_same_numbers(name, draw, seed):
    run = recorded_run(f"{name}_seed{seed}_long")
    rng = MersenneTwister(seed)
    assert np.array_equal(initial_weights(rng), run["init_weights"])
    points = []
    for iteration in range(1, ITERATIONS + 1):
        draw(rng)
        if iteration % INTERVAL == 0:
            points.append(rng.uniform(-5, 5, 10).astype(np.float32))
            draw_task(rng)
    assert np.array_equal(points, run["eval_x"])
    assert rng.rand() == run["next_rand"]
