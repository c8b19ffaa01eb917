"""The same algorithms in JAX: one `lax.scan` over the meta-iterations, under `jit`.

Written as a JAX user would write them: `jax.value_and_grad` of the loss, `tree_map` for updates.
Tasks, batches and permutations come from JAX's own generator, inside the scan.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax, random

TESTX = jnp.linspace(-5.0, 5.0, 50, dtype=jnp.float32)


def init(key):
    """Weights and biases of 1-64-64-1, uniform in ±1/sqrt(n_in)."""
    layers = []
    for n_in, n_out in ((1, 64), (64, 64), (64, 1)):
        key, k1, k2 = random.split(key, 3)
        bound = n_in**-0.5
        layers.append(
            (
                random.uniform(k1, (n_in, n_out), minval=-bound, maxval=bound),
                random.uniform(k2, (n_out,), minval=-bound, maxval=bound),
            )
        )
    return layers


def predict(layers, x):
    h = x[:, None]
    for w, b in layers[:-1]:
        h = jnp.tanh(h @ w + b)
    w, b = layers[-1]
    return (h @ w + b)[:, 0]


def loss(layers, x, y):
    return jnp.mean((predict(layers, x) - y) ** 2)


gradient = jax.grad(loss)


def descend(layers, gradients, eta):
    return jax.tree.map(lambda w, g: w - eta * g, layers, gradients)


def draw_task(key):
    k1, k2 = random.split(key)
    amplitude = random.uniform(k1, (), minval=0.1, maxval=5.0)
    phase = random.uniform(k2, (), minval=0.0, maxval=2 * jnp.pi)
    return lambda x: amplitude * jnp.sin(x + phase)


def fomaml_iteration(layers, key):
    total = jax.tree.map(jnp.zeros_like, layers)
    for task_key in random.split(key, 3):
        k1, k2 = random.split(task_key)
        task = draw_task(k1)
        x = random.uniform(k2, (10,), minval=-5.0, maxval=5.0)
        adapted = descend(layers, gradient(layers, x, task(x)), 0.02)
        total = jax.tree.map(jnp.add, total, gradient(adapted, TESTX, task(TESTX)))
    return descend(layers, total, 0.01), None


def reptile_iteration(layers, key):
    k1, k2 = random.split(key)
    task = draw_task(k1)
    x = random.permutation(k2, TESTX)
    y = task(x)
    adapted = layers
    for i in range(0, 50, 10):
        part = slice(i, i + 10)
        adapted = descend(adapted, gradient(adapted, x[part], y[part]), 0.02)
    return jax.tree.map(lambda w, phi: w + 0.1 * (phi - w), layers, adapted), None


def reptile_iteration_without_sort(layers, keys_and_order):
    """Reptile with the permutation given: JAX draws one by sorting, which is slow on a CPU."""
    key, order = keys_and_order
    task = draw_task(key)
    x = TESTX[order]
    y = task(x)
    adapted = layers
    for i in range(0, 50, 10):
        part = slice(i, i + 10)
        adapted = descend(adapted, gradient(adapted, x[part], y[part]), 0.02)
    return jax.tree.map(lambda w, phi: w + 0.1 * (phi - w), layers, adapted), None


@partial(jax.jit, static_argnums=(0, 2))
def train(iteration, layers_and_key, iterations):
    layers, key = layers_and_key
    layers, _ = lax.scan(iteration, layers, random.split(key, iterations))
    return layers


@partial(jax.jit, static_argnums=(2,))
def train_ordered(layers_and_key, orders, iterations):
    layers, key = layers_and_key
    keys = random.split(key, iterations)
    layers, _ = lax.scan(reptile_iteration_without_sort, layers, (keys, orders))
    return layers
