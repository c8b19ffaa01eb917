"""The time to go, on a clock of the test's own."""

from __future__ import annotations

from rich.console import Console

from repro.cli.job_progress import estimates, spell, watch
from repro.gallery.jobs import Job
from repro.run import Run

JOB = Job("fomaml", 50_000, {}, (), lambda tick: Run({}))


def lines(seconds_per_tick: list[float]) -> list[str]:
    said: list[str] = []
    now = 0.0
    tick = estimates(JOB, said.append, lambda: now)
    for seconds in seconds_per_tick:
        now += seconds
        tick(1000)
    return said


def test_compiling_in_the_first_piece_is_no_part_of_the_estimate():
    said = lines([40.0] + [3.0] * 6)
    assert said == [
        "fomaml: 2,000 of 50,000 iterations, 2 min 24 s to go",
        "fomaml: 7,000 of 50,000 iterations, 2 min 9 s to go",
    ]


def test_short_jobs_say_nothing_on_the_way():
    assert lines([0.1] * 50) == []


def test_what_a_job_took_is_said(capsys):
    with watch(JOB, Console(force_terminal=False, width=100)) as tick:
        tick(50_000)
    out = capsys.readouterr().out
    assert "fomaml: 50,000 iterations, 0.0 s" in out


def test_on_a_terminal_there_is_a_bar(capsys):
    with watch(JOB, Console(force_terminal=True, width=100)) as tick:
        tick(50_000)
    assert "50000/50000" in capsys.readouterr().out


def test_spelling():
    assert [spell(s) for s in (4.21, 59.94, 60.0, 190.4)] == [
        "4.2 s", "59.9 s", "1 min 0 s", "3 min 10 s",
    ]  # fmt: skip
