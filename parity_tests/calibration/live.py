"""Right ports by NumPy and torch beside a live Julia, which one worker computes all of.

``make calibrate`` runs it where there is a Julia.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from calibration.right import Port

from repro.checks import Verdict
from repro.errors import Unavailable
from repro.sides.julia.function import JuliaFunction

FILE = Path(__file__).with_name("live.jl")
SIZES, WIDTHS = (10, 100, 1000), "48"

Arrays = Mapping[str, np.ndarray]


def inputs(n: int, width: str, seed: int) -> dict[str, np.ndarray]:
    rng, dt = np.random.default_rng([seed, n]), np.dtype(f"f{width}")
    half = rng.normal(size=(12, 12))
    given = {
        "x": rng.normal(size=(5, n)),
        "w": rng.normal(size=n),
        "a": rng.uniform(0.5, 2, n),
        "A": half @ half.T / 12 + np.eye(12),
        "b": rng.normal(size=12),
    }
    return {name: a.astype(dt) for name, a in given.items()}


def adam(w: Any, a: Any, sqrt: Callable[[Any], Any]) -> Any:
    m, v = 0 * w, 0 * w
    for t in range(1, 13):
        g = a * w * w * w - w
        m, v = 0.9 * m + (1 - 0.9) * g, 0.999 * v + (1 - 0.999) * g * g
        w = w - 0.01 * (m / (1 - 0.9**t)) / (sqrt(v / (1 - 0.999**t)) + 1e-8)
    return w


def pendulum(w: Any, stack: Callable[[Any], Any], sin: Callable[[Any], Any]) -> Any:
    def rate(u: Any) -> Any:
        return stack([u[1], -sin(u[0])])

    u = w[:2]
    for _ in range(30):
        a = rate(u)
        b = rate(u + 0.025 * a)
        c = rate(u + 0.025 * b)
        d = rate(u + 0.05 * c)
        u = u + 0.05 / 6 * (a + 2 * b + 2 * c + d)
    return u


def by_numpy(given: Arrays) -> Arrays:
    x, w, a, A, b = (given[name] for name in "xwaAb")
    e = np.exp(x - x.max(axis=1, keepdims=True))
    total = x.sum(axis=1)
    return {
        "sum": total, "loop": total, "fold": total[0], "mean": x.mean(axis=1),
        "var": x.var(axis=1, ddof=1), "std": np.std(x, ddof=1), "norm": np.linalg.norm(x),
        "cumsum": np.cumsum(x, axis=1), "dot": x[0] @ x[1], "product": x @ x.T,
        "quadratic": x.T @ (x @ w), "exp": np.exp(x), "log1p": np.log1p(np.abs(x)),
        "expm1": np.expm1(x), "tanh": np.tanh(x), "power": np.abs(x) ** x.dtype.type(2.3),
        "softmax": e / e.sum(axis=1, keepdims=True),
        "normed": (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True),
        "sorted": np.sort(w), "median": np.median(w), "quantile": np.quantile(w, [0.1, 0.25, 0.9]),
        "covariance": np.cov(x), "correlation": np.corrcoef(x), "solve": np.linalg.solve(A, b),
        "inverse": np.linalg.inv(A), "logdet": np.linalg.slogdet(A)[1],
        "cholesky": np.linalg.cholesky(A), "eigenvalues": np.linalg.eigvalsh(A),
        "singular": np.linalg.svd(x, compute_uv=False), "least": np.linalg.lstsq(x.T, w)[0],
        "adam": adam(w, a, np.sqrt), "pendulum": pendulum(w, np.stack, np.sin),
    }  # fmt: skip


def by_torch(given: Arrays) -> Mapping[str, torch.Tensor]:
    x, w, a, A, b = (torch.tensor(given[name]) for name in "xwaAb")
    at = torch.tensor([0.1, 0.25, 0.9], dtype=w.dtype)
    return {
        "sum": x.sum(1), "loop": x.sum(1), "fold": x[0].sum(), "mean": x.mean(1),
        "var": x.var(1), "std": x.std(), "norm": torch.linalg.vector_norm(x),
        "cumsum": x.cumsum(1), "dot": x[0] @ x[1], "product": x @ x.T,
        "quadratic": x.T @ (x @ w), "exp": x.exp(), "log1p": x.abs().log1p(),
        "expm1": x.expm1(), "tanh": x.tanh(), "power": x.abs() ** 2.3, "softmax": x.softmax(1),
        "normed": torch.nn.functional.layer_norm(x, x.shape[1:], eps=0.0),
        "sorted": w.sort().values, "median": torch.quantile(w, 0.5), "quantile": w.quantile(at),
        "covariance": x.cov(), "correlation": x.corrcoef(), "solve": torch.linalg.solve(A, b),
        "inverse": torch.linalg.inv(A), "logdet": A.logdet(), "cholesky": torch.linalg.cholesky(A),
        "eigenvalues": torch.linalg.eigvalsh(A), "singular": torch.linalg.svdvals(x),
        "least": torch.linalg.lstsq(x.T, w[:, None]).solution[:, 0],
        "adam": adam(w, a, torch.sqrt), "pendulum": pendulum(w, torch.stack, torch.sin),
    }  # fmt: skip


PORTS: dict[str, Callable[[Arrays], Any]] = {"np": by_numpy, "t": by_torch}


def verdicts(seed: int = 0, julia: Any = None) -> Iterator[tuple[Verdict, str]]:
    """Of every quantity of every size and width, by either port."""
    made = {f"{n}_{width}": inputs(n, width, seed) for n in SIZES for width in WIDTHS}
    sent = {f"{part}_{name}": a for name, given in made.items() for part, a in given.items()}
    run = JuliaFunction(FILE, "calibrate", julia=julia, **sent)()
    answer = {name: q.values[0] for name, q in run.quantities.items()}
    for name, given in made.items():
        end = f"_{name}"
        expected = {k.removesuffix(end): a for k, a in answer.items() if k.endswith(end)}
        for port, function in PORTS.items():
            report, _ = Port(given, function).beside(expected)
            for c in report.comparisons:
                if c.name != "step":
                    yield c.verdict, f"{port} beside Julia {name} `{c.name}` {c.worst_ratio:.2f}"


def main() -> int:
    warnings.simplefilter("ignore")
    try:
        found = list(verdicts())
    except Unavailable as problem:
        print(f"NOT_RUN: {problem}")
        return 0
    for verdict, where in found:
        if not verdict:
            print(f"{verdict}: {where}")
    counts = Counter(str(verdict) for verdict, _ in found)
    print(f"{len(found)} comparisons with a live Julia: {dict(counts)}")
    return int(counts["FAIL"] > 0 or counts["UNDECIDED"] > 0.005 * len(found))


if __name__ == "__main__":
    raise SystemExit(main())
