"""Right ports that round otherwise than their reference pass, whatever the seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import repro

DRAWS = ("x", "y", "eta")


def reference(seed, dtype, exact):
    """Logistic regression from zeros; sums and functions in this type or in extended precision."""
    wide = np.longdouble if exact else dtype
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3, 40)).astype(dtype)
    Y = (X[:1] - X[1:2] > 0.3).astype(dtype)
    W, b = np.zeros((1, 3), dtype), np.zeros(1, dtype)
    eta = dtype(rng.choice([0.05, 0.5, 2.0]))
    yield {"W": W, "b": b}
    for _ in range(5):
        order = rng.permutation(40)
        for start in range(0, 40, 16):
            x, y = X[:, order[start : start + 16]], Y[:, order[start : start + 16]]
            z = (W.astype(wide) @ x.astype(wide) + b[:, None]).astype(dtype)
            p = (1 / (1 + np.exp(-z.astype(wide)))).astype(dtype)
            q = p.astype(wide)
            loss = dtype(-(y * np.log(q) + (1 - y) * np.log(1 - q)).sum() / y.size)
            dz = (p - y) / dtype(y.size)
            dW = (dz.astype(wide) @ x.T.astype(wide)).astype(dtype)
            db = dz.sum(axis=1, dtype=wide).astype(dtype)
            W, b = W - eta * dW, b - eta * db
            made = {"z": z, "p": p, "loss": loss, "dz": dz, "dW": dW, "db": db, "W": W, "b": b}
            yield {"eta": eta, "x": x, "y": y, **made}


def numpy_step(state, draws):
    W, b, (x, y, eta) = state["W"], state["b"], (draws[name] for name in DRAWS)
    n = y.dtype.type(y.size)
    z = W @ x + b[:, None]
    p = 1 / (1 + np.exp(-z))
    loss = -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum() / n
    dz = (p - y) / n
    dW, db = dz @ x.T, dz.sum(axis=1)
    new = {"W": W - eta * dW, "b": b - eta * db}
    return {"z": z, "p": p, "loss": loss, "dz": dz, "dW": dW, "db": db, **new}


def torch_step(state, draws):
    W, b = (torch.tensor(state[name], requires_grad=True) for name in ("W", "b"))
    x, y = torch.tensor(draws["x"]), torch.tensor(draws["y"])
    eta = float(draws["eta"])
    z = W @ x + b[:, None]
    z.retain_grad()
    p = torch.sigmoid(z)
    loss = torch.nn.functional.binary_cross_entropy(p, y)
    loss.backward()
    made = {"z": z, "p": p, "loss": loss, "dz": z.grad, "dW": W.grad, "db": b.grad}
    return {**made, "W": W - eta * W.grad, "b": b - eta * b.grad}


def check(seed, step, dtype):
    exact = seed % 2 == 0
    return repro.check(lambda: reference(seed, dtype, exact), step, resynchronise=True, draws=DRAWS)


@pytest.mark.parametrize(
    ("seed", "step", "dtype"),
    [
        (254, numpy_step, np.float32),
        (261, torch_step, np.float64),
        (262, numpy_step, np.float64),
        (278, torch_step, np.float32),
    ],
)
def test_hard_seeds_pass(seed, step, dtype):
    """Of seeds 0 to 299, 34 gave a false alarm where only inputs were perturbed, these among them:
    the bias gradient cancels, after a sigmoid that has rounded the perturbation away."""
    result = check(seed, step, dtype)
    assert result, result.message


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("step", [numpy_step, torch_step])
def test_two_hundred_seeds_pass(step, dtype):
    """The figures of docs/port-your-own.md: alarms, and the closest any came to its tolerance."""
    results = {seed: check(seed, step, dtype) for seed in range(200)}
    alarms = [seed for seed, result in results.items() if not result]
    closest = max(result.worst_ratio for result in results.values())
    print(f"{step.__name__} {dtype.__name__}: {len(alarms)} of 200, {closest:.2f} of tolerance")
    # How close is no margin: more perturbed runs are made only until a name is inside.
    assert not alarms


F32 = np.float32
MANY = np.random.default_rng(0).standard_normal(100_000).astype(F32)
WIDE = (np.random.default_rng(0).standard_normal(2000) * 2).astype(F32)


def drawn():
    return np.random.default_rng(0).standard_normal(100_000).astype(F32)


def in_a_loop(terms):
    total = F32(0)
    for term in terms:
        total += term
    return total


def gelu(x, cubic=0.044715):
    return F32(0.5) * x * (1 + np.tanh(F32(0.7978846) * (x + F32(cubic) * x * x * x)))


def torchs_gelu(approximate="tanh"):
    return torch.nn.functional.gelu(torch.tensor(WIDE), approximate=approximate)


def squashed(x):
    return np.log(1 - np.tanh(2 * x) ** 2 + F32(1e-6))


def torchs_squashed(epsilon=1e-6):
    return torch.log(1 - torch.tanh(2 * torch.tensor(WIDE)) ** 2 + epsilon)


def logged(log=[]):  # noqa: B006
    total = MANY.sum()
    log.append(round(total, 3))
    return total


PAIRS = {
    "data that the port draws": (lambda: in_a_loop(MANY), lambda: drawn().sum()),
    "a loss that is rounded for a line": (lambda: in_a_loop(MANY), logged),
    "saturated tanh": (lambda: gelu(WIDE), torchs_gelu),
    "saturated tanh in the port": (torchs_gelu, lambda: gelu(WIDE)),
    "the slope of tanh": (lambda: squashed(WIDE), torchs_squashed),
}
WRONG = {
    "the first number left out": ("data that the port draws", lambda: drawn()[1:].sum()),
    "a cubic term of 0.0447": ("saturated tanh in the port", lambda: gelu(WIDE, 0.0447)),
    "gelu by erf": ("saturated tanh", lambda: torchs_gelu("none")),
    "an epsilon of 2e-6": ("the slope of tanh", lambda: torchs_squashed(2e-6)),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_right_ports_that_once_failed(pair):
    """Each was a false alarm: no operation of the port was moved, or not the one that rounds."""
    reference, port = ((lambda f=f: [{"y": f()}]) for f in PAIRS[pair])
    found = repro.check(reference, port)
    assert found, found.message


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_ports_beside_them_do_not_pass(wrong):
    """What made those pass hides no mistake of their kind."""
    pair, port = WRONG[wrong]
    reference = PAIRS[pair][0]
    found = repro.check(lambda: [{"y": reference()}], lambda: [{"y": port()}])
    assert not found, found.message
