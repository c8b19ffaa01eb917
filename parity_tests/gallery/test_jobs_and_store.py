"""Kept results: each is one call of a port, and what is damaged or unwritable is named."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from repro.cases import Case
from repro.errors import ReproError
from repro.gallery import training
from repro.gallery.jobs import Job, source_digest
from repro.gallery.runs import Options, Runs, Training
from repro.gallery.training import stream_after, training_job
from repro.julia import MersenneTwister
from repro.run import Run
from repro.run.store import Store

CASES = [
    Case("transfer", "transfer_learn", 3, 45, 10, (10, 20, 30, 40)),
    Case("fomaml", "fomaml", 3, 45, 10),
    Case("reptile", "reptile", 3, 45, 10),
    Case("adam", "fomaml", 3, 45, 10, (), {"meta_opt": "ADAM(0.001)", "inner_opt": "ADAM(0.001)"}),
    Case("momentum", "reptile", 3, 45, 10, (), {"inner_opt": "Momentum(0.001)"}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_job_is_one_call_of_the_port(case):
    """Catches a job that trains in pieces, draws on between them, or keeps another state."""
    from repro import luna
    from repro.cases.luna import arguments_of

    rng = MersenneTwister(case.seed)
    model = luna.sine_model(rng)
    train = getattr(luna, case.function)
    evaluations = train(model, epochs=45, eval_interval=10, rng=rng, **arguments_of(case))
    found = training_job(case.name, case, Options(engine="eager")).compute(lambda n: None)
    assert luna.flatten(model).tobytes() == found["final_weights"].values.tobytes()
    losses = np.stack([e.test_losses for e in evaluations])
    assert losses.tobytes() == found["test_losses"].values.tobytes()
    assert stream_after(found).rand() == rng.rand()


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
    before = os.environ.get("OPENBLAS_CORETYPE")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott" if before == "Haswell" else "Haswell")
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


def counted(values: list[int]) -> Training:
    def compute(tick):
        values.append(1)
        return Run({})

    job = Job("counted", 1, {"device": "cpu"}, (Path(__file__),), compute)
    return Training("counted", lambda options: job)


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


def test_full_disk_is_one_message_and_loses_nothing(tmp_path, monkeypatch):
    def savez(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    computed: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", savez)
        with pytest.raises(ReproError, match="No space left.*everything written before is intact"):
            Runs(Options(), Store(tmp_path, print))[counted(computed)]
    assert not list(tmp_path.glob("*.npz*")), "no temporary file is left behind"
    Runs(Options(), Store(tmp_path, print))[counted(computed)]
    assert len(computed) == 2


def test_unwritable_cache_is_one_message(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReproError, match="REPRO_CACHE_DIR"):
        Runs(Options(), Store(tmp_path / "file" / "runs", print))[counted([])]


def test_an_engine_that_is_not_there_is_refused():
    with pytest.raises(ReproError, match="choose .*eager"):
        key(Options(engine="abacus"))
