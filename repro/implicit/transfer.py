"""Learning curves on held-out sine tasks from what five ways of pretraining leave. In Float64.

All see the same tasks and take the same number of inner gradient steps. Networks of all seeds and
tasks train at once: weights lie in arrays (seeds, tasks, d).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from repro.implicit.leap import Leap, Visit

PAIRS = [(1, 40), (40, 40), (40, 1)]
RATE, STEPS, TASKS, POINTS = 0.01, 20, 10, 20
QUANTILES = {"low": 0.25, "median": 0.5, "high": 0.75}
META_STEPS = 25
"""What rounding adds grows with each: see docs/implicit.md for how far it may go."""

ONE = torch.ones((), dtype=torch.float64)
SIZES = [size for n, m in PAIRS for size in (n * m, m)]


def gradients(w: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients (seeds, tasks, d) and mean squared errors (seeds, tasks) of all networks.

    By hand, in batched products: `vmap(vmap(grad_and_value(loss)))` takes three times as long.
    """
    shape = w.shape[:2]
    W1, b1, W2, b2, W3, b3 = w.flatten(0, 1).split(SIZES, -1)
    x, y, W2 = x.flatten(0, 1), y.flatten(0, 1), W2.unflatten(1, PAIRS[1])
    h1 = torch.addcmul(b1[:, None], x, W1[:, None]).tanh_()
    h2 = torch.baddbmm(b2[:, None], h1, W2).tanh_()
    error = torch.baddbmm(b3[:, None], h2, W3[:, :, None]) - y
    d = error * (2 / x.shape[1])
    d2 = (d * W3[:, None]).mul_(torch.addcmul(ONE, h2, h2, value=-1))
    d1 = (d2 @ W2.mT).mul_(torch.addcmul(ONE, h1, h1, value=-1))
    parts = (x.mT @ d1, d1.sum(1), h1.mT @ d2, d2.sum(1), h2.mT @ d, d.sum(1))
    g = torch.cat([part.flatten(1) for part in parts], 1)
    return g.unflatten(0, shape), error.square().mean((1, 2)).unflatten(0, shape)


def waves(generator: torch.Generator, seeds: int, tasks: int) -> tuple[Tensor, Tensor]:
    """x and y (seeds, tasks, 20, 1): amplitude 0.1 to 5, phase 0 to pi."""
    share = uniform(generator, 2, seeds, tasks, 1, 1)
    A, phase = 0.1 + 4.9 * share[0], torch.pi * share[1]
    x = 10 * uniform(generator, seeds, tasks, POINTS, 1) - 5
    return x, A * torch.sin(x + phase)


def uniform(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def walk(w: Tensor, x: Tensor, y: Tensor, steps: int) -> Iterator[Visit]:
    """steps + 1 visits along gradient descent on each task, from w (seeds, tasks, d)."""
    for _ in range(steps + 1):
        g, value = gradients(w, x, y)
        yield Visit(w, value, g)
        w = w - RATE * g


def end(w: Tensor, x: Tensor, y: Tensor) -> Visit:
    """The last visit of an inner loop from meta-parameters (seeds, d)."""
    return deque(walk(spread(w, x.shape[1]), x, y, STEPS), maxlen=1).pop()


Update = Callable[[Tensor, Tensor, Tensor], Tensor]
"""New meta-parameters (seeds, d) from the old ones and a meta-batch."""


def spread(w: Tensor, tasks: int) -> Tensor:
    return w[:, None].expand(-1, tasks, -1)


def by_leap(w: Tensor, x: Tensor, y: Tensor, rate: float = 0.02) -> Tensor:
    return w - rate * Leap().gradient(walk(spread(w, x.shape[1]), x, y, STEPS)).mean(1)


def by_reptile(w: Tensor, x: Tensor, y: Tensor, rate: float = 0.5) -> Tensor:
    return w + rate * (end(w, x, y).theta.mean(1) - w)


def by_fomaml(w: Tensor, x: Tensor, y: Tensor, rate: float = 0.1) -> Tensor:
    return w - rate * end(w, x, y).grad.mean(1)


def by_fine_tuning(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """As many steps on the mean of the tasks' losses."""
    for _ in range(STEPS):
        w = w - RATE * gradients(spread(w, x.shape[1]), x, y)[0].mean(1)
    return w


METHODS: dict[str, Update | None] = {
    "none": None,
    "fine_tuning": by_fine_tuning,
    "fomaml": by_fomaml,
    "reptile": by_reptile,
    "leap": by_leap,
}


def curves(
    seeds: int = 16, meta_steps: int = META_STEPS, updates: int = 50
) -> dict[str, np.ndarray]:
    """Quartiles over the seeds, `leap_low`, `leap_median`, ... (updates + 1,), of the mean training
    loss over 20 held-out tasks during descent from each method's meta-parameters."""
    test = waves(torch.Generator().manual_seed(10**6), seeds, 20)
    found = {}
    for name, update in METHODS.items():
        path = walk(spread(pretrained(update, seeds, meta_steps), 20), *test, updates)
        losses = torch.stack([visit.loss.mean(1) for visit in path]).numpy()
        for part, q in QUANTILES.items():
            found[f"{name}_{part}"] = np.quantile(losses, q, axis=1)
    return found


def pretrained(update: Update | None, seeds: int, meta_steps: int) -> Tensor:
    """Meta-parameters (seeds, d); initial weights are uniform in +-1/sqrt(inputs)."""
    generator = torch.Generator().manual_seed(0)
    w = torch.cat(
        [(2 * uniform(generator, seeds, (n + 1) * m) - 1) / n**0.5 for n, m in PAIRS], dim=1
    )
    if update is None:
        return w
    for _ in range(meta_steps):
        w = update(w, *waves(generator, seeds, TASKS))
    return w
