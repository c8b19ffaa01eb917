"""The port against the recordings of the notebook's own code, and against live JAX."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from jang import held, live_jax

from repro import check, jang
from repro.checks import Verdict
from repro.jang.adam import correction
from repro.sides import recorded
from repro.sides.choosing import live_case
from repro.sides.live_jax import LiveJax
from repro.sides.parity import parity
from repro.sides.recorded import FOLDER


def test_the_initial_weights_are_jaxs_bits():
    for dtype in ("float64", "float32"):
        own = held.hold("batched", dtype, 0).own
        assert own.report["init_weights"].verdict is Verdict.PASS_BITWISE


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("part", ["batched", "single"])
@pytest.mark.parametrize("engine", ["eager", "fast"])
def test_three_hundred_iterations_pass(engine, part, dtype):
    found = held.hold(part, dtype, 300, engine)
    assert found, found


@pytest.mark.slow
@pytest.mark.parametrize("part", ["batched", "single"])
def test_long_trainings_pass_in_float64(part):
    """All 20,000 iterations: `repro parity jax_notebook --full`."""
    found = held.hold(part, "float64", 3000)
    assert found, found


@pytest.mark.parametrize(
    ("dtype", "printed"), [("float32", "0.00022761"), ("float64", "0.00021746")]
)
def test_the_number_that_the_notebook_prints(dtype, printed):
    fitted = jang.fit(jang.net_init(dtype=getattr(torch, dtype)))
    assert f"{jang.maml_loss_at_zero(fitted.params):.5g}" == printed


def test_the_numbers_of_cells_3_and_13():
    e = np.float32(2.7182817)
    assert jang.derivatives() == (e, e, e, 4.0, 2.0, 0.0)
    assert list(jang.numeric_checks().values()) == [4.0, -2.0, 5.0, -2.0]


def test_predictions_of_the_pictures():
    arrays = recorded.load("jax_fit_float64_seed0").arrays

    def port():
        params = jang.net_init(dtype=torch.float64)
        grid = jang.sine_grid(torch.float64)[0]
        for name, p in (("untrained", params), ("fitted", jang.fit(params).params)):
            yield {f"{name}_predictions": jang.net_apply(p, grid)[:, 0].numpy()}

    names = ("untrained_predictions", "fitted_predictions")
    found = check([{name: arrays[name]} for name in names], port)
    assert found, found


def test_powers_of_beta_are_float32s():
    assert correction(0.999, 0, torch.float32) == np.float32(9.9998713e-4)
    assert correction(0.999, 0, torch.float64) == 1 - 0.999


def test_tasks_one_by_one_make_the_batch():
    params = jang.net_init(dtype=torch.float64)
    batch = jang.sample_tasks(3, 5, np.random.RandomState(0), torch.float64)
    each = [jang.maml_loss(params, *task) for task in zip(*batch, strict=True)]
    assert abs(jang.batch_maml_loss(params, *batch) - sum(each) / 3) < 1e-15


# Live JAX


@pytest.mark.parametrize("changed", ["XLA_FLAGS", "JAX_PLATFORMS"])
def test_an_interpreter_without_the_flags_is_refused(changed, jax_python):
    with pytest.raises(AssertionError, match="JAX's bits depend on its flags"):
        live_jax.run_script(jax_python, live_jax.REFERENCE, **{changed: ""})


def no_difference(output: str) -> bool:
    lines = output.splitlines()
    return len(lines) == 3 and all(line.endswith(" 0 differences") for line in lines)


@pytest.mark.slow
def test_the_statement_in_jax_is_the_recording_in_float64(jax_python):
    path = FOLDER / "jax_notebook_seed0_float64.npz"
    assert no_difference(live_jax.run_script(jax_python, live_jax.REFERENCE, str(path), "3000"))


@pytest.mark.slow
def test_the_statement_in_jax_is_the_recording_in_float32(tmp_path, jax_python):
    """Behind a preloaded library that hides AVX-512, where the processor has it."""
    path = FOLDER / "jax_notebook_seed0_float32.npz"
    hidden = hide_avx512(tmp_path)
    printed = live_jax.run_script(jax_python, live_jax.REFERENCE, str(path), "3000", **hidden)
    assert no_difference(printed)


def hide_avx512(folder) -> dict[str, str]:
    processor = Path("/proc/cpuinfo").read_text()
    if "avx512" not in processor:
        return {}
    compiler = shutil.which("gcc") or pytest.skip("NOT RUN: no gcc; install one")
    if "cpuid_fault" not in processor:
        pytest.skip("NOT RUN: AVX-512 cannot be hidden here; run it on a processor without")
    library = str(folder / "no_avx512.so")
    source = str(live_jax.HERE / "no_avx512.c")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    return {"LD_PRELOAD": library}


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "part"), [(1, "single"), (2, "batched"), (3, "single")])
def test_live_jax_from_other_seeds(seed, part, jax_python):
    case = live_case(f"jax_{part}_float64", seed, 2000, {})
    found = parity(case, LiveJax(jax_python))
    assert found, found
    furthest = {c.name: c.absolute.max() for c in found.own.comparisons}
    assert furthest["losses"] < 1e-12 and furthest["weights"] < 1e-10
