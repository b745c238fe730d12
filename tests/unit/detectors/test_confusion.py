"""Metrics of classes from counts by pair, against sklearn on the same rows."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from detectors.confusion import CONFUSION_METRICS, NOTHING, OTHERS, confusion_metrics, confusion_of, mcc_of, merged

CLASSES = np.array(["early", "late", "never", "on time"])
counts = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), st.integers(-3, 9)), max_size=12).map(
    lambda rows: confusion_of(*([list(column) for column in zip(*rows, strict=True)] if rows else ([], [], [])))
)


def drawn(seed, n):
    g = np.random.default_rng(seed)
    truth = g.choice(4, n, p=[0.5, 0.3, 0.15, 0.05])
    return CLASSES[np.where(g.random(n) < 0.75, truth, g.choice(4, n))], CLASSES[truth]


def found_of(predicted, truth):
    return confusion_metrics(confusion_of(predicted.tolist(), truth.tolist(), [1] * len(truth)))


def test_they_are_those_of_sklearn():
    predicted, truth = drawn(1, 3_000)
    expected = {
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
        "precision_macro": metrics.precision_score(truth, predicted, average="macro"),
        "recall_macro": metrics.recall_score(truth, predicted, average="macro"),
        "f1_macro": metrics.f1_score(truth, predicted, average="macro"),
        "f1_micro": metrics.f1_score(truth, predicted, average="micro"),
        "f1_weighted": metrics.f1_score(truth, predicted, average="weighted"),
        "kappa": metrics.cohen_kappa_score(truth, predicted),
        "mcc": metrics.matthews_corrcoef(truth, predicted),
    }

    found = found_of(predicted, truth)

    assert {name: found[name].value for name in CONFUSION_METRICS} == pytest.approx(expected)


@pytest.mark.parametrize("cells", [(40, 10, 10, 40), (900, 30, 5, 65), (1, 2, 3, 4)])
def test_two_classes_have_the_same_coefficient_by_the_short_way(cells):
    tn, fp, fn, tp = cells

    assert mcc_of(*cells) == pytest.approx(
        confusion_metrics(confusion_of(["0", "1", "0", "1"], ["0", "0", "1", "1"], [tn, fp, fn, tp]))["mcc"]
    )


def test_classes_that_were_never_true_count_as_sklearn_counts_them():
    predicted, truth = np.array(["a", "b", "c", "a"]), np.array(["a", "b", "b", "d"])

    found = found_of(predicted, truth)

    for name, score in (("f1_macro", metrics.f1_score), ("precision_macro", metrics.precision_score)):
        assert found[name].value == pytest.approx(score(truth, predicted, average="macro", zero_division=0))
    assert found["balanced_accuracy"].value == pytest.approx(0.5)


@pytest.fixture(scope="module")
def covered():
    true = found_of(*drawn(99, 400_000))
    again = [found_of(*drawn(seed, 500)) for seed in range(200)]
    return {
        name: np.mean([found[name].lo <= true[name].value <= found[name].hi for found in again])
        for name in CONFUSION_METRICS
    }


@pytest.mark.parametrize("metric", CONFUSION_METRICS)
def test_intervals_hold_the_truth_nineteen_times_in_twenty(covered, metric):
    assert covered[metric] >= 0.9


def test_nothing_is_certain_of_few_rows_that_are_all_right():
    found = confusion_metrics(confusion_of(["a", "b"], ["a", "b"], [5, 5]))

    assert all(found[name].value == 1 and found[name].lo < 0.95 for name in CONFUSION_METRICS)


@pytest.mark.parametrize("nothing", [NOTHING, confusion_of(["a"], ["b"], [0]), confusion_of(["a"], ["b"], [-1])])
def test_nothing_is_defined_without_rows(nothing):
    assert all(math.isnan(x) for estimate in confusion_metrics(nothing).values() for x in estimate)


def test_pairs_that_are_not_told_apart_count_as_wrong_and_as_no_class():
    found = confusion_metrics(confusion_of(["a", "b", OTHERS], ["a", "b", OTHERS], [40, 40, 20]))

    assert found["f1_micro"].value == pytest.approx(0.8)
    assert found["balanced_accuracy"].value == 1
    assert found["mcc"].value < 1


@given(counts, counts, counts)
def test_counts_add_up_in_any_order(one, other, third):
    left, right = merged([merged([one, other]), third]), merged([third, merged([other, one])])

    assert left.classes == right.classes
    assert left.cells.tolist() == right.cells.tolist()
    assert left.rows == one.rows + other.rows + third.rows


@given(counts)
def test_metrics_lie_in_their_intervals_and_never_fail(confusion):
    for name, estimate in confusion_metrics(confusion).items():
        assert math.isnan(estimate.value) or estimate.lo <= estimate.value <= estimate.hi, name
