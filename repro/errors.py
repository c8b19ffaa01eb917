"""What can go wrong in ways that the user can mend."""

from collections.abc import Iterable
from difflib import get_close_matches


class ReproError(Exception):
    """Bad input or a missing part. Its message is one clear line that ends with what to do next;
    the command line prints it and exits with status 2."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known words that are most like this one, as a question; empty where none is."""
    found = get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(found)}?" if found else ""


class Unavailable(ReproError):
    """A side that cannot be run here: a check with it ends in ``NOT_RUN``, with this reason."""


class EngineError(Unavailable, ValueError):
    """A compiled engine was asked for something that it does not do."""


class NonFiniteLossError(ReproError, ArithmeticError):
    """Raised where Flux's ``back!`` and ``gradient`` raise: the loss is infinite or NaN."""
