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
from repro.jang.adam import correction
from repro.sides.recorded import FOLDER


def test_the_initial_weights_are_jaxs_bits():
    assert held.initial("float64") and held.initial("float32")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("part", ["batched", pytest.param("single", marks=pytest.mark.slow)])
def test_three_hundred_iterations_pass(part, dtype):
    found = held.hold(part, dtype, 300)
    assert found, found


@pytest.mark.slow
@pytest.mark.parametrize("part", ["batched", "single"])
def test_long_trainings_pass_in_float64(part):
    """All 20,000 iterations take a quarter of an hour: docs/jang.md has what they gave."""
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
    recorded = held.recording("float64")

    def port():
        params = jang.net_init(dtype=torch.float64)
        grid = jang.sine_grid(torch.float64)[0]
        for name, p in (("untrained", params), ("fitted", jang.fit(params).params)):
            yield {f"{name}_predictions": jang.net_apply(p, grid)[:, 0].numpy()}

    names = ("untrained_predictions", "fitted_predictions")
    found = check([{name: recorded[name]} for name in names], port)
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
def test_live_jax_from_other_seeds(seed, part, tmp_path, jax_python):
    path = tmp_path / "weights.npz"
    script = live_jax.HERE / "jax_weights.py"
    live_jax.run_script(jax_python, script, part, "2000", str(seed), "float64", str(path))
    with np.load(path, allow_pickle=False) as arrays:
        weights, losses = arrays["weights"], arrays["losses"]
    kept = {i: weights[i] for i in (1, 10, 100, 1000, 2000)}
    found = held.hold(part, "float64", 2000, seed, (kept, losses))
    assert found, found
