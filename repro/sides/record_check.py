"""Prove that the live reference is the original: ``python -m repro.sides.record_check [NAME...]``.

Every recorded quantity of every luna recording has to come out of ``julia_ref`` bit for bit. That
holds on Julia 1.5.3 with the BLAS kernels that made the recording; on another Julia a difference
is news about that Julia. One line per recording; the exit status is 0 when all are equal, 1 when
one is not, 2 when there is no Julia.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from repro.case import Case
from repro.errors import ReproError
from repro.sides.julia.find import Julia, JuliaNotFound, find_julia
from repro.port import UNTRAINED
from repro.sides import recorded
from repro.sides.julia.reference import JuliaReference
from repro.run import read_npz

#: Recordings that come out bit for bit under these OpenBLAS kernels, and not under the pinned ones.
#: What tells them apart is their Float64 predictions, in the last bits; the zoo script's Float64
#: predictions, on the same code path, are equal under the pinned kernels.
OTHER_KERNELS = {
    "eval_model_untrained_seed0": "Prescott",
    "transfer_learn_blog_seed0_dense": "Prescott",
}
SECONDS = 3600.0


def luna_recordings() -> list[str]:
    """The recordings that Julia made; the notebook of the second post is PyTorch's."""
    return [name for name in recorded.names() if name != recorded.NOTEBOOK]


def julia_for(name: str, julia: Julia | None = None) -> Julia:
    """The Julia with the BLAS kernels that a recording was made with."""
    julia = julia or find_julia()
    if name not in OTHER_KERNELS:
        return julia
    kernels = {"OPENBLAS_CORETYPE": OTHER_KERNELS[name]}
    return replace(julia, environment=julia.environment | kernels)


def recompute(reference: JuliaReference, case: Case) -> dict[str, np.ndarray]:
    """Ask Julia for what a recording holds, under the recording's names."""
    if case.function == "zoo_script":
        return reference.zoo_script(case.seed, case.epochs, case.eval_interval, seconds=SECONDS)
    if case.function == "eval_model":
        return _untrained(reference, case.seed)
    return reference.run(
        case.function,
        case.seed,
        case.epochs,
        case.eval_interval,
        weight_epochs=case.weight_epochs,
        seconds=SECONDS,
        **case.kwargs,
    )


def _untrained(reference: JuliaReference, seed: int) -> dict[str, np.ndarray]:
    """The wave ``SineWave(4, 1)`` fitted by a new model at two learning rates."""
    arrays: dict[str, np.ndarray] = {}
    for prefix, eta in UNTRAINED.items():
        answer = reference.evaluate(4, 1, seed, opt=f"Descent({eta})")
        arrays |= {f"{prefix}_{name}": a for name, a in answer.items() if name != "weights"}
    return arrays


def differences(
    recording: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
) -> dict[str, str]:
    """What of a recording was not found bit for bit, and how far off it is.

    Args:
        recording: quantities by name.
        found: the same, and perhaps more. Types count: Float32 1.0 is not Float64 1.0.

    Returns:
        A remark for each quantity that differs; empty where all are equal.
    """
    remarks = {name: _difference(a, found.get(name)) for name, a in recording.items()}
    return {name: remark for name, remark in remarks.items() if remark}


def _difference(a: np.ndarray, b: np.ndarray | None) -> str:
    if b is None:
        return "is missing"
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"is {b.dtype} {b.shape} instead of {a.dtype} {a.shape}"
    bits = f"u{a.dtype.itemsize}"
    unequal = np.ascontiguousarray(a).view(bits) != np.ascontiguousarray(b).view(bits)
    if not unequal.any():
        return ""
    first = tuple(int(i) for i in np.argwhere(unequal)[0])
    return (
        f"differs in {int(unequal.sum())} of {a.size}, first at {first}: "
        f"{a[first]!r} recorded, {b[first]!r} found"
    )


def check(name: str, reference: JuliaReference) -> bool:
    """Compare one recording, print the line, and say whether all was equal."""
    recording = read_npz(recorded.FOLDER / f"{name}.npz")
    start = time.perf_counter()
    found = recompute(reference, recorded.load(name).case)
    seconds = time.perf_counter() - start
    remarks = differences(recording, found)
    numbers = sum(a.size for n, a in recording.items() if n not in remarks)
    print(
        f"{'DIFFERENT' if remarks else 'EQUAL':9} {name:32} "
        f"{len(recording) - len(remarks):2} of {len(recording):2} quantities bit-equal, "
        f"{numbers:6} numbers, {kernels(reference.julia)} kernels, {seconds:.1f} s",
        flush=True,
    )
    for quantity, remark in remarks.items():
        print(f"          {quantity} {remark}")
    return not remarks


def kernels(julia: Julia) -> str:
    """The OpenBLAS kernels that a Julia is started with."""
    return julia.environment.get("OPENBLAS_CORETYPE", "default")


def main(names: Sequence[str] = ()) -> int:
    """Check the recordings named, all by default; return the exit status."""
    results = []
    try:
        julia = find_julia()
        print(f"Julia {julia.version}, {julia.executable}, {' '.join(julia.arguments)}")
        by_kernels = sorted(names or luna_recordings(), key=lambda n: OTHER_KERNELS.get(n, ""))
        for _, group in groupby(by_kernels, lambda n: OTHER_KERNELS.get(n)):
            first, *others = group
            with JuliaReference("worker", julia_for(first, julia)) as reference:
                results += [check(name, reference) for name in (first, *others)]
    except (JuliaNotFound, ReproError) as problem:
        print(f"NOT RUN: {problem}", file=sys.stderr)
        return 2
    print(f"{sum(results)} of {len(results)} recordings equal bit for bit")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
