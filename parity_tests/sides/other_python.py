"""What `test_python_function.py` calls in another Python."""

import os
import sys
import time

import numpy as np


def train(seed, n=3):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=4)
    yield {"w": w, "layers": [np.ones(2, np.float16), np.zeros((2, 2))], "name": "adam"}
    for _ in range(n):
        x = rng.normal(size=4)
        loss = np.sum((w - x) ** 2)
        w = w - 0.1 * (w - x)
        yield {"x": x, "loss": loss, "w": w}


def rate_off(state, draws):
    w, x = state["w"], draws["x"]
    return {"loss": np.sum((w - x) ** 2), "w": w - 0.1001 * (w - x)}


def loss_off(state, draws):
    w, x = state["w"], draws["x"]
    return {"loss": np.mean((w - x) ** 2), "w": w - 0.1 * (w - x)}


def loaded():
    return {"ours": any(name.split(".")[0] == "repro" for name in sys.modules)}


def fails():
    raise ValueError("no rate")


def unnamed():
    return [np.ones(2)]


def odd():
    return {"x": object()}


def hangs():
    time.sleep(60)


def dies():
    os._exit(3)


def variable():
    print("printed there")
    return {"value": int(os.environ["OTHER"])}


def by_jax():
    import jax.numpy as jnp

    x = jnp.arange(12, dtype=jnp.float32).reshape(3, 4) / 7
    yield {"y": jnp.tanh(x @ x.T), "s": x.sum()}
