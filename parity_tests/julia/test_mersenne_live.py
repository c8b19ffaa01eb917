"""MersenneTwister against a live Julia <= 1.6, on cases that are not in the recording."""

from __future__ import annotations

import random

import pytest

from repro.julia import MersenneTwister
from repro.sides.julia.find import CHOOSE_IT

pytestmark = pytest.mark.julia


def test_fresh_draws_agree(recorder, first_difference, julia, not_run):
    if julia.version_info >= (1, 7):
        not_run(f"Julia {julia.version} draws another stream: {CHOOSE_IT}")
    dice = random.Random("live")
    cases = [f"{dice.getrandbits(64)} | {recorder.TEN_THOUSAND}" for _ in range(5)]
    cases += [recorder.mixed(dice) for _ in range(300)]
    answers = recorder.ask(julia.command(), cases, julia.environ())
    recording = zip(cases, (answer.split() for answer in answers), strict=True)
    assert first_difference(MersenneTwister, recording) is None
