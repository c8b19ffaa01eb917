"""A Julia process that answers requests."""

from __future__ import annotations

from pathlib import Path

from repro.sides.worker import Worker as AnyWorker
from repro.sides.worker import WorkerError

ADVICE = (
    "Choose another Julia by --julia-version or REPRO_JULIA (repro julia list shows all that there "
    "are), or get one with: repro julia install"
)


class JuliaError(WorkerError):
    """Julia did not answer, or answered with an error; see :class:`WorkerError`."""


class Worker(AnyWorker):
    """One running Julia; `source` is the folder of a Julia package of ours."""

    program = "Julia"
    options = ("--color=no",)
    script = Path("src") / "worker.jl"
    error = JuliaError
    other = "name another Julia with REPRO_JULIA"
    advice = ADVICE
