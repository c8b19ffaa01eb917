"""Hold a planted fault against a recording."""

from __future__ import annotations

from dataclasses import replace

from planted.catalogue import Fault
from planted.plant import planted_run

from repro.plan import MAIN_EPOCHS
from repro.sides import recorded
from repro.suite import Recorded, Result, check


def check_fault(fault: Fault, epochs: int = MAIN_EPOCHS) -> Result:
    """Run the wrong port where the recording ran the original. Without settings the port runs on
    its own defaults, so that a wrong default is a fault like any other."""
    assert fault.recorded is not None, f"{fault.name} needs a live Julia"
    case = recorded.load(fault.recorded).case.upto(epochs)
    if not fault.settings:
        case = replace(case, kwargs={})
    return check(case, Recorded(), run=planted_run(*fault.changes))
