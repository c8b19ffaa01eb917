"""Ports in another type than the reference: Float64 beside Float32, and BFloat16."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import repro
from repro.checks import Verdict

F32 = np.float32


def narrow(seed, steps=20):
    """Logistic regression in Float32."""
    rng = np.random.default_rng(seed)
    w, b = rng.normal(size=8).astype(F32), F32(0.1)
    yield {"w": w, "b": b}
    for _ in range(steps):
        x = rng.normal(size=(40, 8)).astype(F32)
        y = (x.sum(axis=1) > 0).astype(F32)
        p = F32(1) / (F32(1) + np.exp(-(x @ w + b)))
        d = (p - y) / F32(40)
        dw, c = x.T @ d, np.cumsum(d)
        w, b = w - F32(0.5) * dw, b - F32(0.5) * c[-1]
        yield {"x": x, "y": y, "p": p, "d": d, "dw": dw, "c": c, "w": w, "b": b}


def of_numpy(state, draws, rate=0.5):
    w, b, x, y = (a.astype(float) for a in (*state.values(), *draws.values()))
    d = (1 / (1 + np.exp(-(x @ w + b))) - y) / 40
    dw, c = x.T @ d, np.cumsum(d)
    return {"p": 40 * d + y, "d": d, "dw": dw, "c": c, "w": w - rate * dw, "b": b - rate * c[-1]}


def of_torch(state, draws, rate=0.5):
    w, b, x, y = (torch.tensor(a, dtype=torch.double) for a in (*state.values(), *draws.values()))
    p = torch.sigmoid(x @ w + b)
    d = (p - y) / 40
    dw, c = d @ x, torch.cumsum(d, 0)
    return {"p": p, "d": d, "dw": dw, "c": c, "w": w - rate * dw, "b": b - rate * c[-1]}


OPTIONS = {"resynchronise": True, "draws": ["x", "y"]}


@pytest.mark.parametrize("port", [of_numpy, of_torch])
def test_a_float64_port_beside_a_float32_reference(port):
    """Catches a start in the reference's type that stands for the port's, and growth that is
    measured in Float64, of which Float32 knows nothing."""
    for seed in range(4):
        right = repro.check(lambda: narrow(seed), port, strict=False, **OPTIONS)  # noqa: B023
        assert right.verdict is Verdict.PASS, right.message
    wrong = repro.check(
        lambda: narrow(0), lambda s, d: port(s, d, rate=0.50002), strict=False, **OPTIONS
    )
    assert (wrong.first.step, wrong.first.name) == (1, "w"), wrong.message
    assert "less exact side" not in wrong.message


@pytest.mark.parametrize(("off", "first"), [(0, None), (1e-9, "sum"), (1e-5, "w")])
def test_what_is_wide_on_both_sides_is_held_as_such(off, first):
    """Catches Float32's tolerance for all, since one name is Float32."""
    x = np.linspace(0.1, 1, 100)

    def reference():
        yield {"w": np.exp(x.astype(F32)).cumsum(dtype=F32), "sum": np.exp(x)[::-1].sum()}

    def port():
        yield {"w": np.exp(x).cumsum() + 100 * (off > 1e-6) * off, "sum": np.exp(x).sum() + off}

    result = repro.check(reference, port, strict=False)
    assert (result.first and result.first.name) == first, result.message
    if off:
        assert {*result.own.measured.moves.moved} and result.own.measured.runs >= 8


def test_growth_is_that_of_the_narrower_type():
    """Catches growth measured in Float64, by which a chaotic run of Float32 parts in no time. The
    start is a whole number, and not moved itself."""

    def chaos():
        x = F32(1)
        yield {"x": x}
        for _ in range(15):
            x = F32(3.9) * x * (F32(1) - x / F32(4))
            yield {"x": x}

    def step(state, draws, off=0.0):
        x = np.float64(state["x"])
        return {"x": (np.float64(F32(3.9)) + off) * x * (1 - x / 4)}

    right = repro.check(chaos, step, strict=False, resynchronise=True)
    assert right.verdict is Verdict.PASS and right.own.measured.runs > 0, right.message
    off = repro.check(chaos, lambda s, d: step(s, d, 1e-4), strict=False, resynchronise=True)
    assert (off.first.step, off.first.name) == (1, "x")


def test_strictly_another_width_fails():
    result = repro.check(lambda: narrow(0), of_numpy, **OPTIONS)
    assert "`p` in step 1: the port's type is float64, not float32" in result.message


def brain(seed, steps=3):
    """BFloat16, summed term by term."""
    generator = torch.Generator().manual_seed(seed)
    w = torch.rand(8, 8, generator=generator).bfloat16()
    yield {"w": w}
    for _ in range(steps):
        x = torch.rand(8, 8, generator=generator).bfloat16()
        h = torch.zeros(8, 8, dtype=torch.bfloat16)
        for k in range(8):
            h = h + x[:, k : k + 1] * w[k : k + 1]
        mean = h.float().mean().bfloat16()
        w = w - 0.01 * h
        yield {"x": x, "h": h, "mean": mean, "w": w}


@pytest.mark.parametrize(("factor", "first"), [(1, None), (1.5, "h")])
def test_bfloat16_is_judged_by_its_own_rounding(factor, first):
    """Catches BFloat16 held to Float32's ulp: right ports would fail."""

    def port(state, draws):
        w, x = torch.tensor(state["w"]).bfloat16(), torch.tensor(draws["x"]).bfloat16()
        h = factor * (x @ w)
        return {"h": h, "mean": h.mean(), "w": w - 0.01 * h}

    for seed in range(3):
        result = repro.check(lambda: brain(seed), port, resynchronise=True, draws="x")  # noqa: B023
        assert (result.first and result.first.name) == first, result.message
        assert bool(result) is (first is None)
        assert first or 1e-3 < result.resynchronised.report["h"].sharpness.median < 0.3


@pytest.mark.parametrize(
    ("narrow", "said"),
    [(torch.float32, "in Float32"), (torch.bfloat16, "in BFloat16"), (torch.float64, None)],
)
def test_a_port_that_computes_in_a_narrower_type_than_is_compared_is_told_so(narrow, said):
    """A forgotten `.double()`, which widens its own tolerance: the pass says what it hides."""
    a = np.random.default_rng(0).normal(size=(8, 16))

    def port():
        b = torch.tensor(a).to(narrow)
        yield {"c": (b @ b.T).double() * (1 + 1e-10)}

    found = repro.check(lambda: [{"c": a @ a.T}], port)
    words = "narrower than what is compared, and its rounding is allowed for"
    assert (words in found.message) is (said is not None) and (said or "") in found.message
