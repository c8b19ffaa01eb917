"""What is peculiar in the third post, shown: `python -m repro.gallery.jang_peculiar NAME`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import torch

from repro.jang import pictures
from repro.jang.adam import Adam
from repro.jang.maml import maml_loss
from repro.jang.net import net_init, unflatten
from repro.jang.notebook import adaptation, numeric_checks, run, smoothed
from repro.jang.tasks import one_task
from repro.sides import recorded


def headline() -> None:
    """Validation points or tasks: held-out errors after one step, quartiles over 32 seeds."""
    found = pictures.headline()
    for tasks, points in pictures.ARMS:
        low, median, high = (found[f"{tasks}x{points}_{q}"][-1] for q in pictures.QUANTILES)
        print(f"{tasks} x {points:2}: {median:.5f}  ({low:.5f} to {high:.5f})")


def steps(draws: int = 200) -> None:
    """ "n-shot" is n steps on the same points, and a second step often makes it worse."""
    rng = np.random.RandomState(0)
    for part, k in (("single", 20), ("batched", 10), ("batched", 20)):
        params = unflatten(recorded.load("jax_fit_float32_seed0").arrays[f"{part}_weights"][-1])
        errors = np.array([_errors(params, rng.uniform(-5, 5, (k, 1))) for _ in range(draws)])
        worse = np.mean(errors[:, 2] > errors[:, 1])
        medians = " ".join(f"{m:.3f}" for m in np.median(errors, axis=0))
        print(f"{part}, {k} points: medians {medians}; step 2 worse than 1 in {worse:.0%}")


def _errors(params: dict[str, torch.Tensor], x1: np.ndarray, amplitude: float = 1.0) -> list[float]:
    x = np.linspace(-5, 5, 100)
    return [float(np.mean((p - amplitude * np.sin(x)) ** 2)) for p in adaptation(params, x1, 2)]


def ramps() -> None:
    """The last picture's convolution starts and ends with sums of fewer than twenty losses."""
    curve = smoothed(np.ones(100))
    print(f"of constant losses 1: {curve[:3]} ... {curve[-3:]}, {len(curve)} points for 100")


def label() -> None:
    """A label says x0 - maml_objective; printed is x0 minus its gradient, 2 - 4."""
    checks = numeric_checks()
    print(checks, "; 2 - maml_objective is", 2 - checks["maml_objective(x0,y0)"])


def seeds() -> None:
    """NumPy is never seeded: the mean of the last 500 of 1,000 losses, from five streams."""
    for seed in range(5):
        rng = np.random.RandomState(seed)
        losses = run(net_init(), maml_loss, Adam(1e-3), (one_task(rng) for _ in range(1000))).losses
        print(f"seed {seed}: {losses[-500:].mean():.4f}")


def rates() -> None:
    """ "1e-3 seems better than 1e-2 and 1e-4": the same test, quartiles over 8 seeds."""
    for rate in (1e-2, 1e-3, 1e-4):
        rng = np.random.RandomState(0)
        found = []
        for key in range(8):
            batches = (one_task(rng) for _ in range(2000))
            params = run(net_init(key), maml_loss, Adam(rate), batches).params
            test = pictures.drawn(np.random.RandomState(10**6), (200,), 100)
            stacked = {name: value[None] for name, value in params.items()}
            found.append(pictures.held_out_error(stacked, test).item())
        print(f"{rate:g}: " + " ".join(f"{q:.4f}" for q in np.quantile(found, [0.25, 0.5, 0.75])))


SHOWS: dict[str, Callable[[], None]] = {
    f.__name__: f for f in (headline, steps, ramps, label, seeds, rates)
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1:] and sys.argv[1] in SHOWS:
        SHOWS[sys.argv[1]]()
    else:
        raise SystemExit(f"name one of: {', '.join(SHOWS)}")
