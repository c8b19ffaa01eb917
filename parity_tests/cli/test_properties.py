"""Any words on the command line, and any names in a run, end in a line."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import repro
from repro.cli import main
from repro.errors import ReproError

TEXT = st.text(max_size=8)
LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
ODD = st.sampled_from(
    ["--", "-1", "x.npz", "a.py:", ":f", "a.jl:f(", "rand(", "f(x=", "=", "nan", "\0"]
)
COMMANDS = ["check", "check a.npz", "parity --case", "parity --seed", "parity --reference"]
COMMANDS += ["stream Xoshiro(1)", "stream", "record", "figures --only", "cases", "jul"]
# What would compute for long, were every word left out: a name that is none's comes first.
COMMANDS += ["envelope nobody", "ensemble nobody", "ensemble fomaml nobody=1", "drift check"]
COMMANDS += ["drift record nowhere nobody", "drift matrix nobody", "drift accept", "drift history"]


def said(*arguments: str) -> tuple[int, str]:
    """Exit status and what was printed for people."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(out):
        patch.setattr(sys, "argv", ["repro", *arguments])
        with contextlib.redirect_stdout(io.StringIO()), pytest.raises(SystemExit) as end:
            main()
    return end.value.code or 0, out.getvalue()


@given(st.sampled_from(COMMANDS), st.lists(TEXT | ODD, min_size=1, max_size=3))
def test_any_words_end_without_a_traceback(command, words):
    status, printed = said(*command.split(), *words)
    assert status in (0, 2) and "Traceback" not in printed
    assert not Path("nowhere").exists(), "nothing is made of what is refused"


NUMBERS = st.sampled_from([1.0, np.float32(2), np.nan, True, 3, "text", [1.0, 2.0], 1j, None])
STEPS = st.lists(st.dictionaries(TEXT, NUMBERS, max_size=3), max_size=3)


@given(STEPS, STEPS)
def test_any_two_sources_have_a_verdict_or_are_refused(reference, port):
    try:
        found = repro.check(reference, port)
    except ReproError:
        return
    assert found.message.startswith(str(found.verdict)) and str(found.table)


@given(st.dictionaries(LINE, st.just(1.0), min_size=1, max_size=3), LINE)
def test_any_name_is_chosen_or_refused(step, name):
    try:
        found = repro.check([step], [step], names=[name])
    except ReproError as error:
        assert name not in step or " as " in name
        assert "choose from" in str(error) or " as " in str(error)
    else:
        assert found.verdict is repro.Verdict.PASS_BITWISE
