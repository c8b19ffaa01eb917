"""Kept results: an interruption changes no bit, and what is damaged or unwritable is named."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import repro.run
from repro.case import Case
from repro.errors import ReproError
from repro.gallery import training
from repro.gallery.jobs import Job, source_digest
from repro.gallery.runs import Options, Run, Runs
from repro.gallery.store import Store
from repro.gallery.training import Training, training_job
from repro.run import Run

CASES = [
    Case("transfer", "transfer_learn", 3, 45, 10, (10, 20, 30, 40)),
    Case("fomaml", "fomaml", 3, 45, 10),
    Case("reptile", "reptile", 3, 45, 10),
    Case("adam", "fomaml", 3, 45, 10, (), {"meta_opt": "ADAM(0.001)", "inner_opt": "ADAM(0.001)"}),
    Case("momentum", "reptile", 3, 45, 10, (), {"inner_opt": "Momentum(0.001)"}),
]


class Interrupted(Exception):
    """Stands for a Ctrl-C."""


@pytest.fixture
def checkpoints(monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT", 10)


def interrupted_at(n: int):
    """A tick that breaks off after n iterations."""
    done = 0

    def tick(more: int) -> None:
        nonlocal done
        done += more
        if done >= n:
            raise Interrupted

    return tick


def same_bits(a: Run, b: Run) -> None:
    assert a.quantities.keys() == b.quantities.keys()
    for name, series in a.quantities.items():
        other = b[name]
        assert series.steps.tolist() == other.steps.tolist(), name
        assert series.values.dtype == other.values.dtype, name
        assert series.values.tobytes() == other.values.tobytes(), name


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_resumed_run_has_the_bits_of_an_uninterrupted_one(case, checkpoints, tmp_path):
    whole = Training(case, "cpu", "eager").run(lambda so_far: None, lambda n: None)
    path = tmp_path / "checkpoint.npz"
    with pytest.raises(Interrupted):
        keep = lambda so_far: so_far.save(path)  # noqa: E731
        Training(case, "cpu", "eager").run(keep, interrupted_at(30))
    so_far = Run.load(path)
    assert so_far["now_weights"].steps.tolist() == [20], "the last checkpoint before the end"
    resumed = Training(case, "cpu", "eager", so_far=so_far).run(lambda s: None, lambda n: None)
    same_bits(whole, resumed)


@pytest.mark.parametrize("forgotten", ["now_rng_position", "now_weights", "now_meta_opt_m"])
def test_a_checkpoint_that_forgot_something_would_be_noticed(forgotten, checkpoints):
    """What the test above is worth: a wrong part of the state changes the bits."""
    case = CASES[3]
    kept: list[Run] = []
    whole = Training(case, "cpu", "eager").run(kept.append, lambda n: None)
    series = dict(kept[1].quantities)
    wrong = series[forgotten].values.copy()
    wrong += 1 if wrong.dtype.kind == "i" else np.float32(1e-3)
    series[forgotten] = replace(series[forgotten], values=wrong)
    resumed = Training(case, "cpu", "eager", so_far=Run(series))
    with pytest.raises(AssertionError):
        same_bits(whole, resumed.run(lambda s: None, lambda n: None))


def test_pieces_are_one_long_call():
    """The pieces of a job against one call of the port, which knows nothing of pieces."""
    from repro import luna
    from repro.julia import MersenneTwister

    case = CASES[1]
    rng = MersenneTwister(case.seed)
    model = luna.sine_model(rng)
    evaluations = luna.fomaml(model, epochs=45, eval_interval=10, rng=rng)
    found = Training(case, "cpu", "eager").run(lambda s: None, lambda n: None)
    assert luna.flatten(model).tobytes() == found["now_weights"].values.tobytes()
    losses = np.stack([e.test_losses for e in evaluations])
    assert losses.tobytes() == found["test_losses"].values.tobytes()
    assert found["now_rng_position"].values[0] == rng.state()["position"]


# Keys


def key(options: Options, **changes) -> str:
    return training_job("fomaml", replace(CASES[1], **changes), options).key()


def test_key_is_the_content_of_what_made_the_result(monkeypatch):
    eager = Options(engine="eager")
    same = key(eager)
    assert key(eager) == same
    others = [
        key(eager, seed=4),
        key(eager, epochs=46),
        key(eager, eval_interval=5),
        key(eager, kwargs={"n_tasks": 2}),
        key(replace(eager, perturbation=1)),
    ]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert key(eager) == same, "make sets it, the command line sets torch's threads itself"
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    others.append(key(eager))
    assert len({same, *others}) == 1 + len(others)


def test_key_changes_with_a_source_file(tmp_path):
    source = tmp_path / "port.py"
    source.write_text("x = 1\n")
    before = source_digest([source])
    source.write_text("x = 2\n")
    assert source_digest([source]) != before


def test_sources_hold_every_file_that_the_ports_import():
    """A file that computes and is not hashed would leave stale results in use."""
    names = {f"{path.parent.name}/{path.name}" for path in training.SOURCES}
    assert {"luna/fomaml.py", "luna/sine.py", "flux/layers.py", "flux/optimise.py"} <= names
    assert {"julia/dsfmt.py", "julia/mersenne.py", "gallery/training.py"} <= names


# The store


def counted(values: list[int]) -> Run:
    def compute(so_far, keep, tick):
        values.append(1)
        return Run({})

    job = Job("counted", 1, {"device": "cpu"}, (Path(__file__),), compute)
    return Run("counted", lambda options: job)


def test_a_result_is_computed_once(tmp_path):
    computed: list[int] = []
    for _ in range(3):
        Runs(Options(), Store(tmp_path, print))[counted(computed)]
    assert len(computed) == 1


@pytest.mark.parametrize("damage", [b"", b"no zip file at all", None])
def test_a_damaged_entry_is_named_set_aside_and_computed_anew(tmp_path, damage):
    computed: list[int] = []
    run, warnings = counted(computed), []
    Runs(Options(), Store(tmp_path, print))[run]
    (path,) = tmp_path.glob("*.npz")
    content = damage if damage is not None else path.read_bytes()[:-40] + b"x" * 40
    path.write_bytes(content)
    other = tmp_path / "other.npz"
    other.write_bytes(b"of another run")

    Runs(Options(), Store(tmp_path, warnings.append))[run]
    assert len(computed) == 2
    assert len(warnings) == 1 and path.name in warnings[0] and "computed anew" in warnings[0]
    assert path.with_name(path.name + ".damaged").read_bytes() == content
    assert other.read_bytes() == b"of another run"
    assert Run.load(path)


def test_a_damaged_checkpoint_starts_the_run_anew(tmp_path, checkpoints):
    options, warnings = Options(engine="eager"), []
    run = Run("fomaml", lambda options: training_job("fomaml", CASES[1], options))
    whole = Runs(options, Store(tmp_path / "a", print))[run]
    store = Store(tmp_path / "b", warnings.append)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / f"{run.job(options).key()}.part.npz").write_bytes(b"half of it")
    same_bits(whole, Runs(options, store)[run])
    assert len(warnings) == 1


def full_disk(monkeypatch, after: int = 0) -> None:
    """Let every write of a trajectory after the first few fail as on a full disk."""
    real, count = np.savez_compressed, 0

    def savez(*args, **kwargs):
        nonlocal count
        count += 1
        if count > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(*args, **kwargs)

    monkeypatch.setattr(repro.run.np, "savez_compressed", savez)


def test_full_disk_is_one_message_and_loses_no_checkpoint(tmp_path, checkpoints, monkeypatch):
    options = Options(engine="eager")
    run = Run("fomaml", lambda options: training_job("fomaml", CASES[1], options))
    whole = Runs(options, Store(tmp_path / "a", print))[run]
    with monkeypatch.context() as patch:
        full_disk(patch, after=2)
        with pytest.raises(ReproError, match="No space left.*everything written before is intact"):
            Runs(options, Store(tmp_path / "b", print))[run]
    (part,) = (tmp_path / "b").glob("*.part.npz")
    assert Run.load(part)["now_weights"].steps.tolist() == [20]
    assert not list((tmp_path / "b").glob(".*")), "no temporary file is left behind"
    ticks: list[int] = []

    @contextmanager
    def watch(job, done):
        ticks.append(done)
        yield ticks.append

    resumed = Runs(options, Store(tmp_path / "b", print), watch)
    same_bits(whole, resumed[run])
    assert ticks == [20, 10, 10, 5], "it went on after the checkpoint"
    assert not list((tmp_path / "b").glob("*.part.npz"))


def test_unwritable_cache_is_one_message(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReproError, match="REPRO_CACHE_DIR"):
        Runs(Options(), Store(tmp_path / "file" / "runs", print))[counted([])]


def test_an_engine_that_is_not_there_is_refused():
    with pytest.raises(ReproError, match="choose .*eager"):
        key(Options(engine="abacus"))
