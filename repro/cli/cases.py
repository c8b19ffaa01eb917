"""`repro cases`: what can be computed, and what is recorded of it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer


def cases(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """List the cases: their arguments, and the recordings that there are of each."""
    from repro.cases import RECORDS
    from repro.cli.console import console
    from repro.sides import recorded

    found = [recorded.load(name).case for name in recorded.names()]
    listed: dict[str, Any] = {
        name: {
            "origin": record.origin.title,
            "arguments": {n: argument.usual for n, argument in record.arguments.items()},
            "recordings": [case.name for case in found if case.function == name],
        }
        for name, record in RECORDS.items()
    }
    if as_json:
        print(json.dumps(listed, indent=1))
        return
    for name, about in listed.items():
        arguments = ", ".join(f"{n}={v}" for n, v in about["arguments"].items())
        console.print(f"[bold]{name}[/]  {about['origin']}")
        console.print(f"  arguments:  {arguments or 'none'}", markup=False)
        console.print(f"  recordings: {', '.join(about['recordings']) or 'none'}", markup=False)
