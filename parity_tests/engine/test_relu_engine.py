"""The compiled MAML, Reptile and transfer learning: finite differences, and step by step the port.

Every 100th step is resynchronised: from the eager port's own weights and moments, in Float64, the
engine makes one step, within a counted budget. A kink that has parted two runs widens nothing here.

The budget of a gradient is the number of roundings on the longest path to it times what it would be
if nothing cancelled. The engine itself computes that, the right one: with all weights and points
positive and the wave negative every relu is open and every term of every sum is positive. It is
taken where the inner step begins; what the step of 0.01 adds is a hundredth of it.
"""

from __future__ import annotations

import inspect
import types
from functools import cache, partial

import numpy as np
import pytest
import torch

from repro import ecoffet, jang
from repro.ecoffet import batched
from repro.ecoffet.notebook import draw_points, draw_world, notebook_state, seed_all
from repro.engine import relu, relu_loops, relu_network
from repro.errors import EngineError

TASKS, RATE, INNER = 401, 1e-3, 0.01
U = np.finfo(np.float64).eps / 2
#: Along a gradient, forwards and back: sums of 1, 40, 40, then 1, 40 and 10, with their products
#: and biases. MAML's path goes through two of them and a Hessian, where each sum is two.
ROUNDINGS = 4 * (2 + 42 + 42 + 3 + 2 + 41 + 11)

METHODS = {
    "maml": (
        partial(ecoffet.maml_sine),
        partial(relu.maml_steps, options=(1, False, True)),
    ),
    "maml as published": (
        partial(ecoffet.maml_sine, peculiar=False),
        partial(relu.maml_steps, options=(1, False, False)),
    ),
    "first order": (
        partial(ecoffet.maml_sine, first_order=True),
        partial(relu.maml_steps, options=(1, True, True)),
    ),
    "reptile": (
        partial(ecoffet.reptile_sine, k=3, batch_size=1),
        partial(relu.reptile_steps, inner=3),
    ),
    "transfer": (partial(ecoffet.fit_transfer), partial(relu.transfer_steps)),
}


@pytest.fixture(scope="module")
def eager():
    """Of a method: what it visits, and the port's weights and moments after every task."""

    def run(method):
        states = []

        def observe(step, model, optimizer):
            state = [optimizer.state[p] for p in model.parameters()]
            parts = [torch.cat([s[n].ravel() for s in state]) for n in ("exp_avg", "exp_avg_sq")]
            rows = np.stack([ecoffet.flatten(model), *(p.numpy() for p in parts)])
            states.append(relu.inputs_first(rows))

        with notebook_state():
            seed_all(0)
            world = draw_world(TASKS, 0)
            draw_points(world)
            model = ecoffet.SineModel().double()
            seed_all(1)
            plan = batched.plan(world.train, 1, 1, fresh=method not in ("transfer", "reptile"))
            seed_all(1)
            METHODS[method][0](model, 1, tasks=world.train, observe=observe)
        kept = (plan.x, plan.y, plan.fresh_x, plan.fresh_y)
        return tuple(p[..., 0].double().numpy() for p in kept if p is not None), states

    return cache(run)


def one(steps, state, points, correction, lr=INNER):
    """Weights and moments after one step from a state (3, 1761)."""
    w, moments = state[0].copy(), state[1:].copy()
    extra = {} if steps.func is relu.transfer_steps else {"lr_inner": lr}
    steps(w, moments, points, correction, rate=RATE, **extra)
    return np.stack([w, *moments])


def budget(steps, state, points, correction, expected):
    """How far the weights may be off after one step (1761,)."""
    x, y = points[0::2], points[1::2]
    open_points = tuple(p for pair in zip(x, y, strict=True) for p in (abs(pair[0]), -abs(pair[1])))
    start = np.stack([abs(state[0]), 0 * state[1], 0 * state[2]])
    size = abs(one(steps, start, open_points, correction, lr=-1e-6)[1]) / (1 - 0.9)
    error = ROUNDINGS * U * size
    if steps.func is relu.reptile_steps:  # a difference of weights
        error += 8 * U * abs(state[0]) / (3 * INNER)
    c1, c2 = correction[0]
    root = np.sqrt(expected[2] / c2) + 1e-8
    # v holds 0.001 of g squared at least, so its root moves by at most sqrt(0.001 / c2) of g's.
    moved = 0.1 / root + abs(expected[1]) / root**2 * np.sqrt(0.001 / c2)
    step = RATE / c1 * abs(expected[1]) / root
    return RATE / c1 * moved * error + 16 * U * step + 2 * U * abs(expected[0])


def places(eager_run, corrections=None):
    """Of every 100th step: the state before it, its points and corrections, the state after it."""
    points, states = eager_run
    corrections = relu.torch_corrections(TASKS) if corrections is None else corrections
    for t in range(99, TASKS - 1, 100):
        now = slice(t + 1, t + 2)
        yield states[t], tuple(p[now] for p in points), corrections[now], states[t + 1]


def budgets(method, eager_run):
    """Of every 100th step, by the right engine."""
    return [budget(METHODS[method][1], *place) for place in places(eager_run)]


def worst(steps, eager_run, allowed, corrections=None):
    """The largest share of its budget that a weight takes, over every 100th step."""
    shares = [
        (abs(one(steps, state, points, correction)[0] - after[0]) / limit).max()
        for (state, points, correction, after), limit in zip(
            places(eager_run, corrections), allowed, strict=True
        )
    ]
    return np.max(shares)


@pytest.mark.parametrize("method", METHODS)
def test_every_100th_step_is_the_eager_ports(method, eager):
    assert worst(METHODS[method][1], eager(method), budgets(method, eager(method))) < 1


CAUGHT = 1e6
"""Budgets that each wrong engine takes at the least."""

WRONG = {
    "no second order": ("maml as published", partial(relu.maml_steps, options=(1, True, False))),
    "the task's gradient left in": (
        "maml as published", partial(relu.maml_steps, options=(1, False, True)),
    ),
    "an inner step too few": ("reptile", partial(relu.reptile_steps, inner=2)),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_engine_is_caught(wrong, eager):
    method, steps = WRONG[wrong]
    assert worst(steps, eager(method), budgets(method, eager(method))) > CAUGHT


def test_adam_counted_from_0_is_caught(eager):
    late = np.roll(relu.torch_corrections(TASKS), 1, axis=0)
    run = eager("maml")
    assert worst(METHODS["maml"][1], run, budgets("maml", run), late) > CAUGHT


def test_an_inner_rate_off_by_a_hundred_millionth_is_seen(eager, monkeypatch):
    """How sharp the budget is."""
    run, steps = eager("maml as published"), METHODS["maml as published"][1]
    allowed = budgets("maml as published", run)
    monkeypatch.setattr(one, "__defaults__", (INNER * (1 + 1e-8),))
    assert worst(steps, run, allowed) > 100


COMPILED_WRONG = {
    "second order of the wrong sign": (
        "relu_loops", "_descend(g, hv, kind(lr_inner))", "_descend(g, hv, -kind(lr_inner))"
    ),
    "second order at the adapted weights": (
        "relu_loops", "path[i], x, tapes[i]", "path[i + 1], x, tapes[i]"
    ),
    "a relu's derivative 1 everywhere": ("relu_network", "h[i] > 0", "h[i] >= 0"),
    "the direction's second product left out": (
        "relu_network", "_product_onto(r.h2", "# _product_onto(r.h2"
    ),
}  # fmt: skip


def planted(module, right, wrong):
    """The loops of this source with a mistake in it, compiled anew."""
    network = rebuilt(relu_network, {} if module != "relu_network" else {right: wrong})
    names = {n: getattr(network, n) for n in ("gradient", "hessian_times", "predict")}
    return rebuilt(relu_loops, {} if module != "relu_loops" else {right: wrong}, names)


def rebuilt(module, changes, names=None):
    source = inspect.getsource(module)
    for right, wrong in changes.items():
        assert right in source
        source = source.replace(right, wrong)
    source = source.replace("@entry", "@jit")
    made = types.ModuleType(module.__name__)
    before, after = source.split("\n\n\n", 1)
    exec(compile(before, module.__file__, "exec"), vars(made))
    vars(made).update(names or {})
    exec(compile("from __future__ import annotations\n" + after, module.__file__, "exec"),
         vars(made))  # fmt: skip
    return made


@pytest.mark.slow
@pytest.mark.parametrize("wrong", COMPILED_WRONG)
def test_a_wrong_engine_compiled_is_caught(wrong, eager, monkeypatch):
    run, steps = eager("maml as published"), METHODS["maml as published"][1]
    allowed = budgets("maml as published", run)
    monkeypatch.setattr(relu, "loops", planted(*COMPILED_WRONG[wrong]))
    assert worst(steps, run, allowed) > CAUGHT


@pytest.mark.parametrize(("inner", "tasks"), [(1, 1), (3, 2)])
def test_the_meta_gradient_is_the_objectives_finite_difference(inner, tasks):
    """In twenty directions, Float64; to 1e-8, as central differences with h = 1e-6 are."""
    rng = np.random.RandomState(5)
    w = rng.uniform(-0.3, 0.3, 1761)
    points = tuple(rng.uniform(-3, 3, (1, tasks, 10)) for _ in range(4))

    def objective(weights):
        one_step = dict(lr_inner=INNER, rate=0.0, options=(inner, False, False))
        moments = np.zeros((2, 1761))
        losses = relu.maml_steps(weights.copy(), moments, points, np.ones((1, 2)), **one_step)
        return losses[0], moments[0] / (1 - 0.9)

    _, found = objective(w)
    for direction in rng.normal(size=(20, 1761)):
        h = 1e-6 * direction
        expected = (objective(w + h)[0] - objective(w - h)[0]) / 2e-6
        assert abs(found @ direction - expected) < 1e-8 * max(1, abs(expected))


def test_another_network_is_refused():
    plan = batched.Plan(torch.zeros(1, 1, 10, 1), torch.zeros(1, 1, 10, 1))
    with pytest.raises(EngineError, match="use the port"):
        relu.fit_transfer(np.zeros((1, 99), np.float32), plan)


@pytest.mark.parametrize(
    ("ours", "port"),
    [
        (relu.single_points, jang.one_task),
        (relu.batched_points, partial(jang.sample_tasks, 4, 20)),
    ],
)
def test_third_post_draws_are_the_ports_number_by_number(ours, port):
    rngs = np.random.RandomState(5), np.random.RandomState(5)
    found = ours(rngs[0], 30)
    for i in range(30):
        for own, its in zip(found, port(rng=rngs[1], dtype=torch.float64), strict=True):
            assert own[i].ravel().tobytes() == its.numpy().ravel().tobytes()
    assert rngs[0].rand() == rngs[1].rand()
