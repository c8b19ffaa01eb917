"""Every planted fault, followed beside a live Julia, is detected and named exactly."""

from __future__ import annotations

import pytest
from planted.catalogue import CATALOGUE
from planted.localised import case_of, follow
from planted.plant import PlantedPort

from repro.checks import Verdict
from repro.sides.live import Live
from repro.sides.parity import followed

pytestmark = pytest.mark.julia


@pytest.fixture
def answering(live_julia):
    return Live(live_julia)


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
    case = case_of(fault)
    found = followed(case, answering.operations(case), PlantedPort())
    assert found.verdict in (Verdict.PASS, Verdict.PASS_BITWISE), found.first_excess
    assert sum(r.values for r in found.rounding.values()) > 1000
    assert max(c.steps.max() for c in found.comparisons) == case.epochs


def test_the_catalogue_is_as_long_as_it_says():
    assert len(CATALOGUE) >= 40
    assert len({f.name for f in CATALOGUE}) == len(CATALOGUE)
