"""The GPU's kernels held to the recordings: on a GPU where there is one, else interpreted.

Interpreted, the very code of the kernels runs on the CPU, and so does everything around it; that
they compile for a GPU is tested without one. What is left to a GPU says NOT RUN without one.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from engine import runs

from repro import luna
from repro.checks import Check, Verdict
from repro.engine import EngineError, engines, fast, seeds, train_seeds
from repro.flux import Descent, Momentum, NonFiniteLossError
from repro.julia import MersenneTwister
from repro.sides import recorded
from repro.sides.parity import parity
from repro.sides.port import Port

if sys.platform == "linux":
    import triton  # for other systems there is none
else:
    triton = pytest.importorskip("triton", reason="NOT RUN: there is no Triton for this system")
tl = triton.language

HAS_GPU = torch.cuda.is_available()
DEVICE = "cuda" if HAS_GPU else "cpu"
ON_A_GPU = pytest.mark.skipif(not HAS_GPU, reason="NOT RUN: torch sees no GPU here")


@pytest.fixture(autouse=True)
def on_the_gpu(monkeypatch):
    """Sends the fast engine to the kernels, interpreted or not, unless it is sent to the CPU."""

    def gpu_for(model, device, kind):
        return None if device == "cpu" else torch.device(DEVICE)

    monkeypatch.setattr(engines, "gpu_for", gpu_for)
    monkeypatch.setattr(seeds, "gpu_for", gpu_for)


@pytest.fixture
def persistent():
    from repro.engine import persistent

    return persistent


def descent_only(name: str) -> bool:
    kwargs = recorded.load(name).case.kwargs
    return all("Descent" in value for key, value in kwargs.items() if key.endswith("opt"))


DENSE = [n for n in runs.FLOAT32 if descent_only(n) and not n.endswith("_long")]
LONG = [n for n in runs.FLOAT32 if n.endswith("_long")]


def result(name: str, epochs: int) -> Check:
    case = recorded.load(name).case.upto(epochs)
    return parity(case, recorded.Recorded(), Port("fast"))


def passes(found: Check) -> None:
    assert found, found.message
    assert found.own.report["eval_x"].verdict is Verdict.PASS_BITWISE


ONE_OF_EACH = [n for n in DENSE if n in runs.ONE_OF_EACH]


@pytest.mark.parametrize(
    ("name", "epochs"),
    [(n, 2 if "seed0" in n else 1) for n in ONE_OF_EACH]
    + [pytest.param(n, 5, marks=pytest.mark.slow) for n in DENSE],
)
def test_the_first_iterations_of_a_recording(name, epochs):
    """All batch sizes, numbers of tasks and rates, Reptile's short last batch among them."""
    passes(result(name, epochs))


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in LONG if "seed42" in n])
def test_a_recordings_first_1000_iterations(name):
    """Launches of many iterations, and the evaluation at the end of each."""
    passes(result(name, 1000))


@ON_A_GPU
@pytest.mark.parametrize("name", DENSE + LONG)
def test_a_whole_recording_on_a_gpu(name):
    found = result(name, recorded.load(name).case.epochs)
    passes(found)
    assert found.own.report["next_rand"].verdict is Verdict.PASS_BITWISE


@triton.jit
def mean_of_two_tasks(a, b, sign):
    """Adds half of every task's gradient."""
    return (
        a[0] + 0.5 * sign * b[0],
        a[1] + 0.5 * sign * b[1],
        a[2] + 0.5 * sign * b[2],
        a[3] + 0.5 * sign * b[3],
        a[4] + 0.5 * sign * b[4],
        a[5] + 0.5 * sign * b[5],
    )


@triton.jit
def coarse_product(a, b):
    """Rounds as tensor cores would that were left switched on."""
    a = ((a.to(tl.int32, bitcast=True) >> 13) << 13).to(tl.float32, bitcast=True)
    return tl.dot(a, b, input_precision="ieee")


@triton.jit
def plain_step(w, g, eta):
    """Adds what it should take away."""
    return w + eta[0] * g


PLANTED = {"_sum": mean_of_two_tasks, "_product": coarse_product, "_stepped": plain_step}


@pytest.mark.parametrize("place", PLANTED)
@pytest.mark.parametrize(
    "name", ["fomaml_seed0_dense", pytest.param("reptile_seed0_dense", marks=pytest.mark.slow)]
)
def test_a_fault_planted_in_the_kernels_is_caught(place, name, monkeypatch, persistent):
    monkeypatch.setattr(persistent, place, PLANTED[place])
    assert result(name, 1).verdict is Verdict.FAIL


def built(seed: int):
    rng = MersenneTwister(seed)
    return luna.sine_model(rng), rng


@pytest.mark.parametrize(
    "function",
    ["fomaml", *(pytest.param(n, marks=pytest.mark.slow) for n in ("reptile", "transfer_learn"))],
)
def test_many_seeds_at_once_are_each_equal_to_their_single_run(function, monkeypatch):
    """Bit for bit: catches draws, waves or weights of one seed that another one gets.

    Together in two launches of an iteration, alone in one of two.
    """
    from repro.engine import device

    monkeypatch.setattr(device, "LAUNCH", 2)
    settings = {"epochs": 2, "eval_interval": 2, "eval_batch_size": 5}
    together = train_seeds(function, [3, 1], device="cuda", **settings)
    assert [run.seed for run in together] == [3, 1]
    for run in together:
        model, rng = built(run.seed)
        alone = getattr(fast, function)(model, rng=rng, **settings)
        assert np.array_equal(luna.flatten(run.model), luna.flatten(model))
        assert run.rng.rand() == rng.rand()
        assert [e.epoch for e in run.evaluations] == [e.epoch for e in alone] == [2]
        for a, b in zip(run.evaluations, alone, strict=True):
            assert a.task == b.task and a.x.tolist() == b.x.tolist()
            assert a.test_losses.tolist() == b.test_losses.tolist()


def test_launches_cut_a_run_without_a_trace(monkeypatch):
    from repro.engine import device

    whole, rng = built(2)
    fast.fomaml(whole, epochs=5, rng=rng)
    monkeypatch.setattr(device, "LAUNCH", 2)
    cut, cut_rng = built(2)
    seen = []
    fast.fomaml(cut, epochs=5, rng=cut_rng, observe=lambda e, m: seen.append(e))
    assert np.array_equal(luna.flatten(whole), luna.flatten(cut)) and seen == [1, 2, 3, 4, 5]
    assert rng.rand() == cut_rng.rand()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, when interpreted
def test_a_loss_that_is_not_finite_stops_the_run_where_the_eager_port_stops():
    """Draws have been made ahead, and must be given back."""
    eager, eager_rng = built(5)
    diverging = {"epochs": 4, "eval_interval": 2, "inner_opt": Descent(1e20)}
    with pytest.raises(NonFiniteLossError, match="Flux refuses"):
        luna.fomaml(eager, rng=eager_rng, **diverging)
    model, rng = built(5)
    with pytest.raises(NonFiniteLossError, match="Flux refuses"):
        fast.fomaml(model, rng=rng, **diverging)
    assert rng.rand() == eager_rng.rand()


def test_eval_model_is_the_compiled_one_to_rounding():
    """Within 1e-5 of losses near 1, after 8 updates; a wrong update moves them by 1e-2."""
    model, rng = built(4)
    x, testx = (torch.from_numpy(rng.uniform(-5.0, 5.0, n)).float() for n in (7, 60))
    eager = luna.eval_model(model, x, testx, luna.SineWave(2, 1), updates=8)
    before = luna.flatten(model)
    found = fast.eval_model(model, x, testx, luna.SineWave(2, 1), updates=8)
    assert np.array_equal(luna.flatten(model), before)
    assert found.test_losses == pytest.approx(eager.test_losses, abs=1e-5)
    assert found.final_predictions == pytest.approx(eager.final_predictions, abs=1e-5)


def test_what_the_kernels_do_not_know_is_refused():
    model, rng = built(1)
    with pytest.raises(EngineError, match="Descent, not Momentum"):
        fast.fomaml(model, epochs=1, rng=rng, meta_opt=Momentum(0.1))


COMPILE = """
import sys

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from repro.engine import device, persistent

sizes = {"N_TASKS": 3, "BATCH": 10, "PADDED_BATCH": 16, "POINTS": 50, "PADDED": 64}
types = dict.fromkeys(("order", "finite"), "*i32") | dict.fromkeys(("iterations", "updates"), "i32")
types |= dict.fromkeys("weights x y testx testy wave initial final losses".split(), "*fp32")
capability, *kernels = sys.argv[1:]
for name in kernels:
    kernel = getattr(persistent, name)
    constants = {n: sizes[n] for n in kernel.arg_names if n in sizes}
    signature = {n: "constexpr" if n in sizes else types.get(n, "fp32") for n in kernel.arg_names}
    target = GPUTarget("cuda", int(capability), 32)
    source = ASTSource(kernel, signature, constants)
    compiled = triton.compile(source, target=target, options=device.OPTIONS)
    machine_code = compiled.asm["cubin"]
    assert "mma" not in compiled.asm["ptx"], "tensor cores"
    print(name, capability, len(machine_code), compiled.metadata.shared)
"""


KERNELS = ("fomaml", "reptile", "transfer_learn", "eval_model")


@pytest.mark.slow
@pytest.mark.parametrize("capability", ["90", "80"])
def test_the_kernels_compile_for_a_gpu(capability, tmp_path):
    """To machine code, by NVIDIA's assembler, without a GPU; none of it uses tensor cores."""
    environment = {**os.environ, "TRITON_CACHE_DIR": str(tmp_path)}
    environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMPILE, capability, *KERNELS],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == [*KERNELS]
    # What every GPU since 2018 gives a program.
    assert all(int(shared) <= 64 * 1024 for *_, shared in lines)


@ON_A_GPU
def test_the_host_never_waits_for_the_device_within_a_launch():
    from repro.engine import device
    from repro.engine.algorithms import FOMAML

    model, rng = built(0)
    gpu, opts = torch.device("cuda"), FOMAML.optimisers
    group = device.Group(FOMAML, [model], [rng], gpu, opts, FOMAML.sizes, again=lambda *_: [])
    stretch = group.draw(100, 100, evaluated=True)
    group.launch(stretch)
    torch.cuda.set_sync_debug_mode("error")
    try:
        group.launch(stretch)
    finally:
        torch.cuda.set_sync_debug_mode("default")
