"""Ports written as one step: a wrong operation told apart from amplified rounding."""

from __future__ import annotations

import numpy as np
import pytest

import repro
from repro.checks import Bitwise, Ulps, Verdict
from repro.errors import ReproError

F32 = np.float32
SIZES = (16, 16, 16, 5) * 6
"""Points per batch: the last of each epoch is shorter."""


def batches():
    rng = np.random.default_rng(4)
    for size in SIZES:
        x = rng.normal(size=(3, size)).astype(F32)
        yield x, (x[0] + x[1] > 0.3)[None].astype(F32)


def sigmoid(z):
    return F32(1) / (F32(1) + np.exp(-z))


def reference():
    """Momentum on a logistic loss; products are summed in Float64, unlike the port's."""
    W, b, v = np.array([[0.1, -0.2, 0.3]], F32), np.zeros(1, F32), np.zeros((1, 3), F32)
    yield {"W": W, "b": b, "v": v}
    for x, y in batches():
        z = (W.astype(float) @ x + b).astype(F32)
        p = sigmoid(z)
        d = (p - y) / F32(y.size)
        dW = (d.astype(float) @ x.T).astype(F32)
        db = d.sum(axis=1, dtype=float).astype(F32)
        v = F32(0.9) * v + F32(0.2) * dW
        W, b = W - v, b - F32(0.2) * db
        yield {"x": x, "y": y, "z": z, "p": p, "d": d, "dW": dW, "db": db, "v": v, "W": W, "b": b}


STEP = """
def step(state, draws):
    W, b, v = state["W"], state["b"], state["v"]
    x, y = draws["x"], draws["y"]
    z = W @ x + b
    p = sigmoid(z)
    d = (p - y) / F32(y.size)
    dW = d @ x.T
    db = d.sum(axis=1)
    v = F32(0.9) * v + F32(0.2) * dW
    W = W - v
    b = b - F32(0.2) * db
    return {"z": z, "p": p, "d": d, "dW": dW, "db": db, "v": v, "W": W, "b": b}
"""


def port(old="", new=""):
    """The step function, with one line's text changed."""
    assert STEP.count(old) == 1 or not old
    names = {"np": np, "F32": F32, "sigmoid": sigmoid}
    exec(STEP.replace(old, new) if old else STEP, names)
    return names["step"]


def check(step, **options):
    return repro.check(reference, step, resynchronise=True, draws=("x", "y"), **options)


def test_a_right_port_passes_both_ways():
    result = check(port())
    assert result.verdict is Verdict.PASS and result.first is None
    assert result.own.verdict is result.resynchronised.verdict is Verdict.PASS


FAULTS = [
    ("bias left out", "W @ x + b", "W @ x", "z", 2),
    ("features in another order", "W @ x + b", "W @ x[::-1] + b", "z", 1),
    ("tanh for sigmoid", "sigmoid(z)", "np.tanh(z)", "p", 1),
    ("sigmoid in half precision", "sigmoid(z)", "F32(np.float16(sigmoid(z)))", "p", 1),
    ("sigmoid in Float64", "sigmoid(z)", "1 / (1 + np.exp(-z.astype(float)))", "p", 1),
    ("sign of the error", "p - y", "y - p", "d", 1),
    ("always the full batch's size", "F32(y.size)", "F32(16)", "d", 4),
    ("gradient of the last point alone", "d @ x.T", "d[:, -1:] @ x[:, -1:].T", "dW", 1),
    ("gradient back to front", "d @ x.T", "(d @ x.T)[:, ::-1]", "dW", 1),
    ("bias gradient averaged", "d.sum(axis=1)", "d.mean(axis=1)", "db", 1),
    ("momentum dropped", "F32(0.9) * v + ", "", "v", 2),
    ("momentum of 0.899", "F32(0.9)", "F32(0.899)", "v", 2),
    ("no learning rate in the momentum", "F32(0.2) * dW", "F32(0.1) * dW", "v", 1),
    ("ascent", "W - v", "W + v", "W", 1),
    ("Nesterov", "W - v", "W - (F32(0.9) * v + F32(0.2) * dW)", "W", 1),
    ("bias not updated", "b - F32(0.2) * db", "b", "b", 1),
    ("bias rate off by a thousandth", "b - F32(0.2) * db", "b - F32(0.2002) * db", "b", 1),
]


@pytest.mark.parametrize(
    ("old", "new", "name", "step"), [pytest.param(*f[1:], id=f[0]) for f in FAULTS]
)
def test_a_planted_fault_is_named(old, new, name, step):
    result = check(port(old, new))
    assert result.verdict is Verdict.FAIL
    assert (result.first.step, result.first.name) == (step, name) and result.first.resynchronised
    message = result.message
    assert f"first wrong: `{name}` in step {step}" in message
    assert message.splitlines()[-1].startswith("Next: ") and f"`{name}`" in message.splitlines()[-1]


CHAOS_STEPS = 120


def chaos(rate=3.9):
    x = F32(0.3)
    yield {"x": x}
    for _ in range(CHAOS_STEPS):
        left = F32(1) - x
        x = F32(rate) * x * left
        yield {"left": left, "x": x}


def chaotic_step(state, draws, rate=3.9):
    x = state["x"]
    return {"left": F32(1) - x, "x": F32(rate) * (x - x * x)}


def test_amplified_rounding_is_no_wrong_operation():
    """The port rounds otherwise, and is as far off as can be after 60 steps of chaos."""
    result = repro.check(chaos, chaotic_step, resynchronise=True)
    assert result.own.report["x"].absolute.max() > 0.1
    assert result.own.verdict is Verdict.UNDECIDED and result.resynchronised.verdict
    assert result.verdict is Verdict.PASS, "each of its steps was judged"


def test_a_wrong_operation_that_chaos_hides_is_found_resynchronised():
    """Catches a fault that begins where the tolerance of the port's own run allows anything."""
    steps = list(chaos())
    for t in range(100, CHAOS_STEPS):
        # The reference itself changes its rate: a schedule that the port does not have.
        steps[t + 1] = next(s for i, s in enumerate(_from(steps[t]["x"], 3.8)) if i == 1)
    result = repro.check(steps, chaotic_step, resynchronise=True)
    assert result.own.verdict is Verdict.UNDECIDED
    assert result.verdict is Verdict.FAIL
    assert (result.first.step, result.first.name) == (101, "x") and result.first.resynchronised


def _from(x, rate):
    yield {"x": x}
    left = F32(1) - x
    yield {"left": left, "x": F32(rate) * x * left}


def test_the_exact_run_gets_all_its_inputs_in_float64():
    """Catches draws that stay narrow, so that the reference's own rounding is the port's."""
    from repro.checks.stepping import Roles, Stepper
    from repro.run import collect

    seen = set()

    def step(state, draws):
        seen.update(a.dtype for a in (*state.values(), *draws.values()))
        return port()(state, draws)

    stepper = Stepper.on(step, collect(reference), Roles(("x", "y")))
    stepper.resynchronised(wide=True)
    assert seen == {np.dtype(float)}
    assert {n: a.dtype for n, a in stepper.draws_at(1).items()} == {"x": F32, "y": F32}


def test_state_that_a_port_keeps_to_itself_is_found():
    """Catches Adam's counter, or momentum, in a closure: resynchronising cannot reach it."""
    kept = {"v": np.zeros((1, 3), F32)}
    right = port()

    def step(state, draws):
        made = right({**state, "v": kept["v"]}, draws)
        kept["v"] = made["v"]
        return made

    result = check(step)
    assert result.verdict is Verdict.ERROR
    assert "does not repeat itself" in result.message and "keep nothing between" in result.message


def test_a_port_that_changes_what_it_is_given_changes_its_own():
    def step(state, draws):
        made = port()(state, draws)
        state["W"][:] = draws["x"][:] = np.nan
        return made

    assert check(step)


def test_a_stated_budget_holds_every_way():
    """Catches a budget that never reaches the port's own run, so that nothing can pass there."""
    budgets = {"z": 8, "p": 16, "d": 64, "dW": 256, "db": 256, "v": 64, "W": 64, "b": 64}
    budget = Ulps(budgets, because="for this test, generously")
    result = check(port(), tolerance=budget)
    assert result.verdict is Verdict.PASS
    assert result.resynchronised.rule == result.own.rule == budget.words
    tight = check(port(), tolerance=Ulps(0, because="as if nothing rounded"))
    assert not tight.own.verdict and not tight.resynchronised.verdict
    assert not check(port(), tolerance=Bitwise())


def test_labels_are_not_perturbed():
    """Catches a perturbation that turns a class into none: the step asks whether y is 1."""
    step = port("(p - y)", "(p - (y == 1).astype(F32))")
    assert check(step).verdict is Verdict.PASS
    seen = []

    def spy(state, draws):
        seen.append((float(draws["y"].sum() % 1), float(draws["x"].ravel()[0])))
        return step(state, draws)

    check(spy)
    assert {fraction for fraction, _ in seen} == {0.0}
    assert len({x for _, x in seen}) > len(SIZES), "x is moved"


def test_what_comes_from_the_reference_is_not_compared():
    """Catches a check that counts the reference's own draws and first state as agreement."""

    def echo(state, draws):
        return {**port()(state, draws), "x": draws["x"]}

    report = check(echo).own.report
    assert not {"x", "y"} & {c.name for c in report.comparisons}
    assert all(c.steps.min() >= 1 for c in report.comparisons)


def test_a_step_that_breaks_off_fails():
    def step(state, draws):
        if draws["y"].size == 5:
            raise FloatingPointError("overflow")
        return port()(state, draws)

    result = check(step)
    assert result.verdict is Verdict.FAIL
    assert "the port broke off after step 3: FloatingPointError" in result.message


def test_save_writes_the_resynchronised_steps_too(tmp_path):
    names = [p.name for p in check(port()).save(tmp_path)]
    assert names == ["reference.npz", "port.npz", "resynchronised.npz"]


def test_a_recording_is_resynchronised_on_like_a_run(tmp_path):
    path = tmp_path / "reference.npz"
    repro.record(reference, path)
    options = {"resynchronise": True, "draws": ("x", "y")}
    assert repro.check(path, port(), **options)
    result = repro.check(path, port("W - v", "W + v"), **options)
    assert (result.first.step, result.first.name) == (1, "W")


def skip_first():
    return list(reference())[1:]


@pytest.mark.parametrize(
    ("source", "step", "options", "said"),
    [
        (reference, [1], {}, "needs a function step(state, draws), not a list"),
        ([], port(), {}, "the reference has 0 steps"),
        (lambda: list(reference())[:1], port(), {}, "the reference has 1 steps"),
        (skip_first, port(), {}, "x, y is named as state and as draws"),
        (reference, port(), {"draws": ("x", "label")}, "no step of the reference has label"),
        (reference, port(), {"state": ("W", "m")}, "step 0 of the reference lacks m"),
        (reference, port(), {"state": ()}, "no state is named"),
        (reference, lambda s, d: {"z": 1.0}, {}, "step 1 returned lacks v, W, b, which is state"),
        (reference, lambda s, d: [1], {}, "step 1 returned is a list: yield a dict"),
    ],
)
def test_what_cannot_be_resynchronised_is_said(source, step, options, said):
    options = {"draws": ("x", "y"), **options}
    with pytest.raises(ReproError) as raised:
        repro.check(source, step, resynchronise=True, **options)
    assert said in str(raised.value)


def test_a_step_s_tolerance_is_its_own():
    """Catches a single step that is allowed what an earlier one, a million times larger, was."""

    def scaled(w, scale, off=0.0):
        z = F32(scale) * w + F32(off)
        return {"z": z, "w": w * F32(0.9)}

    steps = [{"w": np.array([0.3, 0.7], F32)}]
    for scale in (1e6, 1.0):
        steps.append({"scale": F32(scale), **scaled(steps[-1]["w"], scale)})

    def step(state, draws):
        return scaled(state["w"], draws["scale"], off=1e-4 if draws["scale"] == 1 else 0)

    result = repro.check(steps, step, resynchronise=True, draws=["scale"])
    assert (result.first.step, result.first.name) == (2, "z")
    assert result.own.verdict is Verdict.FAIL, "nor does the own run allow it"


def test_integers_and_bools_are_draws():
    from repro.run import run_of

    arrays = {"w": np.float32(1), "n": np.int64(1), "ok": np.bool_(True)}
    kinds = {name: s.kind for name, s in run_of([arrays]).quantities.items()}
    assert kinds == {"w": "state", "n": "draw", "ok": "draw"}


def test_a_run_that_parts_though_its_steps_agree_fails():
    """Catches a budget so generous that a wrong momentum fits into every single step, not into
    what they add up to."""
    budget = Ulps(1e6, because="too much, for this test")
    result = check(port("F32(0.9)", "F32(0.89)"), tolerance=budget)
    assert result.resynchronised.verdict is Verdict.PASS
    assert result.verdict is Verdict.FAIL and not result.first.resynchronised
    assert "own run parts from the reference, though every single step agrees" in result.message
    assert "not among the state" in result.message.splitlines()[-1]
