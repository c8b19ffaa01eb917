"""Small ports of what models are made of, as source text, and mistakes that people make in them.

A port is one step in NumPy. Its reference is the same step in higher precision, rounded: a right
port differs from it by rounding alone. A fault changes one piece of the text.

    python -m planted.small_ports --runs 2000        (PYTHONPATH=parity_tests)
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

import repro
from repro.checks import Check, Ulps

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Small:
    """A port.

    Attributes:
        start: the state before the first step, from a generator.
        draws: a step's draws, from a generator and the step's number.
        text: the step's source: statements over ``s`` (state), ``d`` (draws), ``n`` numbers of
            the arrays' type.
        gives: the names it computes, in order.
        faults: ``(what, old, new, name, pattern)`` and the step where that is not the first;
            the pattern is None where the difference is none of the known kinds.
    """

    start: Callable[[np.random.Generator], Arrays]
    draws: Callable[[np.random.Generator, int], Arrays]
    text: str
    gives: str
    faults: tuple[tuple, ...]

    @property
    def names(self) -> list[str]:
        return self.gives.split()


STEPS = 7
FACTOR, OFFSET, AXES = "constant factor", "constant offset", "axes"
ORDER, STALE, NARROW = "reordered", "one step off", "narrower precision"
ALONE, SIGNS, ZERO = "one slice alone", "signs of slices", "zero"


def _batch(size: int = 16, features: int = 4) -> Callable:
    def draws(rng: np.random.Generator, t: int) -> Arrays:
        x = rng.normal(size=(size, features)) + 0.3
        return {"x": x, "y": x[:, 0] - 0.5 * x[:, 1] + 0.1 * rng.normal(size=size)}

    return draws


PORTS: dict[str, Small] = {
    "regression": Small(
        lambda rng: {"w": rng.normal(size=4), "b": np.array(0.1)},
        _batch(),
        """
f = d["x"] @ s["w"] + s["b"]
e = f - d["y"]
loss = (e * e).sum() / n(16)
dw = n(2) * (d["x"].T @ e) / n(16)
db = n(2) * e.sum() / n(16)
w = s["w"] - n(0.1) * dw
b = s["b"] - n(0.1) * db
""",
        "f e loss dw db w b",
        (
            ("sum for mean", "(e * e).sum() / n(16)", "(e * e).sum()", "loss", FACTOR),
            ("half the loss", "(e * e).sum() / n(16)", "(e * e).sum() / n(32)", "loss", FACTOR),
            ("the other sign", "f - d[\"y\"]", "d[\"y\"] - f", "e", FACTOR),
            ("no factor of two", "n(2) * (d", "(d", "dw", FACTOR),
            ("no bias", ' + s["b"]', "", "f", OFFSET),
            ("weights not updated", 's["w"] - n(0.1) * dw', 's["w"]', "w", STALE),
            ("the last sample left out", "e.sum()", "e[:-1].sum()", "db", None),
            ("points back to front", 'd["x"] @ s["w"]', 'd["x"][::-1] @ s["w"]', "f", ORDER),
            ("another rate", 's["b"] - n(0.1)', 's["b"] - n(0.1001)', "b", None),
        ),
    ),
    "momentum": Small(
        lambda rng: {"w": rng.normal(size=(3, 3)), "v": np.zeros((3, 3))},
        lambda rng, t: {"g": rng.normal(size=(3, 3))},
        """
decay = n(0.01) * s["w"]
g2 = d["g"] + decay
v = n(0.9) * s["v"] + g2
step = n(0.1) * v
w = s["w"] - step
""",
        "decay g2 v step w",
        (
            ("transposed", 'd["g"] + decay', '(d["g"] + decay).T', "g2", AXES),
            ("decay subtracted", 'n(0.01) * s["w"]', '-n(0.01) * s["w"]', "decay", FACTOR),
            ("the momentum before", "step = n(0.1) * v", "step = n(0.1) * s['v']", "step", STALE),
            ("dampened", '* s["v"] + g2', '* s["v"] + n(0.1) * g2', "v", FACTOR),
            ("no decay", 'n(0.01) * s["w"]', 'n(0) * s["w"]', "decay", ZERO),
            ("Nesterov", "n(0.1) * v", "n(0.1) * (n(0.9) * v + g2)", "step", FACTOR),
            ("ascent", 's["w"] - step', 's["w"] + step', "w", None),
        ),
    ),
    "adam": Small(
        lambda rng: {"w": rng.normal(size=12), "m": np.zeros(12), "v": np.zeros(12),
                     "t": np.int64(0)},
        lambda rng, t: {"g": rng.normal(size=12) * np.exp(rng.normal(size=12))},
        """
t = s["t"] + 1
m = n(0.9) * s["m"] + n(0.1) * d["g"]
v = n(0.99) * s["v"] + n(0.01) * d["g"] * d["g"]
mh = m / (n(1) - n(0.9) ** n(t))
vh = v / (n(1) - n(0.99) ** n(t))
dx = n(0.01) * mh / (np.sqrt(vh) + n(1e-4))
w = s["w"] - dx
""",
        "t m v mh vh dx w",
        (
            ("the counter begins at 0", "n(0.9) ** n(t)", "n(0.9) ** n(t + 1)", "mh", FACTOR),
            ("no correction", "v / (n(1) - n(0.99) ** n(t))", "v * n(1)", "vh", FACTOR),
            ("epsilon inside", "np.sqrt(vh) + n(1e-4)", "np.sqrt(vh + n(1e-4))", "dx", None),
            ("another epsilon", "n(1e-4)", "n(1e-3)", "dx", None),
            ("gradient not squared", 'd["g"] * d["g"]', "abs(d['g'])", "v", None),
            ("rates exchanged", '+ n(0.1) * d["g"]', '+ n(0.9) * d["g"]', "m", FACTOR),
            ("the moment before", "mh = m /", "mh = s['m'] /", "mh", ZERO),
            ("half precision", "dx = n(0.01) * mh / (np.sqrt(vh) + n(1e-4))",
             "dx = n(0.01) * mh / (np.sqrt(vh) + n(1e-4)); dx = dx.astype(low).astype(kind)", "dx",
             NARROW),
        ),
    ),
    "batch norm": Small(
        lambda rng: {"rm": np.zeros(5), "rv": np.ones(5)},
        lambda rng, t: {"x": rng.normal(size=(12, 5)) * 2 + 1},
        """
mu = d["x"].sum(axis=0) / n(12)
c = d["x"] - mu
var = (c * c).sum(axis=0) / n(12)
y = c / np.sqrt(var + n(1e-3))
rm = n(0.9) * s["rm"] + n(0.1) * mu
rv = n(0.9) * s["rv"] + n(0.1) * var * n(12) / n(11)
""",
        "mu c var y rm rv",
        (
            ("n - 1", "(c * c).sum(axis=0) / n(12)", "(c * c).sum(axis=0) / n(11)", "var", FACTOR),
            ("running variance biased", " * n(12) / n(11)", "", "rv", None),
            ("momentum the other way", 'n(0.9) * s["rm"] + n(0.1)', 'n(0.1) * s["rm"] + n(0.9)',
             "rm", FACTOR),
            ("running mean not updated", 'rm = n(0.9) * s["rm"] + n(0.1) * mu', 'rm = s["rm"]', "rm",
             STALE),
            ("mean of the wrong axis", "c = d[\"x\"] - mu", "c = d['x'] - d['x'].mean()", "c", None),
            ("epsilon outside", "np.sqrt(var + n(1e-3))", "(np.sqrt(var) + n(1e-3))", "y", None),
            ("the last channel not scaled", "y = c / np.sqrt(var + n(1e-3))",
             "y = c / np.sqrt(np.where(np.arange(5) < 4, var, n(1)) + n(1e-3))", "y", ALONE),
        ),
    ),
    "attention": Small(
        lambda rng: {"W": rng.normal(size=(6, 6)) / 2},
        lambda rng, t: {"h": rng.normal(size=(6, 6)), "k": rng.normal(size=(6, 6))},
        """
q = d["h"] @ s["W"]
a = q @ d["k"].T / n(6 ** 0.5)
z = np.exp(a - a.max(axis=1, keepdims=True))
p = z / z.sum(axis=1, keepdims=True)
o = p @ d["h"]
W = s["W"] + n(0.01) * d["h"].T @ o
""",
        "q a z p o W",
        (
            ("weights transposed", 'd["h"] @ s["W"]', 'd["h"] @ s["W"].T', "q", None),
            ("scores transposed", 'q @ d["k"].T', '(q @ d["k"].T).T', "a", AXES),
            ("not scaled", " / n(6 ** 0.5)", "", "a", FACTOR),
            ("scaled by the length", "/ n(6 ** 0.5)", "/ n(6)", "a", FACTOR),
            ("no maximum taken out", "a - a.max(axis=1, keepdims=True)", "a", "z", None),
            ("the other axis", "z.sum(axis=1, keepdims=True)", "z.sum(axis=0)", "p", None),
            ("rows rolled", "p @ d[\"h\"]", "p @ np.roll(d['h'], 1, axis=0)", "o", None),
            ("positions rolled", "o = p @ d[\"h\"]", "o = np.roll(p @ d['h'], 1, axis=0)", "o", ORDER),
            ("first row unmasked", "p = z /", "z = z * (np.arange(6) > 0)[:, None] + z * n(0.5) "
             "* (np.arange(6) == 0)[:, None]; p = z /", "z", ALONE),
        ),
    ),
    "gru": Small(
        lambda rng: {"h": np.zeros(5) + 0.2, "U": rng.normal(size=(15, 5)) / 2},
        lambda rng, t: {"x": rng.normal(size=15)},
        """
u = s["U"] @ s["h"]
r = n(1) / (n(1) + np.exp(-(d["x"][:5] + u[:5])))
z = n(1) / (n(1) + np.exp(-(d["x"][5:10] + u[5:10])))
c = np.tanh(d["x"][10:] + r * u[10:])
h = (n(1) - z) * c + z * s["h"]
U = s["U"] * n(0.99)
""",
        "u r z c h U",
        (
            ("gates exchanged", 'd["x"][:5] + u[:5]', 'd["x"][5:10] + u[5:10]', "r", None),
            ("the other way round", '(n(1) - z) * c + z * s["h"]', 'z * c + (n(1) - z) * s["h"]',
             "h", None),
            ("no reset", "r * u[10:]", "u[10:]", "c", None),
            ("state not handed on", 'h = (n(1) - z) * c + z * s["h"]', 'h = s["h"]', "h", STALE),
            ("another decay", "n(0.99)", "n(0.98)", "U", FACTOR),
            ("gates back to front", 's["U"] @ s["h"]', '(s["U"] @ s["h"])[::-1]', "u", ORDER),
        ),
    ),
    "kalman": Small(
        lambda rng: {"m": rng.normal(size=3), "P": np.eye(3) + 0.1},
        lambda rng, t: {"o": rng.normal(size=3), "R": np.diag(rng.uniform(0.2, 1, 3))},
        """
A = np.array([[1, 0.1, 0], [0, 1, 0.1], [0, 0, 1]], kind)
mp = A @ s["m"]
Pp = A @ s["P"] @ A.T + n(0.01) * np.eye(3, dtype=kind)
S = np.diag(Pp) + np.diag(d["R"])
K = Pp / S
y = d["o"] - mp
m = mp + K @ y
P = Pp - K @ Pp
""",
        "mp Pp S K y m P",
        (
            ("gain transposed", "K = Pp / S", "K = (Pp / S).T", "K", AXES),
            ("innovation the other way", 'd["o"] - mp', 'mp - d["o"]', "y", FACTOR),
            ("no noise", " + n(0.01) * np.eye(3, dtype=kind)", "", "Pp", None),
            ("covariance not updated", "P = Pp - K @ Pp", "P = s['P']", "P", STALE),
            ("prediction skipped", "m = mp + K @ y", "m = s['m'] + K @ y", "m", None),
            ("noise of one more", 'np.diag(d["R"])', 'np.diag(d["R"]) + n(1)', "S", OFFSET),
        ),
    ),
    "clusters": Small(
        lambda rng: {"C": rng.normal(size=(3, 2))},
        lambda rng, t: {"x": rng.normal(size=(30, 2))},
        """
d2 = ((d["x"][:, None] - s["C"]) ** 2).sum(axis=2)
k = d2.argmin(axis=1)
hot = (k[:, None] == np.arange(3)).astype(kind)
size = hot.sum(axis=0)
mean = (hot.T @ d["x"]) / np.maximum(size, n(1))[:, None]
C = s["C"] + n(0.3) * (mean - s["C"])
""",
        "d2 k hot size mean C",
        (
            ("labels from 1", "k = d2.argmin(axis=1)\nhot = (k[:, None] == np.arange(3))",
             "k = d2.argmin(axis=1) + 1\nhot = (k[:, None] == np.arange(3) + 1)", "k", OFFSET),
            ("sums, not means", " / np.maximum(size, n(1))[:, None]", "", "mean", None),
            ("the root", ".sum(axis=2)\nk", ".sum(axis=2) ** n(0.5)\nk", "d2", None),
            ("the mean of squares", ".sum(axis=2)\nk", ".mean(axis=2)\nk", "d2", FACTOR),
            ("the centres exchanged", "mean = (hot.T", "mean = (hot.T[[1, 0, 2]]", "mean", None),
            ("the farthest", "argmin", "argmax", "k", None),
        ),
    ),
    "components": Small(
        lambda rng: {"C": np.cov(rng.normal(size=(4, 40)) * np.array([[4], [3], [2], [1]]))},
        lambda rng, t: {"x": rng.normal(size=(20, 4)) * np.array([4, 3, 2, 1])},
        """
mu = d["x"].mean(axis=0)
c = d["x"] - mu
S = c.T @ c / n(19)
C = n(0.9) * s["C"] + n(0.1) * S
l, V = eigen(C)
scores = c @ V
""",
        "mu c S C l V scores",
        (
            ("signs of the vectors", "l, V = eigen(C)",
             "l, V = eigen(C); V = V * np.array([1, -1, 1, -1], kind)", "V", SIGNS),
            ("the largest first", "l, V = eigen(C)", "l, V = eigen(C); l, V = l[::-1], V[:, ::-1]",
             "l", ORDER),
            ("vectors as rows", "l, V = eigen(C)", "l, V = eigen(C); V = V.T.copy()", "V", AXES),
            ("n for n - 1", "n(19)", "n(20)", "S", FACTOR),
            ("roots of the values", "l, V = eigen(C)", "l, V = eigen(C); l = np.sqrt(l)", "l", None),
            ("not centred", "scores = c @ V", "scores = d['x'] @ V", "scores", None),
        ),
    ),
    "learning": Small(
        lambda rng: {"Q": rng.normal(size=(6, 3))},
        lambda rng, t: {"i": rng.integers(0, 6, 8), "j": rng.integers(0, 6, 8),
                        "a": rng.integers(0, 3, 8), "r": rng.normal(size=8)},
        """
q = s["Q"][d["i"], d["a"]]
best = s["Q"][d["j"]].max(axis=1)
act = s["Q"][d["j"]].argmax(axis=1)
target = d["r"] + n(0.9) * best
td = target - q
loss = (td * td).sum() / n(8)
Q = s["Q"] * n(0.999)
Q[0] += n(0.1) * td.sum()
""",
        "q best act target td loss Q",
        (
            ("actions from 1", "argmax(axis=1)", "argmax(axis=1) + 1", "act", OFFSET),
            ("no discount", "n(0.9) * best", "best", "target", None),
            ("no reward", 'd["r"] + n(0.9) * best', "n(0.9) * best", "target", None),
            ("the other sign", "target - q", "q - target", "td", FACTOR),
            ("sum for mean", "(td * td).sum() / n(8)", "(td * td).sum()", "loss", FACTOR),
            ("another row", "Q[0] += n(0.1) * td.sum()", "Q[0] += n(0.2) * td.sum()", "Q", ALONE),
            ("transitions rolled", 's["Q"][d["i"], d["a"]]', 'np.roll(s["Q"][d["i"], d["a"]], 1)',
             "q", ORDER),
        ),
    ),
    "convolution": Small(
        lambda rng: {"w": rng.normal(size=3)},
        lambda rng, t: {"x": rng.normal(size=(4, 12))},
        """
x = d["x"]
y = x[:, :-2] * s["w"][0] + x[:, 1:-1] * s["w"][1] + x[:, 2:] * s["w"][2]
a = np.maximum(y, n(0))
pool = a.reshape(4, 5, 2).sum(axis=2) / n(2)
out = pool.sum(axis=0) / n(4)
w = s["w"] - n(0.01) * s["w"] * out.sum()
""",
        "y a pool out w",
        (
            ("the kernel turned", 's["w"][0] + x[:, 1:-1] * s["w"][1] + x[:, 2:] * s["w"][2]',
             's["w"][2] + x[:, 1:-1] * s["w"][1] + x[:, 2:] * s["w"][0]', "y", None),
            ("sum pooling", ".sum(axis=2) / n(2)", ".sum(axis=2)", "pool", FACTOR),
            ("batch not averaged", "pool.sum(axis=0) / n(4)", "pool.sum(axis=0)", "out", FACTOR),
            ("leaky", "np.maximum(y, n(0))", "np.maximum(y, n(0.01) * y)", "a", None),
            ("column by column", "pool = a.reshape(4, 5, 2).sum(axis=2) / n(2)",
             "pool = (a.reshape(4, 5, 2).sum(axis=2) / n(2)).ravel('F').reshape(4, 5)", "pool", AXES),
            ("weights not updated", 's["w"] - n(0.01) * s["w"] * out.sum()', 's["w"].copy()', "w",
             STALE),
        ),
    ),
    "statistics": Small(
        lambda rng: {"k": np.array(0.5)},
        lambda rng, t: {"x": rng.normal(size=(4, 25)) * 3 + 2},
        """
mu = d["x"].sum(axis=1) / n(25)
c = d["x"] - mu[:, None]
sd = np.sqrt((c * c).sum(axis=1) / n(24))
z = c / sd[:, None]
cor = z @ z.T / n(24)
rank = d["x"].argsort(axis=1).argsort(axis=1) + 1
k = s["k"] * n(0.9)
""",
        "mu c sd z cor rank k",
        (
            ("n for n - 1", "(c * c).sum(axis=1) / n(24)", "(c * c).sum(axis=1) / n(25)", "sd", FACTOR),
            ("correlation by n", "z @ z.T / n(24)", "z @ z.T / n(25)", "cor", FACTOR),
            ("ranks from 0", ".argsort(axis=1) + 1", ".argsort(axis=1)", "rank", OFFSET),
            ("variance", "sd = np.sqrt((c * c).sum(axis=1) / n(24))",
             "sd = (c * c).sum(axis=1) / n(24)", "sd", None),
            ("half precision", "c = d[\"x\"] - mu[:, None]",
             "c = (d['x'] - mu[:, None]).astype(low).astype(kind)", "c", NARROW),
            ("the first series not centred", "c = d[\"x\"] - mu[:, None]",
             "c = d['x'] - (mu * (np.arange(4) > 0))[:, None]", "c", ALONE),
        ),
    ),
    "oscillator": Small(
        lambda rng: {"u": rng.uniform(0.5, 1.5, 2)},
        lambda rng, t: {"h": np.array(0.05)},
        """
f = lambda u: np.stack([u[0] * (n(1) - u[1]), u[1] * (u[0] - n(1))])
k1 = f(s["u"])
k2 = f(s["u"] + n(0.5) * d["h"] * k1)
k3 = f(s["u"] + n(0.5) * d["h"] * k2)
k4 = f(s["u"] + d["h"] * k3)
u = s["u"] + d["h"] / n(6) * (k1 + n(2) * k2 + n(2) * k3 + k4)
""",
        "k1 k2 k3 k4 u",
        (
            ("the whole step", "n(0.5) * d[\"h\"] * k1", "d['h'] * k1", "k2", None),
            ("the first slope again", "n(0.5) * d[\"h\"] * k2", "n(0.5) * d['h'] * k1", "k3", None),
            ("the slope before", "k4 = f(s[\"u\"] + d[\"h\"] * k3)", "k4 = k3", "k4", None),
            ("not moved", "u = s[\"u\"] + d", "u = s['u'] + n(0) * d", "u", STALE),
            ("the other sign", "k1 = f(s[\"u\"])", "k1 = -f(s['u'])", "k1", FACTOR),
        ),
    ),
    "embedding": Small(
        lambda rng: {"E": rng.normal(size=(7, 4))},
        lambda rng, t: {"i": rng.integers(0, 7, 10), "y": rng.integers(0, 4, 10)},
        """
e = s["E"][d["i"]]
z = np.exp(e - e.max(axis=1, keepdims=True))
p = z / z.sum(axis=1, keepdims=True)
hot = (d["y"][:, None] == np.arange(4)).astype(kind)
loss = -(hot * np.log(p)).sum() / n(10)
de = (p - hot) / n(10)
g = (d["i"][:, None] == np.arange(7)).astype(kind).T @ de
E = s["E"] - n(0.5) * g
""",
        "e z p hot loss de g E",
        (
            ("sum for mean", "(hot * np.log(p)).sum() / n(10)", "(hot * np.log(p)).sum()", "loss",
             FACTOR),
            ("the other sign", "loss = -(hot", "loss = (hot", "loss", FACTOR),
            ("gradient of the sum", "(p - hot) / n(10)", "(p - hot)", "de", FACTOR),
            ("rows from 1", 's["E"][d["i"]]', 's["E"][d["i"] - 1]', "e", None),
            ("words back to front", 's["E"][d["i"]]', 's["E"][d["i"][::-1]]', "e", ORDER),
            ("logarithm of 2", "np.log(p)", "np.log2(p)", "loss", FACTOR),
            ("the padding's row kept", "E = s[\"E\"] - n(0.5) * g",
             "E = s['E'] - n(0.5) * g * (np.arange(7) != d['i'][0])[:, None]", "E", ALONE),
        ),
    ),
}  # fmt: skip


FORWARD = Small(
    lambda rng: {"a": 1e-34 * rng.uniform(1, 2, 4), "m": np.zeros(())},
    lambda rng, t: {"b": rng.uniform(0.05, 0.5, 4), "x": rng.normal(size=4)},
    """
T = np.array([[6, 2, 1, 1], [1, 6, 2, 1], [1, 1, 6, 2], [2, 1, 1, 6]], kind) / n(10)
a = (s["a"] @ T) * d["b"]
p = a / a.sum()
m = p @ d["x"]
""",
    "a p m",
    (),
)
"""A hidden Markov model's probabilities going forward, without scaling: in Float32 they are
denormal numbers after a few steps. No mistakes are planted in it."""

ALL = {**PORTS, "forward": FORWARD}


def _eigen(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values, the smallest first, and vectors whose largest component is positive."""
    kind = a.dtype
    values, vectors = np.linalg.eigh(np.asarray(a, np.float64) if kind == np.longdouble else a)
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[None], axis=0)
    return values.astype(kind), (vectors * np.sign(largest)).astype(kind)


def step_of(name: str, old: str = "", new: str = "") -> Callable[[Arrays, Arrays], Arrays]:
    """The step function, with one piece of its text changed."""
    small = ALL[name]
    assert not old or small.text.count(old) >= 1, f"{name} has no {old}"
    code = compile(small.text.replace(old, new) if old else small.text, name, "exec")

    def step(state: Arrays, draws: Arrays) -> Arrays:
        floats = [a for a in (*state.values(), *draws.values()) if a.dtype.kind == "f"]
        kind = np.result_type(*floats)
        low = np.float16 if kind == np.float32 else np.float32
        scope = {"np": np, "s": state, "d": draws, "n": kind.type, "kind": kind, "low": low,
                 "eigen": _eigen}  # fmt: skip
        exec(code, scope)
        return {name: np.asarray(scope[name]) for name in small.names}

    return step


def reference(name: str, dtype: type, seed: int, steps: int = STEPS) -> list[Mapping]:
    """The same in higher precision, rounded after every operation that has a name."""
    small, rng = ALL[name], np.random.default_rng([seed, len(name)])
    step, wide = step_of(name), np.longdouble
    state = _as(small.start(rng), dtype)
    made: list[Mapping] = [state]
    for t in range(1, steps + 1):
        draws = _as(small.draws(rng, t), dtype)
        found = _as(step(_as(state, wide), _as(draws, wide)), dtype)
        state = {key: found[key] for key in state}
        made.append({**draws, **found})
    return made


def _as(values: Mapping[str, np.ndarray], dtype: type) -> Arrays:
    found = {name: np.asarray(a) for name, a in values.items()}
    return {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in found.items()}


def check(name: str, step: Callable, dtype: type, seed: int = 0, **options) -> Check:
    """The port beside its reference, with no tolerance chosen."""
    made = reference(name, dtype, seed)
    draws = [key for key in made[1] if key not in PORTS[name].names]
    return repro.check(made, step, resynchronise=True, draws=draws, **options)


def faults() -> Iterator[tuple[str, tuple]]:
    """Every fault, with its port's name."""
    for name, small in PORTS.items():
        for fault in small.faults:
            yield name, fault


@dataclass(frozen=True)
class Told:
    """What came of a fault: whether it was found, named, and described."""

    label: str
    found: bool
    named: bool
    described: bool
    claimed: str | None
    planted: str | None


def told(name: str, fault: tuple, dtype: type = np.float64, seed: int = 0) -> Told:
    what, old, new, wrong, planted, *step = fault
    result = check(name, step_of(name, old, new), dtype, seed)
    first = result.first
    named = first is not None and (first.name, first.step) == (wrong, step[0] if step else 1)
    looks = None if first is None else result.table[first.name].pattern
    claimed = None if looks is None else looks.name
    said = f"{name}: {what}: {first} {looks}"
    return Told(said, not result, named, named and claimed == planted, claimed, planted)


NOTHING = Ulps(0, because="nothing may differ, so that noise is what the rules look at")


def right(name: str, dtype: type, seed: int) -> list[str]:
    """What is wrong about a right port: alarms, and patterns seen in its rounding."""
    result = check(name, step_of(name), dtype, seed)
    problems = [] if result else [f"{name} {dtype.__name__} {seed}: {result.message}"]
    bitwise = check(name, step_of(name), dtype, seed, tolerance=NOTHING)
    for row in bitwise.table:
        if row.pattern is not None:
            problems.append(f"{name} {dtype.__name__} {seed}: `{row.name}` {row.pattern}")
    return problems


def right_runs(runs: int) -> Iterator[tuple[str, type, int]]:
    """So many right ports, over all names, two types and as many seeds as it takes."""
    every = [(name, dtype) for name in PORTS for dtype in (np.float32, np.float64)]
    for i in range(runs):
        yield (*every[i % len(every)], i // len(every))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="right ports")
    parser.add_argument("--seeds", type=int, default=3, help="of each fault")
    options = parser.parse_args()
    bad = 0
    for dtype in (np.float64, np.float32):
        seeds = range(options.seeds)
        found = [told(name, fault, dtype, seed) for name, fault in faults() for seed in seeds]
        counts = Counter({k: sum(getattr(f, k) for f in found)
                          for k in ("found", "named", "described")})  # fmt: skip
        patterns = sum(f.planted is not None and f.described for f in found)
        print(f"{dtype.__name__}: {len(found)} faults in {len(PORTS)} ports: {dict(counts)}, "
              f"{patterns} with the pattern that was planted")  # fmt: skip
        for f in found:
            if not f.described:
                print(f"  {f.label} (planted: {f.planted})")
    for run in right_runs(options.runs):
        for problem in right(*run):
            bad += 1
            print(problem)
    print(f"{options.runs} right ports: {bad} alarms or patterns")
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
