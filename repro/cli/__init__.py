"""The command line: parse, call, print."""

from __future__ import annotations

import sys

import typer

from repro.cli.doctor import doctor
from repro.cli.envelope import envelope
from repro.cli.parity import parity
from repro.errors import ReproError

app = typer.Typer(
    name="repro",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Hold PyTorch ports against the original Julia, with the same seeds.",
)
app.command()(parity)
app.command()(doctor)
app.command()(envelope)


def main() -> None:
    """Run the command line; what the user can mend becomes one line and exit status 2."""
    try:
        app()
    except ReproError as error:
        print(f"repro: {error}", file=sys.stderr)
        sys.exit(2)
