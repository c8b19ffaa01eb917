"""Second-order MAML with Adam in JAX, `lax.scan` under `jit`: asked by lines TASKS INNER STEPS.

Answers each line with microseconds of processor time per meta-step; points are given.
"""

from __future__ import annotations

import os
import sys
import time
from functools import cache, partial

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from jax.example_libraries.optimizers import adam  # noqa: E402

SIZES = ((1, 40), (40, 40), (40, 1))


def loss(p, x, y):
    for i, (w, b) in enumerate(p):
        x = (jax.nn.relu(x) if i else x) @ w + b
    return jnp.mean((x - y) ** 2)


def maml_loss(p, x1, y1, x2, y2, inner):
    for _ in range(inner):
        p = jax.tree.map(lambda w, g: w - 0.01 * g, p, jax.grad(loss)(p, x1, y1))
    return loss(p, x2, y2)


@cache
def trainer(tasks, inner, steps):
    init, update, params = adam(1e-3)

    def step(state, drawn):
        i, *points = drawn
        each = jax.vmap(partial(maml_loss, inner=inner), in_axes=(None, 0, 0, 0, 0))
        mean = lambda p: jnp.mean(each(p, *points))  # noqa: E731
        return update(i, jax.grad(mean)(params(state)), state), None

    key = jax.random.PRNGKey(0)
    points = [jax.random.uniform(k, (steps, tasks, 10, 1)) for k in jax.random.split(key, 4)]
    start = init([(jax.random.normal(key, s) / s[0] ** 0.5, jnp.zeros(s[1])) for s in SIZES])
    run = jax.jit(lambda s: jax.lax.scan(step, s, (jnp.arange(steps), *points))[0])
    jax.block_until_ready(run(start))
    return lambda: jax.block_until_ready(run(start))


for line in sys.stdin:
    numbers = tuple(map(int, line.split()))
    run = trainer(*numbers)
    before = time.process_time()
    run()
    print(1e6 * (time.process_time() - before) / numbers[2], flush=True)
