"""`repro.check` of runs that are yielded, called for, stored or recorded."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import repro
from repro.checks import Bitwise, Growth, Ulps, Verdict, nudged
from repro.errors import NonFiniteLossError, ReproError
from repro.run import Quantity, Run

F32 = np.float32


def descent(steps=6, rate=0.1, perturbation=None, order=False):
    """Descent on a quartic in Float32; ``order`` computes the same with other roundings."""
    w = np.array([0.7, -1.3, 0.4], F32)
    if perturbation is not None:
        w = nudged(w, perturbation)
    for _ in range(steps):
        grad = w * w * w if order else w**3
        loss = (grad * w).sum() / F32(4)
        w = w - F32(rate) * grad
        yield {"grad": grad, "loss": loss, "w": w}


def reordered(perturbation=None):
    return descent(perturbation=perturbation, order=True)


def wrong_rate(perturbation=None):
    return descent(rate=0.1001, perturbation=perturbation)


def after(steps, change):
    """Descent whose steps from ``steps`` on are changed."""
    for t, step in enumerate(descent()):
        yield change(step) if t >= steps else step


def test_any_two_sources_of_the_same_steps_agree(tmp_path):
    path = tmp_path / "run.npz"
    repro.record(descent, path)
    sources = [descent, descent(), list(descent()), Run.load(path), path, str(path)]
    for source in sources:
        result = repro.check(descent, source)
        assert result.verdict is Verdict.PASS_BITWISE and result.first is None
        assert result.message.startswith("PASS_BITWISE: the port agrees")


def test_the_derived_tolerance_lets_rounding_pass_and_nothing_more():
    """Catches a learning rate that is off by a thousandth."""
    assert repro.check(descent, reordered).verdict is Verdict.PASS
    assert not repro.check(descent, reordered, tolerance=Bitwise())
    result = repro.check(descent, wrong_rate)
    assert (result.verdict, result.first.step, result.first.name) == (Verdict.FAIL, 0, "w")
    assert not result.first.resynchronised and result.worst_ratio > 100
    assert "tolerance: measured: for each number 10 times what perturbed" in result.message


def test_a_script_as_a_newcomer_brings_it_is_perturbed_from_outside():
    """Catches a check that is bitwise wherever the port takes no `perturbation`."""
    result = repro.check(descent, lambda: descent(order=True))
    assert result.verdict is Verdict.PASS and "tolerance: measured" in result.message
    assert repro.check(descent, lambda: descent(rate=0.1001)).first.name == "w"


def test_of_finished_steps_the_default_is_bitwise():
    result = repro.check(descent, list(descent(order=True)))
    assert result.verdict is Verdict.FAIL and "tolerance: bitwise" in result.message


def test_first_is_the_earliest_step_and_there_the_earliest_computed():
    def change(step):
        return {**step, "w": step["w"] * F32(1.5), "loss": step["loss"] * F32(1.5)}

    result = repro.check(descent, after(3, change))
    assert (result.first.step, result.first.name) == (3, "loss")
    assert "right before it in that step: `grad`" in result.message
    assert "wrong at that step or later: `w`" in result.message


def test_names_first_yielded_late_keep_their_place():
    """Catches an order of appearance that puts the state, yielded first, before its causes."""

    def side(factor):
        w = np.ones(2, F32)
        yield {"w": w}
        grad = w * F32(factor)
        yield {"grad": grad, "w": w - grad}

    result = repro.check(lambda: side(0.5), lambda: side(0.25))
    assert (result.first.step, result.first.name) == (1, "grad")


def test_the_message_shows_both_values_and_the_place():
    def change(step):
        grad = step["grad"].copy()
        grad[1] = 5
        return {**step, "grad": grad}

    message = repro.check(descent, after(2, change)).message
    assert "`grad` in step 2" in message and "the port 5.0 at [1] of shape (3,)" in message
    assert message.splitlines()[-1].startswith("Next: read the line that computes `grad`")


def without(name):
    return lambda step: {n: a for n, a in step.items() if n != name}


@pytest.mark.parametrize(
    ("reference", "port", "said", "first"),
    [
        pytest.param(
            descent,
            lambda: after(0, without("loss")),
            "the port does not have it",
            (0, "loss"),
            id="a column missing in the port",
        ),
        pytest.param(
            lambda: after(0, without("loss")),
            descent,
            "the reference does not have it",
            (0, "loss"),
            id="a column missing in the reference",
        ),
        pytest.param(
            descent,
            lambda: after(4, without("loss")),
            "the port lacks step 4, 5",
            (4, "loss"),
            id="a column that ends early",
        ),
        pytest.param(
            descent,
            lambda: descent(steps=4),
            "the reference ends with step 5, the port with step 3",
            (4, "grad"),
            id="a shorter port",
        ),
        pytest.param(
            descent,
            lambda: descent(steps=7),
            "the reference ends with step 5, the port with step 6",
            (6, "grad"),
            id="a longer port",
        ),
        pytest.param(
            descent,
            lambda: after(0, lambda s: {**s, "w": s["w"][None]}),
            "the port's shape is (1, 3), not (3,)",
            (0, "w"),
            id="another shape",
        ),
        pytest.param(
            descent,
            lambda: after(2, lambda s: {**s, "w": s["w"][:2]}),
            "the port has float32[2] there, the reference float32[3]",
            (2, "w"),
            id="another shape later on",
        ),
        pytest.param(
            descent,
            lambda: after(0, lambda s: {**s, "loss": s["loss"].astype(float)}),
            "the port's type is float64, not float32",
            (0, "loss"),
            id="another width",
        ),
        pytest.param(
            descent,
            lambda: after(2, lambda s: {**s, "w": s["w"] * F32("nan")}),
            "the port nan",
            (2, "w"),
            id="NaN in the port alone",
        ),
    ],
)
def test_what_one_side_lacks_fails_and_is_named(reference, port, said, first):
    result = repro.check(reference, port)
    assert result.verdict is Verdict.FAIL
    assert said in result.message and (result.first.step, result.first.name) == first
    assert result.message.splitlines()[-1].startswith("Next: ")


def test_not_strict_lets_the_port_have_more_and_another_width():
    wide = after(0, lambda s: {**s, "loss": s["loss"].astype(float), "more": 1.0})
    assert repro.check(descent, list(wide), strict=False).verdict is Verdict.PASS


def test_names_choose_what_is_compared():
    port = list(after(0, lambda s: {"loss": s["loss"]}))
    assert not repro.check(descent, port)
    assert repro.check(descent, port, names=["loss"])
    with pytest.raises(ReproError, match="the reference has no cost: choose from grad, loss, w"):
        repro.check(descent, port, names=["cost"])


def test_shapes_may_change_from_step_to_step(tmp_path):
    """The last batch of an epoch is shorter; a port that is wrong there alone is caught."""

    def epochs(last=0.0):
        x = np.arange(10, dtype=F32)
        for start in range(0, 10, 4):
            part = x[start : start + 4]
            yield {"x": part, "mean": part.mean() + F32(last) * (len(part) < 4)}

    assert repro.check(epochs, epochs).verdict is Verdict.PASS_BITWISE
    repro.record(epochs, tmp_path / "r.npz")
    assert repro.check(tmp_path / "r.npz", epochs).verdict is Verdict.PASS_BITWISE
    result = repro.check(epochs, lambda: epochs(last=1.0))
    assert (result.first.step, result.first.name) == (2, "mean")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_on_both_sides_agrees_and_is_noted(value):
    def losing():
        return after(3, lambda s: {**s, "loss": F32(value)})

    result = repro.check(losing, losing)
    assert result.verdict is Verdict.PASS_BITWISE
    assert "note: `loss` has NaN or infinities from step 3 on" in result.message


@pytest.mark.parametrize(
    ("reference", "port"),
    [
        pytest.param([], [], id="both empty"),
        pytest.param(descent, [], id="an empty port"),
        pytest.param([], descent, id="an empty reference"),
        pytest.param(descent, [{"v": 1.0}], id="nothing in common"),
        pytest.param([{}], [{}], id="a step without names"),
        pytest.param([{"a": []}], [{"a": []}], id="arrays without elements"),
        pytest.param([{"a": np.nan}], [{"a": np.nan}], id="NaN alone"),
    ],
)
def test_nothing_to_compare_is_an_error(reference, port):
    result = repro.check(reference, port)
    assert result.verdict is Verdict.ERROR and not result
    assert result.message.startswith("ERROR: no")


@pytest.mark.parametrize("error", [NonFiniteLossError, FloatingPointError, ZeroDivisionError])
def test_a_port_that_breaks_off_fails_and_is_compared_up_to_there(error):
    def breaking(rate):
        for t, step in enumerate(descent(rate=rate)):
            if t == 4:
                raise error("the loss is Inf")
            yield step

    result = repro.check(descent, lambda: breaking(0.1))
    assert result.verdict is Verdict.FAIL
    said = f"FAIL: the port broke off after step 3: {error.__name__}: the loss is Inf."
    assert result.message.startswith(said) and result.first.step == 4
    assert repro.check(descent, lambda: breaking(0.2)).first.step == 0
    assert repro.check(lambda: breaking(0.1), descent).verdict is Verdict.ERROR
    both = repro.check(lambda: breaking(0.1), lambda: breaking(0.1))
    assert both.verdict is Verdict.ERROR and "the reference broke off" in both.message


def test_other_errors_of_a_port_are_its_own():
    with pytest.raises(KeyError):
        repro.check(descent, lambda: after(1, lambda s: {"w": s["v"]}))


def test_a_port_that_does_not_repeat_itself_has_no_measured_tolerance():
    """Catches unseeded draws, whose spread would make the tolerance as wide as their own fault."""
    rng = np.random.default_rng(0)

    def noisy(perturbation=None):
        for step in descent(perturbation=perturbation):
            yield {**step, "w": step["w"] + F32(0.01) * rng.random(3, F32)}

    result = repro.check(descent, noisy)
    assert result.verdict is Verdict.ERROR
    assert "does not repeat itself: run again, `w` differs in step 0" in result.message


def chaos(expanded=False):
    x = F32(0.3)
    for _ in range(60):
        x = F32(3.9) * (x - x * x) if expanded else F32(3.9) * x * (F32(1) - x)
        yield {"x": np.array([x])}


def array_chaos(perturbation=None):
    x = nudged(np.array([0.3], F32), perturbation or 0) if perturbation else np.array([0.3], F32)
    for _ in range(60):
        x = F32(3.9) * (x - x * x)
        yield {"x": x}


def test_what_chaos_has_eaten_is_undecided_and_says_up_to_where_it_was_judged():
    """Catches a tolerance larger than the value itself that reads as a pass."""
    result = repro.check(chaos, array_chaos)
    assert result.verdict is Verdict.UNDECIDED and not result and result.first is None
    assert "UNDECIDED: nothing wrong was found in `x`, and nothing could have" in result.message
    last = result.own.report["x"].sharpness.judged_to
    assert 10 < last < 30 and f"`x` is judged up to step {last}" in result.message
    assert "Next: what would decide `x`: Float64 on both sides" in result.message


def test_undecided_is_accepted_by_name_and_reason_alone():
    found = repro.check(chaos, array_chaos, undecided_ok={"x": "chaos after 20 steps"})
    assert found.verdict is Verdict.PASS
    assert "note: `x` may be undecided: chaos after 20 steps" in found.message
    with pytest.raises(ReproError, match="undecided_ok names y"):
        repro.check(chaos, array_chaos, undecided_ok={"y": "chaos"})
    with pytest.raises(ReproError, match="say why x may be undecided"):
        repro.check(chaos, array_chaos, undecided_ok={"x": " "})


def test_undecided_ok_lets_no_failure_through():
    def wrong():
        for t, step in enumerate(array_chaos()):
            yield {"x": step["x"] * F32(1.001 if t == 2 else 1)}

    found = repro.check(chaos, wrong, undecided_ok={"x": "chaos after 20 steps"})
    assert found.verdict is Verdict.FAIL and found.first.step == 2


def test_equal_bits_are_judged_however_chaotic():
    assert repro.check(chaos, chaos).verdict is Verdict.PASS_BITWISE


def test_a_port_that_shares_one_array_is_told_of_it():
    """Catches a list of steps that all show the last value."""
    w, steps = np.ones(3, F32), []
    for _ in range(3):
        w -= F32(0.1)
        steps.append({"w": w})
    right = [{"w": np.full(3, 0.9, F32)}, {"w": np.full(3, 0.8, F32)}, {"w": w}]
    result = repro.check(right, steps)
    assert result.first.step == 0 and "note: `w`: one and the same array" in result.message


def test_a_generator_may_change_its_arrays_after_yielding():
    def in_place():
        w = np.ones(3, F32)
        for _ in range(3):
            w *= F32(0.5)
            yield {"w": w}

    fresh = [{"w": np.full(3, 0.5**t, F32)} for t in (1, 2, 3)]
    assert repro.check(fresh, in_place).verdict is Verdict.PASS_BITWISE


def test_tensors_are_arrays():
    def tensors():
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        yield {"w": w, "z": w * (1 + 2j), "n": torch.tensor(3), "ok": torch.tensor(True)}

    arrays = {"w": np.array([1, 2], F32), "z": np.array([1 + 2j, 2 + 4j], np.complex64)}
    assert repro.check([arrays | {"n": 3, "ok": True}], tensors).verdict is Verdict.PASS_BITWISE
    conjugate = arrays | {"z": arrays["z"].conj()}
    assert not repro.check([conjugate | {"n": 3, "ok": True}], tensors)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ([[1, 2]], "step 0 of the port is a list: yield a dict of named arrays"),
        ([{"a": b"text"}], "'a' in step 0 of the port is of type |S4: yield x.decode()"),
        ([{"a": object()}], "'a' in step 0 of the port is of type object"),
        ([{"a": np.ma.array([1, 2], mask=[0, 1])}], "'a' in step 0 of the port is no array"),
        ([{"a": torch.zeros(1, device="meta")}], "'a' in step 0 of the port is no array"),
        ([{1: 2}], "1 in step 0 of the port is no name"),
        (3, "the port gave a int: yield dicts of named arrays"),
        ("missing.npz", "missing.npz does not exist: check the path"),
    ],
)
def test_what_cannot_be_read_is_said(source, said):
    with pytest.raises(ReproError, match=re.escape(said)):
        repro.check(descent, source)


def test_growth_needs_a_port_that_can_be_perturbed():
    with pytest.raises(ReproError, match="give a function, or another callable"):
        repro.check(descent, list(descent()), tolerance=Growth())


def newton(steps, factor=1.0):
    for t in range(steps):
        yield {"x": np.array([1.0 / 3**t * factor])}


def test_perturbed_runs_of_another_length_count_in_the_steps_they_share():
    """Catches a solver whose number of steps jitters, and which is then compared with nothing."""

    def jittering(perturbation=None):
        return newton(6 if perturbation else 5)

    result = repro.check(lambda: newton(6, 1 + 1e-15), jittering)
    assert result.verdict is Verdict.PASS
    assert result.own.report["x"].steps.tolist() == [0, 1, 2, 3, 4]
    assert repro.check(lambda: newton(9), jittering).verdict is Verdict.FAIL
    assert repro.check(lambda: newton(6, 1.001), jittering).first.step == 0


def test_budgets_are_stated_with_their_derivation():
    with pytest.raises(ReproError, match="a budget needs its derivation"):
        Ulps(4, because=" ")
    budget = {"grad": 3, "loss": 12}
    with pytest.raises(ReproError, match="no ulp budget for 'w'"):
        repro.check(descent, reordered, tolerance=Ulps(budget, because="counted"))
    for bad in (np.inf, -1, np.nan):
        with pytest.raises(ReproError, match="state a finite one"):
            repro.check(descent, descent, tolerance=Ulps(bad, because="counted"))


def test_budgets_hold_to_the_ulp():
    def off(ulps):
        for step in descent():
            top = np.spacing(np.abs(step["w"]).max())
            yield {**step, "w": step["w"] + F32(ulps) * top}

    budget = Ulps(lambda name, a: 4 if name == "w" else 0, because="w is summed from four terms")
    assert repro.check(descent, off(4), tolerance=budget).verdict is Verdict.PASS
    result = repro.check(descent, off(5), tolerance=budget)
    assert result.verdict is Verdict.FAIL and "w is summed from four terms" in result.message
    assert result.worst_ratio == pytest.approx(1.25)


def test_save_writes_both_sides(tmp_path):
    result = repro.check(descent, wrong_rate)
    paths = result.save(tmp_path / "new")
    assert [p.name for p in paths] == ["reference.npz", "port.npz"]
    again = repro.check(*paths)
    assert not again and again.first == result.first


def test_recordings_of_this_project_are_references_like_any_other():
    from repro.sides import recorded

    stored = recorded.load("fomaml_seed0_dense").run()
    assert repro.check(stored, stored).verdict is Verdict.PASS_BITWISE
    losses = stored["test_losses"]
    moved = Quantity(losses.steps, np.nextafter(losses.values, F32(9)), losses.kind)
    result = repro.check(stored, Run({**stored.quantities, "test_losses": moved}))
    assert (result.first.step, result.first.name) == (losses.steps[0], "test_losses")


def test_draws_without_resynchronising_are_refused():
    with pytest.raises(ReproError, match="add resynchronise=True"):
        repro.check(descent, descent, draws=["x"])


def test_saved_steps_that_round_otherwise_are_told_what_gives_a_tolerance():
    """Bitwise for lack of a port to measure with: a right one fails, and is not called wrong."""
    right, port = [{"a": np.float32(0.1)}], [{"a": np.nextafter(np.float32(0.1), np.float32(1))}]
    said = repro.check(right, port).message
    assert "since a port that cannot be called and perturbed leaves nothing to measure" in said
    assert said.splitlines()[-1].startswith("Next: if `a` is off by rounding alone, give the port")
    asked = repro.check(right, port, tolerance=repro.Bitwise()).message
    assert "since a port" not in asked and "Next: read the line that computes `a`" in asked
