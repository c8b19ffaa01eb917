"""The notebook's parts as two sides of a check: what is recorded of each, and the port."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain

import numpy as np
import torch

from repro import Bitwise, check, jang
from repro.checks import Check
from repro.jang import net, notebook
from repro.sides import recorded as recordings

PARTS = ("batched", "single", "fit")
Weights = Mapping[int, np.ndarray]
Steps = Iterator[dict[str, np.ndarray]]


def steps(weights: Weights, losses: np.ndarray | None) -> Steps:
    """What both sides yield: each iteration's loss, and the weights after some of them. Of the
    fit no losses are recorded."""
    if losses is None:
        yield from ({"weights": row} for row in weights.values())
        return
    for i, loss in enumerate(losses, start=1):
        yield {"loss": loss} | ({"weights": weights[i]} if i in weights else {})


def recording(dtype: str) -> Mapping[str, np.ndarray]:
    """The arrays of the notebook's recording in a precision."""
    return recordings.load(f"jax_fit_{dtype}_seed0").arrays


def recorded(part: str, dtype: str, length: int) -> tuple[Weights, np.ndarray | None]:
    arrays = recording(dtype)
    rows = zip(arrays[f"{part}_weight_iterations"].tolist(), arrays[f"{part}_weights"], strict=True)
    weights = {i: row for i, row in rows if i <= length}
    return weights, None if part == "fit" else arrays[f"{part}_losses"][:length]


def port(part: str, dtype: str, length: int, kept: Weights, seed: int) -> Callable[[], Steps]:
    def run() -> Steps:
        params = net.net_init(dtype=getattr(torch, dtype))
        if part == "fit":
            yield from steps(notebook.fit(params, length, keep=kept).weights, None)
            return
        rng = np.random.RandomState(seed) if part == "single" else jang.batched_stream(seed)
        found = getattr(notebook, f"train_{part}")(params, rng, length, keep=kept)
        yield from steps(found.weights, found.losses)

    return run


def hold(
    part: str,
    dtype: str,
    length: int,
    seed: int = 0,
    reference: tuple[Weights, np.ndarray | None] | None = None,
) -> Check:
    """So many iterations of a part, by measured tolerances; against the recording by default."""
    weights, losses = reference or recorded(part, dtype, length)
    return check(list(steps(weights, losses)), port(part, dtype, length, weights, seed))


def initial(dtype: str) -> Check:
    """The initial weights, every bit."""
    ours = net.flatten(net.net_init(dtype=getattr(torch, dtype)))
    theirs = recording(dtype)["init_weights"]
    return check([{"weights": theirs}], [{"weights": ours}], tolerance=Bitwise())


def first_failure(dtype: str, length: int) -> Check | None:
    """The first part that does not pass; None where the initial weights and all parts do."""
    lengths = {"single": length, "batched": length, "fit": notebook.FIT_STEPS}
    checks = chain([initial(dtype)], (hold(part, dtype, lengths[part]) for part in PARTS))
    return next((found for found in checks if not found), None)
