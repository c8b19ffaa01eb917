"""Recordings as data: read, written and refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from repro.cases import record_of
from repro.run import Provenance, Quantity, Run, RunError, WritingError, read_npz, write_npz
from repro.sides import recorded


@pytest.mark.parametrize("name", recorded.names())
def test_every_recording_loads_and_covers_its_case(name):
    found = recorded.load(name)
    assert found.case.name == name
    run = found.run()
    if "weights" in run.quantities:
        assert tuple(run["weights"].steps) == found.case.weight_epochs
    for name in {"test_losses", "losses"} & {*run.quantities}:
        assert len(run[name].values) == found.case.epochs // found.case.eval_interval


def test_unknown_name_lists_the_known():
    with pytest.raises(recorded.RecordingError, match="choose from fomaml_seed0_dense"):
        recorded.load("fomaml_seed3")


def test_a_written_recording_reads_back_the_same(tmp_path):
    original = recorded.load("reptile_seed2_batch12")
    recorded.save(original.case, original.run(), tmp_path)
    again = recorded.load(original.case.name, tmp_path)
    assert again.case == original.case
    for name, quantity in original.run().quantities.items():
        assert np.array_equal(quantity.values, again.run()[name].values)
        assert np.array_equal(quantity.steps, again.run()[name].steps)


def test_a_folder_s_own_recording_is_read_with_its_own_generator(tmp_path):
    """Catches the shipped one of the same name."""
    stored = recorded.load("reptile_seed2_batch12")
    case, run = replace(stored.case, generator="Xoshiro"), stored.run()
    moved = {n: replace(q, values=q.values + 1) for n, q in run.quantities.items()}
    recorded.save(case, replace(run, quantities=moved), tmp_path)
    again = recorded.load(case.name, tmp_path).case
    assert again.generator == "Xoshiro"
    found = recorded.Recorded(tmp_path).run(again)
    assert all(np.array_equal(found[n].values, q.values) for n, q in moved.items())


def test_a_recorded_side_says_what_it_is_of_and_may_be_cut():
    stored = recorded.load("reptile_seed2_batch12")
    case = stored.case
    run = recorded.Recorded().run(case)
    made = run.provenance
    assert (made.source, made.case, made.function) == ("recorded", case.name, case.function)
    assert (made.seed, made.epochs, made.sha256) == (case.seed, case.epochs, stored.sha256)
    assert made.generator == f"{case.generator}({case.seed})" and made.details
    short = recorded.Recorded().run(case.upto(30))
    assert {int(q.steps[-1]) for q in short.quantities.values()} <= set(range(31))
    assert all(
        np.array_equal(q.values, run[n].upto(30).values) for n, q in short.quantities.items()
    )


def test_recordings_of_one_folder_stand_beside_each_other_and_are_written_anew(tmp_path):
    """Catches an index or checksums that know the last recording alone."""
    written = [recorded.load(name) for name in ("reptile_seed2_batch12", "fomaml_seed2_tasks7")]
    for one in (*written, written[0]):
        recorded.save(one.case, one.run(), tmp_path)
    assert recorded.names(tmp_path) == ("fomaml_seed2_tasks7", "reptile_seed2_batch12")
    assert [recorded.load(one.case.name, tmp_path).case for one in written] == [
        one.case for one in written
    ]


def test_test_points_are_of_the_type_that_was_drawn_in():
    """Catches points in Float64 of a run in Float32."""
    for name, dtype in (("fomaml_seed0_dense", "f4"), ("transfer_learn_blog_seed0_dense", "f8")):
        assert recorded.load(name).arrays["eval_testx"].dtype == dtype


def test_a_folder_without_envelopes_is_measured_of_its_own_case(tmp_path, monkeypatch):
    case = recorded.load("reptile_seed2_batch12").case
    monkeypatch.setattr(recorded, "growth", lambda of: ("measured of", of))
    assert recorded.Recorded(tmp_path).rule(case) == ("measured of", case)


def test_a_pooled_envelope_may_leave_a_quantity_undecided_by_name_alone():
    def accepted(name):
        return set(recorded.Recorded().rule(recorded.load(name).case).undecided_ok)

    assert accepted("reptile_seed2_meta_adam") == {"weights"}
    assert not accepted("fomaml_seed0_dense")


def test_a_damaged_recording_or_index_is_refused_by_name(tmp_path):
    original = recorded.load("reptile_seed2_batch12")
    path = recorded.save(original.case, original.run(), tmp_path)
    files = [p for p in tmp_path.iterdir() if p.name != ".lock"]
    assert path == tmp_path / "reptile_seed2_batch12.npz" and len(files) == 3
    assert recorded.names(tmp_path) == ("reptile_seed2_batch12",)
    whole = path.read_bytes()
    for name, content in ((path.name, whole + b"."), ("index.json", b"{}")):
        before = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content)
        for cached in (recorded.index, recorded.names, recorded.load):
            cached.cache_clear()
        with pytest.raises(recorded.RecordingError, match=f"{name} is damaged: its SHA-256"):
            recorded.load("reptile_seed2_batch12", tmp_path)
        (tmp_path / name).write_bytes(before)
    path.unlink()
    with pytest.raises(recorded.RecordingError, match=f"{path.name} is missing: record it again"):
        recorded.load("reptile_seed2_batch12", tmp_path)


def test_pickles_are_refused(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, weights=np.array([{"a": 1}], dtype=object))
    with pytest.raises(RunError, match="cannot be read"):
        read_npz(path)


def test_trajectory_file_round_trip_and_damage(tmp_path):
    path = tmp_path / "t.npz"
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    Run({"a": Quantity(np.array([1, 5]), values, "runs")}, Provenance(seed=3)).save(path)
    found = Run.load(path)
    assert found["a"].kind == "runs" and found.provenance.seed == 3
    assert np.array_equal(found["a"].values, values)
    arrays = read_npz(path)
    arrays["runs:a"] = arrays["runs:a"] + 1
    write_npz(path, arrays)
    with pytest.raises(RunError, match="checksum"):
        Run.load(path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(RunError, match="cannot be read"):
        Run.load(path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "t.npz"
    write_npz(path, {"a": np.ones(3)})

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(WritingError, match="No space left.*free some space"):
        write_npz(path, {"a": np.zeros(3)})
    assert np.array_equal(read_npz(path)["a"], np.ones(3))
    assert list(tmp_path.iterdir()) == [path]


def test_a_recording_is_held_by_its_own_envelope_and_its_records_limits():
    """Catches an envelope that is not read, and a largest difference that is dropped."""
    name = next(n for n in recorded.names() if record_of(recorded.load(n).case).at_most)
    case = recorded.load(name).case
    rule = recorded.Recorded().rule(case)
    assert set(rule.envelope.growth) and rule.at_most == record_of(case).at_most


def test_until_the_new_file_is_there_the_old_ones_sum_counts_if_it_is_intact(tmp_path):
    """Catches a write that is broken off and leaves an old file that is called damaged."""
    sums, file, new = tmp_path / "sums.json", tmp_path / "a.npz", tmp_path / "new"
    file.write_bytes(b"old")
    new.write_bytes(b"new")
    old = recorded.file_sha256(file)
    sums.write_text(json.dumps({file.name: [old]}))
    assert recorded._either(sums, {file: new}) == {file.name: [old, recorded.file_sha256(new)]}
    file.write_bytes(b"damaged")
    assert recorded._either(sums, {file: new}) == {file.name: [recorded.file_sha256(new)]}


def test_what_the_package_brings_is_restored_and_other_recordings_are_made_again(tmp_path):
    assert recorded._restore(recorded.FOLDER) == recorded.RESTORE
    assert "repro record" in recorded._restore(tmp_path)
