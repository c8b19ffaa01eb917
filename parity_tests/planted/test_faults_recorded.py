"""Every planted fault that a recording can show must FAIL; the port with none must not."""

from __future__ import annotations

import pytest
from planted.catalogue import CATALOGUE
from planted.plant import Change, PlantedPort
from planted.recorded import check_fault

from repro.checks import Verdict
from repro.sides import recorded
from repro.sides.parity import parity
from repro.sides.recorded import Recorded

EPOCHS = 3
RECORDED = [f for f in CATALOGUE if f.recorded is not None]


@pytest.mark.parametrize("fault", RECORDED, ids=lambda f: f.name.replace(" ", "-"))
def test_fault_fails(fault):
    assert check_fault(fault, EPOCHS).verdict is Verdict.FAIL


@pytest.mark.parametrize("name", sorted({f.recorded for f in RECORDED}))
def test_same_machinery_passes_without_a_fault(name):
    """Without this, a planting that broke every port would look like perfect detection."""
    case = recorded.load(name).case.upto(EPOCHS)
    assert parity(case, Recorded(), PlantedPort())


def test_a_fault_whose_source_has_moved_on_is_refused():
    with pytest.raises(ValueError, match="not once"):
        PlantedPort(Change("repro.luna.fomaml", "no such line", ""))


def test_planting_leaves_the_real_port_alone():
    import repro.luna
    from repro.sides import port

    before = repro.luna, port, repro.luna.fomaml
    PlantedPort(Change("repro.luna.fomaml", "add_(grad[name])", "add_(2 * grad[name])"))
    import repro.luna as after
    from repro.sides import port as port_after

    assert before == (after, port_after, after.fomaml)


def test_what_is_given_is_not_compared_with_itself():
    """Catches test points of the port's own, which every loss and prediction would agree on: the
    wave's range in Float64 as NumPy spaces it, 27 of 50 points off by an ulp."""
    (fault,) = (f for f in CATALOGUE if f.name == "NumPy's linspace for Julia's range")
    found = check_fault(fault, EPOCHS)
    assert [c.name for c in found.own.comparisons if not c.verdict] == ["eval_testx"]
    assert (found.first.step, found.first.name) == (1, "eval_testx")
