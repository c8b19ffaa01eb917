"""`repro envelope`: measure the tolerances anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from repro.cli.places import check_places

ENVELOPES = Path("envelopes")


def envelope(
    names: Annotated[list[str] | None, typer.Argument(help="Recordings; all by default.")] = None,
    engine: Annotated[str, typer.Option(help="eager, exact or fast.")] = "eager",
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = ENVELOPES,
) -> None:
    """Measure how a last-bit perturbation grows, for the recordings named.

    Every recording is run once as it is and once per perturbation: minutes each for the long
    ones, over half an hour for the zoo script, unless a compiled engine does it. Those that the
    package is shipped with stay as they are; --out names another folder.
    """
    from repro.cases import record_of
    from repro.cli.console import console, one_thread, progress_bar
    from repro.sides import recorded
    from repro.sides.envelopes import measure_envelope
    from repro.sides.port import Port

    check_places({}, {"--out": out})
    one_thread()
    cases = [recorded.load(name).case for name in names or recorded.names()]
    total = sum((1 + len(record_of(c).perturbations)) * max(c.epochs, 1) for c in cases)
    with progress_bar(total, "envelope") as (tick, announce):
        for case in cases:
            measured = measure_envelope(case, Port(engine, tick=tick))
            measured.save(out / f"{case.name}.npz")
            announce(f"{case.name}: written")
    console.print(f"{len(cases)} envelopes in {out}")
