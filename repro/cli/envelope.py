"""`repro envelope`: measure the tolerances anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repro import port
from repro.cli.console import console, one_thread, progress_bar
from repro.parity.envelope import PERTURBATIONS, measure
from repro.reference import recorded
from repro.suite import ENVELOPES


def envelope(
    names: Annotated[list[str] | None, typer.Argument(help="Recordings; all by default.")] = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = ENVELOPES,
) -> None:
    """Measure how a last-bit perturbation grows, and keep it beside the recordings.

    Every recording is run once as it is and once per perturbation: minutes each for the long
    ones, over half an hour for the zoo script.
    """
    one_thread()
    cases = [recorded.load(name).case for name in names or recorded.names()]
    runs = 1 + len(PERTURBATIONS)
    with progress_bar(sum(runs * max(c.epochs, 1) for c in cases), "envelope") as (tick, announce):
        for case in cases:
            found = measure(lambda p, c=case: port.run(c, perturbation=p, tick=tick))  # type: ignore[misc]
            path = out / f"{case.name}.npz"
            found.save(path)
            announce(f"{case.name}: written")
    console.print(f"{len(cases)} envelopes in {out}")
