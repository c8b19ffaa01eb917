"""Quantities, runs and their files: every step, name, type and shape counts."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest

from repro.run import (
    Kind,
    Provenance,
    Quantity,
    Run,
    RunError,
    atomic,
    base_name,
    collect,
    digest,
    form,
    rows,
    run_of,
    steps_of,
    under,
    write_npz,
)


@pytest.mark.parametrize("steps", [[1, 1], [2, 1], [0, 1, 1], [0, 5, 4]])
def test_steps_increase(steps):
    """Catches equal steps in a trajectory."""
    with pytest.raises(ValueError, match="must increase strictly: sort or merge them"):
        Quantity(steps, np.ones(len(steps)))
    assert Quantity(np.array([1, 2], np.int32), np.ones(2)).steps.dtype == np.int64


@pytest.mark.parametrize(("steps", "values"), [([0, 1], [1.0]), ([0], [1.0, 2]), ([[0]], [1.0])])
def test_there_is_one_step_for_each_value(steps, values):
    """Catches lengths that differ."""
    with pytest.raises(ValueError, match="needs one step per value"):
        Quantity(steps, np.array(values))


def test_a_kind_is_one_of_four():
    assert Quantity([0], np.ones(1)).kind is Kind.STATE
    assert Quantity([0], np.ones(1), "draw").kind is Kind.DRAW
    with pytest.raises(ValueError, match="kind 'rows' is unknown: choose draw, state, results"):
        Quantity([0], np.ones(1), "rows")


def test_at_gives_the_steps_that_are_asked_for():
    """Catches the next step's values."""
    q = Quantity([0, 3, 10], np.array([[1, 2], [3, 4], [5, 6]]))
    assert q.at(np.array([3])).tolist() == [[3, 4]]
    assert q.at(np.array([0, 10])).tolist() == [[1, 2], [5, 6]]
    assert q.at(np.array([], int)).shape == (0, 2)


def test_upto_ends_with_the_step_itself():
    """Catches `upto` without its end, and quantities that are left without steps."""
    q = Quantity([0, 3, 10], np.arange(3.0), Kind.RESULT)
    part = q.upto(3)
    assert (part.steps.tolist(), part.values.tolist(), part.kind) == ([0, 3], [0, 1], Kind.RESULT)
    run = Run({"a": q, "late": Quantity([5], np.ones(1))}, Provenance("x")).upto(3)
    assert list(run.quantities) == ["a"] and run.provenance == Provenance("x")
    assert list(Run({"a": q}).upto(-1).quantities) == []


def test_from_steps_in_any_order_and_once():
    q = Quantity.over({7: [1.0], 2: [0.5]}, Kind.RESULT)
    assert q.steps.tolist() == [2, 7] and q.values.tolist() == [[0.5], [1.0]]
    q = Quantity.once([1.0, 2], Kind.DRAW, 4)
    assert (q.steps.tolist(), q.values.tolist(), q.kind) == ([4], [[1, 2]], Kind.DRAW)
    assert Quantity.once(1.0, Kind.DRAW).steps.tolist() == [0]


def test_a_step_is_a_row_whatever_its_shape():
    for shape in ((2, 3, 4), (2, 0, 4), (2,)):
        assert rows(np.ones(shape)).shape == (2, int(np.prod(shape[1:])))


def test_complex_numbers_in_parts():
    run = Run({"z": Quantity([0], np.array([[1 + 2j, 3]])), "x": Quantity([0], np.ones(1))})
    assert run.in_parts()["z"].values.tolist() == [[[1, 2], [3, 0]]]
    assert run.in_parts()["x"].values.tolist() == [1]


def test_a_digest_sees_names_types_shapes_and_bytes():
    """Catches a digest that is blind to one of them."""
    a = np.arange(6, dtype=np.int32)
    others = [{"a": a}, {"b": a}, {"a": a.view(np.float32)}, {"a": a.view(np.uint32)}]
    others += [{"a": a.reshape(2, 3)}, {"a": a.reshape(3, 2)}, {"a": a[None]}, {"a": a + 1}]
    others += [{"a": a, "b": a}, {"a": a, "b": a[:0]}, {}, {"a": a.astype(">i4")}]
    for one, other in itertools.combinations(map(digest, others), 2):
        assert one != other
    assert digest({"a": a, "b": a + 1}) == digest({"b": a + 1, "a": a})
    swapped = np.asfortranarray(a.reshape(2, 3))
    assert digest({"a": swapped}) == digest({"a": a.reshape(2, 3)})


def test_a_file_can_be_read_by_others_and_comes_whole_or_not_at_all(tmp_path):
    """Catches files that are left as private as temporary ones are."""
    path = tmp_path / "new" / "run.npz"
    write_npz(path, {"a": np.ones(2)})
    assert path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(KeyError), atomic(path) as temporary:
        assert temporary.parent == path.parent and temporary.name.startswith(".run.npz.")
        temporary.write_text("half")
        raise KeyError
    assert list(path.parent.iterdir()) == [path] and path.stat().st_size > 10


def test_each_form_of_a_quantity_has_its_own_steps():
    """Catches a form without its steps, or with another's."""
    steps = [{"x": np.ones(n, np.float32)} for n in (4, 4, 2, 4, 2)]
    run = run_of(steps)
    assert {n: q.steps.tolist() for n, q in run.quantities.items()} == {
        "x": [0, 1, 3],
        "x as float32[2]": [2, 4],
    }
    assert [list(map(len, found.values())) for found in steps_of(run).values()] == [
        [4], [4], [2], [4], [2]
    ]  # fmt: skip
    assert form(np.ones((2, 3), np.float32)) == "float32[2, 3]" and form(np.array(1)) == "integer[]"
    assert base_name("x as float32[2]") == "x" and under("x.y as integer[]", ["x"])
    assert not under("xy", ["x"]) and under("x", ["x"])


def test_names_stand_in_the_order_of_the_fullest_step():
    run = run_of([{name: np.ones(1) for name in names} for names in ("wb", "gbw")])
    assert list(run.quantities) == ["g", "b", "w"]
    run = run_of([{"w": 1.0 * np.ones(1)}, {"g": np.ones(1), "w": np.ones(1)}, {"g": np.ones(1)}])
    assert list(run.quantities) == ["g", "w"]
    assert run["g"].steps.tolist() == [1, 2] and run["w"].steps.tolist() == [0, 1]
    kinds = run_of([{"f": np.ones(1), "n": np.ones(1, int), "z": np.ones(1, complex)}])
    assert [q.kind for q in kinds.quantities.values()] == [Kind.STATE, Kind.DRAW, Kind.STATE]


def test_one_step_alone_is_a_run():
    for source in ({"a": 1.5}, lambda: {"a": 1.5}):
        run = collect(source)
        assert (run["a"].steps.tolist(), run["a"].values.tolist()) == ([0], [1.5])


def test_a_run_that_breaks_off_keeps_its_steps_and_says_why():
    def source():
        yield {"a": 1.0}
        raise FloatingPointError("the loss is NaN")

    run = collect(source)
    assert run.broke_off == "FloatingPointError: the loss is NaN"
    assert run["a"].steps.tolist() == [0] and collect([{"a": 1.0}]).broke_off is None


def test_a_run_is_named_after_what_made_it():
    assert collect([{"a": 1.0}]).provenance.source == "list"
    assert collect(lambda: [{"a": 1.0}]).provenance.source.endswith("<lambda>")
    assert collect(functools.partial(list, [{"a": 1.0}])).provenance.source == "partial"


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "a" * 60_001])
def test_a_name_that_no_file_gives_back_is_refused(name):
    """Catches a run that is saved and cannot be read: zip cuts names off at a NUL."""
    with pytest.raises(RunError, match="name it otherwise"):
        Run({name: Quantity.once(1.0, Kind.RESULT)})
    assert Run({"a" * 60_000: Quantity.once(1.0, Kind.RESULT)})


def test_what_they_show_of_themselves():
    number, matrices = Quantity.once(1.0, Kind.RESULT), Quantity([0, 1], np.zeros((2, 3, 4)))
    assert repr(number) == "<Quantity results, float64, a number, at 1 steps>"
    assert repr(matrices) == "<Quantity state, float64, 3 x 4, at 2 steps>"
    run = Run({"a": number, "b": matrices}, Provenance("somebody"))
    assert repr(run) == "<Run of a, b; somebody>" and "<Run of nothing;" in repr(Run({}))
