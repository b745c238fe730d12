"""Performance of a score in [0, 1] against labels 0 and 1, from sums that add up over panes and partitions.

Scores fall into 50 bins of equal width. For each: how many were served, how many have label 0 and label 1,
and the sums of their scores. Besides: the confusion at .5, and sums and sums of squares of the two proper
losses.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors.binary_kernels import (
    BINARY_FLOATS,
    BINARY_INTS,
    BRIER,
    BRIER_SQUARES,
    CLIP,
    CONFUSION,
    INVALID_SCORE,
    LABEL_BINS,
    LABEL_SUM,
    LABELS,
    LOG_LOSS,
    LOG_LOSS_SQUARES,
    SCORE_BINS,
    SCORED,
    SERVED,
    UNSCORED,
    label_scores,
    log_loss_of_each,
    serve_scores,
)
from detectors.cells import column, flat
from detectors.confusion import mcc_of
from detectors.differences import mean_over
from detectors.estimates import UNDEFINED, Z95, Estimate, around, exactly, mean_of, share, variance
from detectors.losses import Losses

__all__ = [
    "BINARY_FLOATS", "BINARY_INTS", "BINARY_METRICS", "CLIP", "accumulate_labels", "accumulate_scores",
    "binary_losses", "binary_metrics", "confusion_at_half", "log_losses", "selected",
]  # fmt: skip

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BINARY_METRICS = (
    "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "mcc", "auc", "average_precision",
    "log_loss", "brier", "ece",
)  # fmt: skip
_ECE_BINS = 10


def accumulate_scores(ints: Ints, floats: Floats, rows: Ints, score: Floats) -> None:
    """Count served scores, in place.

    Parameters
    ----------
    ints, floats
        ``(K, BINARY_INTS)`` and ``(K, BINARY_FLOATS)``, contiguous.
    rows
        Which of the K tables each score belongs to, ``(n,)``.
    score
        ``(n,)``; NaN is counted as not scored, what lies outside [0, 1] as invalid.
    """
    serve_scores(flat(ints), flat(floats), column(rows, np.int64), column(score, np.float64))


def accumulate_labels(ints: Ints, floats: Floats, rows: Ints, score: Floats, truth: Floats) -> None:
    """Add labels that met their prediction, in place; shapes as in `accumulate_scores`.

    A truth that is neither 0 nor 1, and a label whose prediction has no valid score, are only counted.
    """
    scores, truths = column(score, np.float64), column(truth, np.float64)
    label_scores(flat(ints), flat(floats), column(rows, np.int64), scores, truths)


def log_losses(score: Floats, truth: Floats) -> Floats:
    """Return the log loss of each row, ``(n,)``, scores clipped by `CLIP`.

    >>> log_losses(np.array([0.5, 1.0]), np.array([1.0, 0.0]))
    array([ 0.69,  16.1])
    """
    return log_loss_of_each(column(score, np.float64), column(truth, np.float64))


def binary_metrics(ints: Ints, floats: Floats) -> dict[str, Estimate]:
    """Return `BINARY_METRICS` with 95 % intervals, and the counts ``rows``, ``labels``, ``positives``.

    Shares have the interval of Wilson (F1 by way of the share tp / (tp + fp + fn), of which it is a
    function), the balanced accuracy that of a mean of two shares, Matthews' coefficient that of the delta method, means
    the normal one, AUC that of DeLong, the average precision the logit one. NaN where a metric is not defined.

    Parameters
    ----------
    ints, floats
        One row of the tables: ``(BINARY_INTS,)``, ``(BINARY_FLOATS,)``.
    """
    labels = int(ints[LABELS])
    tn, fp, fn, tp = confusion_at_half(ints)
    recall, specificity = share(tp, tp + fn), share(tn, tn + fp)
    return {
        "rows": exactly(ints[SCORED] + ints[UNSCORED] + ints[INVALID_SCORE]),
        "labels": exactly(labels),
        "positives": exactly(tp + fn),
        "accuracy": share(tp + tn, labels),
        "balanced_accuracy": mean_over([recall, specificity]),
        "precision": share(tp, tp + fp),
        "recall": recall,
        "specificity": specificity,
        "f1": _f1(tp, fp, fn),
        "mcc": mcc_of(tn, fp, fn, tp),
        "auc": _auc(ints, floats),
        "average_precision": _average_precision(ints),
        "log_loss": mean_of(labels, float(floats[LOG_LOSS]), float(floats[LOG_LOSS_SQUARES])),
        "brier": mean_of(labels, float(floats[BRIER]), float(floats[BRIER_SQUARES])),
        "ece": _calibration_error(ints, floats),
    }


def confusion_at_half(ints: Ints) -> tuple[int, int, int, int]:
    """Return tn, fp, fn and tp, a score of .5 or more taken as a prediction of 1."""
    tn, fp, fn, tp = ints[CONFUSION : CONFUSION + 4].tolist()
    return tn, fp, fn, tp


def selected(ints: Ints) -> tuple[int, int]:
    """Return how many served scores are .5 or more, and how many there are, labelled or not."""
    return int(ints[SERVED + SCORE_BINS // 2 : SERVED + SCORE_BINS].sum()), int(ints[SCORED])


def _f1(tp: int, fp: int, fn: int) -> Estimate:
    jaccard = share(tp, tp + fp + fn)
    return Estimate(*(2 * j / (1 + j) for j in jaccard))


def _labels_by_bin(ints: Ints) -> tuple[Floats, Floats]:
    by_label = ints[LABEL_BINS : LABEL_BINS + 2 * SCORE_BINS].reshape(2, SCORE_BINS).astype(np.float64)
    return by_label[0], by_label[1]


def _sums_by_bin(floats: Floats) -> tuple[Floats, Floats]:
    by_label = floats[LABEL_SUM : LABEL_SUM + 2 * SCORE_BINS].reshape(2, SCORE_BINS)
    return by_label[0], by_label[1]


def _auc(ints: Ints, floats: Floats) -> Estimate:
    """Return P(score of a 1 > score of a 0), ties half.

    Within a bin the labels' mean scores tell: if both densities are linear there, the probability is one half
    plus the difference of the means in bin widths.
    """
    zeros, ones = _labels_by_bin(ints)
    pairs = zeros.sum() * ones.sum()
    if pairs == 0:
        return UNDEFINED
    zero_mean, one_mean = (s / np.maximum(n, 1) for s, n in zip(_sums_by_bin(floats), (zeros, ones), strict=True))
    within = np.clip(0.5 + (one_mean - zero_mean) * SCORE_BINS, 0, 1)
    beaten = (np.cumsum(zeros) - zeros + zeros * within) / zeros.sum()
    beating = (ones.sum() - np.cumsum(ones) + ones * within) / ones.sum()
    auc = min(1.0, float((ones * beaten).sum() / ones.sum()))
    return around(auc, math.sqrt(_spread(ones, beaten) + _spread(zeros, beating) + 0.25 / pairs), 0.0, 1.0)


def _spread(n: Floats, share_of_others: Floats) -> float:
    """Return the variance of a class's mean placement among the other class, by bins.

    AUC's variance is the sum of both classes', after DeLong, DeLong and Clarke-Pearson, *Biometrics* 44, 1988.
    """
    total = float(n.sum())
    return variance(total, float((n * share_of_others).sum()), float((n * share_of_others**2).sum())) / total


def _average_precision(ints: Ints) -> Estimate:
    """Return the mean precision at the scores of the ones, with the logit interval of Boyd, Eng and Page, 2013.

    Within a bin ones and zeros are taken to be spread evenly, so the precision there is an integral with a closed form.
    """
    zeros, ones = (n[::-1] for n in _labels_by_bin(ints))
    total = float(ones.sum())
    if total == 0 or total + zeros.sum() < 2:
        return UNDEFINED
    hits = np.cumsum(ones) - ones + 0.5
    per_one = 1 + zeros / (ones + 1)
    rows = hits + np.cumsum(zeros) - zeros + 0.5 * (per_one - 1)
    end = rows + ones * per_one
    inside = ones / per_one + (hits - rows / per_one) / per_one * np.log(end / rows)
    value = min(1.0, float(inside.sum()) / total)
    return _logit(value, total)


def _logit(value: float, n: float) -> Estimate:
    smooth = (value * n + 0.5) / (n + 1)
    middle, half = math.log(smooth / (1 - smooth)), Z95 / math.sqrt(n * smooth * (1 - smooth))
    lo, hi = (1 / (1 + math.exp(-min(max(x, -700.0), 700.0))) for x in (middle - half, middle + half))
    return Estimate(value, min(lo, value), max(hi, value))


def _calibration_error(ints: Ints, floats: Floats) -> Estimate:
    """Return the expected calibration error over 10 bins: mean of |share of ones - mean score|, weighted by rows.

    By chance alone it is above 0 even for a calibrated score. The value is the usual one; its interval reaches lower by
    what chance gives a calibrated score.
    """
    zeros, ones = (_coarse(n) for n in _labels_by_bin(ints))
    zero_scores, one_scores = (_coarse(s) for s in _sums_by_bin(floats))
    n = zeros + ones
    total = float(n.sum())
    if total == 0:
        return UNDEFINED
    error = float(np.abs(ones - zero_scores - one_scores).sum()) / total
    smoothed = (ones + 1) / (n + 2)
    variance_by_bin = n * smoothed * (1 - smoothed)
    half = Z95 * math.sqrt(float(variance_by_bin.sum())) / total
    chance = math.sqrt(2 / math.pi) * float(np.sqrt(variance_by_bin).sum()) / total
    return Estimate(error, max(0.0, error - chance - half), min(1.0, error + half))


def _coarse(by_bin: Floats) -> Floats:
    coarse: Floats = by_bin.reshape(_ECE_BINS, -1).sum(1)
    return coarse


def binary_losses(ints: Ints, floats: Floats, metric: str) -> Losses:
    """Return the mean loss that `metric` judges: ``log_loss``, ``brier``, or the error rate for ``accuracy``.

    Raises
    ------
    ValueError
        If `metric` is not a mean over rows.
    """
    n = float(ints[LABELS])
    if metric == "accuracy":
        wrong = float(ints[CONFUSION + 1] + ints[CONFUSION + 2])
        total, squares = wrong, wrong
    elif metric in {"log_loss", "brier"}:
        cell = LOG_LOSS if metric == "log_loss" else BRIER
        total, squares = float(floats[cell]), float(floats[cell + 1])
    else:
        raise ValueError(f"metric must be accuracy, log_loss or brier to be judged, got {metric!r}")
    return Losses(n, total / n if n else math.nan, math.sqrt(variance(n, total, squares)))
