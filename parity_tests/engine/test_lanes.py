"""Seeds side by side in the lanes of vectors: each held to its recording, as its run alone is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from types import FunctionType

import numba
import numpy as np
import pytest
from engine import runs

from repro import luna, port
from repro.case import Case
from repro.engine import EngineError, lane_groups, lane_loops, lanes, seeds, train_seeds, vectors
from repro.engine.compiling import jit
from repro.engine.fast import fast_tanh
from repro.engine.lane_tiles import B3, LANES, W2, WEIGHTS
from repro.errors import NonFiniteLossError
from repro.flux import ADAM, Descent
from repro.julia import MersenneTwister
from repro.luna.quantities import kind_of
from repro.checks import Report, Verdict, compare
from repro.plan import for_engine
from repro.sides import recorded
from repro.suite import ZOO_LIMITS, Recorded, Result, _tolerance, check
from repro.run import Quantity, Run

SEEDS = (7, 42, 3, 0, 11, 1, 5, 2)
"""All that are recorded, each in a lane of its own, among others."""


def by_descent(name: str) -> bool:
    kwargs = recorded.load(name).case.kwargs
    return all("Descent" in value for key, value in kwargs.items() if key.endswith("opt"))


NAMES = [name for name in runs.FLOAT32 if by_descent(name)]


def built(seed: int):
    rng = MersenneTwister(seed)
    return luna.sine_model(rng), rng


def group() -> tuple[tuple, tuple]:
    models, rngs = zip(*map(built, SEEDS), strict=True)
    return models, rngs


def side_by_side(case: Case) -> dict[int, Run]:
    """A case with every one of the seeds, all of them in one group."""
    models, rngs = group()
    initial = [luna.flatten(model) for model in models]
    kept: list[dict] = [{} for _ in SEEDS]
    evaluations: list[list] = [[] for _ in SEEDS]
    epoch = 0
    # In stretches from one of the kept weights to the next, where evaluations are due as well.
    for stop in case.weight_epochs:
        assert epoch % case.eval_interval == 0
        done = getattr(luna, case.function)(
            models, engine="fast", epochs=stop - epoch, eval_interval=case.eval_interval,
            rng=rngs, **case.arguments(),
        )  # fmt: skip
        for lane, model in enumerate(models):
            kept[lane][stop] = luna.flatten(model)
            for n, evaluation in enumerate(done[lane], start=1):
                due = epoch + n * case.eval_interval
                evaluations[lane].append(_at(evaluation, due))
        epoch = stop
    assert epoch == case.epochs
    found = {}
    for lane, seed in enumerate(SEEDS):
        series = {
            "init_weights": port._series({0: initial[lane]}),
            "weights": port._series(kept[lane]),
            "next_rand": port._series({epoch: [rngs[lane].rand()]}),
            **port._evaluations(evaluations[lane], set(case.weight_epochs)),
        }
        kinds = {name: Quantity(s.steps, s.values, kind_of(name)) for name, s in series.items()}
        found[seed] = Run(kinds, {"source": "lanes"})
    return found


def _at(evaluation: luna.Evaluation, epoch: int) -> luna.Evaluation:
    return luna.Evaluation(**{**vars(evaluation), "epoch": epoch})


@cache
def _whole(function: str, epochs: int, settings: tuple) -> dict[int, Run]:
    """One group's run serves the recordings of all its seeds."""
    return side_by_side(_cases[function, epochs, settings])


_cases = {}


def from_lanes(case: Case, **_: object) -> Run:
    key = case.function, case.epochs, tuple(sorted(case.kwargs.items()))
    _cases[key] = case
    return _whole(*key)[case.seed]


@pytest.mark.parametrize("name", NAMES)
def test_recording_passes_within_its_envelope(name):
    """The streams, and what is drawn from them, bit for bit."""
    found = check(recorded.load(name).case, Recorded(), run=from_lanes)
    assert found, found.report
    assert found.report["next_rand"].verdict is Verdict.PASS_BITWISE
    assert found.report["eval_x"].verdict is Verdict.PASS_BITWISE


# Faults that the recordings must catch


def planted(name: str) -> Result:
    return check(
        recorded.load(name).case, Recorded(), run=lambda case, **_: side_by_side(case)[case.seed]
    )


def wrapped(monkeypatch, function: str, around) -> None:
    loop = getattr(lane_loops, function)
    monkeypatch.setattr(lane_loops, function, partial(around, loop))


def test_a_neighbours_draws_are_caught(monkeypatch):
    def swap(loop, weights, poison, eta, streams, *rest):
        order = [1, 0, *range(2, LANES)]
        for part in streams:
            part[:] = part[order]
        loop(weights, poison, eta, streams, *rest)
        for part in streams:
            part[:] = part[order]

    wrapped(monkeypatch, "transfer_learn", swap)
    found = planted("transfer_learn_seed42_dense")
    assert found.verdict is Verdict.FAIL
    assert not found.report["weights"].verdict


def test_a_weight_that_is_never_updated_is_caught(monkeypatch):
    """The last of the loop over the narrow layers: b3."""

    def forget(loop, weights, *rest):
        before = weights[B3:W2].copy()
        loop(weights, *rest)
        weights[B3:W2] = before

    wrapped(monkeypatch, "transfer_learn", forget)
    assert planted("transfer_learn_seed0_dense").verdict is Verdict.FAIL


@pytest.mark.slow
@pytest.mark.parametrize("function", ["fomaml", "reptile"])
def test_the_zoo_scripts_training_passes_within_its_envelope(function):
    found = zoo(function)
    assert found.verdict, found
    for name, limit in ZOO_LIMITS.items():
        if name.startswith(function):
            assert 0 < found[name].absolute.max() < limit


def zoo(function: str) -> Report:
    """Half of the zoo script's training, 50,000 iterations, with its recording."""
    case = for_engine(recorded.load("zoo_script_seed0").case, "fast")
    models, rngs = group()
    lane = SEEDS.index(case.seed)
    done = getattr(luna, function)(
        models, engine="fast", rng=rngs, epochs=case.epochs, eval_interval=case.eval_interval
    )
    losses = {e.epoch: e.test_losses for e in done[lane]}
    series = {
        f"{function}_weights": port._series({case.epochs: luna.flatten(models[lane])}),
        f"{function}_eval_test_losses": port._series(losses),
    }
    kinds = {name: Quantity(s.steps, s.values, kind_of(name)) for name, s in series.items()}
    expected = Recorded().trajectory(case)
    half = {name: s for name, s in expected.quantities.items() if name.startswith(function)}
    tolerance = _tolerance(case, Recorded().envelope(case))
    return compare(
        replace(expected, series=half), Run(kinds, {"source": "lanes"}), tolerance
    )


def test_a_neighbours_gradient_is_caught(monkeypatch):
    """A rule that takes each lane's gradient from the next lane, compiled."""

    def rule(builder, out, base, g, eta):
        turned = [i + (i + 1) % LANES - i % LANES for i in range(vectors.SIZE)]
        mask = vectors.ir.Constant(vectors._INTS, turned)
        return builder.fsub(base, builder.shuffle_vector(g, g, mask))

    names = {**vars(lane_loops), "descend": lanes._update(rule)}
    faulty = FunctionType(lane_loops.transfer_learn.py_func.__code__, names)
    monkeypatch.setattr(lane_loops, "transfer_learn", jit(faulty))
    assert planted("transfer_learn_seed0_dense").verdict is Verdict.FAIL


# A loss that is not finite


def test_a_loss_that_is_not_finite_stops_where_the_single_run_stops():
    """Catches a lane that goes on in silence, and a NaN that another lane gets to see."""
    settings = {"epochs": 20, "eval_interval": 30}
    models, rngs = group()
    luna.fomaml(models, engine="fast", rng=rngs, **settings)
    whole = [luna.flatten(model) for model in models]

    def diverging(model):
        model.layers[2].bias.data.fill_(1.8e19)  # its square is the largest Float32 and a bit

    models, rngs = group()
    diverging(models[2])
    with pytest.raises(NonFiniteLossError, match="Flux refuses"):
        luna.fomaml(models, engine="fast", rng=rngs, **settings)
    alone, rng = built(SEEDS[2])
    diverging(alone)
    with pytest.raises(NonFiniteLossError):
        luna.fomaml(alone, engine="fast", rng=rng, **settings)
    assert np.array_equal(luna.flatten(models[2]), luna.flatten(alone), equal_nan=True)
    assert rngs[2].rand() == rng.rand()
    for lane in {*range(LANES)} - {2}:
        assert np.array_equal(luna.flatten(models[lane]), whole[lane])


def test_a_lane_marked_without_reason_goes_on_as_the_single_run_does(monkeypatch):
    def marked(loop, weights, poison, *rest):
        loop(weights, poison, *rest)
        poison[3] = np.nan

    wrapped(monkeypatch, "reptile", marked)
    settings = {"epochs": 6, "eval_interval": 3}
    models, rngs = group()
    found = luna.reptile(models, engine="fast", rng=rngs, **settings)
    alone, rng = built(SEEDS[3])
    expected = luna.reptile(alone, engine="fast", rng=rng, **settings)
    assert np.array_equal(luna.flatten(models[3]), luna.flatten(alone))
    assert rngs[3].rand() == rng.rand()
    assert found[3][1].test_losses.tolist() == expected[1].test_losses.tolist()


# Groups and what is left over


def test_as_many_groups_for_each_worker_and_the_rest_one_by_one():
    chosen = list(range(19))
    assert [len(job) for job in seeds._jobs(chosen, 8, 1)] == [8, 8, 1, 1, 1]
    assert [len(job) for job in seeds._jobs(chosen, 8, 2)] == [8, 8, 1, 1, 1]
    assert [len(job) for job in seeds._jobs(chosen[:15], 8, 2)] == [1] * 15
    assert [seed for job in seeds._jobs(chosen, 8, 2) for seed in job] == chosen


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("function", ["fomaml", "reptile", "transfer_learn"])
def test_each_seed_is_equal_to_its_single_run(function, threads):
    settings = {"epochs": 4, "eval_interval": 2, "eval_batch_size": 5, "train_batch_size": 7}
    found = train_seeds(function, range(17), threads=threads, **settings)
    assert [run.seed for run in found] == [*range(17)]
    bitwise = []
    for run in found:
        model, rng = built(run.seed)
        alone = getattr(luna, function)(model, engine="fast", rng=rng, **settings)
        weights, expected = luna.flatten(run.model), luna.flatten(model)
        np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-6)
        bitwise.append(np.array_equal(weights, expected))
        assert run.rng.rand() == rng.rand()
        assert [e.epoch for e in run.evaluations] == [e.epoch for e in alone] == [2, 4]
        for a, b in zip(run.evaluations, alone, strict=True):
            assert a.task == b.task and a.x.tolist() == b.x.tolist()
    assert bitwise == [False] * 16 + [True]  # the groups were not trained one by one


def test_one_task_and_a_single_batch():
    """Where the sum over tasks, and Reptile's own weights of the inner steps, are not needed."""
    for function, sizes in (("fomaml", {"n_tasks": 1}), ("reptile", {"train_batch_size": 60})):
        models, rngs = group()
        getattr(luna, function)(models, engine="fast", rng=rngs, epochs=3, **sizes)
        model, rng = built(SEEDS[5])
        getattr(luna, function)(model, engine="fast", rng=rng, epochs=3, **sizes)
        difference = luna.flatten(models[5]) - luna.flatten(model)
        assert np.abs(difference).max() < 1e-6


def test_other_optimisers_and_engines_are_trained_one_by_one():
    for arguments in ({"opt": ADAM(0.001)}, {"engine": "exact"}):
        run = train_seeds("transfer_learn", range(8), threads=1, epochs=3, **arguments)[4]
        model, rng = built(4)
        luna.transfer_learn(model, rng=rng, epochs=3, **{"engine": "fast", **arguments})
        assert np.array_equal(luna.flatten(run.model), luna.flatten(model))


def test_what_lanes_do_not_know_is_refused():
    models, rngs = group()
    for arguments in (
        {"engine": "exact"},
        {"engine": "fast", "meta_opt": ADAM(0.001)},
        {"engine": "fast", "model": models[:3]},
    ):
        with pytest.raises(EngineError, match="one by one"):
            luna.fomaml(**{"model": models, "rng": rngs, "epochs": 1, **arguments})


# Parts


def test_the_tanh_of_vectors_is_the_fast_engines():
    @numba.njit
    def both(x, a, b):
        for i in range(0, x.size, vectors.SIZE):
            vectors.store(a, i, vectors.tanh(vectors.load(x, i)))
        for i in range(x.size):
            b[i] = fast_tanh(x[i])

    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 9.02, -9.03, 1e-30]
    x = np.concatenate([special, np.linspace(-10, 10, 10_000), np.geomspace(1e-20, 1, 8)])
    x = x.astype(np.float32)
    a, b = np.empty_like(x), np.empty_like(x)
    both(x, a, b)
    assert np.array_equal(a.view(np.int32), b.view(np.int32))


def test_weights_come_back_as_they_were_packed():
    given = np.arange(LANES * 4353, dtype=np.float32).reshape(LANES, 4353)
    weights = np.full(WEIGHTS, np.nan, np.float32)
    lanes.pack(weights, given)
    assert np.array_equal(lanes.unpack(weights), given)


def test_a_run_is_cut_without_a_trace(monkeypatch):
    models, rngs = group()
    luna.reptile(models, engine="fast", rng=rngs, epochs=9)
    monkeypatch.setattr(lane_groups, "BREATH", 4)
    cut, cut_rngs = group()
    luna.reptile(cut, engine="fast", rng=cut_rngs, epochs=9, inner_opt=Descent(0.02))
    for a, b in zip(models, cut, strict=True):
        assert np.array_equal(luna.flatten(a), luna.flatten(b))
