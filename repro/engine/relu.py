"""The second and third posts' trainings by compiled code, with the arguments that the ports have.

The second post's take stacked weights and a plan, as those of :mod:`repro.ecoffet.batched` do; the
third's are `repro.jang`'s. All numbers are drawn beforehand, by the ports' own generators and in
their order: none depends on the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import Any, TypeAlias

import numpy as np
import torch

from repro import jang
from repro.ecoffet.batched import SHAPES, AdamState, Plan, Progress
from repro.ecoffet.sine import SineWaveTask
from repro.engine import relu_loops as loops
from repro.engine.handover import Array, aligned
from repro.engine.relu_network import HIDDEN, SIZE, room_for, whole_lines
from repro.errors import EngineError
from repro.jang import pictures
from repro.jang.adam import correction
from repro.jang.tasks import TASKS, K

#: Steps between two looks at whether the user wants to stop.
_BREATH = 1000
_W2 = slice(2 * HIDDEN, 2 * HIDDEN + HIDDEN * HIDDEN)

Points: TypeAlias = tuple[Array, ...]
"""Training x and y, and of some methods validation x and y: (steps, tasks, n) each."""
Corrections: TypeAlias = Array
"""What Adam divides its moments by in each step, (steps, 2) float64."""


# The second post


def maml_sine(
    weights: Array,
    plan: Plan,
    lr_inner: float = 0.01,
    first_order: bool = False,
    *,
    peculiar: bool = True,
    adam: AdamState | None = None,
    progress: Progress | None = None,
) -> Array:
    """`repro.ecoffet.batched.maml_sine` compiled."""
    if plan.fresh_x is None or plan.fresh_y is None:
        raise ValueError("MAML's outer loss needs fresh points: make the plan with fresh=True")
    options = (1, first_order, peculiar)
    steps = partial(maml_steps, lr_inner=lr_inner, rate=0.001, options=options)
    return _each(weights, plan, steps, adam, progress)


def reptile_sine(
    weights: Array,
    plan: Plan,
    lr_inner: float = 0.01,
    lr_outer: float = 0.001,
    k: int = 32,
    *,
    adam: AdamState | None = None,
    progress: Progress | None = None,
) -> Array:
    """`repro.ecoffet.batched.reptile_sine` compiled."""
    steps = partial(reptile_steps, lr_inner=lr_inner, rate=lr_outer, inner=k)
    return _each(weights, plan, steps, adam, progress)


def fit_transfer(
    weights: Array,
    plan: Plan,
    *,
    adam: AdamState | None = None,
    progress: Progress | None = None,
) -> Array:
    """`repro.ecoffet.batched.fit_transfer` compiled."""
    return _each(weights, plan, partial(transfer_steps, rate=0.001), adam, progress)


def finetune(
    weights: Array,
    tasks: Sequence[SineWaveTask],
    steps: int,
    lr: float = 0.01,
    *,
    device: torch.device | str = "cpu",
) -> Array:
    """`repro.ecoffet.batched.finetune` compiled: test losses (M, T, steps + 1)."""
    _require_known(weights, torch.device(device))
    kind = weights.dtype
    train, test = ([t.training_set() for t in tasks], [t.test_set() for t in tasks])
    points = tuple(
        np.stack([part[i].numpy() for part in parts]).astype(kind)
        for parts in (train, test)
        for i in (0, 1)
    )
    results = np.empty((len(weights), len(tasks), steps + 1), kind)
    for w, losses in zip(inputs_first(weights), results, strict=True):
        room = _room(w, points, 2, 1)
        for start in range(0, len(tasks), _BREATH // 10):
            part = slice(start, start + _BREATH // 10)
            loops.finetune(w, tuple(p[part] for p in points), lr, losses[part], room)
    return results


Steps: TypeAlias = Callable[..., Any]


def maml_steps(
    w: Array,
    moments: Array,
    points: Points,
    corrections: Corrections,
    *,
    lr_inner: float,
    rate: float,
    options: tuple[int, bool, bool],
) -> Array:
    """Some steps of MAML, weights and moments in place; the losses before each.

    `options` are the number of inner steps, first order, and peculiar.
    """
    losses = np.empty(len(points[0]), w.dtype)
    room = _room(w, points, 4 + options[0], 1 + options[0])
    loops.maml(w, moments, points, lr_inner, rate, corrections, *options, losses, room)
    return losses


def reptile_steps(
    w: Array,
    moments: Array,
    points: Points,
    corrections: Corrections,
    *,
    lr_inner: float,
    rate: float,
    inner: int,
) -> None:
    """Some steps of Reptile, each through so many inner ones."""
    room = _room(w, points, 2, 1)
    loops.reptile(w, moments, points, lr_inner, rate, corrections, inner, room)


def transfer_steps(
    w: Array, moments: Array, points: Points, corrections: Corrections, *, rate: float
) -> None:
    """Some steps of transfer learning."""
    loops.transfer(w, moments, points, rate, corrections, _room(w, points, 1, 1))


def _room(w: Array, points: Points, vectors: int, tapes: int) -> tuple[Array, Array]:
    """Room for so many vectors, and for so many tapes of as many points as there are at most."""

    def rows(n: int, size: Any) -> Array:
        return aligned(n * size, w.dtype).reshape(n, size)

    most = max(p.shape[-1] for p in points)
    return rows(vectors, whole_lines(SIZE)), rows(tapes, room_for(most))


def _each(
    weights: Array,
    plan: Plan,
    steps: Steps,
    adam: AdamState | None,
    progress: Progress | None,
) -> Array:
    """Train every network of a stack on its own part of a plan."""
    _require_known(weights, plan.x.device)
    done, *carried = adam or AdamState(0, *np.zeros((2, *weights.shape), weights.dtype))
    corrections = torch_corrections(done + len(plan))[done:]
    trained = inputs_first(weights)
    all_moments = np.stack([inputs_first(moment) for moment in carried], axis=1)
    kept = (plan.x, plan.y, plan.fresh_x, plan.fresh_y)
    for m, (w, moments) in enumerate(zip(trained, all_moments, strict=True)):
        of_model = [p[:, m, :, 0].numpy()[:, None] for p in kept if p is not None]
        points = tuple(np.ascontiguousarray(p, w.dtype) for p in of_model)
        for part in _stretches(len(plan)):
            steps(w, moments, tuple(p[part] for p in points), corrections[part])
            if progress is not None:
                progress((part.stop - part.start) * (m + 1) // len(trained)
                         - (part.stop - part.start) * m // len(trained))  # fmt: skip
    return outputs_first(trained)


def _require_known(weights: Array, device: torch.device) -> None:
    """Raises EngineError for another network, precision or device."""
    if weights.shape[1:] != (SIZE,) or weights.dtype not in (np.float32, np.float64):
        raise EngineError(
            f"the compiled engine knows networks of {SIZE} Float32 or Float64 weights, not "
            f"{weights.dtype} {weights.shape[1:]}: use the port, which is engine `eager`"
        )
    if device.type != "cpu":
        raise EngineError(f"relu networks are compiled for the CPU, not {device}: use `eager`")


def _stretches(steps: int, stops: Iterable[int] = ()) -> Iterator[slice]:
    """All steps in parts that end at the stops, and often enough."""
    ends = sorted({*range(_BREATH, steps, _BREATH), *(s for s in stops if 0 < s < steps), steps})
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        yield slice(start, end)


def inputs_first(weights: Array) -> Array:
    """Rows (M, 1761) in torch's order, W2 (outputs, inputs), with W2 (inputs, outputs); a copy."""
    found = np.array(weights)
    square = found[:, _W2].reshape(-1, *SHAPES[2])
    found[:, _W2] = square.swapaxes(1, 2).reshape(len(found), -1)
    return found


outputs_first = inputs_first
"""The way back: a transpose undoes itself."""


# The third post


def train_single(
    params: jang.Params,
    rng: np.random.RandomState,
    iterations: int = jang.notebook.ITERATIONS,
    keep: Collection[int] = (),
    progress: Progress | None = None,
) -> jang.Training:
    """`repro.jang.train_single` compiled."""
    return _notebook(params, single_points(rng, iterations), keep, progress)


def train_batched(
    params: jang.Params,
    rng: np.random.RandomState,
    iterations: int = jang.notebook.ITERATIONS,
    keep: Collection[int] = (),
    progress: Progress | None = None,
) -> jang.Training:
    """`repro.jang.train_batched` compiled."""
    return _notebook(params, batched_points(rng, iterations), keep, progress)


def single_points(rng: np.random.RandomState, iterations: int) -> Points:
    """What `repro.jang.one_task` draws in so many iterations, float64."""
    u = rng.random_sample((iterations, 2 + K + 1))
    x1, x2 = _between(u[:, None, 2:-1], -5.0, 5.0), _between(u[:, None, -1:], -5.0, 5.0)
    return _on_waves(u[:, None, :1], u[:, None, 1:2], x1, x2)


def batched_points(rng: np.random.RandomState, iterations: int) -> Points:
    """What `repro.jang.sample_tasks` draws in so many iterations, float64."""
    u = rng.random_sample((iterations, TASKS * (2 + 2 * K)))
    waves = u[:, : 2 * TASKS].reshape(-1, TASKS, 2)
    x = _between(u[:, 2 * TASKS :].reshape(-1, 2, TASKS, K), -5.0, 5.0)
    return _on_waves(waves[..., :1], waves[..., 1:], x[:, 0], x[:, 1])


def _between(u: Array, low: float, high: float) -> Array:
    """NumPy's `uniform` from its uniform numbers."""
    return np.ascontiguousarray(low + (high - low) * u)


def _on_waves(amplitude: Array, phase: Array, x1: Array, x2: Array) -> Points:
    A, b = _between(amplitude, 0.1, 0.5), _between(phase, 0.0, np.pi)
    return x1, A * np.sin(x1 + b), x2, A * np.sin(x2 + b)


_NOTEBOOK: dict[str, Any] = {
    "lr_inner": jang.alpha,
    "rate": 1e-3,
    "options": (1, False, False),
}


def _notebook(
    params: jang.Params, points: Points, keep: Collection[int], progress: Progress | None
) -> jang.Training:
    """Adam(0.001) on the mean of the tasks' losses after one inner step."""
    w, dtype = jang.flatten(params), jang.notebook.dtype_of(params)
    w, moments, losses, weights = w.copy(), np.zeros((2, SIZE), w.dtype), [], {}
    points = tuple(np.ascontiguousarray(p, w.dtype) for p in points)
    corrections = jax_corrections(len(points[0]), dtype)
    for part in _stretches(len(points[0]), keep):
        drawn = tuple(p[part] for p in points)
        losses.append(maml_steps(w, moments, drawn, corrections[part], **_NOTEBOOK))
        if part.stop in keep:
            weights[part.stop] = w.copy()
        if progress is not None:
            progress(part.stop - part.start)
    return jang.Training(jang.unflatten(w), np.concatenate(losses), weights)


def headline_arm(
    n: int,
    points: int,
    seeds: int,
    iterations: int,
    every: int,
    test: jang.tasks.Points,
    prepare: Callable[[Array], Array],
    tick: Progress,
) -> Array:
    """`repro.jang.pictures.arm` compiled, with its arguments: (evaluations, seeds)."""
    rng = np.random.RandomState(0)
    drawn = [pictures.drawn(rng, (seeds, n), points) for _ in range(iterations)]
    all_points = [np.stack([d[i][..., 0].numpy() for d in drawn]) for i in range(4)]
    held_out = tuple(part[..., 0].numpy() for part in test)
    corrections = jax_corrections(iterations, torch.float64)
    trained = prepare(np.stack([_initial(key) for key in range(seeds)]))
    errors = np.empty((iterations // every + 1, seeds))
    for seed, w in enumerate(trained):
        own = tuple(np.ascontiguousarray(p[:, seed]) for p in all_points)
        moments = np.zeros((2, SIZE))
        errors[0, seed] = _after_a_step(w, held_out)
        for i in range(1, len(errors)):
            part = slice((i - 1) * every, i * every)
            maml_steps(w, moments, tuple(p[part] for p in own), corrections[part], **_NOTEBOOK)
            errors[i, seed] = _after_a_step(w, held_out)
        tick(iterations * (seed + 1) // seeds - iterations * seed // seeds)
    return errors


@cache
def _initial(key: int) -> Array:
    return jang.flatten(jang.net_init(key, dtype=torch.float64))


def _after_a_step(w: Array, points: Points) -> float:
    """The mean over tasks of the error after one inner step."""
    losses = np.empty((len(points[0]), 2), w.dtype)
    loops.finetune(w, points, jang.alpha, losses, _room(w, points, 2, 1))
    return float(losses[:, 1].mean())


def torch_corrections(steps: int) -> Corrections:
    """Adam's, as torch has them: in Float64."""
    count = np.arange(1, steps + 1)
    return np.stack([1 - 0.9**count, 1 - 0.999**count], axis=1)


def jax_corrections(steps: int, dtype: torch.dtype) -> Corrections:
    """Adam's, as JAX rounds them."""
    pairs = [[correction(beta, i, dtype) for beta in (0.9, 0.999)] for i in range(steps)]
    return np.array(pairs).reshape(-1, 2)
