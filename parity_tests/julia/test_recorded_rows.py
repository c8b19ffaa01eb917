"""Every recorded row is drawn bit for bit, and the `rand()` after it, or is left out by name."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np
import pytest
from julia import recorded_packages, recorded_rows
from julia.recorded_rows import HERE, VERSIONS, agrees, drawer, fresh, rows
from julia.streams_table import left_out, missing, packages, streams

from repro import check
from repro.checks import Verdict
from repro.checks.noise import Noise, Stream, backward
from repro.julia import MersenneTwister, default_rng, flux_init, mlutils

STREAMS, PACKAGES = rows("streams.tsv.xz"), rows("packages.tsv.xz")


def one_of_each(rows):
    """A row of every name, generator and version, of one seed after the other."""
    alike = defaultdict(list)
    for row in rows:
        alike[row.generator, row.name, row.versions].append(row)
    return [some[i % len(some)] for i, some in enumerate(alike.values())]


def stream_rows(rows, julia):
    """How many were compared, and those that differ."""
    wrong, compared = [], 0
    for row in rows:
        draw = drawer(row.name)
        if draw is None or julia not in {VERSIONS[version] for version in row.versions}:
            continue
        rng = fresh(row.generator, row.seed, julia)
        compared += 1
        if not agrees(row, rng, draw(rng), rng.rand()):
            wrong.append((row.generator, row.seed, row.name))
    return compared, wrong


def package_rows(rows, package):
    """The same of a package's draws, by every release that the row is of."""
    wrong, compared = [], 0
    for row in rows:
        if not row.name.startswith(package) or recorded_packages.drawer(row.name) is None:
            continue
        for release, julia in recorded_packages.runs(row):
            rng, values = recorded_packages.draw_row(row, release, julia)
            compared += 1
            if not agrees(row, rng, values, rng.rand()):
                wrong.append((row.generator, row.seed, row.name, release, julia))
    return compared, wrong


BY_VERSION = {"1.5": 4319, "1.8": 8642, "1.10": 8642, "1.12": 8670}
BY_PACKAGE = {"Distributions": 6873, "Flux": 4461, "MLUtils": 399, "NNlib": 201, "StatsBase": 6276}


@pytest.mark.parametrize("julia", BY_VERSION)
def test_a_row_of_every_draw_is_equal(julia):
    compared, wrong = stream_rows(one_of_each(STREAMS), julia)
    assert compared > BY_VERSION[julia] / 6 and not wrong


@pytest.mark.parametrize("package", BY_PACKAGE)
def test_a_row_of_every_packages_draw_is_equal(package):
    compared, wrong = package_rows(one_of_each(PACKAGES), package)
    assert compared > BY_PACKAGE[package] / 6 and not wrong


@pytest.mark.slow
@pytest.mark.parametrize("julia", BY_VERSION)
def test_every_row_of_the_streams_is_equal(julia):
    assert stream_rows(STREAMS, julia) == (BY_VERSION[julia], [])


@pytest.mark.slow
@pytest.mark.parametrize("package", BY_PACKAGE)
def test_every_row_of_the_packages_is_equal(package):
    assert package_rows(PACKAGES, package) == (BY_PACKAGE[package], [])


def test_no_row_is_left_out_in_silence():
    """Change a number only with the reason in LEFT_OUT that changes it."""
    assert left_out(STREAMS, recorded_rows.LEFT_OUT) == {
        "drawn": 14373,
        "numbers of 128 bits": 895,
        "big integers": 20,
        "strings and characters": 155,
        "holds a character": 25,
    }
    assert left_out(PACKAGES, recorded_packages.LEFT_OUT) == {
        "drawn": 7318,
        "its last bits are LAPACK's; held to a tolerance": 54,
        "a distribution that is not here": 5580,
        "a MvNormal of dependent components": 30,
        "draws Gamma, Poisson, Beta and Binomial": 21,
        "an algorithm that `sample` never calls": 104,
        "a last, shorter batch keeps what the buffer held": 6,
        "goes through classes in the order of a Dict": 6,
        "not here": 18,
    }


def test_the_document_holds_the_tables():
    """`python parity_tests/julia/streams_table.py` prints them anew."""
    document = (HERE.parents[1] / "docs" / "streams.md").read_text()
    assert all(table in document for table in (streams(), packages(), missing()))


ORTHOGONAL = [row for row in PACKAGES if row.name.startswith("Flux.orthogonal_")]


def _orthogonal(row, rng):
    sizes, gain = re.fullmatch(r"Flux\.orthogonal_([\dx]+)(_gain_2)?", row.name).groups()
    ours = flux_init.orthogonal(rng, *recorded_packages.dims(sizes), gain=2 if gain else 1)
    flat = ours.ravel(order="F")
    return flat if len(_first_and_last(row)) == len(flat) else np.append(flat[:6], flat[-2:])


def _hold_orthogonal(row, monkeypatch):
    """Q beside the recorded one, by what a backward error of the matrix grows to in it."""
    qr = np.linalg.qr

    def port(perturbation=None):
        rng = recorded_packages.generator_of(row, recorded_packages.runs(row)[0][1])
        with monkeypatch.context() as patched:
            if perturbation is not None:
                noise = Stream(perturbation)
                patched.setattr(np.linalg, "qr", lambda a: qr(backward(a, Noise.SOLVE, noise)))
            q = _orthogonal(row, rng)
        yield {"q": q, "next": np.array([np.float64(rng.rand()).view(np.uint64)])}

    expected = {"q": _first_and_last(row), "next": np.array([int(row.next, 16)], np.uint64)}
    return check([expected], port)


def test_orthogonal_is_equal_but_for_what_lapack_rounds(monkeypatch):
    assert len(ORTHOGONAL) == 54
    for row in ORTHOGONAL:
        found = _hold_orthogonal(row, monkeypatch)
        assert found, (row.name, found.message)


def test_an_orthogonal_matrix_with_lapacks_signs_is_caught(monkeypatch):
    monkeypatch.setattr(flux_init.np, "sign", np.ones_like)
    assert any(_hold_orthogonal(row, monkeypatch).verdict is Verdict.FAIL for row in ORTHOGONAL[:6])


def _first_and_last(row):
    bits = [int(text, 16) for text in row.values.split() if text != "…"]
    return np.array(bits, dtype=np.uint32).view(np.float32)


# ---- the task-local generator


def _tasks():
    recorded = defaultdict(dict)
    for line in (HERE / "tasks-1.10-DEV.txt").read_text().splitlines():
        name, seed, values = line.split("\t")
        recorded[int(seed)][name] = values
    return recorded.items()


def _bits(*values):
    parts = [np.atleast_1d(np.asarray(v)) for v in values]
    return " ".join(f"{x:x}" for part in parts for x in part.view(np.uint64).tolist())


def _scalars(rng, n=4):
    return [rng.rand() for _ in range(n)]


def _after_3(seed):
    rng = default_rng(seed, "1.10")
    rng.rand(3)
    return rng


def _nested(rng):
    child = rng.fork()
    return child.rand(), child.fork().rand(), child.rand()


def _spawned(seed, i):
    children = [rng.fork() for rng in [_after_3(seed)] for _ in range(5)]
    return children[i].rand(2), children[i].randn(), children[i].rand(10)


@pytest.mark.parametrize(("seed", "recorded"), _tasks())
def test_tasks_of_julia_1_10(seed, recorded):
    rng = default_rng(seed, "1.10")
    assert _bits(rng.state()["state"]) == recorded["state_after_seed!"]
    assert _bits(rng.state()["state"][:4]) == recorded["Xoshiro_state"]
    child = rng.fork()
    assert _bits(child.state()["state"]) == recorded["Task_child_state"]
    assert _bits(rng.state()["state"]) == recorded["Task_parent_after"]
    assert _bits(_scalars(child)) == recorded["Task_child_rand_x4"]
    assert _bits(_scalars(rng)) == recorded["Task_parent_rand_x4_afterwards"]
    again = default_rng(seed, "1.10")
    assert _bits(*_nested(again)) == recorded["nested_async"]
    assert _bits(again.rand()) == recorded["nested_async_parent"]
    for i in range(5):
        assert _bits(*_spawned(seed, i)) == recorded[f"after_3_spawn_child_{i + 1}"]
    loop = default_rng(seed, "1.10")
    assert _bits([loop.fork().rand() for _ in range(6)]) == recorded["sync_async_loop"]
    assert _bits(default_rng(seed, "1.10").rand(100)) == recorded["rand_array_100"]
    assert _bits(default_rng(seed, "1.10").randn(100)) == recorded["randn_array_100"]
    assert _bits(default_rng(seed, "1.10").randperm(20)) == recorded["randperm_20"]
    copied = type(rng).from_state(default_rng(seed + 1, "1.10").state())
    assert _bits(copied.state()["state"]) == recorded["seed!_then_copy!_Xoshiro"].rsplit(" ", 1)[0]


@pytest.mark.parametrize("julia", ["1.8", "1.11"])
def test_forks_of_other_versions_are_not_those_of_1_10(julia):
    """1.8's and 1.11's have no recorded row: what is held is their form."""
    parent, twin = default_rng(7, julia), default_rng(7, julia)
    first, second = parent.fork(), parent.fork()
    assert first != second and first != default_rng(7, "1.10").fork()
    if julia == "1.8":
        [twin.rand() for _ in range(8)]  # a child's words are the parent's next ones
    assert parent.rand() == twin.rand()


def test_a_loop_inside_another_reorders_what_the_outer_one_of_flux_has_left():
    """Flux 0.11 shuffles one vector in place and reads it batch by batch; MLUtils draws a new one.
    Catches an order that is copied when the outer loop begins."""
    loader = mlutils.FluxDataLoader(np.arange(20), 10, shuffle=True, rng=MersenneTwister(1))
    outer = iter(loader)
    first, inner = next(outer), list(loader)
    assert list(next(outer)) == list(inner[1])
    assert sorted([*first, *inner[1]]) != list(range(20))
