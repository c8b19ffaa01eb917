"""What tests expect of a live Julia that depends on its version: here and nowhere else.

Of every version the draws are known, by `repro.julia`, which recorded rows hold to Julia's; of
those that left a recording a run of our package as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from repro.julia import default_rng
from repro.sides import recorded

RUNS = {
    "1.5.3": (recorded.FOLDER / "fomaml_seed0_dense.npz", 0),
    "1.10.8": (Path(__file__).parent / "julia_1.10.8" / "fomaml_seed3.npz", 3),
}
"""By version, the recording of a run of FOMAML, and its seed."""

EPOCHS = 3
DRAWS = {"op": "draws", "kind": "rand", "seed": 3, "n": 3}
"""Asks for three numbers of the generator that `Random.seed!(3)` starts."""


def run_request(version: str) -> dict[str, Any]:
    """Asks for the beginning of the recorded run, of any run where none is recorded."""
    seed = RUNS[version][1] if version in RUNS else 0
    request = {"op": "run", "function": "fomaml", "seed": seed, "epochs": EPOCHS}
    return {**request, "eval_interval": 1, "weight_epochs": np.arange(1, EPOCHS + 1)}


def expected_run(version: str) -> dict[str, np.ndarray] | None:
    """What has to come back, bit for bit under the pins; None where nobody recorded it."""
    if version not in RUNS:
        return None
    with np.load(RUNS[version][0]) as recording:
        kept = recording["weight_epochs"] <= EPOCHS
        return {
            "init_weights": recording["init_weights"],
            "weights": recording["weights"][kept],
            "test_losses": recording["test_losses"][:EPOCHS],
        }


def expected_draws(version: str) -> list[float]:
    """What `DRAWS` has to bring."""
    rng = default_rng(3, julia=version)
    return [rng.rand() for _ in range(3)]


def told_by(asked: Any, version: str) -> dict[str, Any]:
    """What a Julia of that version, in this process or a worker, says of itself, runs and draws."""
    seen = {f"about.{name}": value for name, value in asked.about.items()}
    run = asked.ask(run_request(version), seconds=120)
    seen |= {f"run.{name}": value for name, value in run.items()}
    return {**seen, "draws": asked.ask(DRAWS, seconds=120)["values"]}
