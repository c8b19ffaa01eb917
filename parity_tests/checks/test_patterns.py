"""What a difference looks like: each rule finds its own planted fault, and nothing in noise."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from calibration.right import implementations

import repro
from repro.checks import Ulps
from repro.checks.pattern import LEAST, Seen
from repro.checks.patterns import RULES, axes, factor, offset, reordered, signs
from repro.checks.seen import pattern

F32 = np.float32
NOTHING = Ulps(0, because="nothing may differ")


def arrays(steps=4, shape=(8, 6), dtype=F32, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(dtype) for _ in range(steps)]


def looks(change, reference=None, **options):
    """The pattern of a port that is the reference, changed."""
    reference = arrays() if reference is None else reference
    port = [{"a": change(a, i)} for i, a in enumerate(reference)]
    pair = repro.check([{"a": a} for a in reference], port, **options).own
    return None if pair.first_excess is None else pattern(pair, pair.first_excess)


def column(i, factor):
    def change(a, _):
        a = a.copy()
        a[:, i] *= F32(factor)
        return a

    return change


def one_element(a, _):
    a = a.copy()
    a[2, 3] += 1
    return a


BEFORE = arrays()
MONTHS = np.arange(1, 25)
TURNED = np.array([1, -1, 1, 1, -1, 1], F32)

PLANTED = [
    ("sign", lambda a, i: -a, "constant factor", "-1.000 times the reference's (the other sign)"),
    ("sum for mean", lambda a, i: a * F32(8), "constant factor", "n = 8 is a length in that step"),
    ("n - 1", lambda a, i: a * F32(8 / 7), "constant factor", "1.143 times"),
    ("a ten thousandth", lambda a, i: a * F32(1.0001), "constant factor", "1.0001000 times"),
    ("zero", lambda a, i: a * 0, "zero", "0, in every element, in 4 steps"),
    ("offset", lambda a, i: a + F32(0.25), "constant offset", "0.25 more than"),
    ("signs", lambda a, i: a * TURNED, "signs of slices", "the sign of [:, 1], [:, 4]"),
    ("rows", lambda a, i: a[[1, 0, 3, 2, 5, 4, 7, 6]], "reordered", "reordered along axis 0"),
    ("turned", lambda a, i: a[:, ::-1], "reordered", "back to front along axis 1"),
    ("rolled", lambda a, i: np.roll(a, 1, axis=0), "reordered", "rolled by 1 along axis 0"),
    ("stale", lambda a, i: BEFORE[max(i - 1, 0)], "one step off", "one step earlier"),
    ("early", lambda a, i: BEFORE[min(i + 1, 3)], "one step off", "one step later"),
    ("half", lambda a, i: F32(np.float16(a)), "narrower precision", "rounded to Float16"),
    ("a column", column(2, 1.01), "one slice alone", "[:, 2] alone, there 1.01000 times"),
    ("an element", one_element, "one slice alone", "in the element [2, 3] alone"),
    ("laid out", lambda a, i: a.ravel("F").reshape(a.shape), "axes", "laid out column by column"),
    ("transposed", lambda a, i: a.T, "axes", "the reference's transposed"),
    ("flattened", lambda a, i: a.ravel(), "axes", "in their order, in another shape"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "name", "text"), [pytest.param(*p[1:], id=p[0]) for p in PLANTED]
)
def test_a_planted_fault_is_told_by_its_pattern(change, name, text):
    found = looks(change)
    assert found is not None and found.name == name and text in found.text, found
    assert found.chance <= LEAST


def test_every_rule_has_a_planted_fault():
    names = {"factor": "constant factor", "offset": "constant offset", "signs": "signs of slices",
             "axes": "axes", "reordered": "reordered", "one_step_off": "one step off",
             "narrow": "narrower precision", "alone": "one slice alone"}  # fmt: skip
    assert {names[rule.__name__] for rule in RULES} <= {p[2] for p in PLANTED}
    page = (Path(__file__).parents[2] / "docs" / "localise.md").read_text(encoding="utf-8")
    assert all(f"| {name}" in page for name in names.values()), "the page lists all patterns"


@pytest.mark.parametrize(
    ("reference", "change", "text"),
    [
        ([MONTHS], lambda a, i: a - 1, "1 less than the reference's, in every element"),
        ([np.float64(a) for a in arrays()], lambda a, i: a * 1.1, "1.100 times"),
        ([np.eye(3)[:2] + a[:2, :3] for a in arrays()], lambda a, i: a.T, "transposed"),
        ([a[:6] for a in arrays()], lambda a, i: a.T, "transposed, in 4 steps"),
        (arrays(2, (3, 3, 3)), lambda a, i: a.transpose(2, 0, 1), "axes in the order [2, 0, 1]"),
        ([a[0, 0] for a in arrays()], lambda a, i: a * 4, "4.000 times the reference's, in 4"),
        ([a.astype(float) * 1.1 for a in arrays()], lambda a, i: F32(a).astype(float), "Float32"),
    ],
)
def test_other_arrays(reference, change, text):
    assert text in str(looks(change, reference))


def noise(size):
    """Off by so many ulp, as chance will have it."""

    def change(a, i):
        rng = np.random.default_rng(i)
        return a + np.spacing(a) * rng.integers(-size, size + 1, a.shape).astype(a.dtype)

    return change


@pytest.mark.parametrize("size", [1, 3, 10, 100, 1e4])
@pytest.mark.parametrize("shape", [(8, 6), (30,), (6, 6), ()])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_noise_looks_like_nothing(size, shape, dtype):
    """Catches a rule that sees what is not there, however little is allowed to differ."""
    assert looks(noise(size), arrays(6, shape, dtype), tolerance=NOTHING) is None


CANCELLED = [("matmul_centred", 100, "2", 1), ("regression", 1000, "4", 1), ("linalg", 150, "4", 0)]


@pytest.mark.parametrize("pair", CANCELLED, ids=lambda pair: pair[0])
@pytest.mark.filterwarnings("ignore")
def test_cancelled_elements_of_right_pairs_look_like_nothing(pair):
    """Catches an element in which all digits have cancelled taken for one that is wrong alone: the
    pairs of the calibration in which that was seen, held to equal bits."""
    given, found = implementations(*pair)
    made = {port: function(dict(given)) for port, function in found.items()}
    for a, b in permutations(made.values(), 2):
        table = repro.check([a], [b], tolerance=NOTHING, strict=False).table
        assert [row for row in table if row.pattern is not None] == []


ACCIDENTS = [
    ("one number", lambda a, i: a + F32(0.3), [np.float32(1.5)]),
    ("equal numbers are one", lambda a, i: a * F32(1.3), [np.full((8, 6), 1.5, F32)]),
    ("two of three by an offset", lambda a, i: a + F32([1, 1, 2]), [F32([1, 5, 9])]),
    ("an index", lambda a, i: a + 1, [np.int64(4)]),
    ("indices shuffled", lambda a, i: np.roll(a, 1) if i else a[::-1], [np.arange(5)] * 2),
    ("another function", lambda a, i: np.tanh(a), None),
    ("another draw", lambda a, i: arrays(seed=9)[i], None),
    ("a few elements strewn about", lambda a, i: np.where(a > 1, a * a, a), None),
]


@pytest.mark.parametrize(
    ("change", "reference"), [pytest.param(*a[1:], id=a[0]) for a in ACCIDENTS]
)
def test_what_may_be_an_accident_is_not_claimed(change, reference):
    assert looks(change, reference) is None


@pytest.mark.parametrize("rule", [factor, offset, signs, reordered, axes])
def test_the_stated_chance_bounds_the_accidents(rule):
    """Catches a chance that is understated: of arbitrary wrong arrays, a share of p at most has an
    explanation whose stated chance is p. Slack is wide here, so that accidents can be counted."""
    rng = np.random.default_rng(1)
    shape = (2, 2) if rule in (signs, reordered, axes) else (2,)
    chances = []
    for _ in range(3000):
        a = rng.uniform(1, 2, shape)
        one = Seen(a, a + rng.uniform(-1, 1, shape), np.full(shape, 0.1))
        with np.errstate(all="ignore"):
            found = _stated(rule, one)
        chances.append(found)
    for p in (0.02, 0.05, 0.1, 0.3):
        assert np.mean(np.array(chances) <= p) <= p


def _stated(rule, one):
    """The chance of what a rule would say, claimed or not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("repro.checks.patterns.LEAST", 1.0)
        found = rule([one])
    return 1.0 if found is None else found.chance


def test_it_stands_in_the_message_and_in_the_table():
    wide = [{"a": a, "b": a} for a in arrays()]
    port = [{"a": s["a"], "b": 2 * s["b"]} for s in wide]
    found = repro.check(wide, port)
    said = "2.000 times the reference's, in every element, in 4 steps"
    assert f"what the port has there: {said}" in found.message
    row = found.table["b"]
    assert (row.first_wrong, row.steps_wrong, row.pattern.text) == (0, 4, said)
    assert found.table["a"].pattern is None and len(found.table) == 2
    heading, a, b = str(found.table).splitlines()
    assert heading.split("  ")[0] == "name" and a.startswith("a ") and b.endswith(said)
    assert row.as_dict()["pattern"]["name"] == "constant factor"


MOST = 2**63 - 1


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1e308, -1e308], [-1e308, 1e308]),
        ([[1e308, 1], [1, 1e308]], [[-1e308, -1e308], [1, 1]]),
        ([np.inf, -np.inf, 1], [-np.inf, np.inf, 2]),
        ([0.0, 0], [1e308, -1e308]),
        ([-MOST, MOST], [MOST, -MOST]),
        (np.uint64([2**63, 1]), np.uint64([0, 1])),
    ],
)
def test_numbers_as_large_as_there_are_are_told_without_a_warning(a, b):
    """Catches a failing check that ends in a warning's traceback, where warnings are errors."""
    found = repro.check([{"a": np.array(a), "w": 1.0}], [{"a": np.array(b), "w": 1.0}])
    assert found.first.name == "a" and "off by" in found.message and str(found.table)


def test_signs_that_nothing_fixes_are_advised_upon():
    """Of eigenvectors, whose difference is no fault."""
    a = np.random.default_rng(1).normal(size=(6, 6))
    turned = np.where(np.arange(6) == 2, -1, 1)

    def vectors(signs):
        return lambda: [{"V": np.linalg.eigh(a + a.T)[1] * signs}]

    found = repro.check(vectors(1), vectors(turned))
    assert not found and "Next: if nothing fixes the signs of `V`" in found.message


def test_an_infinity_of_the_other_sign_is_no_rounding():
    found = repro.check([{"w": np.array([np.inf])}], [{"w": np.array([-np.inf])}])
    assert not found and "rounded to" not in found.message


def test_how_far_off_is_said_of_the_element_that_is_shown():
    """Catches the largest difference beside the numbers of another element."""
    found = repro.check(lambda: [{"y": np.array([1e-9, 1.0])}], lambda: [{"y": np.array([0, 1.1])}])
    assert "the reference has 1e-09, the port 0.0 at [0]" in found.message
    assert "off by 1e-09" in found.message
