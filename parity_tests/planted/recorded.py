"""Hold a planted fault against a recording."""

from __future__ import annotations

from dataclasses import replace

from planted.catalogue import Fault
from planted.plant import PlantedPort

from repro.checks import Check
from repro.sides import recorded
from repro.sides.parity import parity
from repro.sides.recorded import Recorded


def check_fault(fault: Fault, epochs: int = 40) -> Check:
    """Run the wrong port where the recording ran the original. Without settings the port runs on
    its own defaults, so that a wrong default is a fault like any other."""
    assert fault.recorded is not None, f"{fault.name} needs a live Julia"
    case = recorded.load(fault.recorded).case.upto(epochs)
    if not fault.settings:
        case = replace(case, kwargs={})
    return parity(case, Recorded(), PlantedPort(*fault.changes))
