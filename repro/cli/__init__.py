"""The command line: parse, call, print."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer

from repro import __version__
from repro.cli.cases import cases
from repro.cli.check import check
from repro.cli.doctor import doctor
from repro.cli.drift import app as drift_app
from repro.cli.envelope import envelope
from repro.cli.figures import figures, figures_check, figures_envelope
from repro.cli.julia import app as julia_app
from repro.cli.parity import parity
from repro.cli.record import record
from repro.cli.stream import stream
from repro.errors import ReproError

app = typer.Typer(
    name="repro",
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


app.command()(parity)
app.command()(check)
app.command()(cases)
app.command()(doctor)
app.command()(envelope)
app.command()(record)
app.command()(stream)
app.add_typer(julia_app, name="julia")
app.add_typer(drift_app, name="drift")
for command in (figures, figures_check, figures_envelope):
    app.command()(command)


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
