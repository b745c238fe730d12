"""What answers are worth, against the rows themselves."""

import math

import numpy as np
import pytest

from detectors.business import PARTS, Worth, cost_losses, value_metrics, weights_of
from detectors.confusion import NOTHING, confusion_of
from detectors.performance import task_sums
from detectors.row_losses import row_parts

BINARY = Worth(outcomes=(0.5, -1.0, -5.0, 2.0))
REGRESSION = Worth(over=2.0, under=7.0)


def summed(task, served, truth):
    sums = task_sums(task)
    ints, floats = sums.tables(1)
    sums.label(ints, floats, np.zeros(len(served), np.int64), served, truth)
    return ints[0], floats[0]


def drawn(task, seed=1, n=2_000):
    g = np.random.default_rng(seed)
    if task == "binary":
        served = g.random(n)
        return served, (g.random(n) < served).astype(float)
    truth = g.standard_normal(n) * 10
    return truth + g.standard_normal(n) + 0.3, truth


def values(task, served, truth):
    if task == "binary":
        return np.array(BINARY.outcomes)[(2 * truth + (served >= 0.5)).astype(int)]
    error = served - truth
    return -(2.0 * np.maximum(error, 0) + 7.0 * np.maximum(-error, 0))


@pytest.mark.parametrize(("task", "worth"), [("binary", BINARY), ("regression", REGRESSION)])
def test_the_value_is_the_mean_over_the_rows(task, worth):
    rows = drawn(task)
    by_row = values(task, *rows)

    found = value_metrics(worth, task, *summed(task, *rows), NOTHING)
    losses = cost_losses(worth, task, *summed(task, *rows), NOTHING)

    assert found["value_per_row"].value == pytest.approx(by_row.mean())
    assert found["value_per_row"].hi - by_row.mean() == pytest.approx(1.96 * by_row.std() / math.sqrt(2_000), rel=0.01)
    assert found["cost_per_row"].value == pytest.approx(worth.best(task) - by_row.mean())
    assert losses == pytest.approx((2_000, worth.best(task) - by_row.mean(), by_row.std(ddof=1)))


def test_classes_cost_what_their_pair_costs():
    confusion = confusion_of(["a", "a", "b", "b"], ["a", "b", "a", "b"], [50, 5, 10, 35])
    worth = Worth(pairs={("a", "b"): 20.0, ("b", "a"): 1.0, ("b", "b"): -2.0})
    ints, floats = task_sums("multiclass").tables(1)

    found = value_metrics(worth, "multiclass", ints[0], floats[0], confusion)

    assert found["value_per_row"].value == pytest.approx(-(5 * 20 + 10 * 1 - 35 * 2) / 100)
    assert found["cost_per_row"].value == pytest.approx(2 + (5 * 20 + 10 - 70) / 100)


@pytest.mark.parametrize(("task", "worth"), [("binary", BINARY), ("regression", REGRESSION)])
def test_the_parts_of_a_cost_add_up_to_it(task, worth):
    rows = drawn(task)
    parts = row_parts(task, *rows)

    cost = sum(weight * parts[part] for weight, part in zip(weights_of(worth, task), PARTS[task], strict=True))

    assert cost == pytest.approx(worth.best(task) - values(task, *rows))


@pytest.mark.parametrize(("task", "worth"), [("binary", BINARY), ("regression", REGRESSION)])
def test_intervals_hold_the_truth_nineteen_times_in_twenty(task, worth):
    true, held = values(task, *drawn(task, 99, 400_000)).mean(), 0
    for seed in range(200):
        found = value_metrics(worth, task, *summed(task, *drawn(task, seed, 300)), NOTHING)["value_per_row"]
        held += found.lo <= true <= found.hi

    assert held / 200 >= 0.9


def test_few_rows_of_one_outcome_are_not_certain():
    found = value_metrics(BINARY, "binary", *summed("binary", np.full(5, 0.9), np.ones(5)), NOTHING)["value_per_row"]

    assert found.value == found.hi == 2.0
    assert found.lo < 0.5


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_nothing_is_worth_anything_without_labels(task):
    ints, floats = task_sums(task).tables(1)

    found = value_metrics(Worth(), task, ints[0], floats[0], NOTHING)

    assert all(math.isnan(x) for estimate in found.values() for x in estimate)
    assert math.isnan(cost_losses(Worth(), task, ints[0], floats[0], NOTHING).mean)
