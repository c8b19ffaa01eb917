"""Which part a name plays: draws of some steps, constants, inputs, names to compare; texts."""

from __future__ import annotations

import numpy as np
import pytest

import repro
from repro.checks import Verdict
from repro.errors import ReproError


def evaluated(steps=21):
    """Descent that is evaluated every tenth step, its data and rate given once."""
    rng = np.random.default_rng(3)
    X, w = rng.normal(size=(4, 2)), np.array([1.0, -0.5])
    yield {"data": {"X": X, "eta": 0.1}, "w": w}
    for t in range(1, steps):
        batch = {"y": rng.normal(size=4), "rule": "l2" if t % 2 else "l1"}
        grad = X.T @ (X @ w - batch["y"]) if t % 2 else X.T @ np.sign(X @ w - batch["y"])
        w = w - 0.1 * grad
        made = {"batch": batch, "grad": grad, "w": w}
        test = rng.normal(size=2)
        yield made | {"x_test": test, "score": test @ w} if t % 10 == 0 else made


def step(state, draws, eta=1.0, at=10):
    error = draws["data.X"] @ state["w"] - draws["batch.y"]
    error = {"l2": error, "l1": np.sign(error)}[draws["batch.rule"]]
    grad = error @ draws["data.X"]
    w = state["w"] - eta * draws["data.eta"] * grad
    made = {"grad": grad, "w": w}
    if at == 10 and "x_test" in draws:
        made["score"] = (draws["x_test"] * w).sum()
    return made


ROLES = {"resynchronise": True, "draws": ["batch", "x_test"], "constants": ["data"]}


def test_draws_of_some_steps_and_constants_come_where_they_are():
    result = repro.check(evaluated, step, **ROLES)
    assert result, result.message
    assert result.own.report["score"].steps.tolist() == [10, 20]
    assert not {"data.X", "batch.y", "x_test"} & set(result.own.reference.quantities)


@pytest.mark.parametrize(
    ("fault", "name", "at"), [({"eta": 1.001}, "w", 1), ({"at": 0}, "score", 10)]
)
def test_a_fault_is_named_where_it_is(fault, name, at):
    result = repro.check(evaluated, lambda s, d: step(s, d, **fault), **ROLES)
    assert (result.first.name, result.first.step) == (name, at), result.message


def changing():
    for t, made in enumerate(evaluated()):
        yield made | {"data": {"X": np.ones((4, 2)) + (t == 7), "eta": 0.1}}


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        (evaluated, {"draws": ["batches"]}, "no step of the reference has batches, which draws"),
        (evaluated, {"constants": ["rate"]}, "no step of the reference has rate, which constants"),
        (evaluated, {"constants": []}, "lacks data.X, data.eta: to resynchronise"),
        (changing, {}, "data.X is no constant, for it changes in step 7: draws=[...]"),
        (evaluated, {"names": ["loss"]}, "the reference has no loss: choose from"),
    ],
)
def test_what_no_name_can_mean_is_said(source, options, said):
    with pytest.raises(ReproError) as raised:
        repro.check(source, step, **(ROLES | options))
    assert said in str(raised.value) and "\n" not in str(raised.value)


def reference():
    w = np.float32([1, 2])
    yield {"w": w}
    for k in range(3):
        x = np.float32([k, 1])
        h = np.tanh(w * x)
        w = w - np.float32(0.1) * h
        yield {"x": x, "h": h, "w": w}


def doubled(state, draws):
    h = np.tanh(state["w"] * draws["x"])
    return {"h": h * 2, "extra": h, "w": state["w"] - np.float32(0.1) * h}


@pytest.mark.parametrize(
    ("names", "first"), [(None, "h"), (["w", "x"], None), ("w", None), (["h"], "h")]
)
def test_names_cut_what_is_compared_and_not_what_a_step_gets(names, first):
    """Catches `names` that cut the reference's state and draws away."""
    result = repro.check(reference, doubled, names=names, resynchronise=True, draws="x")
    assert (result.first and result.first.name) == first, result.message


def test_state_that_names_leave_out_is_what_to_look_at():
    """Catches the advice to name more state, where a wrong one is named and not compared."""

    def wrong(state, draws):
        h = np.tanh(state["w"] * draws["x"])
        return {"h": h, "w": state["w"] - np.float32(0.2) * h}

    result = repro.check(reference, wrong, names=["h"], resynchronise=True, draws="x")
    assert "may be wrong: add `w` to names=[...]" in result.message


def losses():
    rng = np.random.default_rng(1)
    for t in range(5):
        p, y = rng.random(3), rng.random(3)
        yield {"given": {"p": p, "y": y}, "kind": "mse", "loss": ((p - y) ** 2).mean(), "t": t}


def loss(given, power=2):
    assert given["kind"] == "mse"
    return {"loss": (abs(given["given.p"] - given["given.y"]) ** power).sum() / 3}


def test_a_loss_without_state_is_held_step_by_step():
    options = {"inputs": ["given", "kind"], "names": ["loss"]}
    result = repro.check(losses, loss, **options)
    assert result and result.own is None
    assert result.resynchronised.report["loss"].steps.tolist() == [0, 1, 2, 3, 4]
    result = repro.check(losses, lambda given: loss(given, power=2.001), **options)
    assert (result.first.step, result.first.name) == (0, "loss")
    assert "step 0 started from the reference's own inputs" in result.message
    assert "state" not in result.message


def test_a_name_that_a_step_is_not_given_is_said_with_what_gives_it():
    """A `KeyError` too, so that a port may ask and go on; no failure, since nothing was judged."""
    with pytest.raises(ReproError, match=r"step 0 .* inputs\['given.y'\], .* given.p, kind: name"):
        repro.check(losses, loss, inputs=["kind", "given.p"])
    with pytest.raises(KeyError):
        repro.check(losses, loss, inputs=["kind", "given.p"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"inputs": ["kind"], "resynchronise": True}, "leave out resynchronise and draws"),
        ({"constants": ["kind"]}, "add resynchronise=True, or inputs"),
        ({"tolerance": 1e-6}, "tolerance=1e-06 does not say where it comes from: leave it out"),
        ({}, "the port takes (given), and is not called so: a step takes"),
        ({"resynchronise": True}, "with resynchronise=True it is step(state, draws)"),
        ({"inputs": None}, "None names nothing: give a name, or a list of names"),
        ({"names": [None]}, "[None] names nothing: give a name, or a list of names"),
    ],
)
def test_what_was_forgotten_is_said_in_a_line(options, said):
    with pytest.raises(ReproError) as raised:
        repro.check(losses, lambda given: loss(given), **options)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def given_once():
    p = np.array([1.0, 2.5])
    yield {"p": p, "loss": p.sum()}
    for t in range(2):
        yield {"loss": p.sum() + t}


def test_a_step_without_inputs_is_not_left_out_silently():
    """Catches a port that is right in the one step that has its inputs, and was held there."""
    step = {"inputs": ["p"]}
    with pytest.raises(ReproError, match=r"step 1 of the reference has loss, but no inputs"):
        repro.check(given_once, lambda given: {"loss": given["p"].sum()}, **step)
    with_more = [{**s, "size": s["p"].size} if "p" in s else s for s in given_once()]
    assert repro.check(with_more, lambda given: {"size": 2}, **step, names=["size"])


def test_state_that_is_named_a_constant_is_refused():
    """Catches a port whose state is wrong in every step, for constants are not compared."""
    right = [{"w": np.ones(2)}] + [{"w": np.ones(2), "g": 2.5}] * 3

    def wrong(state, draws):
        return {"w": state["w"] * 9, "g": 2.5}

    with pytest.raises(ReproError, match="w is named as state and as constants: choose"):
        repro.check(right, wrong, resynchronise=True, state=["w"], constants=["w"])


def test_a_forgotten_resynchronise_is_said_in_a_line():
    with pytest.raises(ReproError, match="the port takes .state, draws, .* resynchronise=True"):
        repro.check(evaluated, step)
    with pytest.raises(ReproError, match=r"with inputs=\[...\] it is step\(inputs\)"):
        repro.check(evaluated, step, inputs="batch")


def test_a_reference_that_lacks_its_arguments_is_told():
    with pytest.raises(ReproError, match=r"the reference takes \(seed\), .* functools.partial"):
        repro.check(lambda seed: losses(), losses)


def test_a_port_with_other_names_of_the_same_part_is_told():
    result = repro.check([{"p": [np.ones(2)]}], [{"p": [np.ones(2), np.ones(1)]}])
    assert result.first.name == "p.2" and "the reference does not have it" in result.message


def solver(tolerance, start=1.0):
    x = np.float64(start)
    while x > tolerance:
        x = x / 2
        yield {"x": x}


def test_a_solver_of_other_length_is_compared_as_far_as_both_go():
    """Catches a count of steps that differs without a word, on either side."""
    for reference_ends, port_ends in ((1e-3, 1e-4), (1e-4, 1e-3)):
        result = repro.check(lambda: solver(reference_ends), lambda: solver(port_ends))  # noqa: B023
        assert result.verdict is Verdict.FAIL
        assert "FAIL: the port agrees with the reference as far as both go" in result.message
    longer = repro.check(lambda: solver(1e-3), lambda: solver(1e-4), strict=False)
    assert longer.verdict is Verdict.PASS_BITWISE
    said = "compared as far as both go; the reference ends with step 9, the port with step 13"
    assert f"note: {said}: nothing is said of the steps after" in longer.message
    assert not repro.check(lambda: solver(1e-4), lambda: solver(1e-3), strict=False)


def test_where_the_number_of_steps_hangs_on_the_last_bit_a_pass_says_so():
    def jittering(perturbation=None):
        return list(solver(1e-3))[: 9 if perturbation is None else 10]

    result = repro.check(lambda: solver(1e-3), jittering)
    assert result.verdict is Verdict.PASS_BITWISE
    assert "and the number of steps hangs on the last bit" in result.message
