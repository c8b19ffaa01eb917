"""The smallest relative error that is always noticed, per operation and place, by bisection.

``make limits`` writes docs/limits.md. A wider tolerance anywhere raises a figure there, and a test
holds a sample of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from repro.checks.measured import Measured, judge
from repro.checks.stepping import Roles, Stepper
from repro.run import run_of

Arrays = Mapping[str, np.ndarray]
SEEDS = range(3)
PLACES = ("all", "one element", "one step of a hundred")


def _softmax(a):
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _layer_norm(a):
    centred = a - a.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + a.dtype.type(1e-5))


def _masked(a):
    scores = a @ a.T
    return np.where(np.tri(len(a)) > 0, scores, scores.dtype.type(-1e9))


def _square(a):
    n = min(len(a), 50)
    return a[:n, :n] @ a[:n, :n].T / n + np.eye(n, dtype=a.dtype)


OPERATIONS: dict[str, tuple[tuple[int, ...], Callable]] = {
    "copy": ((8, 30), lambda a: a + a.dtype.type(0)),
    "exp": ((8, 30), np.exp),
    "tanh": ((8, 30), np.tanh),
    "sum of 100": ((8, 100), lambda a: (a * a).sum(axis=1)),
    "sum of 10,000": ((8, 10_000), lambda a: (a * a).sum(axis=1)),
    "cumulative sum of 1,000": ((2, 1000), lambda a: np.cumsum(a * a, axis=1)),
    "product, n = 100": ((8, 100), lambda a: a @ a.T),
    "softmax of 100": ((8, 100), _softmax),
    "layer norm of 100": ((8, 100), _layer_norm),
    "scores beside a mask of -1e9": ((12, 30), _masked),
    "solve, n = 50": ((50, 80), lambda a: np.linalg.solve(_square(a), a[:50, 0])),
    "eigenvalues, n = 50": ((50, 80), lambda a: np.linalg.eigvalsh(_square(a))),
    "FFT of 100": ((8, 100), lambda a: np.abs(np.fft.rfft(a))),
}


def noticed(name: str, dtype: np.dtype, place: str, error: float, seed: int) -> bool:
    """Whether a port that is off by this share of the value does not pass.

    What other rounding there is comes from a reference in higher precision."""
    shape, function = OPERATIONS[name]
    steps = 100 if place == "one step of a hundred" else 1
    generator = np.random.default_rng([seed, len(name)])
    inputs = [generator.normal(size=shape).astype(dtype) for _ in range(steps)]
    reference = run_of(_steps(inputs, function, dtype))
    wrong_at = int(reference["i"].values[-1]) if steps == 1 else 38

    changed = _where(place, reference["y"].values[wrong_at - 1])

    def step(state: Arrays, draws: Arrays) -> Arrays:
        y = function(draws["x"])
        i = int(state["i"]) + 1
        if i == wrong_at:
            y = np.where(changed, y * (1 + np.float64(error)), y).astype(dtype)
        return {"y": y, "i": np.int64(i)}

    stepper = Stepper.on(step, reference, Roles(["x"]))
    measured = Measured(stepper.resynchronised(), stepper.resynchronised, stepper.moves, True)
    return not judge(stepper.compared(reference), measured, range(1, 33), strict=True)


def _steps(
    inputs: list[np.ndarray], function: Callable, dtype: np.dtype
) -> Iterator[dict[str, np.ndarray]]:
    yield {"i": np.int64(0)}
    wide = np.float64 if dtype == np.float32 else np.longdouble
    for i, x in enumerate(inputs):
        try:
            y = np.asarray(function(x.astype(wide)))
        except TypeError:  # there is no LAPACK beyond Float64
            y = np.asarray(function(x))
        yield {"x": x, "y": y.astype(dtype), "i": np.int64(i + 1)}


def _where(place: str, y: np.ndarray) -> np.ndarray:
    """Which elements are wrong: by the reference, so that no perturbed run has others."""
    if place != "one element":
        return np.ones(y.shape, bool)
    size = np.abs(np.asarray(y)).ravel()
    middle = np.argsort(size)[len(size) // 2]
    return (np.arange(size.size) == middle).reshape(y.shape)


def limit(name: str, dtype: np.dtype, place: str, seeds=SEEDS) -> float:
    """To a factor of two, by bisection; 1 where a doubled value passes."""
    low, high = -52, 0
    while high - low > 1:
        middle = (low + high) // 2
        seen = all(noticed(name, dtype, place, 2.0**middle, seed) for seed in seeds)
        low, high = (low, middle) if seen else (middle, high)
    return 2.0**high


HEAD = """# What would not be noticed

The smallest relative error that is noticed in each of {seeds} random inputs, found by bisection to a factor of two; smaller ones may pass. A port by NumPy's operations is off by that share in all elements, in the one of median size, or in all elements of one step of a hundred (each step resynchronised), beside a reference computed in higher precision. `make limits` writes this table; `parity_tests/calibration/test_calibration.py` holds a sample of it, so that a tolerance that is made wider anywhere fails.

| operation | {columns} |
|---|{rules}|
"""  # noqa: E501


def table(names: list[str]) -> str:
    columns = [f"{d}, {p}" for d in ("Float32", "Float64") for p in PLACES]
    text = HEAD.format(seeds=len(SEEDS), columns=" | ".join(columns), rules="---|" * 5 + "---")
    for name in names:
        found = [limit(name, np.dtype(d), p) for d in ("f4", "f8") for p in PLACES]
        text += f"| {name} | {' | '.join(f'{e:.0e}' for e in found)} |\n"
        print(text.splitlines()[-1], flush=True)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    text = table([*OPERATIONS])
    if options.write:
        options.write.write_text(text)


if __name__ == "__main__":
    main()
