"""A port as a side: by itself, or as one of the engines computes it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import torch

from repro.cases import Case, Conditions, Perturbation, Tick, Widened, record_of
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
        record = record_of(case)
        if not record.runs_on(self.engine):
            known = " or ".join(record.engines or ())
            raise EngineError(f"engine {self.engine!r} cannot run {case.function}: use {known}")
        how = Conditions(self.engine, self.device, self.dtype, perturbation, self.tick)
        start = time.perf_counter()
        quantities = record.port(case, how)
        made_by = Provenance(
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
            seconds=round(time.perf_counter() - start, 3),
            details={"settings": settings(self.device)},
        )
        return Run(quantities, made_by)
