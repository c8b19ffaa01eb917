"""JAX's random numbers in NumPy against JAX: recorded digests, and live JAX where there is one.

Each planted mistake is one that was considered while writing the port, and must move a digest.
"""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
from jang import draws, live_jax

from repro import jax_random
from repro.jang import net, net_init
from repro.jax_random import float32, threefry

RECORDED = live_jax.HERE / "draws_0.10.2.json"


class Ours:
    """Our functions under the names that the digests are made by."""

    key = staticmethod(jax_random.key_of)
    erf_inv = staticmethod(jax_random.erf_inv)
    fold_in = staticmethod(jax_random.fold_in)

    def with_stream(self, partitionable: bool) -> Ours:
        ours = Ours()
        ours.split = partial(jax_random.split, partitionable=partitionable)
        ours.bits = partial(jax_random.random_bits, partitionable=partitionable)
        ours.uniform = partial(jax_random.uniform, partitionable=partitionable)
        ours.normal = partial(jax_random.normal, partitionable=partitionable)
        ours.truncated = partial(jax_random.truncated_normal, partitionable=partitionable)
        weights = partial(net_init, partitionable=partitionable)
        ours.initial_weights = lambda key: [w.numpy() for w in weights(key).values()]
        return ours


@pytest.fixture(scope="module")
def recorded() -> dict[str, str]:
    return json.loads(RECORDED.read_text())


@pytest.mark.slow
def test_every_draw_and_a_million_erf_inv_are_jaxs_bits(recorded):
    ours = dict(draws.digests(Ours()))
    assert ours.keys() == recorded.keys()
    assert {name for name, value in ours.items() if value != recorded[name]} == set()


@pytest.mark.slow
def test_live_jax_gives_the_recorded_digests(recorded, jax_python):
    assert live_jax.asked(jax_python, live_jax.HERE / "draws.py") == recorded


def test_initial_weights_of_key_0_have_the_published_digests():
    import hashlib

    found = [hashlib.sha256(w.numpy().tobytes()).hexdigest()[:16] for w in net_init(0).values()]
    expected = "eb2067adc5f249a5 53069a7a81c390ca 9acd5cf14b882d66 ddfbdd437f9fb413"
    assert found == [*expected.split(), "b4364facbbeabdec", "7dbfa94416c63b4c"]


PLANTED = {
    "an fma in two roundings": (float32, "fma", lambda a, b, c: np.float32(a) * b + c),
    "log1p of the processor's library": (float32, "log1p", np.log1p),
    "parity constant off by one": (threefry, "_PARITY", np.uint32(0x1BD11BDB)),
    "rotations in the other order": (threefry, "_ROTATIONS", threefry._ROTATIONS[::-1]),
    "deviation of an uncut normal": (net, "_TRUNCATED_STD", np.float32(1)),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_wrong_port_moves_the_initial_weights(name, recorded, monkeypatch):
    module, attribute, wrong = PLANTED[name]
    monkeypatch.setattr(module, attribute, wrong)
    some = [n for n in recorded if "weights" in n][:3]
    ours = Ours().with_stream(False)
    keyed = zip(some, draws.KEYS[:3], strict=True)
    assert any(draws.digest(*ours.initial_weights(key)) != recorded[n] for n, key in keyed)


def test_a_fused_multiply_add_rounds_once():
    from fractions import Fraction

    rng = np.random.RandomState(1)
    a, b, c = rng.normal(size=(3, 2000)).astype(np.float32)
    c[:1000] = -np.float32(a[:1000] * b[:1000])  # what cancels, too
    x, y, z = ([Fraction(float(n)) for n in numbers] for numbers in (a, b, c))
    exact = [p * q + r for p, q, r in zip(x, y, z, strict=True)]
    got = float32.fma(a, b, c)
    for value, want in zip(got, exact, strict=True):
        below, above = np.nextafter(value, [-np.inf, np.inf], dtype=np.float32)
        error = abs(Fraction(float(value)) - want)
        assert error <= min(abs(Fraction(float(o)) - want) for o in (below, above))


@pytest.mark.parametrize("seed", [2**32, -(2**31) - 1])
def test_seeds_without_a_key_are_refused(seed):
    with pytest.raises(ValueError, match="take one from"):
        jax_random.key_of(seed)


def test_what_is_no_key_and_no_shape_is_refused():
    with pytest.raises(ValueError, match="make one with key_of"):
        jax_random.split(np.zeros(2))
    with pytest.raises(ValueError, match="fewer than"):
        jax_random.random_bits(jax_random.key_of(0), (-1,))
    with pytest.raises(ValueError, match="lower bound first"):
        jax_random.truncated_normal(jax_random.key_of(0), 2, -2)
