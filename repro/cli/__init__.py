"""The command line: parse, call, print."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Annotated

import typer

from repro import __version__
from repro.cli.cases import cases
from repro.cli.check import check
from repro.cli.doctor import doctor
from repro.cli.envelope import envelope
from repro.cli.figures import figures, figures_check, figures_envelope
from repro.cli.julia import app as julia_app
from repro.cli.parity import parity
from repro.cli.plain_help import PlainCommand, PlainGroup
from repro.cli.record import record
from repro.cli.stream import stream
from repro.errors import ReproError

app = typer.Typer(
    name="repro",
    cls=PlainGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Hold PyTorch ports against the original Julia, with the same seeds.",
)


def _version(asked: bool) -> None:
    if asked:
        print(f"julia-parity {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which this is.")
    ] = False,
) -> None:
    """Hold PyTorch ports against the original Julia, with the same seeds."""


COMMANDS: tuple[Callable[..., None], ...] = (
    parity, check, cases, doctor, envelope, record, stream, figures, figures_check,
    figures_envelope,
)  # fmt: skip
for command in COMMANDS:
    app.command(cls=PlainCommand)(command)
app.add_typer(julia_app, name="julia")


def main() -> None:
    """Run the command line; what the user can mend becomes one line and exit status 2. So does
    what is not foreseen, with its traceback: status 1 says that something was compared."""
    try:
        app()
    except ReproError as error:
        print(f"repro: {error}", file=sys.stderr)
        sys.exit(2)
    except Exception:
        traceback.print_exc()
        sys.exit(2)
