"""Wrong ports of the third post, each a mistake that one could make, and where it first shows.

`operation` is the first noted value that a run with the fault has wrong (names of `repro.trace`,
step 0 being the initial weights) and `iteration` its step, for whoever follows a run operation by
operation (`jang.localised`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch.func import grad, grad_and_value

from repro import jax_random
from repro.jang import adam, maml, net, notebook, tasks
from repro.trace import note

Patch = tuple[ModuleType | type, str, Any]


@dataclass(frozen=True)
class Fault:
    name: str
    operation: str
    patches: tuple[Patch, ...]
    dtype: str = "float64"
    iteration: int = 1


def inner_by(rule: Callable[..., Any]) -> tuple[Patch, ...]:
    def inner_update(p, x1, y1):
        grads = grad(net.loss)(p, x1, y1)
        maml.tell("inner.grad", grads)
        return {name: rule(p[name], grads[name]) for name in p}

    return ((maml, "inner_update", inner_update),)


def loss_by(rule: Callable[..., Any]) -> tuple[Patch, ...]:
    def loss(params, inputs, targets):
        return rule(targets - net.net_apply(params, inputs))

    return tuple((module, "loss", loss) for module in (net, maml, notebook))


class _NoAlphaBelow(torch.autograd.Function):
    """x forwards, x / alpha backwards: the second order without the inner rate."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return g / maml.alpha


def validation_on_training(p, x1, y1, x2, y2):
    p2 = maml.inner_update(p, x1, y1)
    maml.tell("adapted", p2)
    value = net.loss(p2, x1, y1)
    maml.tell("loss", value)
    return value


def two_inner_steps(p, x1, y1, x2, y2):
    p2 = maml.inner_update(maml.inner_update(p, x1, y1), x1, y1)
    maml.tell("adapted", p2)
    value = net.loss(p2, x2, y2)
    maml.tell("loss", value)
    return value


def summed_batch(p, *batch):
    return len(batch[0]) * maml_batch(p, *batch)


maml_batch = maml.batch_maml_loss


def points_after_each_wave(n, k, rng, dtype=torch.float32):
    each = [tasks_sample(1, k, rng, dtype) for _ in range(n)]
    return tuple(torch.cat(parts) for parts in zip(*each, strict=True))


tasks_sample = tasks.sample_tasks


def validation_first(n, k, rng, dtype=torch.float32):
    x1, y1, x2, y2 = tasks_sample(n, k, rng, dtype)
    return x2, y2, x1, y1


def wave_by(low: float, high: float, top: float = np.pi) -> tuple[Patch, ...]:
    return ((tasks, "wave", lambda rng: (rng.uniform(low, high), rng.uniform(0.0, top))),)


def phase_first(rng):
    phase, A = rng.uniform(0.0, np.pi), rng.uniform(0.1, 0.5)
    return A, phase


def loss_after(i, opt_state, optimiser, loss_fn, batch):
    p = optimiser.get_params(opt_state)
    g, (_, told) = grad_and_value(maml.aside(loss_fn), has_aux=True)(p, *batch)
    notebook.note_told(told)
    note("grad", g)
    state = optimiser.update(i, g, opt_state)
    value = loss_fn(optimiser.get_params(state), *batch)
    note("loss", value)
    return state, value


def init_by(next_layer: Callable[..., Any], **keys: Any) -> tuple[Patch, ...]:
    def net_init(key=0, *, partitionable=False, dtype=torch.float32):
        params, rng = {}, jax_random.key_of(key)
        for layer in range(5):
            rng, layer_rng = next_layer(rng, layer, keys.get("partitionable", False))
            if layer % 2 == 0:
                pair = net.dense_init(layer_rng, net.SIZES[layer], keys.get("partitionable", False))
                for name, value in zip(net.NAMES[layer : layer + 2], pair, strict=True):
                    params[name] = torch.from_numpy(value).to(dtype)
        return params

    return ((net, "net_init", net_init),)


def _split(rng, layer, partitionable):
    return jax_random.split(rng, partitionable=partitionable)


def _no_relu_keys(rng, layer, partitionable):
    return (rng, rng) if layer % 2 else jax_random.split(rng, partitionable=False)


def _last_key(rng, layer, partitionable):
    return jax_random.split(rng, partitionable=False)[::-1]


def plain_normal(rng, size, partitionable):
    k1, k2 = jax_random.split(rng, partitionable=partitionable)
    scale = np.sqrt(np.float32(1 / (sum(size) / 2)))
    return jax_random.normal(k1, size, partitionable=partitionable) * scale, jax_random.normal(
        k2, size[1:], partitionable=partitionable
    ) * np.float32(0.01)


def weights_of_one_key(rng, size, partitionable):
    W, _ = dense_init(rng, size, partitionable)
    return W, jax_random.normal(rng, size[1:], partitionable=False) * np.float32(0.01)


dense_init = net.dense_init


def adam_step(rule: Callable[..., Any]) -> tuple[Patch, ...]:
    return ((adam.Adam, "_step", rule),)


def eps_inside(self, i, m, v):
    mhat, vhat = (s / adam_correction(b, i, s.dtype) for s, b in ((m, self.b1), (v, self.b2)))
    return self.step_size * mhat / torch.sqrt(vhat + self.eps)


def first_moment_uncorrected(self, i, m, v):
    vhat = v / adam_correction(self.b2, i, v.dtype)
    return self.step_size * m / (torch.sqrt(vhat) + self.eps)


adam_correction = adam.correction


def other_betas(self, step_size, b1=0.9, b2=0.99, eps=1e-8):
    adam_init(self, step_size, b1, b2, eps)


adam_init = adam.Adam.__init__


def no_second_relu(params, inputs):
    for layer in range(3):
        W, b = params[f"layers.{layer}.weight"], params[f"layers.{layer}.bias"]
        inputs = torch.relu(inputs) if layer == 1 else inputs
        inputs = (inputs * W if inputs.ndim == 0 else inputs @ W) + b
    return inputs


FAULTS = (
    Fault("inner rate of the paper, 0.01", "task1.adapted", ((maml, "alpha", 0.01),)),
    Fault("inner step uphill", "task1.adapted", inner_by(lambda p, g: p + maml.alpha * g)),
    Fault("first order only", "grad", inner_by(lambda p, g: p - maml.alpha * g.detach())),
    Fault(
        "inner rate left out of the second order",
        "grad",
        inner_by(lambda p, g: p - maml.alpha * _NoAlphaBelow.apply(g)),
    ),
    Fault(
        "gradient through the step only", "grad", inner_by(lambda p, g: p.detach() - maml.alpha * g)
    ),
    Fault(
        "validation on the training points",
        "task1.loss",
        (
            (notebook, "maml_loss", validation_on_training),
            (maml, "maml_loss", validation_on_training),
        ),
    ),
    Fault(
        "two inner steps",
        "task1.inner.grad",
        ((notebook, "maml_loss", two_inner_steps), (maml, "maml_loss", two_inner_steps)),
    ),
    Fault(
        "mean over the points before the square",
        "task1.inner.grad",
        loss_by(lambda e: torch.mean(e) ** 2),
    ),
    Fault("loss halved", "task1.inner.grad", loss_by(lambda e: torch.mean(e**2) / 2)),
    Fault("squares summed", "task1.inner.grad", loss_by(lambda e: torch.sum(e**2))),
    Fault("tasks summed", "loss", ((notebook, "batch_maml_loss", summed_batch),)),
    Fault(
        "points drawn after each wave",
        "task1.x1",
        ((notebook, "sample_tasks", points_after_each_wave),),
    ),
    Fault(
        "training and validation points exchanged",
        "task1.inner.grad",
        ((notebook, "sample_tasks", validation_first),),
    ),
    Fault("phase drawn before the amplitude", "task1.amplitude", ((tasks, "wave", phase_first),)),
    Fault("amplitudes of the paper", "task1.amplitude", wave_by(0.1, 5.0)),
    Fault("phases up to 2 pi", "task1.phase", wave_by(0.1, 0.5, 2 * np.pi)),
    Fault("loss after the update", "loss", ((notebook, "step", loss_after),)),
    Fault("partitionable stream", "init", init_by(_split, partitionable=True), iteration=0),
    Fault("relu layers take no key", "init", init_by(_no_relu_keys), iteration=0),
    Fault("the two keys of a split exchanged", "init", init_by(_last_key), iteration=0),
    Fault("key split once less", "init", ((net, "dense_init", weights_of_one_key),), iteration=0),
    Fault("plain normal weights, as in 2019", "init", ((net, "dense_init", plain_normal),), iteration=0),
    Fault("second relu left out", "task1.inner.grad", ((net, "net_apply", no_second_relu),)),
    Fault(
        "Adam counts from 0 into its powers",
        "weights",
        ((adam, "correction", lambda b, i, d: adam_correction(b, max(i - 1, 0), d)),),
        iteration=2,
    ),
    Fault(
        "Adam counts from 2",
        "weights",
        ((adam, "correction", lambda b, i, d: adam_correction(b, i + 1, d)),),
    ),
    Fault("epsilon inside Adam's root", "weights", adam_step(eps_inside)),
    Fault("first moment not corrected", "weights", adam_step(first_moment_uncorrected)),
    Fault("beta2 of 0.99", "v", ((adam.Adam, "__init__", other_betas),)),
    Fault(
        "powers of beta in Float64",
        "weights",
        ((adam, "correction", lambda b, i, d: adam_correction(b, i, torch.float64)),),
        "float32",
    ),
)
