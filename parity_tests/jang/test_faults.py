"""Every planted mistake exceeds the limits that the faithful port keeps."""

from __future__ import annotations

import pytest
from jang import held
from jang.faults import FAULTS


def short(dtype: str) -> held.Apart:
    return held.apart(dtype, 20, 20)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_faithful_port_passes(dtype):
    assert not short(dtype).fails


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_fails(fault, monkeypatch):
    for target, name, wrong in fault.patches:
        monkeypatch.setattr(target, name, wrong)
    found = short(fault.dtype)
    assert found.fails, found


def test_there_are_twenty_and_more():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 20
