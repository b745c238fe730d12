"""Regression, classes, and the dispatch by task."""

import math

import numpy as np
import pytest
from sklearn import metrics

from detectors.performance import REGRESSION_METRICS, TASKS, task_sums

ZERO = np.int64(0)


def summed(task, predicted, truth):
    sums = task_sums(task)
    ints, floats = sums.tables(1)
    rows = np.zeros(len(predicted), np.int64)
    sums.serve(ints, floats, rows, predicted)
    sums.label(ints, floats, rows, predicted, truth)
    return ints[0], floats[0]


def test_regression_is_that_of_sklearn():
    g = np.random.default_rng(1)
    truth = g.standard_normal(5_000) * 10
    predicted = truth + g.standard_normal(5_000) + 0.5

    found = task_sums("regression").metrics(*summed("regression", predicted, truth))

    assert found["mae"].value == pytest.approx(metrics.mean_absolute_error(truth, predicted))
    assert found["rmse"].value == pytest.approx(metrics.root_mean_squared_error(truth, predicted))
    assert found["bias"].value == pytest.approx((predicted - truth).mean())
    assert found["r2"].value == pytest.approx(metrics.r2_score(truth, predicted), rel=1e-9)
    assert found["wape"].value == pytest.approx(np.abs(predicted - truth).sum() / np.abs(truth).sum())
    assert found["median_ae"].value == pytest.approx(metrics.median_absolute_error(truth, predicted), rel=0.03)
    assert all(found[name].lo < found[name].value < found[name].hi for name in REGRESSION_METRICS)
    assert found["rows"].value == found["labels"].value == 5_000


def test_relative_errors_are_those_of_sklearn_where_no_truth_is_near_zero():
    g = np.random.default_rng(3)
    truth = 20 + g.standard_normal(2_000)
    predicted = truth + g.standard_normal(2_000)

    found = task_sums("regression").metrics(*summed("regression", predicted, truth))

    assert found["mape"].value == pytest.approx(metrics.mean_absolute_percentage_error(truth, predicted))


def test_an_error_on_a_truth_of_zero_counts_as_ten_times_it():
    found = task_sums("regression").metrics(*summed("regression", np.array([1.0, 0.0, 3.0]), np.array([0.0, 0.0, 2.0])))

    assert found["mape"].value == pytest.approx((10 + 0 + 0.5) / 3)


def rows_of_regression(seed, n):
    g = np.random.default_rng(seed)
    truth = 50 + 10 * g.standard_normal(n)
    return truth + g.standard_t(8, n) * 4 + 1, truth


@pytest.fixture(scope="module")
def covered():
    regression = task_sums("regression").metrics
    true = regression(*summed("regression", *rows_of_regression(99, 400_000)))
    again = [regression(*summed("regression", *rows_of_regression(seed, 800))) for seed in range(200)]
    return {
        name: np.mean([found[name].lo <= true[name].value <= found[name].hi for found in again])
        for name in REGRESSION_METRICS
    }


@pytest.mark.parametrize("metric", REGRESSION_METRICS)
def test_intervals_hold_the_truth_nineteen_times_in_twenty(covered, metric):
    assert covered[metric] >= 0.9


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_the_median_error_is_right_on_every_scale(scale):
    g = np.random.default_rng(4)
    errors = np.abs(g.standard_normal(3_000)) * scale

    found = task_sums("regression").metrics(*summed("regression", errors, np.zeros(3_000)))["median_ae"]

    assert found.value == pytest.approx(np.median(errors), rel=0.03)


def test_r2_is_not_defined_where_truths_do_not_vary():
    truth = np.full(100, 1e9 + 0.1)

    found = task_sums("regression").metrics(*summed("regression", truth + 1, truth))

    assert math.isnan(found["r2"].value)


@pytest.mark.parametrize(("metric", "power"), [("mae", 1), ("rmse", 2)])
def test_regression_losses(metric, power):
    g = np.random.default_rng(2)
    predicted, truth = g.standard_normal(500), g.standard_normal(500)
    by_row = np.abs(predicted - truth) ** power

    losses = task_sums("regression").losses(*summed("regression", predicted, truth), metric)

    assert losses == pytest.approx((500, by_row.mean(), by_row.std(ddof=1)))


def test_the_largest_errors_do_not_overflow():
    found = task_sums("regression").metrics(*summed("regression", np.full(9, 1.7e308), np.full(9, -1.7e308)))

    assert all(math.isfinite(x) for name in ("mae", "rmse", "bias", "mape", "wape") for x in found[name])
    assert not any(math.isinf(x) for estimate in found.values() for x in estimate)


def test_values_that_are_none_are_counted():
    ints, floats = summed("regression", np.array([1.0, np.nan, np.inf, 2.0]), np.array([1.0, 1.0, 1.0, np.nan]))

    assert ints[:6].tolist() == [2, 1, 1, 1, 2, 1]
    assert ints[6:].tolist() == [1] + [0] * (len(ints) - 7)
    assert floats[:5].tolist() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("predicted", "truth"),
    [
        (np.array([0.0, 1.0, 2.0, np.nan, 1.0]), np.array([0.0, 1.0, 1.0, 1.0, np.nan])),
        (np.array(["a", "b", "c", None, "b"], object), np.array(["a", "b", "b", "b", None], object)),
    ],
)
def test_classes_are_right_or_wrong(predicted, truth):
    sums = task_sums("multiclass")
    ints, floats = summed("multiclass", predicted, truth)

    assert ints.tolist() == [4, 1, 3, 1, 1, 2]
    assert sums.metrics(ints, floats)["accuracy"].value == pytest.approx(2 / 3)
    assert sums.losses(ints, floats, "accuracy") == pytest.approx((3, 1 / 3, np.std([0, 0, 1], ddof=1)))


def test_texts_of_classes_are_taken_as_they_are():
    ints, _ = summed("multiclass", np.array(["late", "early"]), np.array(["late", "late"]))

    assert ints.tolist() == [2, 0, 2, 0, 0, 1]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_undefined_without_rows_and_judges_its_own_metrics(task):
    sums = task_sums(task)
    ints, floats = (table[0] for table in sums.tables(1))

    found = sums.metrics(ints, floats)

    assert all(math.isnan(found[name].value) for name in sums.names)
    for metric in sums.judged:
        assert math.isnan(sums.losses(ints, floats, metric).mean)
    with pytest.raises(ValueError, match="to be judged"):
        sums.losses(ints, floats, "luck")


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="task must be one of binary"):
        task_sums("ranking")
