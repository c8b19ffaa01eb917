"""The command line: parse, call, print."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated

import typer

from repro import __version__
from repro.cli.cases import cases
from repro.cli.check import check
from repro.cli.doctor import doctor
from repro.cli.drift import app as drift_app
from repro.cli.ensemble import ensemble
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
    parity, check, cases, doctor, ensemble, envelope, record, stream, figures, figures_check,
    figures_envelope,
)  # fmt: skip
for command in COMMANDS:
    app.command(cls=PlainCommand)(command)
app.add_typer(julia_app, name="julia")
app.add_typer(drift_app, name="drift")


WORLD = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EROFS: "name a place that can be written",
    errno.EACCES: "make it readable and writable",
    errno.EPERM: "make it readable and writable",
    errno.EIO: "look after the disk",
    errno.EMFILE: "raise the limit of open files",
    errno.ENFILE: "raise the limit of open files",
    errno.EPIPE: "let what reads the output read all of it",
}
"""What ends a command without being the user's doing or ours, and what to do about it."""


def main() -> None:
    """Run the command line; what the user can mend becomes one line and exit status 2. So does
    what is not foreseen, with its traceback: status 1 says that something was compared."""
    try:
        try:
            if any("\0" in word for word in sys.argv):  # from Python alone: no shell passes one
                raise ReproError("an argument holds a NUL, which no name can: leave it out")
            app()
        finally:
            sys.stdout.flush()
    except ReproError as error:
        _end(str(error))
    except SystemExit as end:  # both libraries end with status 1 where nobody reads on
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        _end_of_the_world(end.__context__)
    except OSError as error:
        _end_of_the_world(error)
    except Exception:
        traceback.print_exc()
        sys.exit(2)


def _end_of_the_world(error: OSError) -> None:
    if "temporary directory" in str(error):
        _end(f"{error}: name a folder that can be written in TMPDIR, and run again")
    if error.errno not in WORLD:
        traceback.print_exc()
        sys.exit(2)
    place = error.filename or "the output"
    _end(f"{place}: {error.strerror}; {WORLD[error.errno]}, and run again")


def _end(said: str) -> None:
    from repro.cli.console import visible

    for output, text in ((sys.stderr, f"repro: {visible(said)}\n"), (sys.stdout, "")):
        try:
            output.write(text)
            output.flush()
        except OSError:  # Python would try again when it ends, and end with a status of its own
            os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
    sys.exit(2)
