"""Ensembles: gathered seed by seed, kept, and read back."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from repro.run import Ensemble, Quantity, Run, RunError, StepError, collect, gather
from repro.run.store import Store


def member(seed: int):
    for step in range(3):
        yield {"loss": np.float32(seed + step), "drawn": step}


def gathered(seeds=range(4), make=member, **options) -> Ensemble:
    return gather(make, seeds, **options)


def test_runs_lie_side_by_side():
    found = gathered(range(2, 5))
    assert found.seeds.tolist() == [2, 3, 4]
    assert found.quantities["loss"].values.tolist() == [[2, 3, 4], [3, 4, 5], [4, 5, 6]]
    assert "drawn" not in found.quantities, "a count is no result"


def test_a_process_that_is_lost_is_one_line():
    """Planted: the library's own error, with its traceback."""

    class Pool(ThreadPoolExecutor):
        def submit(self, *_):
            lost = Future()
            lost.set_exception(BrokenExecutor("terminated abruptly"))
            return lost

    with Pool(1) as pool, pytest.raises(RunError, match="terminated abruptly.*free some memory"):
        gathered(executor=pool)


def test_any_executor_will_do():
    with ThreadPoolExecutor(2) as pool:
        found = gathered(executor=pool)
    assert np.array_equal(found.quantities["loss"].values, gathered().quantities["loss"].values)


class Stacked:
    """A member that runs many seeds at once, and by itself no seed. What it is asked for stands in
    a file: a member that holds something else than before is another."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __call__(self, seed: int):
        raise AssertionError("one by one")

    def together(self, seeds):
        with self.log.open("a") as file:
            print(*seeds, file=file)
        return (collect(member(seed)) for seed in seeds)


def test_what_runs_many_seeds_at_once_is_asked_for_those_that_are_missing(tmp_path):
    stacked, store = Stacked(tmp_path / "log"), Store(tmp_path / "kept", print)
    gathered(range(2), stacked, store=store)
    found = gathered(range(4), stacked, store=store)
    assert stacked.log.read_text() == "0 1\n2 3\n"
    assert np.array_equal(found.quantities["loss"].values, gathered().quantities["loss"].values)
    with ThreadPoolExecutor(1) as pool, pytest.raises(AssertionError, match="one by one"):
        gathered(range(2), stacked, executor=pool)


def test_an_ensemble_is_read_back(tmp_path):
    gathered().save(tmp_path / "e.npz")
    found = Ensemble.load(tmp_path / "e.npz")
    assert found.seeds.tolist() == [0, 1, 2, 3]
    assert np.array_equal(found.quantities["loss"].values, gathered().quantities["loss"].values)


def test_runs_that_all_break_off_at_one_step_are_broken_off():
    """Catches an ensemble that looks for numbers that are none, alone."""

    def breaking(seed: int, numbered: bool = False):
        for step in member(seed):
            yield step | ({"step": step["drawn"]} if numbered else {})
        raise ZeroDivisionError

    assert not gathered().diverged.any()
    for make in (breaking, partial(breaking, numbered=True)):
        assert gathered(make=make).diverged.all()


def test_a_damaged_one_is_refused(tmp_path):
    gathered().save(tmp_path / "e.npz")
    content = bytearray((tmp_path / "e.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "e.npz").write_bytes(content)
    with pytest.raises(RunError):
        Ensemble.load(tmp_path / "e.npz")


def test_a_single_run_is_no_ensemble(tmp_path):
    Run({"loss": Quantity([0], np.ones((1, 2)))}).save(tmp_path / "run.npz")
    with pytest.raises(RunError, match="a single run"):
        Ensemble.load(tmp_path / "run.npz")


def test_an_interrupted_ensemble_goes_on(tmp_path):
    """Nothing that was done is done again, and nothing is lost."""
    store, log = Store(tmp_path / "kept", print), tmp_path / "log"

    def logging(seed: int):
        with log.open("a") as file:
            file.write(str(seed))
        if log.read_text() == "0123":
            raise KeyboardInterrupt
        return list(member(seed))

    with pytest.raises(KeyboardInterrupt):
        gathered(make=logging, store=store)
    assert len(gathered(make=logging, store=store)) == 4
    assert log.read_text() == "01233"


def test_a_changed_member_is_run_anew(tmp_path):
    store = Store(tmp_path, print)

    def scaled(factor: float):
        def run(seed: int):
            return {"loss": factor * seed}

        return run

    one = gathered(make=scaled(1.0), store=store).quantities["loss"].values
    two = gathered(make=scaled(2.0), store=store).quantities["loss"].values
    assert np.array_equal(two, 2 * one)


def test_a_run_that_breaks_off_has_diverged(tmp_path):
    def breaking(seed: int):
        yield {"loss": 1.0}
        if seed == 1:
            raise ZeroDivisionError("a loss of 0")
        yield {"loss": 2.0}

    def from_the_start(seed: int):
        if seed == 1:
            raise ZeroDivisionError("at once")
        return {"loss": 1.0}

    for make in (breaking, from_the_start):
        for _ in range(2):  # the second from the store
            found = gathered(make=make, store=Store(tmp_path, print))
            assert found.diverged.tolist() == [False, True, False, False]


def test_nan_has_diverged():
    found = gathered(make=lambda seed: {"loss": np.nan if seed == 2 else 1.0})
    assert found.diverged.tolist() == [False, False, True, False]


def test_steps_may_number_themselves():
    found = gathered(make=lambda seed: [{"step": 250 * i, "loss": 1.0 * i} for i in (1, 2)])
    assert found.quantities["loss"].steps.tolist() == [250, 500]


def test_seeds_are_chosen_in_order():
    assert gathered().of_seeds([2, 0]).quantities["loss"].values[0].tolist() == [2, 0]
    with pytest.raises(RunError, match="no seed 7"):
        gathered().of_seeds([7])


def different_names(seed: int):
    return {"loss" if seed else "lost": 1.0}


def different_shapes(seed: int):
    return {"loss": np.ones(1 + seed)}


@pytest.mark.parametrize("make", [different_names, different_shapes])
def test_runs_that_do_not_fit_together_are_refused(make):
    with pytest.raises(RunError, match="let every seed yield the same"):
        gathered(make=make)


def test_what_yields_nothing_is_refused():
    with pytest.raises(StepError):
        gathered(make=lambda seed: 3)
    with pytest.raises(RunError, match="no floating numbers"):
        gathered(make=lambda seed: {"count": seed})
