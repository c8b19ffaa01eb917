"""`repro doctor`: everything that can change a last bit."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer


def doctor(
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, …")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Print everything that can change a last bit: versions, device, threads, flags, BLAS."""
    import torch

    from repro.cli.console import one_thread
    from repro.cli.options import check_device
    from repro.run.settings import settings

    one_thread()
    found = settings(check_device(device))
    found["julia"] = _julia()
    found["devices"] = ["cpu"] + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if as_json:
        print(json.dumps(found, indent=1))
        return
    for name, value in found.items():
        _print(name, value)


def _julia() -> str:
    from repro.sides.julia.find import JuliaNotFound, find_julia

    try:
        julia = find_julia()
    except JuliaNotFound:
        return "none (repro julia list says where was looked)"
    pins = "pinned" if julia.pinned else "not pinned"
    return f"{julia.version}, {julia.source}, {pins}, {julia.default_generator}"


def _print(name: str, value: Any) -> None:
    from repro.cli.console import console

    if isinstance(value, dict):
        console.print(f"[bold]{name}[/]")
        for key, inner in value.items():
            console.print(f"  {key:<26} {inner}")
    else:
        console.print(f"[bold]{name:<28}[/] {value}")
