"""What the code of a side raises is no verdict: its own lines are shown, and the status is 2."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from repro.errors import ReproError


@contextmanager
def blaming(*sides: str) -> Iterator[None]:
    """Turn what a side's Python file raises into one line, with the traceback from that file on.
    What no such file had a part in is ours, and goes on as it is.

    Args:
        sides: as on the command line, ``FILE.py:NAME``.

    Raises:
        ReproError: a side's code raised.
    """
    names = [side.partition(".py:")[0] + ".py" for side in sides if ".py:" in side]
    files = {Path(name).resolve() for name in names}
    try:
        yield
    except ReproError:
        raise
    except Exception as problem:
        own = problem.__traceback__
        while own is not None and Path(own.tb_frame.f_code.co_filename).resolve() not in files:
            own = own.tb_next
        if own is None:
            raise
        print("".join(traceback.format_tb(own)), end="", file=sys.stderr)
        file = Path(own.tb_frame.f_code.co_filename).name
        raise ReproError(
            f"{file} raised {type(problem).__name__}: {problem}: nothing was compared. Mend it at "
            "the last of these lines that is yours"
        ) from problem
