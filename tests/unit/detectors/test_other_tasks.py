"""Regression, classes, and the dispatch by task."""

import math

import numpy as np
import pytest
from sklearn import metrics

from detectors.performance import TASKS, task_sums

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
    assert all(found[name].lo < found[name].value < found[name].hi for name in ("mae", "rmse", "bias"))
    assert found["rows"].value == found["labels"].value == 5_000


@pytest.mark.parametrize(("metric", "power"), [("mae", 1), ("rmse", 2)])
def test_regression_losses(metric, power):
    g = np.random.default_rng(2)
    predicted, truth = g.standard_normal(500), g.standard_normal(500)
    by_row = np.abs(predicted - truth) ** power

    losses = task_sums("regression").losses(*summed("regression", predicted, truth), metric)

    assert losses == pytest.approx((500, by_row.mean(), by_row.std(ddof=1)))


def test_the_largest_errors_do_not_overflow():
    found = task_sums("regression").metrics(*summed("regression", np.full(9, 1.7e308), np.full(9, -1.7e308)))

    assert all(math.isfinite(x) for estimate in found.values() for x in estimate)


def test_values_that_are_none_are_counted():
    ints, floats = summed("regression", np.array([1.0, np.nan, np.inf, 2.0]), np.array([1.0, 1.0, 1.0, np.nan]))

    assert ints.tolist() == [2, 1, 1, 1, 2, 1]
    assert floats.tolist() == [0, 0, 0, 0]


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
