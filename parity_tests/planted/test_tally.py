"""A faithful port that fails is an alarm; what could not be held is neither that nor a pass."""

from __future__ import annotations

import pytest
from planted.tally import tally

from repro.checks import Verdict
from repro.sides.choosing import live_case


@pytest.mark.parametrize(
    ("verdicts", "status", "said"),
    [
        ([Verdict.PASS, Verdict.PASS_BITWISE], 0, "0 false alarms, 0 not judged, in 2 runs"),
        ([Verdict.NOT_RUN, Verdict.UNDECIDED], 0, "0 false alarms, 2 not judged, in 2 runs"),
        ([Verdict.FAIL, Verdict.ERROR], 1, "2 false alarms, 0 not judged, in 2 runs"),
    ],
)
def test_what_is_counted(verdicts, status, said, capsys):
    case = live_case("fomaml", 1, 2, {})
    assert tally(((case, verdict, "why") for verdict in verdicts), 2) == status
    out = capsys.readouterr().out
    assert said in out and out.count("why") == sum(not v for v in verdicts)
