"""Tolerances for every number, from as few perturbed runs as decide."""

from __future__ import annotations

import numpy as np
import pytest

import repro
from repro.checks import Verdict
from repro.checks.compare import Report
from repro.checks.measured import Measured, floor, judge
from repro.checks.noise import Moves, half_ulp
from repro.run import Kind, Quantity, Run

F32 = np.float32


def one(values, kind=Kind.STATE):
    values = np.atleast_2d(np.asarray(values, np.float64))
    return Run({"a": Quantity(np.arange(len(values)), values, kind)})


def drawn(port, spread, heavy=False):
    """Perturbed runs that part from the port by noise of this size."""

    def run(seed, steps=None):
        noise = np.random.default_rng([seed, 7]).normal(size=port["a"].values.shape)
        return one(port["a"].values + spread * (noise**3 if heavy else noise))

    return run


def judged(reference, port, spread, runs=32) -> tuple[Report, int]:
    measured = Measured(port, drawn(port, spread))
    return judge(reference, measured, range(1, runs + 1), strict=True), measured.runs


def test_the_floor_is_ten_ulp_of_what_may_have_cancelled():
    """Catches a mask, a fill value or a large neighbour that rules a whole array."""
    values = np.array([[1.0, 3.0, -1e9, 1e20, 0.0]], F32)
    ulp = np.spacing(np.array([1.0, 3.0, 1e9, 1e20], F32))
    assert np.allclose(floor(values, np.dtype(F32))[0, :2], np.spacing(F32(3)))
    assert np.allclose(floor(values, np.dtype(F32))[0, 2:4], ulp[2:])
    assert floor(values, np.dtype(F32))[0, 4] == np.spacing(F32(0))
    near = np.array([[1.0, 2.0**12, 2.0**14]], F32)
    assert floor(near, np.dtype(F32))[0].tolist() == [2.0**-11, 2.0**-9, 2.0**-9]


def test_each_element_has_its_own_growth():
    """Catches one nearly singular problem of a batch that frees all the others."""
    port = one([1.0, 1.0, 1.0])
    measured = Measured(port, lambda seed, steps: one([1.0, 1.0 + 1e-3 * seed, np.nan]))
    measured.add(1)
    measured.add(2)
    allowed = measured("a", port["a"])[0]
    assert allowed[1] == pytest.approx(2e-2) and allowed[0] == allowed[2] < 1e-14
    assert measured.aside == {"a": 2}
    assert measured.blind("a", port["a"])[0].tolist() == [False, False, True]


def test_no_step_is_allowed_what_an_earlier_one_was():
    port = one([[1.0], [1.0]])
    measured = Measured(port, lambda seed, steps: one([[1.5], [1.0]]))
    measured.add(1)
    assert measured("a", port["a"])[:, 0].tolist() == [5.0, pytest.approx(10 * np.spacing(1.0))]


def test_the_floor_is_of_the_coarser_type():
    """Catches a port in Float64 that is to repeat a reference's every bit of Float32, or one that
    is held to less than its own."""
    coarse, fine = (Run({"a": Quantity([0], np.ones((1, 1), t))}) for t in (F32, np.float64))
    for reference, port in ((coarse, fine), (fine, coarse)):
        measured = Measured(port, lambda seed, steps, port=port: port)
        assert measured("a", reference["a"]).item() == 10 * np.spacing(F32(1))


def test_every_rounding_has_a_run_of_its_own_in_the_steps_that_are_open():
    """Catches quantities of another rounding that are moved by this one's, and steps that are no
    integers."""
    base, seen = Run({n: Quantity([0, 1, 5], np.ones(3)) for n in "abc"}), []
    moves = Moves()

    def run(seed, steps):
        assert steps.dtype == np.int64
        seen.append((moves.coarsest, steps.tolist()))
        return base

    u = float(half_ulp(np.dtype(F32)))
    measured = Measured(base, run, moves, stepwise=True, coarse={"b": u})
    measured.add(1)
    assert seen == [(0, [0, 1, 5]), (u, [0, 1, 5])] and measured.runs == 1
    seen.clear()
    measured.add(2, {"b": np.array([5])})
    measured.add(3, {})
    assert seen == [(u, [5]), (0, [])]


@pytest.mark.parametrize(("reference", "port"), [(9, 6), (6, 9)])
def test_where_the_number_of_steps_hangs_on_the_last_bit_both_are_compared_as_far_as_they_go(
    reference, port
):
    def of(steps, off=0.0):
        return one(np.arange(1.0, steps + 1)[:, None] * (1 + off))

    measured = Measured(of(port), lambda seed, steps: of(5 + seed, 1e-13))
    report = judge(of(reference, 1e-14), measured, range(1, 9), strict=True)
    assert report.verdict is Verdict.PASS and report["a"].steps.tolist() == list(range(6))
    alike = Measured(of(port), lambda seed, steps: of(port, 1e-13))
    assert not judge(of(reference, 1e-14), alike, range(1, 9), strict=True)


@pytest.mark.parametrize(
    ("off", "expected", "runs"),
    [
        pytest.param(5e-16, Verdict.PASS, 0, id="within ten ulp"),
        pytest.param(1e-13, Verdict.PASS, 1, id="as far as one run"),
        pytest.param(1e-6, Verdict.FAIL, 8, id="far beyond eight"),
        pytest.param(4e-10, Verdict.FAIL, 32, id="not so far beyond"),
    ],
)
def test_as_few_runs_as_decide(off, expected, runs):
    """Catches eight runs for every pass, and a failure after one."""
    port = one(np.linspace(1, 2, 20))
    report, made = judged(one(np.linspace(1, 2, 20) + off), port, 1e-12)
    assert (report.verdict, made) == (expected, runs)


def test_more_runs_never_make_a_pass_a_failure():
    rng = np.random.default_rng(0)
    port = one(rng.uniform(1, 2, (5, 10)))
    reference = one(port["a"].values + 1e-12 * rng.normal(size=(5, 10)))
    measured = Measured(port, drawn(port, 1e-12))
    ratios = []
    for seed in range(1, 12):
        measured.add(seed)
        ratios.append(judge(reference, measured, (), strict=True)["a"].worst_ratio)
    assert ratios == sorted(ratios, reverse=True)


def test_how_often_a_right_element_fails():
    """The rates of docs/tolerances.md: a reference off as far as the perturbed runs, or twice."""
    rng = np.random.default_rng(1)
    for times, after_two, after_eight in ((1.0, 0.01, 1e-5), (2.0, 0.035, 6e-5)):
        off = np.abs(times * rng.normal(size=400_000))
        growth = np.abs(rng.normal(size=(8, 400_000)))
        assert np.mean(off > 10 * growth[:2].max(axis=0)) < after_two
        assert np.mean(off > 10 * growth.max(axis=0)) < after_eight


def step_of(function):
    return lambda state, draws: {"y": function(draws["x"]), "k": state["k"]}


def beside(expected, function, x, **options):
    steps = [{"k": np.int64(0)}, {"x": x, "y": expected, "k": np.int64(0)}]
    options = {"resynchronise": True, "draws": ["x"], **options}
    return repro.check(steps, step_of(function), **options)


def test_the_reference_may_be_the_less_exact_side_and_the_failure_says_so():
    """Catches a message that blames the port for the reference's cancellation."""
    x = np.array([1e-3, 0.3, 1.0], F32)
    one_pass = (np.exp(x) - F32(1) - x).astype(F32)
    exact = lambda x: np.exp(x.astype(np.float64)) - 1 - x  # noqa: E731
    result = beside(one_pass, lambda x: np.asarray(exact(x)).astype(x.dtype), x)
    assert result.verdict is Verdict.FAIL
    assert "given Float64 the port computes the same" in result.message
    assert "less exact side" in result.message
    wrong = beside(exact(x).astype(F32) * F32(1.5), lambda x: exact(x).astype(x.dtype), x)
    assert wrong.verdict is Verdict.FAIL and "less exact side" not in wrong.message


def test_a_choice_that_hung_on_the_last_bit_is_said_to():
    x = np.array([0.1, 0.1, 0.05])
    result = beside(np.int64(1), lambda x: np.argmax(x * 3), x)
    assert result.verdict is Verdict.FAIL
    assert "the choice hung on the last bit" in result.message
    clear = beside(np.int64(1), lambda x: np.argmax(x * 3), np.array([0.1, 0.2, 0.5]))
    assert "hung on the last bit" not in clear.message


def test_a_pass_says_how_sharp_it_was_and_what_float32_cannot_see():
    x = np.linspace(0.1, 2, 30).astype(F32)
    result = beside(np.exp(x.astype(float)).astype(F32), np.exp, x)
    sharp = result.resynchronised.report["y"].sharpness
    assert result.verdict and 5e-7 < sharp.median <= sharp.worst < 2e-5 and sharp.dull == 0
    message = result.message
    assert "held to, as a share of each number: `y` " in message
    assert "not noticed in float32" in message
    wide = beside(np.exp(x.astype(float)), lambda x: np.exp(x / 2) ** 2, x.astype(float))
    assert wide.verdict and "not noticed" not in wide.message


def test_what_was_moved_and_what_was_not_is_in_the_message():
    from scipy.special import gammaln

    x = np.linspace(0.1, 2, 30)
    result = beside(np.exp(gammaln(x)) * (1 + 5e-15), lambda x: np.exp(gammaln(x)), x)
    assert f"perturbed runs: {result.resynchronised.measured.runs}, moving" in result.message
    assert "in no row of the table, moved by an ulp: gammaln" in result.message


def test_its_inputs_agreed_is_said_of_what_was_judged_alone():
    x = np.linspace(0.1, 2, 5)

    def step(state, draws):
        lost = 0 * np.log(0 * draws["x"])
        return {"lost": lost, "y": draws["x"] * 2.5, "k": state["k"]}

    with np.errstate(all="ignore"):
        made = {"lost": x * np.nan, "y": x * 2, "k": np.int64(0)}
        result = repro.check([{"k": np.int64(0)}, {"x": x, **made}], step, resynchronise=True,
                             draws=["x"])  # fmt: skip
    assert result.first.name == "y" and "its inputs agreed" not in result.message
    assert "of what went into it `lost` was not judged" in result.message


def test_where_nothing_may_differ_no_sharpness_is_told():
    steps = [{"a": np.arange(3.0)}]
    assert "held to" not in repro.check(steps, steps, tolerance=repro.Bitwise()).message
    assert "held to" in repro.check(steps, lambda: steps).message


def doubling(seen):
    """A step that loses digits in step 4 alone, and counts its calls."""

    def step(state, draws):
        seen.append(int(state["k"]) + 1)
        x = draws["x"] * np.exp(draws["x"] * 3)
        y = (x + draws["big"]) - draws["big"]
        return {"y": y, "k": state["k"] + 1}

    return step


def doubling_reference(step):
    state = {"k": np.int64(0)}
    yield state
    for t in range(1, 10):
        draws = {"x": np.linspace(0.1, 1, 5), "big": np.full(5, 1e9 if t == 4 else 0.0)}
        state = step(state, draws)
        yield {**draws, "y": state["y"] * (1 + (3e-9 if t == 4 else 3e-16)), "k": state["k"]}


def test_open_steps_alone_are_run_perturbed_and_as_in_a_whole_run():
    """Catches perturbed runs of steps that are settled, or a randomness that hangs on them."""
    from repro.checks.stepping import Roles, Stepper

    seen = []
    run = repro.run.run_of(list(doubling_reference(doubling([]))))
    stepper = Stepper.on(doubling(seen), run, Roles(["x", "big"]))
    whole, alone = stepper.resynchronised(1), stepper.resynchronised(1, np.array([4]))
    assert alone["y"].steps.tolist() == [4]
    assert np.array_equal(alone["y"].values[0], whole["y"].at(np.array([4]))[0])
    first = stepper.free(1, np.array([4]))
    assert np.array_equal(first["y"].values, stepper.free(1).upto(4)["y"].values)
    seen.clear()
    result = repro.check(run, doubling(seen), resynchronise=True, draws=["x", "big"])
    assert result.verdict is Verdict.PASS, result.message
    runs = [pair.measured.runs for pair in result.pairs]
    assert 0 < max(runs) < 8 and result.resynchronised.report["y"].judged.candidates.sum() == 45
    assert seen.count(9) == 3, "both ways as they are, and a repeat: step 9 needs no perturbed run"


def test_half_of_a_quantity_that_is_nan_on_both_sides_is_undecided():
    """Catches a wrong logarithm whose NaN agree with the reference's."""
    x = np.linspace(-2, 0.9, 30)
    with np.errstate(all="ignore"):
        result = beside(np.log(x), lambda x: np.log(x) * (x < 0.5) + np.log(x) * (x >= 0.5), x)
    assert result.verdict is Verdict.UNDECIDED and "y" in result.message


def test_progress_is_shown_on_a_terminal_where_it_takes_long(monkeypatch, capsys):
    from repro import progress

    def port():
        return [{"a": np.exp(np.linspace(1, 2, 5)) - np.exp(1.0)}]

    off = [{"a": port()[0]["a"] * (1 + 1e-12)}]
    monkeypatch.setattr(progress, "PATIENCE", 0)
    repro.check(off, port)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    repro.check(off, port)
    told = capsys.readouterr().err
    assert "own run: perturbed run 1 of at most 32, open: a" in told and told.endswith("\x1b[K")


def test_a_quantity_of_several_shapes_is_measured_in_each():
    """Catches a perturbed run of later steps alone, which calls the later shape after the first."""

    def changing(step):
        reference = doubling_reference(step)
        yield next(reference)
        for t, found in enumerate(reference, 1):
            yield {n: a if n == "k" or t < 3 else np.repeat(a, 2) for n, a in found.items()}

    result = repro.check(
        changing(doubling([])), doubling([]), resynchronise=True, draws=["x", "big"]
    )
    assert result.verdict is Verdict.PASS, result.message
    assert all(pair.measured.runs for pair in result.pairs)


def test_a_name_of_some_steps_is_not_missed_in_runs_of_others():
    """Catches a note of runs that broke off where none did."""

    def now_and_then(step):
        def some(state, draws):
            return step(state, draws) | ({"z": draws["x"] * 2} if state["k"] == 1 else {})

        return some

    step = now_and_then(doubling([]))
    reference = [found | ({"z": found["x"] * 2} if found["k"] == 2 else {})
                 for found in doubling_reference(doubling([]))]  # fmt: skip
    result = repro.check(reference, step, resynchronise=True, draws=["x", "big"])
    assert result.verdict is Verdict.PASS, result.message
    assert all(pair.measured.runs and not pair.measured.short for pair in result.pairs)


def test_a_run_that_ends_before_the_open_step_is_told():
    """Catches one whose earlier steps are taken for those that are open."""
    base = Run({"a": Quantity(np.arange(10), np.ones(10))})
    measured = Measured(base, lambda seed, steps: base.upto(4), stepwise=True)
    measured.add(1, {"a": np.array([3])})
    assert measured.short == 0
    measured.add(2, {"a": np.array([9])})
    assert measured.short == 1
