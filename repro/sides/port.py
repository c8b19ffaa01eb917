"""A port as a side: by itself, or as one of the engines computes it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from repro.cases import (
    Case,
    Conditions,
    Perturbation,
    Record,
    Tick,
    Together,
    Widened,
    record_of,
)
from repro.errors import EngineError
from repro.run import Provenance, Run
from repro.run.settings import settings


@dataclass(frozen=True)
class Port:
    """Runs a case's port from its seed.

    Attributes:
        engine: ``eager`` is the port itself; the others are those of :mod:`repro.engine`.
        device: where to run it.
        dtype: of the weights, where the case does not say it; float64 computes on the same
            (Float32) draws.
        tick: called as ``tick(n)`` after n more iterations, for a progress bar.
    """

    engine: str = "eager"
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32
    tick: Tick = lambda n: None

    @property
    def name(self) -> str:
        return "port" if self.engine == "eager" else f"port, {self.engine} engine"

    def run(self, case: Case, perturbation: Perturbation | None = None) -> Run:
        """
        Args:
            perturbation: how to move the run, for measuring.

        Raises:
            EngineError: a compiled engine cannot run this case.
        """
        if isinstance(perturbation, Widened):
            return replace(self, dtype=torch.float64).run(case)
        record, start = self._record(case), time.perf_counter()
        how = Conditions(self.engine, self.device, self.dtype, perturbation, self.tick)
        quantities = record.port(case, how)
        return Run(quantities, self._made(case, time.perf_counter() - start, perturbation))

    def run_together(self, cases: Sequence[Case], together: Together) -> list[Run]:
        """Cases that differ in their seeds alone, all at once; each said to take its share."""
        self._record(cases[0])
        start = time.perf_counter()
        found = together.run(cases, Conditions(self.engine, self.device, self.dtype))
        each = (time.perf_counter() - start) / len(cases)
        return [Run(q, self._made(case, each)) for q, case in zip(found, cases, strict=True)]

    def _record(self, case: Case) -> Record:
        record = record_of(case)
        if not record.runs_on(self.engine):
            known = " or ".join(record.engines or ())
            raise EngineError(f"engine {self.engine!r} cannot run {case.function}: use {known}")
        return record

    def _made(
        self, case: Case, seconds: float, perturbation: Perturbation | None = None
    ) -> Provenance:
        record = record_of(case)
        return Provenance(
            "port",
            case=case.name,
            function=case.function,
            seed=case.seed,
            epochs=case.epochs,
            arguments=case.kwargs,
            engine=self.engine,
            device=str(self.device),
            dtype=(record.jax or {}).get("dtype") or str(self.dtype).removeprefix("torch."),
            perturbation=None if perturbation is None else str(perturbation),
            generator=f"{case.generator}({case.seed})",
            seconds=round(seconds, 3),
            details={"settings": settings(self.device)},
        )
