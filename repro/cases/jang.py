"""The third post's trainings as cases, in both precisions.

In Float32 two faithful runs part for good when a sample lies on the two sides of one relu's kink
(:mod:`repro.jang.kinks`). The batched training is compared up to where that happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch

from repro import jang
from repro.cases.case import Case
from repro.cases.jang_rounding import JangRounding
from repro.cases.record import NUDGES, Conditions, Origin, Quantities, Record, Tick, causes_first
from repro.checks import nudged
from repro.jang import net
from repro.jang.notebook import FIT_STEPS, ITERATIONS, Training
from repro.run import Kind, Quantity
from repro.trace import Noted, listening

ORIGIN = Origin(
    "jang",
    'E. Jang, "Meta-Learning in 50 Lines of JAX", 2019',
    {
        "program": "JAX 0.10.2 on the CPU",
        "threads": "1",
        "instruction set": "AVX2",
        "random numbers": "MT19937 (NumPy's), threefry-2x32 (JAX's, not partitionable)",
    },
    "NumPy's, and JAX's in Python",
)

NOTEBOOK = "jax_notebook"
PARTS = ("fit", "single", "batched")
PRECISIONS = ("float64", "float32")
LENGTHS = {("batched", "float32"): 1000, ("single", "float32"): 1000}
"""How much of a recording is compared, where it is not all: in Float32 what comes before the first
kink, which hangs on how the processor rounds. The batched training had it in iteration 3,333 on
one, in 1,465 on another."""
KINDS = {"init_weights": Kind.DRAW, "weights": Kind.STATE, "losses": Kind.STATE}
KEPT = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
"""The iterations after which weights are recorded."""
AT_MOST = {"float64": {"losses": 1e-12, "weights": 1e-10}, "float32": {"losses": 2e-6}}


class Ticking:
    """Listens to a port's iterations alone, for a progress bar."""

    def __init__(self, tick: Tick) -> None:
        self.tick = tick

    def step(self, number: int) -> None:
        self.tick(1)

    def values(self, noted: list[Noted]) -> None: ...


def run_part(part: str, dtype: str, case: Case, how: Conditions) -> Quantities:
    """One of the notebook's trainings; of the sine fit it keeps no losses, as the notebook.

    Its precision is the case's: a nudge moves the initial weights by an ulp in that.
    """
    params = net.net_init(dtype=getattr(torch, dtype))
    if how.nudge is not None:
        moved = nudged(jang.flatten(params), how.nudge.seed, np.dtype(dtype))
        params = jang.unflatten(moved)
    found = train(part, params, case, how)
    rows = {"init_weights": {0: jang.flatten(params)}, "weights": found.weights}
    if part != "fit":
        rows["losses"] = dict(enumerate(found.losses, start=1))
    return causes_first({n: Quantity.over(v, KINDS[n]) for n, v in rows.items() if v})


def train(part: str, params: jang.Params, case: Case, how: Conditions) -> Training:
    """A training on NumPy's stream from the case's seed, as the notebook's order leaves it.

    The sine fit, over in a second, is the port's own under every engine.
    """
    length = (case.epochs, case.weight_epochs)
    single = part == "single"
    stream = np.random.RandomState(case.seed) if single else jang.batched_stream(case.seed)
    if how.engine == "fast" and part != "fit":
        from repro.engine import fast  # compiles for seconds

        compiled = fast.train_single if single else fast.train_batched
        return compiled(params, stream, *length, progress=how.tick)
    with listening(Ticking(how.tick)):
        if part == "fit":
            return jang.fit(params, *length)
        return (jang.train_single if single else jang.train_batched)(params, stream, *length)


def read_part(part: str, case: Case, arrays: Mapping[str, np.ndarray]) -> Quantities:
    """A part of the notebook's recording, or of what live JAX answers."""
    at, init = arrays[f"{part}_weight_iterations"], arrays["init_weights"]
    found = {
        "init_weights": Quantity.once(init, Kind.DRAW),
        "weights": Quantity(at[at > 0], arrays[f"{part}_weights"][at > 0], Kind.STATE),
    }
    if f"{part}_losses" in arrays:
        losses = arrays[f"{part}_losses"]
        found["losses"] = Quantity(np.arange(1, len(losses) + 1), losses, Kind.STATE)
    return causes_first(found)


def _record(part: str, dtype: str) -> Record:
    name = f"jax_{part}_{dtype}"
    length = LENGTHS.get((part, dtype), FIT_STEPS if part == "fit" else ITERATIONS)
    kept = tuple(i for i in KEPT if i <= length)
    return Record(
        name,
        ORIGIN,
        partial(run_part, part, dtype),
        partial(read_part, part),
        engines=("eager", "fast"),
        usual=300,
        counted=partial(JangRounding, 1e-2 if part == "fit" else 1e-3),
        perturbations=NUDGES[:5] if dtype == "float64" else NUDGES,
        at_most=AT_MOST[dtype],
        layers=(80, 1640, 41),
        single=Case(f"{name}_seed0", name, 0, length, 1, kept, generator="MT19937"),
        file=f"{NOTEBOOK}_seed0_{dtype}",
        part_of=NOTEBOOK,
        jax={"part": part, "dtype": dtype},
    )


RECORDS = tuple(_record(part, dtype) for dtype in PRECISIONS for part in PARTS)
