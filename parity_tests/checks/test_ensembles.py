"""Two sets of runs held against each other: what each statistic is for, planted and found."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from ensembles import level
from scipy import stats

from repro.checks.ensembles import (
    EnsembleError,
    EnsembleVerdict,
    Summary,
    check_ensembles,
    planning,
)
from repro.checks.ensembles.permuting import labelings, permuted, relabelings
from repro.checks.ensembles.rate import Rate
from repro.checks.ensembles.summary import LEVEL, interval
from repro.run import Ensemble, Kind, Quantity
from repro.sides.shipped_ensembles import shipped

EQUIVALENT, DIFFERENT, UNDECIDED = EnsembleVerdict
STEPS = np.arange(10)


def curves(seeds: int, rng: int = 0, level: float = 1.0, noise: float = 0.3) -> np.ndarray:
    """(steps, seeds) losses: a level of each seed's own, and noise in each step."""
    draws = np.random.default_rng(rng)
    own = level * draws.normal(size=seeds)
    return np.exp(own + noise * draws.normal(size=(len(STEPS), seeds)))


def ensemble(first: int = 0, **values: np.ndarray) -> Ensemble:
    made = {name: Quantity(STEPS, v, Kind.RESULT) for name, v in values.items()}
    count = next(iter(values.values())).shape[1]
    return Ensemble(np.arange(first, first + count), made)


def unpaired(a: np.ndarray, b: np.ndarray, **options):
    return check_ensembles(ensemble(loss=a), ensemble(loss=b), paired=False, **options)


def test_statistics_are_students():
    a, b = np.random.default_rng(0).normal(size=(2, 14, 5))
    assert permuted(a, b, False).signed == pytest.approx(stats.ttest_ind(b, a).statistic)
    assert permuted(a, b, True).signed == pytest.approx(stats.ttest_rel(b, a).statistic)
    fewer = permuted(a[:5], b, False).signed
    assert fewer == pytest.approx(stats.ttest_ind(b, a[:5]).statistic)


@pytest.mark.parametrize("paired", [False, True])
def test_the_null_is_that_of_scipys_permutation_test(paired):
    a, b = np.random.default_rng(1).normal(size=(2, 12, 1)) + [[[0]], [[0.8]]]

    def mean_difference(x, y, axis):
        return y.mean(axis=axis) - x.mean(axis=axis)

    kind = "samples" if paired else "independent"
    theirs = stats.permutation_test(
        (a[:, 0], b[:, 0]), mean_difference, permutation_type=kind, n_resamples=4000,
        rng=np.random.default_rng(2),
    )  # fmt: skip
    ours = float(permuted(a, b, paired).column_p()[0, 0])
    assert ours == pytest.approx(theirs.pvalue, abs=0.02)


@pytest.mark.parametrize("paired", [False, True])
def test_each_end_is_rejected_at_five_per_cent(paired):
    """The definition of the two one-sided tests."""
    a, b = np.random.default_rng(0).normal(size=(2, 14))
    low, high = interval(a, b, paired)
    t = stats.ttest_rel if paired else partial(stats.ttest_ind, equal_var=False)
    assert t(b - low, a, alternative="greater").pvalue == pytest.approx(0.05)
    assert t(b - high, a, alternative="less").pvalue == pytest.approx(0.05)


@pytest.mark.parametrize(("paired", "least"), [(True, 10), (False, 6)])
def test_fewer_seeds_than_the_least_decide_nothing(paired, least):
    for n in (least - 1, least):
        a = curves(n)
        found = check_ensembles(ensemble(loss=a), ensemble(loss=a * 99), paired=paired)
        assert found.could_tell is (n == least) and found.least_seeds == least
        if n < least:
            assert f"run at least {least}" in found.message and found.verdict is UNDECIDED


def test_an_alpha_that_no_dealing_can_show_passes_nothing():
    a = curves(32)
    found = check_ensembles(ensemble(loss=a), ensemble(loss=a), alpha=1e-4)
    assert found.verdict is UNDECIDED and "raise it" in found.message


def test_thousands_of_seeds_are_no_overflow():
    assert np.isinf(relabelings(1100, 1100, True)) and np.isinf(relabelings(600, 600, False))


def test_the_message_says_what_the_margins_are():
    a = ensemble(loss=curves(64))
    assert "the margins are 0.5 of the spread" in check_ensembles(a, a).message
    wide = check_ensembles(a, a, margins={"loss": 9.0}).message
    assert "0.5 of the spread" not in wide and "of the spread" in wide


def test_the_first_labels_are_the_true_ones():
    values = np.r_[np.zeros(3), np.ones(5)]
    assert labelings(3, 5, False, 0, 10)[0] @ values == pytest.approx(1)


@pytest.mark.parametrize("seeds", [16, 64])
def test_one_program_is_rarely_called_two(seeds):
    ends = [unpaired(curves(seeds, 2 * i), curves(seeds, 2 * i + 1)).verdict for i in range(40)]
    assert ends.count(DIFFERENT) <= 3  # 0.4 expected; more in 1 of 1,000 draws of binomial(40, 1 %)


def test_testing_every_number_by_itself_would_call_it_two_far_more_often():
    """What the permutation of whole seeds is there for."""
    alone = [
        stats.ttest_ind(*(np.random.default_rng([i, s]).normal(size=(32, 50)) for s in (0, 1)))
        for i in range(25)
    ]
    false = [(found.pvalue <= 0.01).any() for found in alone]
    together = [
        permuted(*(np.random.default_rng([i, s]).normal(size=(32, 50)) for s in (0, 1)), False).p
        for i in range(25)
    ]
    assert sum(false) >= 5 and sum(p <= 0.01 for p in together) <= 3


def test_a_difference_as_large_as_the_margin_is_rarely_equivalent():
    ends = []
    for i in range(60):
        a, b = curves(64, 2 * i), curves(64, 2 * i + 1)
        margin = 0.5 * np.log(a).mean(axis=0).std(ddof=1)
        ends.append(unpaired(a, b * np.exp(margin), margins={"loss": np.expm1(margin)},
                             summaries=[Summary("loss", late=1)]).verdict)  # fmt: skip
    assert ends.count(EQUIVALENT) <= 8  # 3 expected; more in 1 of 350 draws of binomial(60, 5 %)


def share_within(function: str) -> float:
    """Of 16,000 intervals, whose share has a standard deviation of 0.2 % and of 0.5 % at most, as
    the summaries share their seeds."""
    values = level.summaries_of(shipped(function), function).values()
    return float(
        np.mean([level.unpaired(v, 64, 2000, sign)[0] for v in values for sign in (1, -1)])
    )


@pytest.mark.parametrize("function", ["transfer_learn", "fomaml", "reptile"])
def test_it_is_within_it_one_time_in_twenty(function):
    assert share_within(function) == pytest.approx(LEVEL, abs=0.005)


@pytest.mark.parametrize("wrong", [0.04, 0.06, 0.1])
def test_another_level_would_be_noticed(monkeypatch, wrong):
    """0.1 is a 80 % interval in place of the 90 % one."""
    monkeypatch.setattr("repro.checks.ensembles.summary.LEVEL", wrong)
    assert share_within("fomaml") != pytest.approx(0.05, abs=0.005)


def test_of_ten_pairs_it_is_within_one_time_in_twenty():
    """Catches a normal quantile in place of Student's, with which it is 6.6 %."""
    a, b = np.random.default_rng(0).normal(size=(2, 10, 40_000))
    low, high = interval(a, b, paired=True)
    assert [(high < 0).mean(), (low > 0).mean()] == pytest.approx([LEVEL, LEVEL], abs=0.005)


def test_identical_programs_end_equivalent_with_the_number_of_seeds_named():
    n = unpaired(curves(64, 0), curves(64, 1)).seeds_for_equivalence
    assert n is not None and 70 < n < 110
    ends = [unpaired(curves(n, 2 * i), curves(n, 2 * i + 1)).verdict for i in range(20)]
    assert ends.count(EQUIVALENT) >= 14


def test_a_shift_is_located():
    a, b = curves(64), curves(64, 1)
    b[6:] *= np.e**2
    found = unpaired(a, b)
    assert found.verdict is DIFFERENT and found.parted[0].column.step == 6
    assert "they part first in loss @ 6 (location" in found.message


def test_spread_is_looked_at_as_well():
    found = unpaired(curves(64, level=0.0), curves(64, 1, level=0.0, noise=0.9))
    assert found.verdict is DIFFERENT and found.parted[0].what == "spread"


def test_whole_curves_are_looked_at_as_well():
    """Every step by itself is alike: what differs is how the steps of a seed hang together."""
    draws = np.random.default_rng(3)
    own, fresh = draws.normal(size=60), draws.normal(size=(len(STEPS), 60))
    found = unpaired(np.exp(own + 0 * fresh), np.exp(fresh))
    assert found.verdict is DIFFERENT and not found.parted


def test_the_earliest_name_is_named_first():
    a, b = curves(32), curves(32, 1)
    far = check_ensembles(
        ensemble(cause=a, effect=a), ensemble(cause=b * 99, effect=b * 99), paired=False
    )
    assert far.parted[0].column.name == "cause"


def test_pairs_are_sharper():
    a = curves(16)
    assert check_ensembles(ensemble(loss=a), ensemble(loss=a * 1.02)).verdict is DIFFERENT
    assert unpaired(curves(16, 5), a * 1.02).verdict is not DIFFERENT


def test_rounding_that_leans_to_one_side_is_no_difference():
    a = curves(32)
    found = check_ensembles(ensemble(loss=a), ensemble(loss=a * (1 + 4.2e-7)))
    assert found.verdict is EQUIVALENT
    over = check_ensembles(ensemble(loss=a), ensemble(loss=a * (1 + 1e-4)))
    assert over.verdict is DIFFERENT


def test_few_seeds_pass_nothing():
    a = curves(8)
    same = check_ensembles(ensemble(loss=a), ensemble(loss=a))
    assert same.verdict is UNDECIDED and "run at least 10" in same.message
    assert check_ensembles(ensemble(loss=curves(10)), ensemble(loss=curves(10))).verdict


def test_undecided_says_how_many_seeds_would_decide_and_they_do():
    decided = []
    for i in range(8):
        found = unpaired(curves(16, 2 * i), curves(16, 2 * i + 1))
        if found.verdict is UNDECIDED:
            n = found.seeds_to_decide
            assert n is not None and f"{n} seeds a side would decide" in found.message
            again = unpaired(curves(n, 2 * i + 500), curves(n, 2 * i + 501))
            decided.append(again.verdict is not UNDECIDED)
    assert len(decided) >= 5 and np.mean(decided) >= 0.8


def diverging(rate: float, rng: int) -> np.ndarray:
    values = curves(64, rng)
    values[5:, np.random.default_rng(rng).random(64) < rate] = np.nan
    return values


def test_pairs_of_which_both_diverged_say_nothing_of_a_side():
    """Catches a sign test that counts them for both."""
    only = np.ones(6, bool), np.zeros(6, bool)
    both = tuple(np.concatenate([side, np.ones(20, bool)]) for side in only)
    assert Rate(*both, paired=True).p == Rate(*only, paired=True).p == pytest.approx(2 / 2**6)


def test_runs_that_diverge_are_counted_not_dropped():
    """The runs that came to their end are alike: a comparison of those alone would pass."""
    found = unpaired(diverging(0.0, 0), diverging(0.3, 1))
    assert found.verdict is DIFFERENT and "of the port's runs diverged, 0 of 64" in found.message
    alike = unpaired(diverging(0.2, 2), diverging(0.2, 3))
    assert alike.verdict is not DIFFERENT and alike.rate.any
    none_left = unpaired(curves(64), curves(64, 1) * np.nan)
    assert none_left.verdict is DIFFERENT and none_left.tests is None


def test_a_port_that_alone_diverges_once_is_not_passed():
    a = curves(32)
    b = a.copy()
    b[-1, 0] = np.inf
    assert check_ensembles(ensemble(loss=a), ensemble(loss=b)).verdict is UNDECIDED


def test_what_only_one_side_has_is_said():
    a = curves(12)
    found = check_ensembles(ensemble(loss=a, norm=a), ensemble(loss=a))
    assert "not compared: norm (the reference alone" in found.message


@pytest.mark.parametrize("lack", ["a quantity", "the last step"])
def test_what_was_to_be_judged_and_is_not_there_passes_nothing(lack):
    """Catches a port that is equivalent because it yields less than it is judged by."""
    a = ensemble(loss=curves(12), norm=curves(12, 1))
    kept = dict(a.quantities)
    norm = kept.pop("norm")
    if lack == "the last step":
        kept["norm"] = Quantity(norm.steps[:-1], norm.values[:-1], norm.kind)
    summaries = [Summary("loss"), Summary("norm")]
    assert check_ensembles(a, a, summaries=summaries).verdict is EQUIVALENT
    found = check_ensembles(a, Ensemble(a.seeds, kept), summaries=summaries)
    assert found.verdict is UNDECIDED and found.as_dict()["unjudged"] == ["norm, late"]
    assert "not judged, for the port lacks it: norm, late" in found.message
    with pytest.raises(EnsembleError, match="let it yield norm"):
        check_ensembles(a, Ensemble(a.seeds, kept), summaries=summaries[1:])
    with pytest.raises(EnsembleError, match="the reference holds loss, norm"):
        check_ensembles(a, a, summaries=[Summary("nrom")])


def test_a_margin_of_ones_own_decides():
    a, b = curves(64), curves(64, 1)
    assert unpaired(a, b, margins={"loss": 0.01}).verdict is UNDECIDED
    with pytest.raises(EnsembleError, match="name one of loss"):
        unpaired(a, b, margins={"los": 0.1})


def test_a_quantity_that_is_not_positive_keeps_its_own_scale():
    a = np.log(curves(16))
    found = check_ensembles(ensemble(score=a), ensemble(score=a + 1))
    assert found.summaries[0].difference == pytest.approx(1) and not found.summaries[0].log


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (ensemble(first=100, loss=curves(16)), "paired=False"),
        (ensemble(lost=curves(16)), "no name at a common step"),
    ],
)
def test_what_cannot_be_compared_is_refused(other, said):
    with pytest.raises(EnsembleError, match=said):
        check_ensembles(ensemble(loss=curves(16)), other)


def test_every_weight_is_too_much():
    big = Ensemble(np.arange(2), {"w": Quantity([0], np.ones((1, 2, 20_001)), Kind.RESULT)})
    with pytest.raises(EnsembleError, match="norms in place of weights"):
        check_ensembles(big, big)


def test_callables_and_trajectories_are_ensembles():
    def program(seed: int):
        for loss in curves(1, seed)[:, 0]:
            yield {"loss": loss}

    assert check_ensembles(program, program, seeds=range(10)).verdict is EQUIVALENT
    listed = [list(program(seed)) for seed in range(10)]
    assert check_ensembles(listed, program, seeds=range(10)).verdict is EQUIVALENT


def test_identical_pairs_stand_both_ways_round():
    """Catches pairs that do not differ at all, and sides that are not the reference's."""
    a, b = np.array([[1.0], [2.0]]), np.array([[1.5], [4.0]])
    one, other = planning.as_identical(a, b, paired=True)
    assert (other - one).ravel().tolist() == [0.5, 2.0, -0.5, -2.0]
    assert all(side is a for side in planning.as_identical(a, b, paired=False))


def test_one_pair_that_is_far_apart_makes_no_limit_that_is_below_nothing():
    """Catches a mean difference that is taken off all pairs, when one of them made it: the others
    then differ by the same and, where that one is not drawn, significantly, before any change."""
    rng = np.random.default_rng(4)
    loss, apart = rng.normal(size=(len(STEPS), 64)), 1e-7 * rng.normal(size=(len(STEPS), 64))
    apart[STEPS, STEPS] = -0.5  # in each step another pair
    found = check_ensembles(ensemble(loss=loss), ensemble(loss=loss + apart))
    smallest = found.limits((16, 32, 64)).smallest["loss"]
    assert (smallest > 0).all() and smallest.max() < 0.3


def test_limits_shrink_with_seeds_and_are_kept():
    """Moved by the limit, nine of ten are found."""
    found = unpaired(curves(64), curves(64, 1))
    limits = found.limits((16, 64))
    few, many = limits.smallest["loss"]
    assert few > 1.5 * many
    ends = [
        unpaired(curves(64, 2 * i), curves(64, 2 * i + 1) * np.exp(many)).verdict for i in range(20)
    ]
    assert ends.count(DIFFERENT) >= 14
    weaker = [
        unpaired(curves(64, 2 * i), curves(64, 2 * i + 1) * np.exp(many / 2)).verdict
        for i in range(20)
    ]
    assert weaker.count(DIFFERENT) <= 12


@pytest.mark.parametrize(("paired", "least"), [(True, 16), (False, 8)])
def test_no_limit_is_named_for_so_few_seeds_that_they_find_nothing(paired, least):
    found = check_ensembles(ensemble(loss=curves(9)), ensemble(loss=curves(9, 1)), paired=paired)
    assert found.limits().seeds.min() == least and (9 in found.limits().seeds) is not paired


def test_the_result_is_plain_json():
    import json

    found = unpaired(curves(16), curves(16, 1) * 9)
    assert json.loads(json.dumps(found.as_dict()))["verdict"] == "DIFFERENT"
