"""The recording of Julia's streams, and our answers to the same cases."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def recorder() -> ModuleType:
    """`record_streams.py`, which lists the cases and asks a live Julia."""
    spec = importlib.util.spec_from_file_location("record_streams", HERE / "record_streams.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def recorded() -> list[tuple[str, list[str]]]:
    """Case lines with the digests that Julia 1.5.3 answered."""
    lines = (HERE / "streams_1.5.3.txt").read_text().splitlines()
    pairs = (line.split(" = ") for line in lines)
    return [(case, digests.split()) for case, digests in pairs]


@pytest.fixture(scope="session")
def first_difference() -> Callable[..., str | None]:
    """`first_difference(generator, recording)`: where our draws part from Julia's, if anywhere."""
    return _first_difference


def _first_difference(
    generator: Callable[[Any], Any], recording: Iterable[tuple[str, list[str]]]
) -> str | None:
    for case, digests in recording:
        seed, draws = case.split(" | ")
        rng = generator(_seed(seed))
        for place, (draw, digest) in enumerate(zip(draws.split(), digests, strict=True)):
            if hashlib.sha256(_bytes(rng, draw)).hexdigest()[:16] != digest:
                return f"draw {place} ({draw}) of: {seed[:40]} | {draws}"
    return None


def _seed(text: str) -> Any:
    if text.startswith("["):
        return [int(word) for word in text.strip("[]").split(",") if word]
    base, _, exponent = text.partition("^")
    return int(base) ** int(exponent or 1)


def _bytes(rng: Any, draw: str) -> bytes:
    kind, *arguments = (part for part in draw.split(":") if part)
    if kind == "state":
        state = rng.state()
        return b"".join(np.asarray(state[key]).tobytes() for key in ("dsfmt", "cache", "position"))
    if kind == "uniform":
        low, high = map(float, arguments[:2])
        sizes = tuple(map(int, arguments[2:]))
        return rng.uniform(low, high, sizes).tobytes(order="F")
    n = int(arguments[0])
    values = {
        "scalars": lambda: np.array([rng.rand() for _ in range(n)], dtype="<f8"),
        "scalars32": lambda: np.array([rng.rand(dtype=np.float32) for _ in range(n)], dtype="<f4"),
        "array": lambda: rng.rand(n),
        "array32": lambda: rng.rand(n, dtype=np.float32),
        "randperm": lambda: rng.randperm(n),
        "shuffle": lambda: np.array(rng.shuffle(range(1, n + 1)), dtype=np.int64),
    }[kind]()
    return values.tobytes()
