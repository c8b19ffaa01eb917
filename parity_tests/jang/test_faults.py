"""Every planted mistake fails by the very tolerances that `repro parity` holds the port to."""

from __future__ import annotations

import pytest
from jang import held
from jang.faults import FAULTS

from repro.checks import Verdict


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_faithful_port_passes(dtype):
    found = held.first_failure(dtype, 10)
    assert found is None, found


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_fails(fault, monkeypatch):
    for target, name, wrong in fault.patches:
        monkeypatch.setattr(target, name, wrong)
    found = held.first_failure(fault.dtype, 10)
    assert found is not None and found.verdict is Verdict.FAIL, found


def test_there_are_twenty_and_more():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 20
