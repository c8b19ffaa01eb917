"""Rules and envelopes to the last ulp: what they allow, and to what they apply."""

from __future__ import annotations

import numpy as np
import pytest

from repro.checks import Bitwise, Growth, Ulps
from repro.checks.envelope import FACTOR, Envelope, measure, monotone, quantum
from repro.checks.measured import Measured
from repro.checks.rules import Pooled, Saved, ToleranceError
from repro.run import Kind, Provenance, Quantity, Run, RunError

F32, NAN, INF = np.float32, np.nan, np.inf


def quantity(values, kind=Kind.STATE, steps=None, dtype=F32):
    values = np.asarray(values, dtype)
    return Quantity(np.arange(len(values)) if steps is None else steps, values, kind)


def test_every_step_has_its_own_ulp():
    """Catches one quantum for all steps, an infinity that sets it, and rows by their largest."""
    a = [[1.0, -4.0], [0.5, 0.25], [INF, 1.0], [NAN, 2.0], [-INF, NAN]]
    e = 2.0**-23
    assert quantum(quantity(a)).tolist() == [4 * e, e / 2, e, 2 * e, 2.0**-149]
    assert quantum(quantity(a[:2], Kind.ROWS)).tolist() == [[e, 4 * e], [e / 2, e / 4]]
    assert quantum(quantity(np.ones((2, 0)))).tolist() == [2.0**-149] * 2
    budget = Ulps(3, because="counted").bind(None)("a", quantity(a[:3]))
    assert budget.shape == (3, 1) and budget.ravel().tolist() == [12 * e, 1.5 * e, 3 * e]


def test_budgets_of_names_and_of_arrays():
    by_name = Ulps({"w": 2}, because="counted").bind(None)
    assert by_name("w as float32[1]", quantity([1.0])).tolist() == [2.0**-22]
    with pytest.raises(ToleranceError, match="no ulp budget for 'v'"):
        by_name("v", quantity([1.0]))
    for bad in (np.inf, -1e-9, np.nan):
        with pytest.raises(ToleranceError, match="the ulp budget of 'w' is .*: state a finite one"):
            Ulps(bad, because="counted").bind(None)("w", quantity([1.0]))
    seen = []
    own = Ulps(lambda name, a: seen.append((name, a.tolist())) or len(seen), because="counted")
    assert own.bind(None)("w", quantity([[1.0], [1.0]])).ravel().tolist() == [2.0**-23, 2.0**-22]
    assert seen == [("w", [1.0]), ("w", [1.0])] and own.words == "ulp budget: counted"
    assert Ulps(0, because="copied").bind(None)("w", quantity([1.0])).tolist() == [0]
    assert Bitwise().bind(None)("w", quantity(np.ones((2, 3, 4)))).shape == (2, 1, 1)
    assert not Bitwise().bind(None)("w", quantity([1.0])).any()


def envelope(growth, steps=(0, 1), kind=Kind.STATE):
    return Envelope({"a": Quantity(np.array(steps), np.asarray(growth, float), kind)})


def test_an_envelope_allows_ten_times_its_growth_and_ten_ulp_at_least():
    """Catches no floor, half of it, and one growth for all steps."""
    found = envelope([0.0, 0.5]).tolerance("a", quantity([[1.0, 2.0], [1.0, 2.0]]))
    assert FACTOR == 10 and found.ravel().tolist() == [10 * 2.0**-22, 5.0]
    assert found.shape == (2, 1)
    part = envelope([0.25, 0.5]).tolerance("a", quantity([1.0], steps=[1]))
    assert part.tolist() == [5.0]
    rows = envelope([[0.0, 0.5]], [0], Kind.ROWS).tolerance("a", quantity([[4.0, 1.0]], Kind.ROWS))
    assert rows.tolist() == [[10 * 2.0**-21, 5.0]]
    assert not envelope([1.0, 1.0]).tolerance("a", quantity([[1.0], [1.0]], Kind.DRAW)).any()


def test_an_envelope_covers_what_was_measured_alone():
    """Catches one that covers any step, or any name."""
    measured = envelope([0.1, 0.2])
    for name, steps in (("a", [0, 2]), ("a", [5]), ("b", [0])):
        with pytest.raises(RunError, match=f"does not cover {name}: measure it again"):
            measured.tolerance(name, quantity(np.ones(len(steps)), steps=np.array(steps)))
    assert measured.tolerance("b", quantity([1.0], Kind.DRAW)).tolist() == [0]


def side(seed):
    w = np.ones((3, 2)) + (0 if seed is None else np.array([[0, 0], [seed, 0], [0, 0.5]]))
    rows = np.ones((1, 3)) + (0 if seed is None else np.array([[0, seed, 1]]))
    kinds = {"w": Kind.STATE, "r": Kind.RESULT, "n": Kind.DRAW}
    found = {name: Quantity(np.arange(3), w, kind) for name, kind in kinds.items()}
    made = Provenance("side", details={"kept": 1})
    return Run({**found, "t": Quantity([0], rows, Kind.ROWS)}, made)


def test_growth_is_the_largest_of_all_perturbed_runs_and_of_a_state_lasts():
    found = measure(side, (1, 2, 1))
    assert {n: q.values.tolist() for n, q in found.growth.items()} == {
        "w": [0, 2, 2],
        "r": [0, 2, 0.5],
        "t": [[0, 2, 2]],
    }
    assert found.growth["w"].steps.tolist() == [0, 1, 2] and found.growth["t"].kind is Kind.ROWS
    assert found.provenance.source == "side"
    assert found.provenance.details == {"kept": 1, "perturbations": ["1", "2", "1"]}
    assert monotone(Kind.RESULT, np.array([[3.0, 1], [0, 2]])).tolist() == [3, 2]


def test_an_envelope_is_read_as_it_was_written(tmp_path):
    measured = measure(side, (1,))
    measured.save(tmp_path / "e.npz")
    again = Envelope.load(tmp_path / "e.npz")
    for name, q in measured.growth.items():
        assert (
            np.array_equal(again.growth[name].values, q.values)
            and again.growth[name].kind is q.kind
        )
    assert again.provenance == measured.provenance


def test_a_saved_rule_is_cut_at_what_there_may_be():
    reference = quantity([[1.0], [1.0]])
    rule = Saved(envelope([0.5, 9.0]), {"a": 20.0, "b": 1.0}, {"a": "once"})
    assert rule.bind(None)("a", reference).ravel().tolist() == [5.0, 20.0]
    assert rule.undecided_ok == {"a": "once"}
    assert Saved(envelope([0.5, 9.0])).bind(None)("a", reference).ravel().tolist() == [5.0, 90.0]
    assert Saved(measure(side, (1, 2))).words.startswith("saved: 10 times what 2 perturbed runs")
    assert Saved(envelope([0, 0])).words.startswith("saved: 10 times what 0 perturbed runs")


def test_the_perturbations_that_are_asked_for_are_run():
    """Catches `perturbations=` ignored, or none at all."""
    ran = []

    def run(seed, steps=None):
        ran.append(seed)
        return side(seed)

    for rule in (Pooled(run, [4, 2]), Pooled(run)):
        allowed = rule.bind(None)("w", side(None)["w"])
        assert allowed.ravel()[1:].tolist() == [10 * max(ran[1:])] * 2
        assert f"what {len(ran) - 1} perturbations of the start" in rule.words
        assert ran == [None, *([4, 2] if len(ran) == 3 else range(1, 9))]
        ran.clear()
    bound = Growth([7, 5]).bind(run)
    assert ran == [None, 7, 5] and bound.runs == 2
    assert bound("w", side(None)["w"])[1, 0] == 70
    assert Growth(range(100, 120)).bind(run).runs == 8 and Growth().perturbations == (
        *range(1, 33),
    )
    with pytest.raises(ToleranceError, match="give at least one seed"):
        Growth([])
    with pytest.raises(ToleranceError, match="cannot be run perturbed"):
        Growth().bind(None)


def test_the_measured_floor_is_ten_ulp():
    """Catches no floor, half of one, and a growth in its place that is smaller."""
    port = Run({"a": quantity([[1.0, 2.0]])})
    still = Measured(port, lambda seed, steps: port)
    for _ in range(2):
        assert still("a", port["a"]).tolist() == [[10 * 2.0**-22] * 2]
        still.add(1)
    grown = Run({"a": quantity([[1.25, 2.0]])})
    moved = Measured(port, lambda seed, steps: grown)
    moved.add(1)
    assert moved("a", port["a"]).tolist() == [[2.5, 10 * 2.0**-22]]


def test_what_failed_is_measured_by_eight_times_as_many_runs():
    def run(seed):
        raise AssertionError("only asked for")

    more = Pooled(run, [4, 2]).patient()
    assert more.on is run and more.perturbations == tuple(range(1, 17))


def test_growth_of_nothing_is_nothing_and_rows_grow_along_their_last_axis():
    assert monotone(Kind.STATE, np.empty((2, 0))).tolist() == [0, 0]
    rows = np.array([[[2.0, 1.0], [0.0, 3.0]]])
    assert monotone(Kind.ROWS, rows).tolist() == [[[2, 2], [0, 3]]]
