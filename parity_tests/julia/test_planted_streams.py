"""Every planted wrong stream is caught by recorded rows, and the right one passes those."""

from __future__ import annotations

import numpy as np
import pytest
from julia.planted_streams import PACKAGES, PLANTS, Plant, uncompiled

from repro.julia import MersenneTwister


def _agree(plant: Plant, rows, packages) -> list[bool]:
    wanted, found = set(plant.rows), []
    file = "packages.tsv.xz" if "@" in plant.versions[0] else "streams.tsv.xz"
    for row in rows.rows(file):
        if row.name in wanted and row.seed in plant.seeds and row.generator in plant.generators:
            found += list(_compared(plant, row, rows, packages))
    assert found, f"no recorded row is called {plant.rows}"
    return found


def _compared(plant: Plant, row, rows, packages):
    if "@" in plant.versions[0]:
        for package, julia in packages.runs(row):
            if f"{package}@{julia}" in plant.versions:
                rng, values = packages.draw_row(row, package, julia)
                yield rows.agrees(row, rng, values, rng.rand())
    else:
        for julia in {rows.VERSIONS[version] for version in row.versions} & set(plant.versions):
            rng = rows.fresh(row.generator, row.seed, julia)
            yield rows.agrees(row, rng, rows.drawer(row.name)(rng), rng.rand())


@pytest.mark.parametrize("plant", [*PLANTS, *PACKAGES], ids=lambda plant: plant.name)
def test_a_wrong_stream_is_caught(plant):
    with uncompiled(*plant.sources()) as (rows, packages):
        assert not all(_agree(plant, rows, packages))


@pytest.mark.parametrize("plants", [PLANTS, PACKAGES], ids=["streams", "packages"])
def test_the_right_stream_is_not(plants):
    with uncompiled() as (rows, packages):
        for plant in plants[::3]:
            assert all(_agree(plant, rows, packages)), plant.name


def test_at_least_25_are_planted_each_under_its_own_name():
    names = [plant.name for plant in PLANTS + PACKAGES]
    assert len(set(names)) == len(names) >= 25


def test_uncompiled_and_compiled_loops_agree():
    compiled = MersenneTwister(5).randn(20)
    with uncompiled() as (rows, _):
        assert np.array_equal(rows.MersenneTwister(5).randn(20), compiled)
    assert MersenneTwister is not rows.MersenneTwister
