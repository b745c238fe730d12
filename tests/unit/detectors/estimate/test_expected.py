"""Metrics of cells against scikit-learn, and their gradients against differences."""

import numpy as np
import pytest
from sklearn import metrics

from detectors.binary_kernels import CLIP as CLIP_OF_LABELS
from detectors.estimate.cbpe import measured
from detectors.estimate.expected import METRICS, Cells, confusion
from detectors.estimate.score_bins import CLIP, ScoreBins, fit_score_bins


@pytest.fixture(scope="module")
def rows():
    """Scores of few values, one bin each, so that bins lose nothing."""
    g = np.random.default_rng(2)
    scores = g.integers(1, 20, 5_000) / 20
    return scores, (scores > 0.45).astype(int), (g.random(5_000) < scores**1.5).astype(int)


def test_metrics_of_counted_labels_are_those_of_scikit_learn(rows):
    scores, predicted, labels = rows
    bins = fit_score_bins(scores, bins=1_000)

    found = measured(bins, bins.labelled_counts(scores, predicted, labels))

    assert found == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(labels, predicted),
            "precision": metrics.precision_score(labels, predicted),
            "recall": metrics.recall_score(labels, predicted),
            "f1": metrics.f1_score(labels, predicted),
            "auc": metrics.roc_auc_score(labels, scores),
            "log_loss": metrics.log_loss(labels, scores),
            "brier": metrics.brier_score_loss(labels, scores),
        }
    )


def test_confusion_is_that_of_scikit_learn(rows):
    scores, predicted, labels = rows
    bins = fit_score_bins(scores)
    counts = bins.labelled_counts(scores, predicted, labels)

    hits, false_alarms, misses, rejections = confusion(Cells(bins, counts.sum(axis=2), counts[:, :, 1]))

    assert [[rejections, false_alarms], [misses, hits]] == metrics.confusion_matrix(labels, predicted).tolist()


@pytest.mark.parametrize("name", METRICS)
def test_gradients_are_differences(name):
    g = np.random.default_rng(3)
    bins = fit_score_bins(g.random(1_000), bins=6)
    rows = g.integers(1, 100, (6, 2)).astype(float)
    positives = rows * g.random((6, 2))
    found = METRICS[name](Cells(bins, rows, positives))

    for cell in np.ndindex(6, 2):
        step = np.zeros((6, 2))
        step[cell] = 1e-4
        more, less = (METRICS[name](Cells(bins, rows, positives + sign * step)).value for sign in (1, -1))
        assert found.gradient[cell] == pytest.approx((more - less) / 2e-4, rel=1e-5, abs=1e-9)


def test_scores_are_cut_as_in_the_metrics_of_labels():
    assert CLIP == CLIP_OF_LABELS


@pytest.mark.parametrize(
    "scores", [[0.0], [1.0], [0.5] * 100, [0.0] * 50 + [1.0] * 50, [1e-310, 0.5], [-0.0, 0.0, 1.0]]
)
def test_bins_of_any_scores_count_every_row(scores):
    bins = fit_score_bins(scores)
    counts = bins.counts([0.0, 0.5, 1.0, *scores], [1] * (3 + len(scores)))

    assert counts.sum() == 3 + len(scores)
    assert np.isfinite(bins.log_loss_array).all()
    assert np.isfinite(bins.brier_array).all()


@pytest.mark.parametrize(
    "refused",
    [
        lambda: fit_score_bins([]),
        lambda: fit_score_bins([0.5], bins=0),
        lambda: fit_score_bins([0.5, np.nan]),
        lambda: fit_score_bins([1.5]),
        lambda: ScoreBins((), ((0, 0),), ((0, 0),)).counts([np.inf], [0]),
        lambda: ScoreBins((), ((0, 0),), ((0, 0),)).counts([0.5], [2]),
        lambda: ScoreBins((), ((0, 0),), ((0, 0),)).counts([0.5], [0, 1]),
        lambda: ScoreBins((), ((0, 0),), ((0, 0),)).labelled_counts([0.5], [0], [np.nan]),
    ],
)
def test_what_are_no_scores_or_classes_is_refused_with_a_sentence(refused):
    with pytest.raises(ValueError, match=r"need|scores are"):
        refused()
