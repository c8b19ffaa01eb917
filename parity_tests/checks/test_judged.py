"""How much could be judged, and how sharply."""

from __future__ import annotations

import numpy as np

from repro.checks.judged import Judged, Sharpness, median_of

NAN = np.nan


def judged(candidates, dull, missing, median, worst):
    return Judged(*(np.array(x, float) for x in (candidates, dull, missing, median, worst)))


ONE = judged([4, 4, 4], [0, 3, 2], [0, 1, 0], [0.1, 0.5, NAN], [0.2, 0.9, NAN])


def test_the_lower_median_of_each_row():
    size = np.array([[3.0, 1, 2, np.inf], [np.inf] * 4, [4, 2, 8, 6], [np.inf, 5, np.inf, np.inf]])
    found = median_of(size.copy(), np.array([3, 0, 4, 1]))
    assert found[[0, 2, 3]].tolist() == [2, 4, 5] and np.isnan(found[1])
    assert np.isnan(median_of(size.copy(), np.zeros(4, int))).all()
    assert median_of(size[:1].copy(), np.array([2])).tolist() == [1]


def test_what_is_dull_is_lost_but_for_equal_bits():
    assert ONE.lost(False).tolist() == [0, 3, 2] and ONE.lost(True).tolist() == [0, 1, 0]


def test_sharpness_over_all_steps():
    found = ONE.sharpness(np.array([5, 6, 9]), False)
    assert found == Sharpness(0.3, 0.9, 5 / 12, 9), "half of the last step was judged"
    end = judged([4, 4], [0, 4], [0, 0], [0.1, NAN], [0.2, NAN])
    assert [end.sharpness(np.array([5, 6]), same).judged_to for same in (True, False)] == [6, 5]
    blunt = judged([4, 4, 4], [0, 3, 3], [0, 0, 0], [0.1, NAN, NAN], [0.2, NAN, NAN])
    assert blunt.sharpness(np.array([5, 6, 9]), False) == Sharpness(0.1, 0.2, 0.5, 5)
    nowhere = judged([2, 2], [2, 2], [2, 2], [NAN, NAN], [NAN, NAN])
    found = nowhere.sharpness(np.array([1, 2]), False)
    assert np.isnan(found.median) and np.isnan(found.worst)
    assert found.dull == 1 and found.judged_to is None
    nothing = judged([0, 0], [0, 0], [0, 0], [NAN, NAN], [NAN, NAN])
    assert nothing.sharpness(np.array([1, 2]), False) is None
    sharp = judged([0], [0], [0], [0.25], [0.5])
    assert sharp.sharpness(np.array([7]), False) == Sharpness(0.25, 0.5, 0.0, 7)
    few = judged([0, 1], [0, 0], [0, 0], [0.25, 0.5], [0.5, 0.5])
    assert few.sharpness(np.array([7, 8]), False) == Sharpness(0.375, 0.5, 0.0, 8)


def test_steps_are_added_spread_and_amended():
    both = ONE + judged([1], [1], [1], [7], [8])
    assert both.candidates.tolist() == [4, 4, 4, 1] and both.worst.tolist()[-1] == 8
    spread = judged([1], [1], [1], [7], [8]).spread(np.array([1]), 3)
    assert spread.candidates.tolist() == spread.dull.tolist() == [0, 1, 0]
    assert np.array_equal(spread.median, [NAN, 7, NAN], equal_nan=True)
    assert np.array_equal(spread.worst, [NAN, 8, NAN], equal_nan=True)
    amended = ONE.amended(judged([9], [8], [7], [6], [5]), np.array([2]))
    assert [getattr(amended, n).tolist()[2] for n in ("candidates", "dull", "missing")] == [9, 8, 7]
    assert amended.median.tolist() == [0.1, 0.5, 6] and amended.worst[2] == 5
    assert ONE.candidates.tolist() == [4, 4, 4], "the old one is as it was"
    assert Judged.nothing(2).missing.tolist() == [0, 0] and np.isnan(Judged.nothing(2).worst).all()


def test_one_number_that_is_dull_is_all_of_it():
    assert judged([1], [1], [0], [NAN], [NAN]).sharpness(np.array([0]), False).dull == 1
