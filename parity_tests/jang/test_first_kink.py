"""The first kink of the batched training in Float32, shown by both sides' pre-activations.

`first_kink.npz` has both sides' weights before iteration 3,333: the port's (torch 2.13, MKL) and
those of live JAX 0.10.2, equal to the recording. On a processor whose torch rounds otherwise it may
be another iteration, unit and sample.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from jang import held, live_jax
from jang.test_port import hide_avx512

from repro import jang
from repro.jang import notebook
from repro.jang.kinks import Crossing, crossings


def first_crossing(theirs: np.ndarray) -> tuple[int, Crossing, np.ndarray]:
    """Iteration from 1, crossing, and our weights before it; `theirs` has a row an iteration."""
    for i, (ours, batch) in enumerate(port_states()):
        for crossing in crossings(ours, jang.unflatten(theirs[i]), batch):
            return i + 1, crossing, jang.flatten(ours)
    raise AssertionError("unreachable: the port trains on")


def port_states() -> Iterator[tuple[jang.Params, tuple[torch.Tensor, ...]]]:
    rng, optimiser = jang.batched_stream(0), jang.Adam(1e-3)
    state = optimiser.init(jang.net_init())
    for i in range(20_000):
        batch = jang.sample_tasks(4, 20, rng)
        yield state.x, batch
        state, _ = notebook.step(i, state, optimiser, jang.batch_maml_loss, batch)


def test_the_recorded_kink_is_one_sample_on_two_sides():
    with np.load(live_jax.HERE / "first_kink.npz", allow_pickle=False) as arrays:
        ours, theirs, iteration = (arrays[name] for name in ("ours", "theirs", "iteration"))
    rng = jang.batched_stream(0)
    rng.uniform(size=int(iteration - 1) * 4 * (2 + 20 + 20))
    batch = jang.sample_tasks(4, 20, rng)
    [found] = crossings(jang.unflatten(ours), jang.unflatten(theirs), batch)
    where = (found.task, found.points, found.sample, found.layer, found.unit)
    assert (iteration, *where) == (3333, 3, "validation", 13, 1, 6)
    assert -2e-6 < found.ours < 0 < found.theirs < 2e-6
    assert str(found).startswith("task 3, validation sample 13, layer 1, unit 6: -1.18e-06 here")


@pytest.mark.slow
def test_until_the_first_kink_losses_agree(tmp_path, jax_python):
    path = tmp_path / "weights.npz"
    script, hidden = live_jax.HERE / "jax_weights.py", hide_avx512(tmp_path)
    arguments = ("batched", "3600", "0", "float32", str(path))
    live_jax.run_script(jax_python, script, *arguments, **hidden)
    with np.load(path, allow_pickle=False) as arrays:
        weights, losses = arrays["weights"], arrays["losses"]
    iteration, crossing, _ = first_crossing(weights)
    assert abs(crossing.ours - crossing.theirs) < 1e-4
    found = held.hold("batched", "float32", iteration - 1, 0, ({}, losses[: iteration - 1]))
    assert found, found
