"""A baseline is the old one or the new one, and one that cannot be used is refused by name."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace

import pytest

from repro.cases import Nudge
from repro.drift import DriftError, Grade, drift, summary, take
from repro.drift.baseline import INDEX, alone, load, write
from repro.drift.grade import differences
from repro.drift.running import accept, held, opened, record
from repro.drift.taken import Control, exact, thinned
from repro.run import Kind
from repro.sides import recorded
from repro.sides.port import Port

CASE = recorded.load("jax_fit_float32_seed0").case.upto(3)
NONE = Control(not_run="not wanted")


@pytest.fixture(scope="module")
def taken():
    return take(CASE, control=NONE)


@pytest.fixture
def folder(tmp_path, taken):
    write(tmp_path / "base", ["jax_fit_float32"], [(CASE, taken)], [{"because": "recorded"}])
    return tmp_path / "base"


def test_what_is_read_is_what_was_written(folder, taken):
    found = load(folder)
    assert found.cases == (CASE,) and found.history == ({"because": "recorded"},)
    again = drift(CASE, found.taken(CASE), taken)
    assert again.grade is Grade.SAME and again.where == "every bit is equal"
    assert again.environment == {}
    assert differences({}, {"environment": {"A": "1"}}) == {"environment.A": ("not set", "1")}


def test_draws_are_kept_as_digests_and_large_states_at_their_end(taken):
    run = thinned(Port().run(CASE))
    assert run["init_weights"].values.dtype.kind == "U"
    assert run["weights"].steps.tolist() == [3] and run["weights"].kind is Kind.STATE


def test_moved_weights_are_changed_in_the_first_operation(taken):
    class Moved(Port):
        def run(self, case, perturbation=None):
            return super().run(case, Nudge(1))

    found = drift(CASE, taken, take(CASE, Moved(), NONE), Moved())
    assert found.grade is Grade.CHANGED
    assert "`init.layers.0.weight` in step 0 is beyond" in found.where


def test_the_whole_is_what_same_bits_rests_on(taken):
    """Operations in another order, or marks that collide: no mark differs."""
    other = replace(taken, marks=replace(taken.marks, whole="0" * 64))
    found = drift(CASE, taken, other)
    assert found.grade is not Grade.SAME and "order of its operations" in found.where


def test_files_that_are_not_ours_are_left_alone(folder, taken):
    (folder / "mine.npz").write_bytes(b"mine")
    (folder / ".gitignore").write_text("secrets")
    with alone(folder):
        write(folder, [], [(CASE, taken)], [])
    assert (folder / "mine.npz").read_bytes() == b"mine"
    assert (folder / ".gitignore").read_text() == "secrets"


def test_another_control_is_never_harmless(taken):
    one, other = (replace(taken, control=Control(sha)) for sha in ("a" * 64, "b" * 64))
    assert drift(CASE, one, one).grade is Grade.SAME
    assert drift(CASE, one, other).grade is Grade.CHANGED
    assert "exact engine" in drift(CASE, one, other).where


WITHOUT = {"platform": "Linux x86_64", "instruction_sets": "sse4_2 avx"}
ARM = {"platform": "Linux aarch64", "instruction_sets": ""}


@pytest.fixture
def control(monkeypatch):
    """`control(processor)`: the exact engine's run of a case there, and how often it was run."""
    ran = []

    class Engine:
        def __init__(self, name):
            assert name == "exact"

        def run(self, case):
            ran.append(case)
            return Port().run(CASE)

    def make(processor):
        monkeypatch.setattr("repro.drift.taken.Port", Engine)
        monkeypatch.setattr("repro.drift.taken.settings", lambda: processor)
        return exact(recorded.load("fomaml_seed2_tasks7").case), len(ran)

    return make


@pytest.mark.parametrize("processor", [WITHOUT | {"instruction_sets": "avx fma"}, ARM])
def test_a_processor_that_has_a_fused_multiply_add_runs_the_control(control, processor):
    found, times = control(processor)
    assert found.sha256 and times == 1


def test_one_without_says_so_and_runs_none(control, taken):
    found, times = control(WITHOUT)
    assert not found.sha256 and times == 0 and "fused multiply-add" in found.not_run
    one = drift(CASE, replace(taken, control=Control("a" * 64)), replace(taken, control=found))
    assert one.grade is Grade.SAME and summary.control(one) == "not run"
    (said,) = summary.not_controlled([one])
    assert found.not_run in said and CASE.label in said and said in summary.markdown([one], "Drift")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: (f / INDEX).unlink(), "there is no baseline in"),
        (lambda f: (f / INDEX).write_text("{"), "is damaged"),
        (lambda f: _edit(f, "asked", ["fomaml"], seal=False), "does not fit its content"),
        (lambda f: _edit(f, "project", "0.0.9"), "was recorded by julia-parity 0.0.9"),
        (lambda f: _edit(f, "schema", 99), "layout 99"),
        (lambda f: next(f.glob("*.npz")).unlink(), "is damaged (No such file"),
        (lambda f: next(f.glob("*.npz")).write_bytes(b"x"), "its SHA-256 is not"),
    ],
)
def test_a_baseline_that_cannot_be_used_is_refused_by_name(folder, damage, says):
    damage(folder)
    with pytest.raises(DriftError) as refused:
        load(folder).taken(CASE)
    assert says in str(refused.value) and str(folder) in str(refused.value)


def _edit(folder, key, value, seal=True):
    from repro.drift.baseline import _sha256

    index = json.loads((folder / INDEX).read_text())
    index[key] = value
    sha256 = index.pop("sha256")
    sealed = _sha256(index) if seal else sha256
    (folder / INDEX).write_text(json.dumps({**index, "sha256": sealed}))


def test_other_cases_are_refused(folder):
    with pytest.raises(DriftError, match="has another case jax_fit_float32_seed0"):
        opened(folder, ["jax_fit_float32"])  # a hundred iterations, of three
    with pytest.raises(DriftError, match="alone has case jax_fit"):
        opened(folder, ["eval_model"])


def test_two_that_write_do_not_meet(folder):
    with alone(folder), pytest.raises(DriftError, match="another command is writing"):
        record(folder, ["eval_model"])
    with pytest.raises(DriftError, match="holds a baseline"):
        record(folder, ["eval_model"])


def test_accepting_takes_a_reason_and_is_in_the_history(folder):
    baseline = load(folder)
    found = list(held(baseline))
    with pytest.raises(DriftError, match="say why"):
        accept(baseline, found, " ")
    accept(baseline, found, "another torch")
    history = load(folder).history
    assert [one["because"] for one in history] == ["recorded", "another torch"]
    assert history[-1]["grades"][CASE.name].startswith("same bits")
    with pytest.raises(DriftError, match="has changed meanwhile"):
        accept(baseline, found, "the same again")


def test_killed_anywhere_it_is_the_old_or_the_new(folder, taken):
    """Every call by which the folder is changed is the last one in turn; the reader never sees a
    half, and the next writer sweeps up."""
    new = replace(taken, control=Control("a" * 64))
    for last in range(40):
        child = os.fork()
        if child == 0:  # dies in the middle, without a word
            _die_after(last)
            write(folder, ["jax_fit_float32"], [(CASE, new)], [{"because": "new"}])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        found = load(folder)
        expected = {"recorded": taken.control, "new": new.control}
        assert found.taken(CASE).control == expected[found.history[0]["because"]]
        if os.waitstatus_to_exitcode(status) == 0:
            break
    else:
        pytest.fail("it was never let to its end")
    assert last > 5, "the calls are not seen any more"
    assert {p.suffix for p in folder.iterdir()} == {".json", ".npz"}


def _die_after(calls: int) -> None:
    """End this process at the so-many-th call that changes a file."""
    left = [calls]

    def watch(event: str, args: tuple) -> None:
        writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
        if writes or event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod"):
            left[0] -= 1
            if left[0] < 0:
                os._exit(9)

    sys.addaudithook(watch)
