"""Every planted fault, followed beside a live Julia, is detected and named exactly."""

from __future__ import annotations

import pytest
from planted.catalogue import CATALOGUE
from planted.localised import follow, live
from planted.plant import planted_run

from repro.localise import localise
from repro.sides.iterations import JuliaIterations
from repro.sides.julia.reference import JuliaReference

pytestmark = pytest.mark.julia


@pytest.fixture(scope="module")
def answering(julia):
    with JuliaReference("worker", julia) as reference:
        yield reference


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda f: f.name.replace(" ", "-"))
def test_fault_is_named(fault, answering):
    outcome = follow(fault, answering)
    assert outcome.detected
    assert outcome.named, outcome.found


@pytest.mark.parametrize(
    "fault",
    {(f.function, f.settings, f.eval_interval): f for f in CATALOGUE}.values(),
    ids=lambda f: "-".join([f.function, *(v for _, v in f.settings)]),
)
def test_same_machinery_blames_nothing_without_a_fault(fault, answering):
    case = live(fault)
    followed = localise(case, JuliaIterations(case, answering), planted_run())
    assert followed, followed.finding
    assert followed.values > 1000 and followed.iterations == case.epochs


def test_the_catalogue_is_as_long_as_it_says():
    assert len(CATALOGUE) >= 40
    assert len({f.name for f in CATALOGUE}) == len(CATALOGUE)
