"""MersenneTwister's interface: seeds, state, types."""

from __future__ import annotations

import numpy as np
import pytest
from julia.recorded_rows import answer

from repro.julia import MersenneTwister, Xoshiro
from repro.julia.values import Range


def test_first_values_of_seed_0():
    rng = MersenneTwister(0)
    draws = [rng.rand() for _ in range(3)]
    assert draws == [0.8236475079774124, 0.9103565379264364, 0.16456579813368521]
    assert rng.randperm(10).tolist() == [7, 2, 4, 6, 3, 9, 5, 10, 1, 8]


@pytest.mark.parametrize("generator", [MersenneTwister, Xoshiro])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_an_array_is_filled_in_its_own_type(generator, dtype):
    for fill in ("rand", "randn", "randexp"):
        rng, twin = generator(3), generator(3)
        filled = getattr(rng, f"{fill}_")(np.zeros(40, dtype))
        assert np.array_equal(filled, getattr(twin, fill)(40, dtype=dtype)) and rng == twin


def test_the_one_number_in_2_to_the_52_that_has_no_third_is_drawn_again(monkeypatch):
    drawn = iter([[0, 2**52 - 1, 2**52 - 2], [2**51]])
    monkeypatch.setattr(MersenneTwister, "_52_bits", lambda _, n: np.array(next(drawn), np.uint64))
    assert MersenneTwister(1).rand((1, 2, 3), 3).tolist() == [1, 3, 2]


@pytest.mark.parametrize("generator", [MersenneTwister, Xoshiro])
def test_in_place_of_nothing_and_at_the_very_bound(generator):
    """Catches a fill that picks otherwise, a draw for no bits, and `<` where Julia has `<=`."""
    filled = generator(3).rand_(np.zeros((3, 4), int), range(5, 9))
    assert np.array_equal(filled, generator(3).rand(range(5, 9), 3, 4))
    rng = generator(3)
    assert rng.bitrand(0).tolist() == [] and rng == generator(3)
    at = rng.rand()
    assert at > 0.15 and 1 in generator(3).randsubseq(range(1, 9), at)


def test_permutations_in_turn():
    rng = MersenneTwister(0)
    last = [rng.randperm(n) for n in range(1, 13)][-1]
    assert last.tolist() == [12, 3, 1, 2, 10, 8, 7, 9, 6, 11, 5, 4]


# Julia's own tests (Random standard library) publish these.
@pytest.mark.parametrize(
    ("seed", "value"),
    [(0, 0.8236475079774124), (42, 0.5331830160438613), (5294967296, 0.3498809918210497)],
)
def test_values_of_julias_own_tests(seed, value):
    assert MersenneTwister(seed).rand() == value


def test_a_long_array_leaves_the_cache_in_place():
    rng, positions = MersenneTwister(0), MersenneTwister(0).next_words(2000).view("<f8") - 1
    rng.rand()
    expected = np.concatenate([positions[1002:1384], positions[1:3]])
    assert np.array_equal(rng.rand(384), expected)


@pytest.mark.parametrize("n", [0, 1, 1001, 1002, 1003, 5000])
def test_next_words_are_the_words_of_scalar_draws(n):
    one, other = MersenneTwister(3), MersenneTwister(3)
    assert (one.next_words(n).view("<f8") - 1).tolist() == [other.rand() for _ in range(n)]
    assert one.state()["position"] == other.state()["position"]


def test_a_negative_seed_is_refused_as_julia_refuses_it():
    with pytest.raises(ValueError, match=r"DomainError with -1: `n` must be non-negative; give"):
        MersenneTwister(-1)


@pytest.mark.parametrize("seed", [[1, -1], [1 << 32], np.array([-1])])
def test_words_that_are_not_uint32_are_refused(seed):
    with pytest.raises(ValueError, match="UInt32"):
        MersenneTwister(seed)


@pytest.mark.parametrize("seed", [1.0, "1", None, [0.5]])
def test_a_seed_that_is_no_integer_is_refused(seed):
    with pytest.raises((TypeError, ValueError)):
        MersenneTwister(seed)


def test_numpy_integers_and_arrays_are_seeds():
    assert MersenneTwister(np.int64(7)).rand() == MersenneTwister(7).rand()
    words = np.array([7, 1], dtype=np.uint32)
    assert MersenneTwister(words).rand() == MersenneTwister(7 + (1 << 32)).rand()


def test_types_of_draws():
    rng = MersenneTwister(0)
    assert type(rng.rand()) is float
    assert type(rng.uniform(0, 1)) is float
    assert type(rng.rand(dtype=np.float32)) is np.float32
    assert rng.rand(5, dtype="float32").dtype == np.float32
    assert rng.uniform(0, 1, 7).shape == (7,)
    assert rng.uniform(0, 1, (2, 3)).shape == (2, 3)
    assert rng.randperm(4).dtype == np.int64


def test_uniform_fills_columns_first():
    filled, scalar = MersenneTwister(9).uniform(-5, 5, (3, 2)), MersenneTwister(9)
    assert filled.T.ravel().tolist() == [scalar.uniform(-5, 5) for _ in range(6)]


def test_shuffle_copies_and_keeps_the_type():
    values = np.arange(10, dtype=np.float32)
    shuffled = MersenneTwister(1).shuffle(values)
    assert shuffled.dtype == np.float32 and values.tolist() == list(range(10))
    assert MersenneTwister(1).shuffle(list(range(10))) == shuffled.tolist()
    assert MersenneTwister(1).shuffle([]) == []


@pytest.mark.parametrize("drawn", [0, 1, 1002, 1500])
def test_state_survives_a_file(drawn, tmp_path):
    rng = MersenneTwister([1, 2, 3])
    rng.next_words(drawn), rng.rand(drawn, dtype=bool), rng.rand(dtype=np.int64)
    np.savez(tmp_path / "state.npz", **rng.state())
    with np.load(tmp_path / "state.npz", allow_pickle=False) as saved:
        restored = MersenneTwister.from_state(saved)
    assert restored.rand(dtype=np.int64) == rng.rand(dtype=np.int64)
    assert np.array_equal(restored.rand(3000), rng.rand(3000))
    assert all(np.array_equal(restored.state()[key], rng.state()[key]) for key in rng.state())


def test_float16_of_1_5_is_rounded_by_way_of_float32():
    """The digest is a live 1.5.3's; fewer numbers do not tell the two roundings apart."""
    drawn = [MersenneTwister(0, julia).randexp(20000, dtype=np.float16) for julia in ("1.5", "1.8")]
    assert answer(drawn[0])[1] == "947acf3531df99fbe622694dd9c84ee7" != answer(drawn[1])[1]


def test_a_copy_goes_its_own_way():
    rng = MersenneTwister(5)
    rng.rand()
    twin = rng.copy()
    ahead = [twin.rand() for _ in range(2000)]
    assert [rng.rand() for _ in range(2000)] == ahead


def test_seed_starts_like_new():
    rng = MersenneTwister(5)
    rng.rand(500), rng.rand(dtype=np.int64)
    assert rng.seed_(99) == MersenneTwister(99) and rng != MersenneTwister(5)
    assert rng.rand(dtype=np.int64) == MersenneTwister(99).rand(dtype=np.int64)


def test_a_state_without_the_second_cache_is_one_with_it_spent():
    state = MersenneTwister(5).state()
    del state["ints"], state["idxI"]
    assert MersenneTwister.from_state(state) == MersenneTwister(5)


def test_a_state_by_julias_own_names_and_types_is_the_same():
    rng = MersenneTwister(5)
    rng.rand(500), rng.rand()
    ours = rng.state()
    julias = {
        "seed": ours["seed"],
        "state": np.append(ours["dsfmt"].reshape(-1).view(np.int32), np.int32([382, 0])),
        "vals": ours["cache"].view("<f8"),
        "idxF": ours["position"],
    }
    assert MersenneTwister.from_state(julias) == rng


@pytest.mark.parametrize("part", ["dsfmt", "cache", "ints"])
@pytest.mark.parametrize("read", [False, True])
def test_a_state_is_a_copy(part, read):
    """Catches a state that shares its cache with the generator, or one made from it."""

    def drawn(rng):
        return [rng.rand(), rng.rand(dtype=np.int64), *rng.rand(1200).tolist()]

    rng, twin = MersenneTwister(5), MersenneTwister(5)
    assert drawn(rng) == drawn(twin)
    state = rng.state()
    rng = MersenneTwister.from_state(state) if read else rng
    state[part][:] = 1
    assert drawn(rng) == drawn(twin)
    kept = rng.state()
    before = kept[part].copy()
    drawn(rng), rng.rand(3000), rng.rand(1100, dtype=np.int64)
    assert np.array_equal(kept[part], before)


@pytest.mark.parametrize(
    "damage",
    [
        *({"position": 1003}, {"position": -1}, {"idxI": 8024}, {"idxI": 4}),
        *({"cache": np.zeros(5)}, {"dsfmt": np.zeros(3)}, {"ints": np.zeros(3)}),
    ],
)
def test_a_damaged_state_is_refused(damage):
    with pytest.raises(ValueError, match="give what state"):
        MersenneTwister.from_state(MersenneTwister(0).state() | damage)


@pytest.mark.parametrize("what", [(np.float32, 6), (6, np.float32)])
def test_a_type_may_stand_first_or_last(what):
    expected = MersenneTwister(2).rand(6, dtype=np.float32)
    assert MersenneTwister(2).rand(*what).tobytes() == expected.tobytes()


def test_one_of_three_is_each_of_them():
    rng = MersenneTwister(0)
    assert {rng.rand((1, 2, 3)) for _ in range(40)} == {1, 2, 3}


def test_a_narrow_range_is_drawn_by_32_bits():
    """From the table's row; with 64 bits the first is 749."""
    drawn = MersenneTwister(0).rand(Range(1, 1000, dtype=np.int32), 100)
    assert [*drawn[:6]] == [0xA, 0x12, 0x2EB, 0x305, 0x3DE, 0x27C]


def test_what_a_generator_is_called():
    assert repr(MersenneTwister(7)) == "<MersenneTwister of Julia 1.5, seed 7>"


def test_a_list_of_one_zero_is_a_seed():
    assert MersenneTwister([0]).rand() == MersenneTwister(0).rand()


def test_a_tuple_beside_a_type_is_dimensions():
    found = MersenneTwister(1).rand((2, 3), dtype=np.float32)
    assert found.shape == (2, 3) and found.dtype == np.float32


def test_a_full_cache_of_integers_is_a_state():
    """Catches a bound that is one too small, where Julia has just filled its cache."""
    rng = MersenneTwister(1)
    rng.rand(dtype=np.int64)
    state = rng.state()
    full = state | {"idxI": np.int64(8 * len(state["ints"]))}
    assert MersenneTwister.from_state(full).rand(dtype=np.int64) is not None
    with pytest.raises(ValueError, match="not a MersenneTwister's state"):
        MersenneTwister.from_state(state | {"idxI": np.int64(8 * len(state["ints"]) + 8)})
