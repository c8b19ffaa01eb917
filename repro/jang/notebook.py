"""The notebook from top to bottom: its three trainings, and the number of every cell.

The recordings seed NumPy once, just before the single-task training; from there its stream runs
through that training, its picture, the picture of tasks, the batched training and its picture.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.func import grad, grad_and_value

from repro.jang.adam import Adam, AdamState
from repro.jang.maml import Told, aside, batch_maml_loss, inner_update, maml_loss
from repro.jang.net import Params, flatten, loss, net_apply, sine_grid
from repro.jang.tasks import TASKS, K, one_task, sample_tasks
from repro.threads import one_thread
from repro.trace import at_step, note, within

ITERATIONS = 20_000
FIT_STEPS = 100

Loss = Callable[..., Tensor]
Batch: TypeAlias = tuple[Tensor, ...]


class Training(NamedTuple):
    """What a training leaves.

    Attributes:
        params: the weights after the last iteration.
        losses: (iterations,), each at the weights before that iteration's update.
        weights: the rows of 1,761 numbers after the iterations that were to be kept.
    """

    params: Params
    losses: np.ndarray
    weights: dict[int, np.ndarray]


def fit(params: Params, steps: int = FIT_STEPS, keep: Collection[int] = ()) -> Training:
    """Adam(0.01) on one sine wave's 100 points, all of them in each step (cell 10)."""
    batch = sine_grid(dtype_of(params))
    return run(params, loss, Adam(step_size=1e-2), numbered(steps, lambda: batch), keep)


def train_single(
    params: Params,
    rng: np.random.RandomState,
    iterations: int = ITERATIONS,
    keep: Collection[int] = (),
) -> Training:
    """Adam(0.001) on :func:`maml_loss`: one task, one validation point an iteration (cell 18)."""
    dtype = dtype_of(params)
    batches = numbered(iterations, lambda: one_task(rng, dtype))
    return run(params, maml_loss, Adam(step_size=1e-3), batches, keep)


def train_batched(
    params: Params,
    rng: np.random.RandomState,
    iterations: int = ITERATIONS,
    keep: Collection[int] = (),
) -> Training:
    """Adam(0.001) on :func:`batch_maml_loss`: 4 tasks of 20 and 20 points (cell 24)."""
    dtype = dtype_of(params)
    batches = numbered(iterations, lambda: sample_tasks(TASKS, K, rng, dtype))
    return run(params, batch_maml_loss, Adam(step_size=1e-3), batches, keep)


def numbered(iterations: int, draw: Callable[[], Batch]) -> Iterator[Batch]:
    """So many batches; what is drawn and computed with each belongs to its iteration, from 1."""
    for i in range(iterations):
        at_step(i + 1)
        yield draw()


@one_thread()
def run(
    params: Params,
    loss_fn: Loss,
    optimiser: Adam,
    batches: Iterator[Batch],
    keep: Collection[int] = (),
) -> Training:
    """One step on each batch; iterations count from 1 in `keep`."""
    opt_state = optimiser.init(params)
    note("init", params)
    losses, weights = [], {}
    for i, batch in enumerate(batches):
        opt_state, value = step(i, opt_state, optimiser, loss_fn, batch)
        losses.append(value)
        if i + 1 in keep:
            weights[i + 1] = flatten(opt_state.x)
    values = torch.stack(losses).numpy() if losses else np.zeros(0)
    return Training(optimiser.get_params(opt_state), values, weights)


def step(
    i: int, opt_state: AdamState, optimiser: Adam, loss_fn: Loss, batch: Batch
) -> tuple[AdamState, Tensor]:
    """One update; the loss is the one before it."""
    p = optimiser.get_params(opt_state)
    g, (value, told) = grad_and_value(aside(loss_fn), has_aux=True)(p, *batch)
    note_told(told)
    note("loss", value)
    note("grad", g)
    return optimiser.update(i, g, opt_state), value


def note_told(told: Told) -> None:
    """Note what the tasks' losses were made of; a batch has it with one row a task."""
    batch = told.get("tasks")
    for i in range(1 if batch is None else len(batch["loss"])):
        with within("task", i + 1):
            for name, value in (batch or told).items():
                note(name, value if batch is None else row(value, i))


def row(value: Any, i: int) -> Any:
    """The i-th row of a tensor, or of every tensor in a mapping."""
    return {n: v[i] for n, v in value.items()} if isinstance(value, dict) else value[i]


def dtype_of(params: Params) -> torch.dtype:
    return next(iter(params.values())).dtype


# The stream between the trainings


def after_single(rng: np.random.RandomState, iterations: int = ITERATIONS) -> None:
    """Draw what the single-task training draws."""
    rng.uniform(size=iterations * (2 + K + 1))


def after_batched(rng: np.random.RandomState, iterations: int = ITERATIONS) -> None:
    """Draw what the batched training draws."""
    rng.uniform(size=iterations * TASKS * (2 + 2 * K))


def picture_points(rng: np.random.RandomState, n: int) -> np.ndarray:
    """The points (n, 1) that a picture of adaptation is made with (cells 19 and 25)."""
    return rng.uniform(low=-5.0, high=5.0, size=(n, 1))


def batched_stream(seed: int = 0) -> np.random.RandomState:
    """NumPy's stream as the batched training finds it: past the single-task training, its picture,
    and the picture of two tasks of 50 and 50 points."""
    rng = np.random.RandomState(seed)
    after_single(rng)
    picture_points(rng, K)
    rng.uniform(size=2 * (2 + 50 + 50))
    return rng


def adaptation(params: Params, x1: np.ndarray, steps: int) -> list[np.ndarray]:
    """Predictions on the grid (100,) before and after each inner step on sin at x1 (n, 1)."""
    dtype = dtype_of(params)
    grid, _ = sine_grid(dtype)
    points = torch.from_numpy(x1).to(dtype), torch.from_numpy(np.sin(x1)).to(dtype)
    found = [net_apply(params, grid)[:, 0].numpy()]
    for _ in range(steps):
        params = inner_update(params, *points)
        found.append(net_apply(params, grid)[:, 0].numpy())
    return found


# The numbers that cells print


def derivatives() -> tuple[float, ...]:
    """Cell 3: derivatives 1 to 3 of exp at 1.0 and of the square at 2.0."""
    found = []
    for function, at in ((torch.exp, 1.0), (torch.square, 2.0)):
        for _ in range(3):
            function = grad(function)
            found.append(function(torch.tensor(at)).item())
    return tuple(found)


def numeric_checks() -> dict[str, float]:
    """Cell 13: MAML on g(x, y) = x^2 + y at x = 2, y = 1, under the cell's labels.

    The last label is the notebook's, and says less than what is printed: it is x0 minus the
    *gradient* of the objective.
    """

    def g(x: Tensor, y: Tensor) -> Tensor:
        return torch.square(x) + y

    def maml_objective(x: Tensor, y: Tensor) -> Tensor:
        return g(x - grad(g)(x, y), y)

    x0, y0 = torch.tensor(2.0), torch.tensor(1.0)
    return {
        "grad(g)(x0)": grad(g)(x0, y0).item(),
        "x0 - grad(g)(x0)": (x0 - grad(g)(x0, y0)).item(),
        "maml_objective(x0,y0)": maml_objective(x0, y0).item(),
        "x0 - maml_objective(x0,y0)": (x0 - grad(maml_objective)(x0, y0)).item(),
    }


def maml_loss_at_zero(params: Params) -> float:
    """Cell 16: the fitted net's loss at x = 0 after an inner step on the wave: 0.00022761."""
    zero = torch.zeros(1, dtype=dtype_of(params))
    return maml_loss(params, *sine_grid(dtype_of(params)), zero, zero).item()


def smoothed(losses: np.ndarray) -> np.ndarray:
    """Cell 26: the losses convolved with twenty times 0.05, 19 points longer than they are."""
    return np.convolve(losses, [0.05] * 20)
