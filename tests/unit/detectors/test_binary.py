"""Binary performance against sklearn on the same rows."""

import math

import numpy as np
import pytest
from sklearn import metrics

from detectors.binary import BINARY_FLOATS, BINARY_INTS, BINARY_METRICS, binary_losses, log_losses
from detectors.performance import accumulate_labels, accumulate_scores, binary_metrics, task_sums

N = 20_000


def labelled(score, truth):
    ints, floats = task_sums("binary").tables(1)
    accumulate_labels(ints, floats, np.zeros(len(score), np.int64), np.asarray(score), np.asarray(truth, float))
    return ints[0], floats[0]


def drawn(seed=1, n=N, a=1.2, b=4.0):
    g = np.random.default_rng(seed)
    score = g.beta(a, b, n)
    return score, (g.random(n) < score).astype(float)


@pytest.fixture(scope="module")
def rows():
    return drawn()


@pytest.fixture(scope="module")
def found(rows):
    return binary_metrics(*labelled(*rows))


def test_shares_are_those_of_sklearn(rows, found):
    score, truth = rows
    predicted = score >= 0.5

    assert found["accuracy"].value == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert found["precision"].value == pytest.approx(metrics.precision_score(truth, predicted))
    assert found["recall"].value == pytest.approx(metrics.recall_score(truth, predicted))
    assert found["f1"].value == pytest.approx(metrics.f1_score(truth, predicted))
    assert found["specificity"].value == pytest.approx(metrics.recall_score(1 - truth, ~predicted))
    assert found["balanced_accuracy"].value == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    assert found["mcc"].value == pytest.approx(metrics.matthews_corrcoef(truth, predicted))


def test_log_loss_and_brier_are_exact(rows, found):
    score, truth = rows

    assert found["log_loss"].value == pytest.approx(metrics.log_loss(truth, score), rel=1e-12)
    assert found["brier"].value == pytest.approx(metrics.brier_score_loss(truth, score), rel=1e-12)


@pytest.mark.parametrize(("a", "b"), [(1.2, 4.0), (2, 20), (0.5, 0.5), (300, 300), (5, 1)])
def test_auc_from_bins_is_that_of_the_rows(a, b):
    score, truth = drawn(2, a=a, b=b)

    assert binary_metrics(*labelled(score, truth))["auc"].value == pytest.approx(
        metrics.roc_auc_score(truth, score), abs=2e-3
    )


@pytest.mark.parametrize(("a", "b"), [(1.2, 4.0), (2, 20), (0.5, 0.5), (300, 300), (5, 1)])
def test_average_precision_from_bins_is_that_of_the_rows(a, b):
    score, truth = drawn(2, a=a, b=b)

    assert binary_metrics(*labelled(score, truth))["average_precision"].value == pytest.approx(
        metrics.average_precision_score(truth, score), abs=5e-3
    )


def test_average_precision_of_a_perfect_ranking_is_one_and_not_certain():
    found = binary_metrics(*labelled([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]))

    assert found["average_precision"].value == pytest.approx(1)
    assert found["average_precision"].lo < 0.9
    assert found["auc"].value == 1
    assert found["auc"].lo < 0.8
    assert found["mcc"].lo < 0.8


def test_auc_of_scores_crowded_in_one_bin_is_crude():
    score, truth = drawn(2, a=2, b=200)

    assert binary_metrics(*labelled(score, truth))["auc"].value == pytest.approx(
        metrics.roc_auc_score(truth, score), abs=0.03
    )


def test_auc_of_few_distinct_scores_counts_ties_half():
    g = np.random.default_rng(3)
    score = g.choice([0.1, 0.4, 0.7], 2_000)
    truth = (g.random(2_000) < score).astype(float)

    assert binary_metrics(*labelled(score, truth))["auc"].value == pytest.approx(metrics.roc_auc_score(truth, score))


def test_calibration_error_is_that_of_ten_bins(rows, found):
    score, truth = rows
    bin_ = np.minimum((score * 10).astype(int), 9)
    by_hand = sum(abs(truth[bin_ == b].sum() - score[bin_ == b].sum()) for b in range(10)) / N

    assert found["ece"].value == pytest.approx(by_hand)


@pytest.fixture(scope="module")
def covered():
    truth = binary_metrics(*labelled(*drawn(99, n=400_000)))
    drawn_again = [binary_metrics(*labelled(*drawn(seed, n=1_500))) for seed in range(200)]
    return {
        name: np.mean([found[name].lo <= truth[name].value <= found[name].hi for found in drawn_again])
        for name in BINARY_METRICS
    }


@pytest.mark.parametrize("metric", BINARY_METRICS)
def test_intervals_hold_the_truth_nineteen_times_in_twenty(covered, metric):
    assert covered[metric] >= 0.9


def test_counts(found):
    assert found["labels"].value == N
    assert 0 < found["positives"].value < N


def test_nothing_is_defined_without_labels():
    found = binary_metrics(np.zeros(BINARY_INTS, np.int64), np.zeros(BINARY_FLOATS))

    assert all(math.isnan(x) for metric in BINARY_METRICS for x in found[metric])
    assert found["labels"].value == 0


def test_one_class_has_no_auc_and_one_row_no_spread():
    found = binary_metrics(*labelled([0.7], [1]))

    assert math.isnan(found["auc"].value)
    assert math.isnan(found["log_loss"].value)
    assert found["accuracy"].value == 1


def test_served_scores_are_counted_by_what_they_are():
    ints, floats = task_sums("binary").tables(2)
    score = np.array([0.0, 1.0, 0.5, -0.1, 1.1, np.inf, np.nan])

    accumulate_scores(ints, floats, np.array([0, 0, 0, 1, 1, 1, 1]), score)

    assert ints[0, 0] == 3
    assert ints[1, 1:3].tolist() == [1, 3]
    assert ints[0].sum() - 3 == 3
    assert floats[0].sum() == 1.5
    assert [binary_metrics(i, f)["rows"].value for i, f in zip(ints, floats, strict=True)] == [3, 4]


def test_labels_that_cannot_be_used_are_counted():
    ints, floats = labelled([0.5, np.nan, 2.0, 0.5], [2, 1, 0, np.nan])

    assert ints[3:6].tolist() == [0, 2, 2]
    assert not floats.any()


def test_a_certain_error_costs_a_finite_loss():
    assert log_losses(np.array([0.0, 1.0]), np.array([1.0, 0.0])).tolist() == pytest.approx([16.118, 16.118], abs=1e-3)
    assert log_losses(np.array([0.0, 1.0]), np.array([0.0, 1.0])).max() < 2e-7


@pytest.mark.parametrize("metric", ["log_loss", "brier", "accuracy"])
def test_judged_losses_have_the_mean_and_spread_of_the_rows(rows, metric):
    score, truth = rows
    by_row = {
        "log_loss": log_losses(score, truth),
        "brier": (score - truth) ** 2,
        "accuracy": ((score >= 0.5) != (truth == 1)).astype(float),
    }[metric]

    losses = binary_losses(*labelled(score, truth), metric)

    assert losses == pytest.approx((N, by_row.mean(), by_row.std(ddof=1)))


def test_a_metric_that_is_no_mean_is_not_judged():
    with pytest.raises(ValueError, match="got 'auc'"):
        binary_losses(*labelled([0.5], [1]), "auc")


def test_a_table_that_would_be_copied_is_refused():
    ints, floats = np.zeros((4, BINARY_INTS), np.int64)[::2], np.zeros((2, BINARY_FLOATS))

    with pytest.raises(ValueError, match="contiguous"):
        accumulate_scores(ints, floats, np.array([0]), np.array([0.5]))
