"""Each primitive of the exact engine against what Julia 1.5.3 made of the same numbers.

`primitives.jl` says how the recorded digests came about. Catches: any other order of a product's
or a sum's steps, a fused or an unfused step too many, another algorithm for sine or tanh.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine import inputs, primitives

from repro.engine import EXACT, FAST
from repro.engine.compiling import jit
from repro.engine.tiles import fma
from repro.sides.julia.find import BLAS_PINS, CHOOSE_IT, CPU_TARGET

RECORDED = inputs.recorded()


def made(arithmetic) -> dict[str, str]:
    """Digest by name of everything that `primitives.jl` computes."""
    found = {name: inputs.digest(values) for name, values in inputs.elements(arithmetic)}
    for n in range(1, 71):
        found |= {name: inputs.digest(v) for name, v in inputs.products(arithmetic, n)}
    for n in range(1, 81):
        found[f"sum_all_{n}"] = inputs.digest(inputs.sums(arithmetic, n))
    return found


@pytest.fixture(scope="module")
def exact() -> dict[str, str]:
    return made(EXACT)


def test_nothing_recorded_is_left_out(exact):
    assert len(RECORDED) == 3 + 70 * 8 + 80
    assert exact.keys() == RECORDED.keys()


def test_sine_and_tanh_are_julias_on_millions_of_values(exact):
    for name in inputs.SPREADS:
        assert inputs.spread(*inputs.SPREADS[name]).size > 1_000_000
        assert exact[name] == RECORDED[name], name


@pytest.mark.parametrize(
    "product",
    ["forward", "carried", "weight_gradient", "output", "row_gradient", "column_gradient"],
)
def test_product_is_openblas_at_every_batch_size(exact, product):
    sizes = [n for n in range(1, 71) if exact[f"{product}_{n}"] != RECORDED[f"{product}_{n}"]]
    assert sizes == [], f"{product} differs at these batch sizes"


@pytest.mark.parametrize(("total", "last"), [("sum_columns", 70), ("sum_row", 70), ("sum_all", 80)])
def test_sum_is_julias_at_every_length(exact, total, last):
    lengths = [n for n in range(1, last + 1) if exact[f"{total}_{n}"] != RECORDED[f"{total}_{n}"]]
    assert lengths == [], f"{total} differs at these lengths"


def test_the_digests_tell_another_arithmetic():
    """Without this, digests that every arithmetic had would look like equality."""
    found = {name: inputs.digest(v) for name, v in inputs.products(FAST, 50)}
    assert found["forward_50"] != RECORDED["forward_50"]
    assert found["output_50"] != RECORDED["output_50"]
    assert found["column_gradient_50"] != RECORDED["column_gradient_50"]
    assert inputs.digest(inputs.sums(FAST, 50)) != RECORDED["sum_all_50"]
    tanh = dict(inputs.elements(FAST))["tanh"]
    assert inputs.digest(tanh) != RECORDED["tanh"]


def test_fast_tanh_is_within_three_ulp():
    """The bound that its docstring states, 2.5, on two million values; nothing coarser passes."""
    x = inputs.spread(*inputs.SPREADS["tanh"])
    tanh = dict(inputs.elements(FAST))["tanh"]
    true = np.tanh(x.astype(np.float64))
    normal = np.abs(true) >= np.finfo(np.float32).tiny
    errors = np.abs(tanh - true)[normal] / np.spacing(np.abs(true[normal]).astype(np.float32))
    assert 1.0 < errors.max() <= 2.5
    assert np.array_equal(np.signbit(tanh), np.signbit(x))


# a * b + c lies 2^-70 below the middle between c and its successor.
NEAR_A_TIE = tuple(
    np.float32(v) for v in (2**-12 * (1 + 2**-23), 2**-12 * (1 - 2**-23), 1 + 2**-23)
)


@jit
def fused(a, b, c):
    return fma(a, b, c)


@jit
def through_float64(a, b, c):
    return np.float32(np.float64(a) * np.float64(b) + np.float64(c))


def test_fma_rounds_once():
    """Through Float64 it would round twice, which a run shows once in thousands of iterations."""
    assert fused(*NEAR_A_TIE) == NEAR_A_TIE[2]
    assert through_float64(*NEAR_A_TIE) != NEAR_A_TIE[2]


@pytest.mark.slow
def test_the_same_bits_without_the_processors_fma():
    """Catches an fma that rounds twice where LLVM has to call one from the C library."""
    code = (
        "from engine import inputs, test_primitives as t;"
        "from repro.engine import EXACT;"
        "names = {k: v for n in (1, 7, 16, 50) for k, v in inputs.products(EXACT, n)};"
        "bad = [k for k, v in names.items() if inputs.digest(v) != t.RECORDED[k]];"
        "assert not bad, bad; assert t.fused(*t.NEAR_A_TIE) == t.NEAR_A_TIE[2];"
        "print('equal', len(names))"
    )
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": "x86-64",
        "NUMBA_CPU_FEATURES": "",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path]),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.stdout == "equal 32\n", done.stderr


@pytest.mark.julia
def test_a_live_julia_prints_the_recorded_digests(julia, not_run):
    if (julia.version_info[0], julia.version_info[1]) != (1, 5):
        not_run(f"the digests are Julia 1.5's, not {julia.version}'s: {CHOOSE_IT}")
    script = Path(__file__).with_name("primitives.jl")
    command = [str(part) for part in julia.command()]
    done = subprocess.run(
        [*command, str(script)],
        env={**os.environ, **julia.environ(), **BLAS_PINS},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert CPU_TARGET in command or "-C" in " ".join(command)
    assert inputs.parse(done.stdout) == RECORDED


def test_shapes_that_do_not_occur_are_refused():
    def ones(*shape):
        return np.ones(shape, np.float32)

    for a, b in ((ones(3, 4), ones(4, 5)), (ones(64, 4), ones(5, 3)), (ones(1, 4), ones(4, 5))):
        with pytest.raises(ValueError, match="no product of"):
            primitives.product(a, b)
    with pytest.raises(ValueError, match="rows do not occur"):
        primitives.sum_rows(ones(2, 3))
