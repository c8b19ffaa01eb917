"""Bad input gets Julia's own error, in our words, and nothing is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from repro.julia import MersenneTwister, Range, Xoshiro, default_rng, flux_init, mlutils, statsbase
from repro.julia import distributions as D
from repro.julia.expressions import draw_text

BAD = {
    "no such type": (lambda r: r.rand(3, dtype=np.longdouble), TypeError, "MethodError.*give"),
    "text": (lambda r: r.rand(dtype=str), TypeError, "MethodError"),
    "randn of an integer": (lambda r: r.randn(3, dtype=int), TypeError, "MethodError"),
    "randexp of complex": (lambda r: r.randexp(dtype=complex), TypeError, "MethodError"),
    "a string": (lambda r: r.rand("abc"), TypeError, "left out"),
    "a set": (lambda r: r.rand({1, 2}), TypeError, "left out"),
    "an empty range": (lambda r: r.rand(range(1, 1)), ValueError, "range must be non-empty; give"),
    "an empty Range": (lambda r: r.rand(Range(1, 0), 5), ValueError, "range must be non-empty"),
    "an empty list": (lambda r: r.rand([]), ValueError, "must be non-empty"),
    "an empty tuple": (lambda r: r.rand(()), ValueError, "must be non-empty"),
    "a step of zero": (lambda r: r.rand(Range(1, 5, 0)), ValueError, "step cannot be zero"),
    "n < 0": (lambda r: r.rand(-1), ValueError, "invalid Array dimensions"),
    "n < 0 for randn": (lambda r: r.randn(2, -1), ValueError, "invalid Array dimensions"),
    "n < 0 for randperm": (lambda r: r.randperm(-1), ValueError, "invalid Array dimensions"),
    "n < 0 for bitrand": (lambda r: r.bitrand(-1), ValueError, "invalid Array dimensions"),
    "n < 0 of a range": (lambda r: r.rand(range(5), -1), ValueError, "invalid Array dimensions"),
    "p > 1": (lambda r: r.randsubseq(range(9), 1.5), ValueError, "probability 1.5 not in"),
    "a fraction for a size": (lambda r: r.rand(3, 2.5), TypeError, "integer"),
    "no negative seeds": (lambda r: r.seed_(-1), ValueError, "DomainError with -1"),
    "no strings for seeds": (lambda r: r.seed_("a"), TypeError, "MethodError.*1.11"),
    "in place of an integer": (lambda r: r.randn_(np.zeros(3, int)), TypeError, "MethodError"),
    "a package's version": (lambda r: D.rand(r, D.Normal(), version="1.0"), ValueError, "0.24"),
    "Flux's version": (lambda r: flux_init.lstm(r, 2, 3, version="0.6"), ValueError, "0.7"),
    "too many samples": (
        lambda r: statsbase.sample(r, range(3), 4, replace=False), ValueError, "ask for fewer"
    ),
    "nothing to sample": (lambda r: statsbase.sample(r, [], 4), ValueError, "must be non-empty"),
    "weights below 0": (
        lambda r: statsbase.sample(r, [1, 2], weights=[1, -1]), ValueError, "DimensionMismatch"
    ),
    "weights of 0": (
        lambda r: D.rand(r, D.Categorical([0.0, 0.0]), 5), ValueError, "ArgumentError: weights"
    ),
    "a share above 1": (
        lambda r: mlutils.splitobs(r, range(9), 1.5, shuffle=True), ValueError, "interval"
    ),
    "a share of nothing": (
        lambda r: mlutils.splitobs(r, range(9), (1.0, 0.5), shuffle=True), ValueError, "interval"
    ),
    "dropping more than all": (
        lambda r: flux_init.dropout(r, np.ones(3), 1.5), ValueError, "expects a probability"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("fresh", [MersenneTwister, Xoshiro])
def test_bad_input_is_refused_and_draws_nothing(what, fresh):
    draw, error, message = BAD[what]
    rng = fresh(3)
    rng.rand()
    before = rng.copy()
    with pytest.raises(error, match=message):
        draw(rng)
    assert rng == before


@pytest.mark.parametrize("julia", ["1.4", "1.13", "2.0", "1", "latest", "", 1.5])
def test_an_unknown_version_is_refused(julia):
    for make in (MersenneTwister, Xoshiro, default_rng):
        with pytest.raises(ValueError, match="known are the random numbers of Julia 1.5 to 1.12"):
            make(1, julia)


def test_xoshiro_came_with_1_7():
    with pytest.raises(ValueError, match="UndefVarError: Xoshiro.*MersenneTwister"):
        Xoshiro(1, "1.6")
    assert type(default_rng(1, "1.6.7")) is MersenneTwister
    assert default_rng(1, "1.10.8").rand() == Xoshiro(1).rand()


@pytest.mark.parametrize(
    "text",
    ["rand", "rand(", "rand(3", "rand(3))", "exit()", "rand(`ls`)", "rand(x)", "rand(3, Float32)",
     "rand(read(\"/etc/passwd\"))", "randstring(3)", "rand(1:)", "__import__(1)", "", "rand(3) 4"],
)  # fmt: skip
def test_only_the_grammar_is_read(text):
    with pytest.raises((ValueError, TypeError), match="give|write"):
        draw_text("Xoshiro(1)", [text], "1.10")
    with pytest.raises((ValueError, TypeError), match="give|write"):
        draw_text(text, ["rand()"], "1.10")


def test_expressions_of_recorded_streams():
    """The first values are those of Julia's documentation for Xoshiro(1234)."""
    assert draw_text("Xoshiro(1234)", ["rand(2)"], "1.10.8") == [
        "[0.32597672886359486, 0.5490511363155669]"
    ]
    texts = draw_text('Xoshiro("a")', ["rand(Bool, 2, 2)", "rand(UInt8(1):UInt8(3), 2)"], "1.12")
    assert texts[0].startswith("Bool[") and texts[1].startswith("UInt8[0x0")
    assert draw_text("seed!(2^40)", ["rand()"], "1.10") == draw_text(
        "Xoshiro(1099511627776)", ["rand()"], "1.10"
    )
    assert draw_text("seed!(1)", ["rand(0, 2)"], "1.10") == ["Matrix{Float64}(undef, 0, 2)"]
