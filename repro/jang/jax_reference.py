"""The notebook's algorithm stated in JAX: the live reference of the port beside it.

This file is run by an interpreter that has JAX (0.5.0 or later) and NumPy, and imports nothing
else. It is our own statement, so it speaks for the notebook only as far as it is equal to the
recordings of the notebook, bit for bit; `python jax_reference.py RECORDING.npz` shows that.
`python jax_reference.py --stream REQUEST` answers step by step (:func:`stream`).

XLA's bits depend on how many CPUs it may use, on its thread flag and on its vectors' width. An
interpreter started without `ENVIRONMENT` is refused, and importing this file binds it to one CPU.
Float32's bits are the recordings' on a processor with AVX2 and no AVX-512 (its matrix products
ask no flag which kernels to take); Float64's are on both.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import chain
from typing import Any

ENVIRONMENT = {
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    "JAX_PLATFORMS": "cpu",
}
if any(value not in os.environ.get(name, "") for name, value in ENVIRONMENT.items()):
    wanted = " ".join(f"{name}='{value}'" for name, value in ENVIRONMENT.items())
    raise RuntimeError(f"JAX's bits depend on its flags: start this Python with {wanted}")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

# ruff: noqa: E402
import jax
import jax.numpy as jnp
import numpy as np
from jax import random

ALPHA = 0.1
K = 20
TASKS = 4
WIDTHS = (1, 40, 40, 1)
ITERATIONS = {"fit": 100, "single": 20_000, "batched": 20_000}
RATES = {"fit": 1e-2, "single": 1e-3, "batched": 1e-3}
NAMES = tuple(f"layers.{layer}.{kind}" for layer in range(3) for kind in ("weight", "bias"))

Arrays = dict[str, Any]
"""Named arrays; the parameters and what has their shapes are kept so."""


# The network and the losses


def initial_weights(key: int, partitionable: bool = False) -> Arrays:
    """Stax's initial weights of Dense(40), Relu, Dense(40), Relu, Dense(1), float32."""
    weights = {}
    with jax.threefry_partitionable(partitionable):
        rng = random.PRNGKey(key)
        for layer in range(5):
            rng, layer_rng = random.split(rng)
            if layer % 2 == 0:  # a relu takes a key and draws nothing
                sizes = WIDTHS[layer // 2], WIDTHS[layer // 2 + 1]
                k1, k2 = random.split(layer_rng)
                glorot = jax.nn.initializers.glorot_normal()
                weights[NAMES[layer]] = glorot(k1, sizes, jnp.float32)
                weights[NAMES[layer + 1]] = random.normal(k2, sizes[1:], jnp.float32) * 0.01
    return weights


def net_apply(params: Arrays, inputs: Any) -> Any:
    for layer in range(3):
        inputs = inputs if layer == 0 else jax.nn.relu(inputs)
        inputs = jnp.dot(inputs, params[NAMES[2 * layer]]) + params[NAMES[2 * layer + 1]]
    return inputs


def loss(params: Arrays, inputs: Any, targets: Any) -> Any:
    return jnp.mean((targets - net_apply(params, inputs)) ** 2)


def inner_update(p: Arrays, x1: Any, y1: Any) -> Arrays:
    grads = jax.grad(loss)(p, x1, y1)
    return {name: p[name] - ALPHA * grads[name] for name in NAMES}


def maml_loss(p: Arrays, x1: Any, y1: Any, x2: Any, y2: Any) -> Any:
    return loss(inner_update(p, x1, y1), x2, y2)


def batch_maml_loss(p: Arrays, x1: Any, y1: Any, x2: Any, y2: Any) -> Any:
    return jnp.mean(jax.vmap(partial(maml_loss, p))(x1, y1, x2, y2))


def task_parts(p: Arrays, x1: Any, y1: Any, x2: Any, y2: Any) -> Arrays:
    """What is computed for one task, named as the port names it."""
    grads = jax.grad(loss)(p, x1, y1)
    adapted = inner_update(p, x1, y1)
    return {"inner.grad": grads, "adapted": adapted, "loss": loss(adapted, x2, y2)}


# Adam

State = dict[str, tuple[Any, Any, Any]]


def adam_init(params: Arrays) -> State:
    return {name: (x, jnp.zeros_like(x), jnp.zeros_like(x)) for name, x in params.items()}


def adam_update(rate: float, i: Any, grads: Arrays, state: State) -> State:
    b1, b2 = 0.9, 0.999

    def one(g: Any, x: Any, m: Any, v: Any) -> tuple[Any, Any, Any]:
        m = (1 - b1) * g + b1 * m
        v = (1 - b2) * jnp.square(g) + b2 * v
        mhat = m / (1 - jnp.asarray(b1, m.dtype) ** (i + 1))
        vhat = v / (1 - jnp.asarray(b2, m.dtype) ** (i + 1))
        return x - rate * mhat / (jnp.sqrt(vhat) + 1e-8), m, v

    return {name: one(grads[name], *state[name]) for name in NAMES}


def weights_of(state: State) -> Arrays:
    return {name: x for name, (x, _, _) in state.items()}


@cache
def compiled_step(loss_fn: Callable[..., Any], rate: float, with_loss: bool) -> Any:
    """The compiled update; what it returns decides what XLA fuses, so the fit has no loss."""

    def step(i: Any, state: State, *batch: Any) -> Any:
        p = weights_of(state)
        grads = jax.grad(loss_fn)(p, *batch)
        value = loss_fn(p, *batch) if with_loss else None
        return adam_update(rate, i, grads, state), value

    return jax.jit(step)


@cache
def compiled_parts(loss_fn: Callable[..., Any]) -> tuple[Any, Any]:
    """What :func:`computed` needs."""
    return jax.jit(task_parts), jax.jit(jax.value_and_grad(loss_fn))


# The tasks


def one_task(rng: np.random.RandomState) -> Arrays:
    """The draws of a single-task iteration; x2 and y2 are one number each."""
    A, phase = rng.uniform(0.1, 0.5), rng.uniform(0.0, np.pi)
    x1 = rng.uniform(-5.0, 5.0, (K, 1))
    y1 = A * np.sin(x1 + phase)
    x2 = rng.uniform(-5.0, 5.0)
    return {
        "amplitude": A,
        "phase": phase,
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": A * np.sin(x2 + phase),
    }


def sample_tasks(rng: np.random.RandomState, tasks: int, k: int) -> list[Arrays]:
    """All amplitudes and phases, then all training points, then all validation points."""
    waves = [(rng.uniform(0.1, 0.5), rng.uniform(0.0, np.pi)) for _ in range(tasks)]
    x1 = [rng.uniform(-5.0, 5.0, (k, 1)) for _ in waves]
    x2 = [rng.uniform(-5.0, 5.0, (k, 1)) for _ in waves]
    return [
        {
            "amplitude": A,
            "phase": phase,
            "x1": x1[i],
            "y1": A * np.sin(x1[i] + phase),
            "x2": x2[i],
            "y2": A * np.sin(x2[i] + phase),
        }
        for i, (A, phase) in enumerate(waves)
    ]


def before_the_batches(rng: np.random.RandomState) -> None:
    """Move the stream past the single-task training, its picture and the picture of tasks."""
    for _ in range(ITERATIONS["single"]):
        rng.uniform(size=2 + K + 1)
    rng.uniform(size=K)
    sample_tasks(rng, 2, 50)


# The runs


def steps(
    part: str = "single",
    *,
    seed: int = 0,
    iterations: int | None = None,
    key: int = 0,
    dtype: str = "float32",
    partitionable: bool = False,
    parts: bool = False,
) -> Iterator[dict[str, np.ndarray]]:
    """Train, and yield what each iteration drew and computed.

    Args:
        part: `"fit"` (100 steps on the sine wave), `"single"` or `"batched"`.
        seed: of NumPy's stream, set before the single-task training; `"batched"` goes on where
            that training and two pictures leave it.
        iterations: how many; by default the notebook's 100, 20,000 and 20,000.
        key: of the initial weights, float32 in any case and widened to `dtype`.
        dtype: `"float32"` or `"float64"`.
        partitionable: JAX's new random stream for the initial weights.
        parts: also what is computed inside the differentiated function (`task1.inner.grad...`,
            `task1.adapted...`, `task1.loss`), by a program of its own, since more results would
            change the fusions, and with them the last bits, of the one that trains.

    Yields:
        A dict of arrays: first the initial weights, `init.`, then one an iteration, in the order
        of computation: `task1.x1`, ... as drawn; `loss`, at the weights before the update (of the
        fit with `parts` alone); `grad.layers.0.weight`, ... with `parts`; `m.`, `v.` and
        `weights.`, each with the six parameters' names.

    Raises:
        KeyError: another part.
        ValueError: another dtype.
    """
    total = ITERATIONS[part] if iterations is None else iterations
    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype is {dtype!r}: choose float32 or float64")
    wide = partial(jax.enable_x64, dtype == "float64")
    weights = initial_weights(key, partitionable)
    with wide():
        state = adam_init({name: jnp.asarray(x, dtype) for name, x in weights.items()})
    rng = np.random.RandomState(seed)
    if part == "batched":
        before_the_batches(rng)
    yield named("init", weights_of(state))
    loss_fn: Any = {"fit": loss, "single": maml_loss, "batched": batch_maml_loss}[part]
    step = compiled_step(loss_fn, RATES[part], part != "fit")
    inside = compiled_parts(loss_fn)
    for i in range(total):
        with wide():
            drawn, tasks, batch = draw(part, rng)
            found = drawn | (computed(inside, weights_of(state), tasks, batch) if parts else {})
            state, value = step(i, state, *batch)
        found |= {} if value is None else {"loss": np.asarray(value)}
        for kind, place in (("m", 1), ("v", 2), ("weights", 0)):
            found |= named(kind, {name: leaf[place] for name, leaf in state.items()})
        yield found


def draw(part: str, rng: np.random.RandomState) -> tuple[Arrays, list[Arrays], tuple[Any, ...]]:
    """What an iteration draws: under the port's names, by task, and as the loss takes it."""
    if part == "fit":
        x = jnp.linspace(-5, 5, 100).reshape((100, 1))
        return {}, [], (x, jnp.sin(x))
    tasks = [one_task(rng)] if part == "single" else sample_tasks(rng, TASKS, K)
    drawn = {f"task{i}.{n}": np.asarray(v) for i, t in enumerate(tasks, 1) for n, v in t.items()}
    points = ("x1", "y1", "x2", "y2")
    if part == "single":
        return drawn, tasks, tuple(tasks[0][name] for name in points)
    return drawn, tasks, tuple(jnp.stack([t[name] for t in tasks]) for name in points)


def computed(inside: Any, p: Arrays, tasks: list[Arrays], batch: tuple[Any, ...]) -> Arrays:
    """What lies inside the differentiated function, its value and its gradient."""
    task_fn, grad_fn = inside
    found: Arrays = {}
    for i, task in enumerate(tasks, 1):
        told = task_fn(p, *(task[name] for name in ("x1", "y1", "x2", "y2")))
        for kind in ("inner.grad", "adapted"):
            found |= named(f"task{i}.{kind}", told[kind])
        found[f"task{i}.loss"] = np.asarray(told["loss"])
    value, grads = grad_fn(p, *batch)
    return found | {"loss": np.asarray(value)} | named("grad", grads)


def named(kind: str, arrays: Arrays) -> dict[str, np.ndarray]:
    return {f"{kind}.{name}": np.asarray(arrays[name]) for name in NAMES}


def flat(found: dict[str, np.ndarray]) -> np.ndarray:
    """The six parameters in one row of 1,761, as the recordings have them."""
    kind = "init" if f"init.{NAMES[0]}" in found else "weights"
    return np.concatenate([found[f"{kind}.{name}"].ravel() for name in NAMES])


def differences(recording: Any, part: str, iterations: int | None = None) -> Iterator[str]:
    """In which iterations a run from NumPy's seed 0 differs from the recording in any bit."""
    dtype = str(recording["init_weights"].dtype)
    places = recording[f"{part}_weight_iterations"].tolist()
    kept = dict(zip(places, recording[f"{part}_weights"], strict=True))
    for i, found in enumerate(steps(part, iterations=iterations, dtype=dtype)):
        if i in kept and not np.array_equal(flat(found), kept[i]):
            yield f"{part}: weights after iteration {i}"
        if i and part != "fit" and found["loss"] != recording[f"{part}_losses"][i - 1]:
            yield f"{part}: loss of iteration {i}"


def stream(requests: list[dict[str, Any]]) -> None:
    """Write the steps of one request after the other to standard output: the length of each in 8
    bytes, then an .npz of that length."""
    for found in chain.from_iterable(steps(**request) for request in requests):
        frame = io.BytesIO()
        np.savez(frame, allow_pickle=False, **found)
        sys.stdout.buffer.write(frame.tell().to_bytes(8, "little") + frame.getvalue())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    if sys.argv[1] == "--stream":
        stream(json.loads(sys.argv[2]))
        sys.exit()
    with np.load(sys.argv[1], allow_pickle=False) as recording:
        for part, count in ITERATIONS.items():
            limit = int(sys.argv[2]) if len(sys.argv) > 2 else count
            found = list(differences(recording, part, min(limit, count)))
            print(f"{part}: {min(limit, count)} iterations, {len(found)} differences", *found[:3])
