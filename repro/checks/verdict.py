"""What a comparison can end in."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Verdict(str, Enum):
    """Six ends, of which only the first two are good ones; ``bool()`` says which.

    ``PASS_BITWISE``: every bit compared is equal. ``PASS``: every difference is within its
    derived tolerance. ``UNDECIDED``: nothing was found, and nothing could have been, for most
    of a quantity is not finite or has a tolerance larger than itself. ``FAIL``: something exceeds
    its tolerance, or is missing. ``NOT_RUN``: it could not be tried, with the reason. ``ERROR``:
    it was tried and broke off, or had nothing to compare.
    """

    PASS_BITWISE = "PASS_BITWISE"
    PASS = "PASS"
    UNDECIDED = "UNDECIDED"
    FAIL = "FAIL"
    NOT_RUN = "NOT_RUN"
    ERROR = "ERROR"

    def __bool__(self) -> bool:
        return self in (Verdict.PASS_BITWISE, Verdict.PASS)

    def __str__(self) -> str:
        return self.value


_SEVERITY = [
    Verdict.PASS_BITWISE,
    Verdict.PASS,
    Verdict.NOT_RUN,
    Verdict.UNDECIDED,
    Verdict.FAIL,
    Verdict.ERROR,
]


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over several: the most severe one, ``ERROR`` when there is none at all."""
    return max(verdicts, key=_SEVERITY.index, default=Verdict.ERROR)
