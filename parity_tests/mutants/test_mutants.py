"""What once slipped through can still be planted, and planting changes code."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from mutants.can_fail import IN_MEMORY, ON_DISK, UNHELD
from mutants.equivalent import EQUIVALENT
from mutants.mutations import Mutant, planted
from mutants.running import Unsound, faulty_functions, plant
from mutants.slipped import SLIPPED


@pytest.mark.parametrize("row", SLIPPED, ids=[row[0] for row in SLIPPED])
def test_what_slipped_through_can_be_planted(row):
    """Catches a catalogue whose lines are gone, so that `make mutants` would plant nothing."""
    mutant = planted(*row[1:])
    importlib.import_module(mutant.module)
    assert list(faulty_functions(mutant)), "a compiled loop's code is its function's own"


def test_the_tables_name_what_is_there():
    """Catches a file that has moved or was never tried, and a reason for a line that is gone."""
    subjects = {**IN_MEMORY, **ON_DISK}
    tests = {str(p.relative_to("parity_tests")) for p in Path("parity_tests").rglob("test_*.py")}
    assert {*subjects, *UNHELD} == tests and len(subjects) == len(IN_MEMORY) + len(ON_DISK)
    assert [s for s in subjects.values() if not Path(s).exists()] == []
    for file, was, _, _ in EQUIVALENT:
        assert Path(file).read_text().count(was) == 1, was


SOURCE = """
from functools import cached_property

class A:
    @property
    def one(self): return 1
    @cached_property
    def two(self): return 2
    @classmethod
    def three(cls, x=3): return x
    def four(self): return [y for y in (4,)][0]
"""


@pytest.fixture
def module(tmp_path):
    found = ModuleType("mutants_example")
    found.__file__ = str(tmp_path / "example.py")
    exec(compile(SOURCE, found.__file__, "exec", dont_inherit=True), vars(found))
    sys.modules[found.__name__] = found
    yield found
    del sys.modules[found.__name__]


@pytest.mark.parametrize("number", "1234")
def test_a_fault_takes_the_place_of_the_right_code(module, number):
    a = module.A()
    source = SOURCE.replace(f"return {number}", "return 9").replace(f"x={number}", "x=9")
    source = source.replace(f"({number},)", "(9,)")
    plant(Mutant("mutants_example.py", source, 1, "", ""))
    found = {"1": a.one, "2": a.two, "3": a.three(), "4": a.four()}
    assert {n for n, value in found.items() if value == 9} == {number}


def test_a_fault_that_changes_nothing_is_none(module):
    with pytest.raises(Unsound, match="no function is changed"):
        plant(Mutant("mutants_example.py", SOURCE, 1, "", ""))
