"""Writes docs/differences.md, all its figures measured: ``make differences`` (needs a Julia)."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from differences import base_rows, flux_rows
from differences.row import Effects, Row, text

from repro.sides.julia.find import Julia, find_julia

PAGE = Path(__file__).parents[2] / "docs" / "differences.md"

HEAD = """# What Flux, Julia, NumPy and torch compute differently under one name

What a port of Julia code trips over, or need not fear: both formulas, and what it comes to after one step and after a hundred. Every figure is measured. *after one*, *after a hundred*: of optimisers the largest difference of where x is led by 100 recorded gradients, over the way that the Julia side goes; of losses the same of the weights after so many steps of descent; of layers and cells of their outputs, called so often; of functions of one value or of ten numbers, then of a hundred values, as a relative difference, or as the share of the values that differ (%). *rounding* is below 1e-12 in Float64. Where the two are the same, that is measured too.

*Shown by* says where the Julia side comes from. *recorded*: what the original Flux 0.7.3 gave under Julia 1.5.3. *live*: what Julia 1.5.3 gives when the test runs. *source of …*: read in that version's source (or documentation), the formula computed here; torch and NumPy are always run themselves. `parity_tests/differences/test_differences.py` holds each row to its figures by the name in the last column; `make differences` writes the page.

`repro.check` finds any of these in a port by name ([port-your-own.md](port-your-own.md)). How the random numbers of Julia's packages are drawn is in [streams.md](streams.md).
"""  # noqa: E501

COLUMNS = "| what | Julia | Python | after one | after a hundred | shown by | test |"


def every_row() -> list[Row]:
    """In the page's order."""
    return [*flux_rows.rows(), *base_rows.rows()]


def ask(julia: Julia) -> dict[str, np.ndarray]:
    """What Julia answers for its rows, in one start."""
    command = [*map(str, julia.command()), str(base_rows.SCRIPT)]
    done = subprocess.run(command, env=julia.environ(), capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"base.jl ended with {done.returncode}: {done.stderr}")
    return base_rows.answers(done.stdout)


def effects(row: Row, answers: dict[str, np.ndarray]) -> Effects:
    """A row's, measured now."""
    return row.measure(answers[row.key]) if row.shown == "live" else row.measure()


def written(row: Row, found: Effects) -> str:
    """A row as the page has it."""
    one, hundred = (text(value, row.unit) for value in found)
    shown = row.shown if row.shown in ("live", "recorded") else f"source of {row.shown}"
    what = f"{row.what}; {row.note}" if row.note else row.what
    cells = (what, row.julia, row.python, one, hundred, shown, f"`{row.key}`")
    return f"| {' | '.join(cells)} |"


def page(answers: dict[str, np.ndarray]) -> Iterator[str]:
    yield HEAD.rstrip()
    topic = None
    for row in every_row():
        if row.topic != topic:
            topic = row.topic
            yield f"\n## {topic}\n\n{COLUMNS}\n|{'---|' * 7}"
        yield written(row, effects(row, answers))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, default=PAGE)
    options = parser.parse_args()
    options.write.write_text("\n".join(page(ask(find_julia()))) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
