"""The live reference against the original's recordings, bit for bit: ``make record-check``.

Our Julia package may stand for the original because, and as far as, this holds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from repro.cases import record_of
from repro.checks import Bitwise, Check, Verdict, check
from repro.errors import ReproError
from repro.sides import recorded
from repro.sides.julia.find import RECORDED_BY, Julia, find_julia
from repro.sides.julia.reference import JuliaReference
from repro.sides.live import Live

#: Recordings that come out bit for bit under these OpenBLAS kernels, and not under the pinned ones.
#: What tells them apart is their Float64 predictions, in the last bits; the zoo script's Float64
#: predictions, on the same code path, are equal under the pinned kernels.
OTHER_KERNELS = {
    "eval_model_untrained_seed0": "Prescott",
    "transfer_learn_blog_seed0_dense": "Prescott",
}
SECONDS = 3600.0


def made_by_julia() -> list[str]:
    """The recordings that a live Julia can be asked for again."""
    cases = [recorded.load(name).case for name in recorded.names()]
    return [case.name for case in cases if record_of(case).live is not None]


def julia_for(name: str, julia: Julia | None = None) -> Julia:
    """The Julia with the BLAS kernels that a recording was made with."""
    julia = julia or find_julia()
    if name not in OTHER_KERNELS:
        return julia
    kernels = {"OPENBLAS_CORETYPE": OTHER_KERNELS[name]}
    return replace(julia, environment=julia.environment | kernels)


def recheck(name: str, reference: JuliaReference) -> Check:
    """Compute a recording again and hold it against what was recorded; nothing may differ."""
    recording = recorded.load(name)
    return check(recording.run(), Live(reference).run(recording.case), tolerance=Bitwise())


def kernels(julia: Julia) -> str:
    """The OpenBLAS kernels that a Julia is started with."""
    return julia.environment.get("OPENBLAS_CORETYPE", "default")


def main(names: Sequence[str] = ()) -> int:
    """Check the recordings named, all by default; return the exit status."""
    results = []
    try:
        julia = find_julia(version=RECORDED_BY)
        print(f"Julia {julia.version}, {julia.executable}, {' '.join(julia.arguments)}")
        by_kernels = sorted(names or made_by_julia(), key=lambda n: OTHER_KERNELS.get(n, ""))
        for _, group in groupby(by_kernels, lambda n: OTHER_KERNELS.get(n)):
            first, *others = group
            used = julia_for(first, julia)
            with JuliaReference("worker", used, seconds=SECONDS) as reference:
                results += [_report(name, reference) for name in (first, *others)]
    except ReproError as problem:
        print(f"NOT RUN: {problem}", file=sys.stderr)
        return 2
    print(f"{sum(results)} of {len(results)} recordings equal bit for bit")
    return 0 if all(results) else 1


def _report(name: str, reference: JuliaReference) -> bool:
    start = time.perf_counter()
    found = recheck(name, reference)
    seconds = time.perf_counter() - start
    print(f"{name} ({kernels(reference.julia)} kernels, {seconds:.1f} s)\n{found}", flush=True)
    return found.verdict is Verdict.PASS_BITWISE  # equal zeros have signs, too


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
