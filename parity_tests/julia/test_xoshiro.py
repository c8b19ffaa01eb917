"""Xoshiro against values that documentation and tests for Julia >= 1.7 publish.

They come from other Julias than the recorded rows of `test_recorded_rows.py`.
"""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest

from repro.julia import Xoshiro
from repro.julia.seeds import seed_hash

FLOAT64_SEED_0 = [  # Lux's manual: rand(rng, 10)
    0.4552384158732863, 0.5476424498276177, 0.7733535276924052, 0.9405848223512736,
    0.02964765308691042, 0.74694291453392, 0.7468008914093891, 0.9766699015845924,
    0.08694684883050086, 0.35149138733595564,
]  # fmt: skip
SCALARS_SEED_1234 = [  # the first two: Julia's documentation of Xoshiro and seed!
    0.32597672886359486, 0.5490511363155669, 0.21858665481883066, 0.8942454282009883,
    0.35311164439921205, 0.39425536741585077, 0.9531246272848422, 0.7955469475347194,
    0.4942498668904206, 0.7484150218874741, 0.5782319465613976, 0.7279350012266056,
]  # fmt: skip
SHORT_SEED_123 = [  # Julia's documentation of rand!(Xoshiro(123), zeros(5))
    0.521213795535383, 0.5868067574533484, 0.8908786980927811, 0.19090669902576285,
    0.5256623915420473,
]  # fmt: skip
SORTED_8_SEED_123 = [  # the tests of AlgorithmsFromTheBook: rand(8), sorted there
    0.2538490889415096, 0.33415153638191886, 0.4273278808735992, 0.44349373245960455,
    0.5120830400366143, 0.7456733811393941, 0.867547200255958, 0.906299638797481,
]  # fmt: skip
FLOAT32_SEED_1234 = [0.72619927, 0.32597667, 0.30699807, 0.5490511, 0.7889189]  # Cyclops's manual


def matches(generator: type[Xoshiro]) -> dict[str, bool]:
    """Which of the published values `generator` reproduces."""
    rows = generator(123)
    nodes = rows.rand(12, dtype=np.float32).reshape(3, 4)
    edges = rows.rand(15, dtype=np.float32).reshape(3, 5)
    cube = generator(0).rand(300).reshape(5, 10, 6, order="F")
    seed_42 = generator(42)
    return {
        "scalars": [generator(1234).rand()] == SCALARS_SEED_1234[:1]
        and _scalars(generator(1234), 12) == SCALARS_SEED_1234
        and _scalars(seed_42, 4)
        == [0.6293451231426089, 0.4503389405961936, 0.47740714343281776, 0.7031298490032014],
        "array below 64 bytes": generator(123).rand(5).tolist() == SHORT_SEED_123,
        "one step of the lanes": sorted(generator(123).rand(8)) == SORTED_8_SEED_123,
        "lanes and remainder": generator(0).rand(10).tolist() == FLOAT64_SEED_0,
        # SpectralBase's manual prints this plane to six digits.
        "37 steps of the lanes": cube[-1, -1, -1] == 0.11698905483599475
        and [f"{v:.6g}" for v in cube[0, 9]]
        == ["0.239929", "0.3754", "0.247219", "0.92438", "0.733984", "0.432918"],
        "Float32 below 64 bytes": [float(str(v)) for v in generator(1234).rand(5, dtype="f4")]
        == FLOAT32_SEED_1234,
        # Examples for GraphNeuralNetworks: rand(Float32, 4, 3), then (5, 3); two rows each.
        "Float32, an odd number and before it an even one": _printed(nodes[:, :2])
        == [0.048501432, 0.52121377, 0.011552513, 0.8908787, 0.4102404, 0.52566236]
        and _printed(edges[:, :2])
        == [0.82208836, 0.044817984, 0.58055997, 0.4181347, 0.8296713, 0.83622855],
        # Julia's documentation of randperm.
        "randperm": generator(123).randperm(4).tolist() == [1, 4, 2, 3],
    }


def _scalars(rng: Xoshiro, n: int) -> list[float]:
    return [rng.rand() for _ in range(n)]


def _printed(values: np.ndarray) -> list[float]:
    return [float(str(v)) for v in values.ravel()]


def test_published_values():
    results = matches(Xoshiro)
    assert [what for what, equal in results.items() if not equal] == []


def test_float32_arrays_take_both_halves_of_the_float64_words():
    words = (Xoshiro(7).rand(24) * 2.0**53).astype(np.uint64) << np.uint64(11)
    long = (Xoshiro(7).rand(48, dtype="f4") * np.float32(2**24)).astype(np.uint32)
    assert np.array_equal(long[1::2], words >> np.uint64(40))


@pytest.mark.parametrize("n", range(12, 40))
def test_float32_arrays_have_their_length_and_a_whole_number_of_words(n):
    rng, blocks = Xoshiro(7), n // 16
    assert rng.rand(n, dtype=np.float32).shape == (n,)
    spent = Xoshiro(7)
    spent._scalar_words((32 if blocks else 0) + (n - 16 * blocks + 1) // 2)
    assert rng.rand() == spent.rand()


def test_state_survives_a_file(tmp_path):
    rng = Xoshiro(5)
    rng.rand()
    np.savez(tmp_path / "state.npz", **rng.state())
    with np.load(tmp_path / "state.npz", allow_pickle=False) as saved:
        restored = Xoshiro.from_state(saved)
    words = rng.state()["state"]
    assert Xoshiro.from_state({f"s{i}": word for i, word in enumerate(words)}) == rng, "as in Julia"
    twin = rng.copy()
    assert _scalars(restored, 9) == _scalars(rng, 9) == _scalars(twin, 9)


def test_uniform_is_made_of_scalar_draws():
    filled, scalar = Xoshiro(9).uniform(-5, 5, (4, 3)), Xoshiro(9)
    assert filled.T.ravel().tolist() == [scalar.uniform(-5, 5) for _ in range(12)]


def test_a_reshaped_array_is_filled_as_an_array_and_a_reversed_one_by_scalars():
    """As `reshape(a, 10, 10)` is an Array in Julia, and `view(a, 100:-1:1)` is none."""
    square, backwards = np.zeros(100).reshape(10, 10), np.zeros(100)[::-1]
    assert np.array_equal(Xoshiro(3).rand_(square), Xoshiro(3).rand(10, 10))
    assert np.array_equal(Xoshiro(3).rand_(backwards), Xoshiro(3).uniform(0, 1, 100))


@pytest.mark.parametrize(
    ("seed", "hashed"),
    [
        ("", b"\4\4\4\4\5"),
        ("a", b"a\3\3\3\5"),
        ("see", b"see\1\5"),
        ("seed", b"seed\4\4\4\4\5"),
        ("hello", b"hello\3\3\3\5"),
    ],
)
def test_a_text_is_hashed_with_one_to_four_bytes_of_padding(seed, hashed):
    """The padding's length in each byte of it, then 5, the mark of texts."""
    assert seed_hash(seed) == sha256(hashed).digest()


@pytest.mark.parametrize(("julia", "mark"), [("1.10", b""), ("1.11", b"\x10")])
def test_words_of_64_bits_are_a_seed_of_their_own(julia, mark):
    """Catches them refused as no words of 32 bits, or taken for such."""
    words = np.array([7, 2**63], "<u8")
    assert (
        Xoshiro(words, julia).state()["state"].tobytes() == sha256(words.tobytes() + mark).digest()
    )


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="DomainError with -3"):
        Xoshiro(-3)
    with pytest.raises(ValueError, match="give what state"):
        Xoshiro.from_state({"state": np.zeros(3)})


def test_normal_arrays_take_as_many_words_as_uniform_ones():
    """Catches words that are drawn and thrown away. (Now and then a normal number takes more.)"""
    after = []
    for seed in range(6):
        normal, uniform = Xoshiro(seed), Xoshiro(seed)
        normal.randn(16), uniform.rand(16)
        after.append(normal == uniform)
    assert sum(after) >= 3


def test_a_generator_shows_its_state():
    assert repr(Xoshiro.from_state({"state": np.arange(4)})).endswith(
        "state 0000000000000000 0000000000000001 0000000000000002 0000000000000003>"
    )
