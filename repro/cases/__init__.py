"""What can be computed: a record for each, which everything else finds it by."""

from repro.cases import ecoffet, ecoffet_trained, jang, luna, luna_script
from repro.cases.case import Case as Case
from repro.cases.case import CaseError as CaseError
from repro.cases.record import Conditions as Conditions
from repro.cases.record import Nudge as Nudge
from repro.cases.record import Origin as Origin
from repro.cases.record import Perturbation as Perturbation
from repro.cases.record import Record as Record
from repro.cases.record import Tick as Tick
from repro.cases.record import Together as Together
from repro.cases.record import Watched as Watched
from repro.cases.record import Widened as Widened

RECORDS: dict[str, Record] = {
    record.name: record
    for room in (luna, luna_script, ecoffet, ecoffet_trained, jang)
    for record in room.RECORDS
}
"""All of them, in the order in which tables list them."""


def record_of(case: Case) -> Record:
    """A case's record."""
    return RECORDS[case.function]
