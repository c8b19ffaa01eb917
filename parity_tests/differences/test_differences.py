"""docs/differences.md: each row's figures are what both sides give now."""

from __future__ import annotations

import pytest
from differences.page import PAGE, ask, effects, every_row, written
from differences.row import same

ROWS = every_row()
PRINTED = {
    line.split("`")[-2]: [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and line.endswith("` |")
}
UPDATE = "write the page anew: make differences"


def held(row, answers):
    found = effects(row, answers)
    *words, one, hundred, shown, key = PRINTED[row.key]
    fresh = [cell.strip() for cell in written(row, found).strip("| ").split(" | ")]
    assert [*words, shown, key] == [*fresh[:3], *fresh[5:]], UPDATE
    for printed, value in zip((one, hundred), found, strict=True):
        assert same(printed, value, row.unit), f"{row.key}: {printed}, now {value}. {UPDATE}"


def test_the_page_has_every_row_once():
    assert [*PRINTED] == [row.key for row in ROWS] and len(ROWS) > 60, UPDATE


@pytest.mark.parametrize("row", [r for r in ROWS if r.shown != "live"], ids=lambda r: r.key)
def test_beside_flux(row):
    held(row, {})


@pytest.mark.julia
def test_beside_a_live_julia(julia):
    """One start for all of them; they are Julia 1.5.3's figures."""
    if julia.version_info[:2] != (1, 5):
        pytest.skip(f"NOT RUN: the page has Julia 1.5.3's figures, here is {julia.version}")
    answers = ask(julia)
    for row in ROWS:
        if row.shown == "live":
            held(row, answers)


@pytest.mark.parametrize(
    ("printed", "value", "unit", "agrees"),
    [
        ("0.24", 0.24, "relative", True),
        ("0.24", 0.6, "relative", False),
        ("rounding", 3e-16, "relative", True),
        ("rounding", 1e-9, "relative", False),
        ("0", 1e-16, "relative", True),
        ("0", 1e-9, "relative", False),
        ("rounding", 1e-7, "rounding", True),
        ("rounding", 1e-5, "rounding", False),
        ("42 %", 0.45, "share", True),
        ("42 %", 0.60, "share", False),
        ("below 1e-06", 3e-8, "rounding", True),
        ("below 1e-06", 3e-5, "rounding", False),
        ("some differ", 0.0, "any", False),
    ],
)
def test_a_figure_that_is_no_longer_so_is_noticed(printed, value, unit, agrees):
    assert same(printed, value, unit) is agrees
