"""What an upgrade may do to a port: round otherwise, or compute something else.

Every change says which grade it must get, and which operation carries it. Each is made in this
process, by another function in the place of the library's or the port's.

    python -m drift.changes          (PYTHONPATH=parity_tests)
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from planted.small_ports import ALL, reference, step_of

from repro.cases import Case
from repro.drift import Drift, Grade, Taken, drift, take
from repro.drift.own import held, kept
from repro.drift.taken import Control
from repro.flux import layers, optimise
from repro.jang import adam, maml, net, notebook
from repro.luna import evaluate, sine
from repro.run import Run
from repro.sides import recorded
from repro.trace import note

ROUNDING, CHANGED = Grade.ROUNDING, Grade.CHANGED
LUNA = "fomaml_seed0_dense"
SINGLE, FIT = "jax_single_float32_seed0", "jax_fit_float64_seed0"


@dataclass(frozen=True)
class Change:
    """Something that differs between two environments.

    Attributes:
        name: in a few words.
        grade: what it must be called.
        carrier: the operation that must be named.
        where: the recorded case, or the small port.
        patches: ``(object, attribute, value)``; of a small port the text's ``(old, new)``.
        under: what is set meanwhile, for all that this process computes.
    """

    name: str
    grade: Grade
    carrier: str
    where: str
    patches: tuple[Any, ...] = ()
    under: Callable[[], AbstractContextManager[None]] = nullcontext

    def __str__(self) -> str:
        return f"{self.where}: {self.name}"


# The first post: products, tanh, the loss and the wave in other orders and precisions.

Product = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def layer(product: Product, activation: Callable[..., Any] | None = None) -> tuple[Any, ...]:
    """A layer whose ``W x + b`` is computed otherwise, and its tanh."""

    def forward(self, x):
        dtype = torch.promote_types(x.dtype, self.weight.dtype)
        weight, bias, x = self.weight.to(dtype), self.bias.to(dtype)[:, None], x.to(dtype)
        z = product(weight, x, bias)
        note("pre", z, weight, x)
        act = self.activation if activation is None else activation
        out = z if self.activation is None else act(z)
        note("out", out, z)
        return out

    return ((layers.Linear, "forward", forward),)


def loss(mean_of_squares: Callable[[torch.Tensor], torch.Tensor]) -> tuple[Any, ...]:
    """A loss that sums otherwise."""

    def mse(prediction, target):
        value = mean_of_squares((prediction - target) * (prediction - target))
        note("loss", value, prediction, target)
        return value

    # The package has the function under the module's name.
    return tuple((m, "mse", mse) for m in (import_module("repro.luna.fomaml"), evaluate))


def wave(call: Callable[..., Any]) -> tuple[Any, ...]:
    return ((sine.SineWave, "__call__", call),)


def low(t: torch.Tensor) -> torch.Tensor:
    """The ten bits of TensorFloat-32."""
    bits = t.detach().view(torch.int32)
    return t + (((bits + 0x1000) & ~0x1FFF).view(torch.float32) - t).detach()


def reciprocal(n: int) -> float:
    return float(np.float32(1 / n))


def blocks(w, x, b, size=16):
    found = sum(w[:, i : i + size] @ x[i : i + size] for i in range(0, w.shape[1], size))
    return found + b


class Float32Rate(optimise.Descent):
    def apply(self, x, gradient):
        return gradient * torch.tensor(self.eta, dtype=gradient.dtype)


LUNA_CHANGES = [
    ("sums back to front", "pre", layer(lambda w, x, b: w.flip(1) @ x.flip(0) + b)),
    (
        "products in Float64",
        "pre",
        layer(lambda w, x, b: (w.double() @ x.double()).to(b.dtype) + b),
    ),
    ("the bias fused", "pre", layer(lambda w, x, b: torch.addmm(b, w, x))),
    ("one product after the other", "pre", layer(lambda w, x, b: (w[..., None] * x).sum(1) + b)),
    ("sums in blocks of 16", "pre", layer(blocks)),
    (
        "even and odd terms apart",
        "pre",
        layer(lambda w, x, b: w[:, ::2] @ x[::2] + w[:, 1::2] @ x[1::2] + b),
    ),
    (
        "column by column",
        "pre",
        layer(lambda w, x, b: torch.cat([w @ c for c in x.split(1, 1)], 1) + b),
    ),
    (
        "all in Float64, rounded once",
        "pre",
        layer(lambda w, x, b: (w.double() @ x.double() + b.double()).to(b.dtype)),
    ),
    (
        "tanh in Float64",
        "out",
        layer(lambda w, x, b: w @ x + b, lambda z: z.double().tanh().to(z.dtype)),
    ),
    ("the loss back to front", "loss", loss(lambda s: s.flip(-1).sum() * reciprocal(s.numel()))),
    (
        "the loss in Float64",
        "loss",
        loss(lambda s: (s.double().sum()).to(s.dtype) * reciprocal(s.numel())),
    ),
    (
        "the loss one after the other",
        "loss",
        loss(lambda s: s.flatten().cumsum(0)[-1] * reciprocal(s.numel())),
    ),
    ("the loss divided", "loss", loss(torch.mean)),
    ("the sine in Float32", "y", wave(lambda t, x: t.amplitude * torch.sin(x + t.phase_shift))),
]
LUNA_REAL = [
    ("TF32-like products", "pre", layer(lambda w, x, b: low(w) @ low(x) + b)),
    (
        "TF32-like products at one shape",
        "pre",
        layer(lambda w, x, b: (low(w) @ low(x) if w.shape == (1, 64) else w @ x) + b),
    ),
    (
        "a tanh of four terms",
        "out",
        layer(
            lambda w, x, b: w @ x + b, lambda z: torch.where(z.abs() < 0.1, z - z**3 / 3, z.tanh())
        ),
    ),
    ("the loss summed", "loss", loss(torch.sum)),
    ("a learning rate in Float32", "update", ((optimise.Descent, "apply", Float32Rate.apply),)),
    (
        "the sine in Float32's half",
        "y",
        wave(lambda t, x: t.amplitude * torch.sin((x + t.phase_shift).half()).to(x.dtype)),
    ),
]

# The third post: products in the differentiated function, the loss, Adam.


def applied(product: Callable[..., Any], relu: Callable[..., Any] = torch.relu) -> tuple[Any, ...]:
    def net_apply(params, inputs):
        for i in range(3):
            W, b = params[f"layers.{i}.weight"], params[f"layers.{i}.bias"]
            x = relu(inputs) if i else inputs
            inputs = (x * W if x.ndim == 0 else product(x, W)) + b
        return inputs

    return ((net, "net_apply", net_apply),)


def meaning(rule: Callable[[torch.Tensor], torch.Tensor]) -> tuple[Any, ...]:
    def value(params, inputs, targets):
        return rule((targets - net.net_apply(params, inputs)) ** 2)

    return tuple((module, "loss", value) for module in (net, maml, notebook))


def step_by(rule: Callable[..., Any]) -> tuple[Any, ...]:
    return ((adam.Adam, "_step", rule),)


def _step(self, i, m, v, small=1e-8):
    root = torch.sqrt(v / adam.correction(self.b2, i, m.dtype))
    return self.step_size * (m / adam.correction(self.b1, i, m.dtype)) / (root + small)


JANG_CHANGES = [
    ("sums back to front", "inner.grad", SINGLE, applied(lambda x, W: x.flip(-1) @ W.flip(0))),
    (
        "products in Float64",
        "inner.grad",
        SINGLE,
        applied(lambda x, W: (x.double() @ W.double()).to(x.dtype)),
    ),
    (
        "one product after the other",
        "inner.grad",
        SINGLE,
        applied(lambda x, W: (x[..., None] * W).sum(-2)),
    ),
    (
        "even and odd terms apart",
        "loss",
        FIT,
        applied(lambda x, W: x[..., ::2] @ W[::2] + x[..., 1::2] @ W[1::2]),
    ),
    (
        "the loss one after the other",
        "loss",
        FIT,
        meaning(lambda s: s.flatten().cumsum(0)[-1] / s.numel()),
    ),
    ("the loss divided first", "loss", FIT, meaning(lambda s: (s / s.numel()).sum())),
    (
        "Adam's rate last",
        "weights",
        SINGLE,
        step_by(
            lambda self, i, m, v: (
                self.step_size
                * (
                    m
                    / adam.correction(self.b1, i, m.dtype)
                    / (torch.sqrt(v / adam.correction(self.b2, i, m.dtype)) + self.eps)
                )
            )
        ),
    ),
]
JANG_REAL = [
    ("a changed epsilon", "weights", SINGLE, step_by(lambda s, i, m, v: _step(s, i, m, v, 1e-5))),
    ("another inner rate", "adapted", SINGLE, ((maml, "alpha", 0.1001),)),
    (
        "a leaky relu",
        "loss",
        FIT,
        applied(lambda x, W: x @ W, lambda x: torch.where(x > 0, x, 1e-4 * x)),
    ),
    ("the mean of one less", "loss", FIT, meaning(lambda s: s.sum() / (s.numel() - 1))),
]

# Three small ports of the guide's kind: every name of a step is an operation.

SMALL_CHANGES = [
    ("regression", "(e * e).sum()", "np.cumsum(e * e)[-1]", "loss"),
    (
        "regression",
        'd["x"].T @ e',
        '(d["x"].T.astype(float) @ e.astype(float)).astype(kind)',
        "dw",
    ),
    ("regression", "n(2) * e.sum()", "n(2) * np.cumsum(e)[-1]", "db"),
    ("attention", 'd["h"] @ s["W"]', '(d["h"][..., None] * s["W"]).sum(axis=1)', "q"),
    (
        "attention",
        "p = z / z.sum(axis=1, keepdims=True)",
        "p = (z / z.astype(float).sum(axis=1, keepdims=True)).astype(kind)",
        "p",
    ),
    ("attention", 'o = p @ d["h"]', 'o = p[:, ::-1] @ d["h"][::-1]', "o"),
    ("batch norm", "(c * c).sum(axis=0)", "(c * c)[::-1].sum(axis=0)", "var"),
    ("batch norm", "c / np.sqrt(var + n(1e-3))", "c * (n(1) / np.sqrt(var + n(1e-3)))", "y"),
]
SMALL_REAL = [
    ("regression", "half the loss", "(e * e).sum() / n(16)", "(e * e).sum() / n(32)", "loss"),
    ("regression", "another rate", 's["b"] - n(0.1)', 's["b"] - n(0.1001)', "b"),
    ("batch norm", "another epsilon", "n(1e-3)", "n(1.1e-3)", "y"),
    (
        "attention",
        "narrow scores",
        "/ n(6 ** 0.5)",
        "/ n(6 ** 0.5); a = a.astype(low).astype(kind)",
        "a",
    ),
]


@contextmanager
def flushing() -> Iterator[None]:
    """Denormal numbers are zero, as operands and as results: torch's flag is the processor's, so
    that NumPy's numbers are flushed too, and those of whatever compares them."""
    if not torch.set_flush_denormal(True):
        raise OSError("this processor cannot flush denormal numbers")
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


CHANGES = [
    *(Change(n, ROUNDING, op, LUNA, p) for n, op, p in LUNA_CHANGES),
    *(Change(n, CHANGED, op, LUNA, p) for n, op, p in LUNA_REAL),
    *(Change(n, ROUNDING, op, case, p) for n, op, case, p in JANG_CHANGES),
    *(Change(n, CHANGED, op, case, p) for n, op, case, p in JANG_REAL),
    *(Change(f"{op} otherwise", ROUNDING, op, port, (a, b)) for port, a, b, op in SMALL_CHANGES),
    *(Change(n, CHANGED, op, port, (a, b)) for port, n, a, b, op in SMALL_REAL),
    Change("flush-to-zero", CHANGED, "a", "forward", under=flushing),
]


def case_of(name: str) -> Case:
    case = recorded.load(name).case
    return case.upto(2 if name == LUNA else 3)


@cache
def baseline(name: str) -> Taken | Run:
    """What is computed as it is."""
    if name in ALL:
        return kept(reference(name, np.float32, 0), step_of(name), options(name))
    return take(case_of(name), control=Control(not_run="not wanted"))


def options(name: str) -> dict[str, Any]:
    made = reference(name, np.float32, 0)
    draws = [key for key in made[1] if key not in ALL[name].names]
    return {"resynchronise": True, "draws": draws}


@contextmanager
def patched(patches: tuple[Any, ...]) -> Iterator[None]:
    with ExitStack() as stack:
        for where, name, value in patches:
            stack.enter_context(patch.object(where, name, value))
        yield


def graded(change: Change) -> Drift:
    """What becomes of a change."""
    then, given = baseline(change.where), options(change.where) if change.where in ALL else {}
    with change.under():
        if isinstance(then, Run):
            step = step_of(change.where, *change.patches)
            return held(then, step, change.where, given)
        case = case_of(change.where)
        with patched(change.patches):
            return drift(case, then, take(case, control=then.control))


def named(change: Change, found: Drift) -> bool:
    """Whether the operation that carries it is."""
    if found:
        return change.carrier in found.carriers
    first = found.check.first
    return first is not None and _within(change.carrier, first.name.split(" ")[0])


def _within(carrier: str, name: str) -> bool:
    """Whether the parts of a name hold those of the carrier, one after the other."""
    return f".{carrier}." in f".{name}."


def repeated(runs: int) -> list[Drift]:
    """What is computed again and again, all cases and ports in turn, and is not called the same."""
    names = [*dict.fromkeys(change.where for change in CHANGES)]
    as_is = [Change("as it is", Grade.SAME, "", name, ()) for name in names]
    found = (graded(as_is[i % len(as_is)]) for i in range(runs))
    return [one for one in found if one.grade is not Grade.SAME]


def main(runs: int) -> None:
    counts: Counter[str] = Counter()
    for change in CHANGES:
        found = graded(change)
        right = found.grade is change.grade, named(change, found)
        counts[f"{change.grade}: graded"] += right[0]
        counts[f"{change.grade}: named"] += right[1]
        counts[f"{change.grade}: all"] += 1
        print(
            "right" if all(right) else "WRONG",
            change,
            "|",
            found.grade,
            "|",
            found.where,
            flush=True,
        )
    print(dict(counts))
    print(f"{len(repeated(runs))} of {runs} repeated runs are called anything but the same bits")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    main(parser.parse_args().runs)
