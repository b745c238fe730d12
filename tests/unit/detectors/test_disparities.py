"""Groups against the rest, by hand and by simulation."""

import numpy as np
import pytest

from detectors.disparities import disparities
from detectors.performance import task_sums


def summed(task, keys, served, truth):
    sums = task_sums(task)
    ints, floats = sums.tables(2)
    sums.serve(ints, floats, keys, served)
    known = ~np.isnan(truth)
    sums.label(ints, floats, keys[known], served[known], truth[known])
    return [(ints[i], floats[i]) for i in range(2)]


def test_rates_of_scores_are_those_of_the_rows():
    g = np.random.default_rng(1)
    keys, score = g.integers(0, 2, 3_000), g.random(3_000)
    truth = np.where(g.random(3_000) < 0.3, np.nan, (g.random(3_000) < score * (1 - 0.3 * keys)).astype(float))
    chosen, known = score >= 0.5, ~np.isnan(truth)

    found = disparities("binary", *summed("binary", keys, score, truth))

    for metric, hit, of in (
        ("selection_rate", chosen, np.ones(3_000, bool)),
        ("true_positive_rate", chosen, truth == 1),
        ("false_positive_rate", chosen, truth == 0),
        ("accuracy", chosen == truth, known),
    ):
        mine, theirs = (hit[of & (keys == k)].mean() for k in (0, 1))
        assert found[metric].value == pytest.approx(mine)
        assert found[metric].rest == pytest.approx(theirs)
        assert found[metric].difference.value == pytest.approx(mine - theirs)
        assert (found[metric].n, found[metric].rest_n) == tuple(int((of & (keys == k)).sum()) for k in (0, 1))
    assert found["accuracy"].difference.lo > 0


def test_errors_of_a_regression_are_compared():
    g = np.random.default_rng(2)
    keys = g.integers(0, 2, 2_000)
    truth = g.standard_normal(2_000)
    served = truth + g.standard_normal(2_000) + 0.5 * keys

    found = disparities("regression", *summed("regression", keys, served, truth))

    error = served - truth
    assert found["bias"].difference.value == pytest.approx(error[keys == 0].mean() - error[keys == 1].mean())
    assert found["bias"].difference.hi < 0
    assert found["mae"].value == pytest.approx(np.abs(error[keys == 0]).mean())


def test_what_one_side_lacks_is_not_compared():
    served = summed("binary", np.array([0, 0, 1]), np.array([0.9, 0.1, 0.4]), np.array([1.0, 1.0, np.nan]))

    assert set(disparities("binary", *served)) == {"selection_rate"}
    assert disparities("binary", *summed("binary", np.zeros(0, np.int64), np.zeros(0), np.zeros(0))) == {}


@pytest.mark.parametrize("n", [30, 300])
def test_intervals_hold_the_difference_nineteen_times_in_twenty(n):
    g, held = np.random.default_rng(3), 0
    for _ in range(400):
        keys, score = np.repeat([0, 1], [n, 3 * n]), np.where(g.random(4 * n) < 0.9, 0.9, 0.1)
        truth = (g.random(4 * n) < np.where(np.repeat([True, False], [n, 3 * n]), 0.95, 0.85)).astype(float)
        found = disparities("binary", *summed("binary", keys, score, truth))["true_positive_rate"].difference
        held += found.lo <= 0 <= found.hi

    assert held / 400 >= 0.93
