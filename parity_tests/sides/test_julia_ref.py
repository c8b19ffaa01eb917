"""Our Julia package is the original: bit for bit, and what is not the original is noticed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from sides.bits import different

import repro
from repro.checks import Verdict
from repro.flux import ADAM, Momentum
from repro.folders import shipped
from repro.julia import MersenneTwister
from repro.run import Run
from repro.sides import record_check as check
from repro.sides import recorded
from repro.sides.julia.find import CHOOSE_IT, Julia
from repro.sides.julia.reference import JuliaReference, Tape
from repro.sides.julia.worker import JuliaError
from repro.sides.live import Live

pytestmark = [
    pytest.mark.julia,
    pytest.mark.filterwarnings("default::repro.sides.julia.reference.JuliaRetryWarning"),
]
# What adds time rather than another path is for the slow suite.
QUICK = ("fomaml_seed2_inner_adam", "reptile_seed2_inner_momentum", "transfer_learn_seed2_adam")
"""One of each algorithm, with state; all are in the slow suite and in `make record-check`."""

References = Callable[[str], JuliaReference]


@pytest.fixture(scope="module")
def references(
    julia: Julia, live_julia: JuliaReference, not_run: Callable[[str], None]
) -> Iterator[References]:
    """`references(name)`: the live Julia with the kernels that made that recording."""
    if julia.version_info >= (1, 7) or not julia.pinned:
        not_run(
            f"Julia {julia.version} draws or rounds otherwise than the one that made the "
            f"recordings, 1.5.3 on x86-64: {CHOOSE_IT}"
        )
    made = {"": live_julia}

    def reference(name: str = "") -> JuliaReference:
        kernels = check.OTHER_KERNELS.get(name, "")
        if kernels not in made:
            made[kernels] = JuliaReference("worker", check.julia_for(name, julia))
        return made[kernels]

    yield reference
    del made[""]
    for reference_ in made.values():
        reference_.close()


@pytest.fixture
def live(references: References) -> JuliaReference:
    return references("")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
        for name in check.made_by_julia()
    ],
)
def test_equals_the_recording_bit_for_bit(references, name):
    found = check.recheck(name, references(name))
    assert found.verdict is Verdict.PASS_BITWISE, found


@pytest.mark.slow
def test_the_other_kernels_are_needed(live):
    """Under the pinned kernels the Float64 predictions differ, by last bits, and nothing else."""
    for name in check.OTHER_KERNELS:
        recording = recorded.load(name)
        case = recording.case.upto(50)
        different = unlike(recording.run(case), Live(live).run(case))
        assert different and all(n.endswith("_predictions") for n in different)
        pair = [run.quantities for run in (recording.run(case), Live(live).run(case))]
        for n in different:
            a, b = (quantities[n].values for quantities in pair)
            assert np.allclose(a, b, rtol=1e-12, atol=1e-14)


def unlike(recording: Run, found: Run) -> set[str]:
    """The recorded quantities that were not found bit for bit."""
    names = [*recording.quantities]
    result = repro.check(recording, found, tolerance=repro.Bitwise(), names=names)
    return {c.name for c in result.own.comparisons if c.verdict is not Verdict.PASS_BITWISE}


@dataclass(frozen=True)
class Fault:
    """One line of the Julia package, changed, and the recording that shows it within `epochs`."""

    what: str
    file: str
    old: str
    new: str
    recording: str
    epochs: int = 1


FAULTS = [
    Fault(
        "mse divides by n",
        "gradient.jl",
        "sum(squares) * reciprocal(squares)",
        "sum(squares) / length(squares)",
        "fomaml_seed0_dense",
    ),
    Fault(
        "the learning rate is Float32",
        "optimise.jl",
        "g .= g .* opt.eta",
        "g .= g .* Float32(opt.eta)",
        "reptile_seed0_dense",
    ),
    Fault(
        "the first layer's gradient is a matrix product",
        "gradient.jl",
        "δ * transpose(outputs[l])",
        "δ * transpose(Array(outputs[l]))",
        "transfer_learn_seed0_dense",
        5,
    ),
    Fault(
        "the slope of tanh is factored",
        "gradient.jl",
        "1 - h^2",
        "(1 - h) * (1 + h)",
        "fomaml_seed0_dense",
    ),
    Fault(
        "bias gradients are summed from the right",
        "gradient.jl",
        "vec(sum(δ, ",
        "vec(sum(δ[:, end:-1:1], ",
        "reptile_seed0_dense",
    ),
    Fault(
        "the meta-gradient is the mean",
        "fomaml.jl",
        "total .+= g,",
        "total .+= g ./ 3,",
        "fomaml_seed0_dense",
    ),
    Fault(
        "weights are not restored between tasks",
        "fomaml.jl",
        "restore!(weights, prev_weights)",
        "nothing",
        "fomaml_seed0_dense",
    ),
    Fault(
        "reptile's meta optimiser keeps its state",
        "reptile.jl",
        "w0, d), prev_weights, differences)\n"
        '    note_each!(trace, "step", names, steps)\n'
        "    foreach((w, w0, step) -> w .= w0 .+ step, weights, prev_weights, steps)\n"
        '    note_each!(trace, "update", names, weights)\n    forget!(f.meta_opt)\n',
        "w0, d), weights, differences)\n"
        "    foreach((w, w0, step) -> w .= w0 .+ step, weights, prev_weights, steps)\n",
        "reptile_seed2_meta_adam",
        2,
    ),
    Fault(
        "ADAM squares in Float64",
        "optimise.jl",
        "(1 - β2) * g^2",
        "(1 - β2) * Float64(g)^2",
        "fomaml_seed2_inner_adam",
        20,
    ),
    Fault(
        "ADAM's epsilon is inside the root",
        "optimise.jl",
        "(sqrt(v / (1 - power2)) + 1e-8)",
        "sqrt(v / (1 - power2) + 1e-8)",
        "transfer_learn_seed2_adam",
    ),
    Fault(
        "an evaluation draws its task first",
        "train.jl",
        "    x = in_precision(f, uniform(draws, -5, 5, batch_size))\n"
        "    testx = in_precision(f, wave_range())\n    task = SineWave(draws)\n",
        "    task = SineWave(draws)\n"
        "    x = in_precision(f, uniform(draws, -5, 5, batch_size))\n"
        "    testx = in_precision(f, wave_range())\n",
        "transfer_learn_seed0_dense",
    ),
    Fault(
        "the post's variant rounds its points",
        "transfer.jl",
        'f.variant == "post" ? x : Float32.(x)',
        "Float32.(x)",
        "transfer_learn_blog_seed0_dense",
    ),
    Fault(
        "momentum's velocity is not negated",
        "optimise.jl",
        "@. g = -v",
        "@. g = v",
        "reptile_seed2_inner_momentum",
    ),
    Fault(
        "the phase is drawn before the amplitude",
        "sine.jl",
        "    amplitude = uniform(draws, 0.1, 5)\n    phase_shift = uniform(draws, 0, 2pi)\n",
        "    phase_shift = uniform(draws, 0, 2pi)\n    amplitude = uniform(draws, 0.1, 5)\n",
        "reptile_seed0_dense",
    ),
]
BY_DEFAULT = 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(f, id=f.what, marks=[pytest.mark.slow] if i >= BY_DEFAULT else [])
        for i, f in enumerate(FAULTS)
    ],
)
def test_a_changed_operation_is_noticed(references, julia, tmp_path, fault):
    source = tmp_path / "julia_ref"
    shutil.copytree(shipped("julia_ref"), source)
    file = source / "src" / fault.file
    text = file.read_text()
    assert text.count(fault.old) == 1
    file.write_text(text.replace(fault.old, fault.new))

    case = recorded.load(fault.recording).case.upto(fault.epochs)
    julia = check.julia_for(fault.recording, julia)
    with JuliaReference("worker", julia, source=source) as wrong:
        different = unlike(recorded.load(fault.recording).run(case), Live(wrong).run(case))
    assert different & {"test_losses", "weights", "eval_x"}
    assert "init_weights" not in different


@pytest.mark.slow
def test_its_own_tests_pass(julia):
    tests = shipped("julia_ref") / "test" / "runtests.jl"
    done = subprocess.run(
        julia.command(str(tests)), env=julia.environ(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_our_stream_as_a_tape_gives_the_same_run(live):
    """Every draw of a run, in the order in which the original makes it."""
    run = live.run("fomaml", 7, 3, 2, keep_draws=True, n_tasks=2)
    rng = MersenneTwister(7)
    ours = rng.rand(len(run["uniforms"]) + 1)
    assert np.array_equal(run["uniforms"], ours[:-1])
    assert np.array_equal(run["next_rand"], ours[-1:])

    taped = live.run("fomaml", None, 3, 2, tape=Tape(ours), n_tasks=2)
    assert taped.provenance["draws"].startswith("a tape of")
    assert run.provenance["draws"] == "MersenneTwister(7) of Julia 1.5.3"
    assert not different(taped, run)


def test_a_tape_for_reptile_needs_permutations(live):
    rng = MersenneTwister(1)
    model = rng.rand(4353)
    tape = Tape(np.concatenate([model, rng.rand(2)]), rng.randperm(50))
    taped = live.run("reptile", None, 1, 2, tape=tape)
    assert not different(taped, live.run("reptile", 1, 1, 2))


@pytest.mark.parametrize(
    ("function", "options"),
    [
        ("transfer_learn", {"opt": Momentum(0.005, 0.8)}),
        ("fomaml", {"meta_opt": ADAM(0.001, (0.8, 0.99)), "n_tasks": 2}),
        ("reptile", {"inner_opt": ADAM(0.005), "train_batch_size": 12}),
    ],
)
def test_an_iteration_can_be_taken_by_itself(live, function, options):
    options = {"eval_interval": 2, **options}
    run = live.run(function, 3, 4, weight_epochs=[1, 2, 3, 4], keep_draws=True, **options)
    traced = live.trace(function, 3, 4, **options)
    assert np.array_equal(traced.start_weights, run["weights"][2])
    assert np.array_equal(traced.end_weights, run["weights"][3])
    before, after = run["draw_ends"][3:]
    assert np.array_equal(traced.tape.uniforms, run["uniforms"][before[0] : after[0]])
    assert np.array_equal(traced.tape.permutations, run["permutations"][before[1] : after[1]])

    step = live.trace(
        function,
        iteration=4,
        weights=traced.start_weights,
        state=traced.start_state,
        tape=traced.tape,
        **options,
    )
    assert list(step.values) == list(traced.values)
    assert not different(as_arrays(traced.values), as_arrays(step.values))
    assert not different(traced.end_state, step.end_state)
    assert step.provenance["draws"].startswith("a tape of")
    # Without its state a stateful optimiser does something else.
    fresh = live.trace(
        function, iteration=4, weights=traced.start_weights, tape=traced.tape, **options
    )
    assert not np.array_equal(fresh.end_weights, traced.end_weights)


def as_arrays(values: dict) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in values.items()}


def test_the_names_of_an_iteration(live):
    fomaml = live.trace("fomaml", 0, n_tasks=2, eval_interval=1).values
    names = list(fomaml)
    in_order = [
        "task1.amplitude",
        "task1.x",
        "task1.y",
        "task1.inner.layers.0.pre",
        "task1.inner.layers.2.out",
        "task1.inner.loss",
        "task1.inner.grad.layers.0.weight",
        "task1.inner.update.layers.0.weight",
        "task1.testy",
        "task1.outer.loss",
        "task1.outer.grad.layers.2.bias",
        "task1.restore.layers.0.weight",
        "task1.sum.layers.0.weight",
        "task2.amplitude",
        "meta.update.layers.1.weight",
        "eval.x",
        "eval.amplitude",
        "eval.y",
        "eval.test0.loss",
        "eval.fit1.loss",
        "eval.test1.loss",
        "eval.restore.layers.0.weight",
    ]
    assert [names.index(n) for n in in_order] == sorted(names.index(n) for n in in_order)
    assert fomaml["task1.inner.layers.1.out"].shape == (64, 10)
    assert fomaml["task1.inner.grad.layers.0.weight"].shape == (64, 1)
    assert fomaml["task1.inner.loss"].dtype == np.float32

    reptile = live.trace("reptile", 0, train_batch_size=12).values
    assert {"task1.permutation", "task1.inner5.loss", "meta.difference.layers.0.bias"} <= set(
        reptile
    )
    assert "task1.inner6.loss" not in reptile
    assert reptile["task1.inner5.x"].shape == (2,)
    assert "task1.train.update.layers.0.bias" in live.trace("transfer_learn", 0).values


def test_the_parts_of_an_iteration_fit_together(live):
    """Float32 arithmetic redone in NumPy where it is a single operation."""
    t = live.trace("fomaml", 0, n_tasks=2).values
    out, pre = t["task1.inner.layers.2.out"], t["task1.inner.layers.2.pre"]
    assert np.array_equal(out, pre)
    squares = (out[0] - t["task1.y"]) ** 2
    assert abs(squares.sum() * np.float32(0.1) - t["task1.inner.loss"]) < 1e-5
    for name in ("layers.0.weight", "layers.2.bias"):
        step = (t[f"task1.inner.grad.{name}"].astype(np.float64) * 0.02).astype(np.float32)
        start = t[f"task1.restore.{name}"]
        assert np.array_equal(start - step, t[f"task1.inner.update.{name}"])
        total = t[f"task1.outer.grad.{name}"] + t[f"task2.outer.grad.{name}"]
        assert np.array_equal(total, t[f"task2.sum.{name}"])
        step = (total.astype(np.float64) * 0.01).astype(np.float32)
        assert np.array_equal(start - step, t[f"meta.update.{name}"])


def test_a_loss_that_is_not_finite_is_an_error_as_in_flux(live):
    with pytest.raises(JuliaError, match="loss is not finite"):
        live.run("transfer_learn", 0, 50, opt="Descent(1e9)")


def test_streams_are_those_of_this_julia(live):
    rng = MersenneTwister(5)
    assert np.array_equal(live.draws("rand", 100, 5), rng.rand(100))
    calls = live.draws("randperm", [3, 4], 5)
    rng = MersenneTwister(5)
    assert calls.tolist() == [*rng.randperm(3), *rng.randperm(4)]
    huge = 2**70 + 1
    assert np.array_equal(live.draws("rand_array", 9, huge), MersenneTwister(huge).rand(9))
    assert live.draws("rand32", 3, 5).dtype == np.float32
    rng = MersenneTwister(5)
    rng.rand()
    assert live.draws("shuffle", 6, 5, skip=1).tolist() == list(rng.shuffle(range(1, 7)))


BOTH_WAYS = """
from sides.bits import different
from repro.sides.julia.reference import JuliaReference

options = {"function": "reptile", "seed": 4, "epochs": 3, "eval_interval": 1, "keep_draws": True}
with JuliaReference("worker") as worker, JuliaReference("juliacall") as inside:
    assert JuliaReference("auto").way == "worker"
    one, other = worker.run(**options), inside.run(**options)
    assert JuliaReference("auto").way == "juliacall"
    assert list(one) == list(other)
    assert not different(one, other)
    assert one.provenance["draws"] == other.provenance["draws"]
    assert one.provenance["blas"] == other.provenance["blas"]
    assert (one.provenance["way"], other.provenance["way"]) == ("worker", "juliacall")
    traces = [way.trace("fomaml", 4).values for way in (worker, inside)]
    assert list(traces[0]) == list(traces[1])
    assert all((traces[0][name] == traces[1][name]).all() for name in traces[0])
"""


@pytest.mark.slow
def test_both_ways_give_the_same_bits_through_one_interface(julia, juliacall_variables):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BOTH_WAYS],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            **juliacall_variables,
            "REPRO_JULIA": str(julia.executable),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_julia_that_is_missing_is_not_run(monkeypatch, capsys):
    monkeypatch.setenv("REPRO_JULIA", os.fspath(Path("/nowhere/julia")))
    assert check.main() == 2
    assert "NOT RUN" in capsys.readouterr().err


def test_record_check_fails_for_a_single_bit_a_sign_of_zero_or_a_type(monkeypatch):
    """What a rule that knows tolerances, or equal zeros, would let through."""
    name = "reptile_seed0_dense"
    right = recorded.load(name).run()
    for change in (
        lambda v: np.where(v == v.flat[0], np.nextafter(v, np.float32(9)), v),
        lambda v: v.astype(np.float64),
    ):
        weights = replace(right["weights"], values=change(right["weights"].values))
        wrong = replace(right, quantities={**right.quantities, "weights": weights})
        monkeypatch.setattr(Live, "run", lambda self, case, wrong=wrong: wrong)
        assert check.recheck(name, None).verdict is Verdict.FAIL
    monkeypatch.setattr(Live, "run", lambda self, case: right)
    assert check.recheck(name, None).verdict is Verdict.PASS_BITWISE
    zeros = different({"a": np.array([np.nan, 0.0])}, {"a": np.array([np.nan, -0.0])})
    assert zeros == {"a"}
